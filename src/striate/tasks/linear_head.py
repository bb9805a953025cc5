"""Fit a linear layer with K outputs on embeddings: several labels and numbers differ in what they minimize alone.

The embeddings lose their mean and are divided by one number, their root mean squared distance to it; both are folded into the
layer. Where more samples are fitted than the strength was chosen on, their weights are divided by how many times as many they are:
the penalty then weighs as much as when it was chosen.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor, nn

from striate.data import Batch
from striate.errors import DataError
from striate.models import HeadDescription
from striate.tasks.figure import Figure, main_figure
from striate.tasks.fitted_head import EmbeddedSamples, FittedHead
from striate.tasks.head_choice import (
    CHOICE_SAMPLES,
    Fold,
    UnitScale,
    best_value,
    choice_folds,
    choice_rows,
    quiet_and_single_threaded,
    sample_order,
)
from striate.tasks.task import Task

__all__ = ["LinearEstimator", "fit_linear_head"]


@final
@dataclass(frozen=True)
class LinearEstimator:
    """How a linear layer is fitted.

    name: for a person. fit: (embeddings N D, targets N K, weights N, value) -> the layer. loss: (outputs N K, targets N K,
    weights N) -> what the value is chosen by. setting, values, default: what is chosen, and where nothing can be held out.
    """

    name: str
    fit: Callable[[Tensor, Tensor, Tensor, float], nn.Linear]
    loss: Callable[[Tensor, Tensor, Tensor], Tensor]
    setting: str
    values: tuple[float, ...]
    default: float


@final
@dataclass(frozen=True)
class _Attempt:
    value: float
    loss: float
    outputs: Tensor  # of the rows that the folds test, in their order


def fit_linear_head(estimator: LinearEstimator, task: Task, samples: EmbeddedSamples, targets: Tensor) -> FittedHead:
    """Fit the layer and choose the strength of its penalty. The order of the samples does not matter.

    targets: N K float, of the samples. What the folds measure is the main figure of the task.
    """
    if not samples.embeddings.isfinite().all():
        raise DataError("embeddings are not all finite numbers: the network's weights or its input images are not")
    order = sample_order(samples.embeddings, targets)
    embeddings, targets, weights = samples.embeddings[order], targets[order], samples.weights[order]
    scale = UnitScale.of(embeddings)
    embeddings = scale.normalized(embeddings)
    rows = choice_rows(len(order), samples.seed)
    strata = torch.from_numpy(samples.targets.subset(order[rows]).strata()).long()
    folds = choice_folds(strata, samples.groups[order[rows]], samples.seed)
    value, measured = estimator.default, None
    if folds:
        with quiet_and_single_threaded(embeddings[rows]):
            best = _best(estimator, embeddings[rows], targets[rows], weights[rows], folds)
        tested = torch.cat([test for _, test in folds])
        value, measured = best.value, _figure(task, best.outputs, samples.batch(order[rows[tested]]))
    as_chosen = min(1.0, CHOICE_SAMPLES / len(order))
    with quiet_and_single_threaded(embeddings):
        layer = scale.folded_into(estimator.fit(embeddings, targets, as_chosen * weights, value))
    description = HeadDescription(kind="linear", features=embeddings.shape[1], classes=targets.shape[1])
    return FittedHead(layer.float().eval(), description, estimator.name, estimator.setting, value, measured)


def _figure(task: Task, outputs: Tensor, batch: Batch) -> Figure:
    predictions = task.predictions()
    predictions.update(task.decode(outputs), batch)
    return main_figure(predictions.metrics())


def _best(
    estimator: LinearEstimator, embeddings: Tensor, targets: Tensor, weights: Tensor, folds: Sequence[Fold]
) -> _Attempt:
    tested = torch.cat([test for _, test in folds])

    def attempt(value: float) -> _Attempt:
        with torch.inference_mode():
            outputs = torch.cat(
                [
                    estimator.fit(embeddings[train], targets[train], weights[train], value)(embeddings[test])
                    for train, test in folds
                ]
            )
        return _Attempt(value, estimator.loss(outputs, targets[tested], weights[tested]).item(), outputs)

    return best_value(estimator.values, estimator.default, attempt)
