"""Fit a head on embeddings within seconds: its regularization is chosen by cross-validation, on these embeddings alone.

For linear heads the embeddings lose their mean and are divided by one number, their root mean squared distance to it; both are
folded into the linear layer.

scikit-learn's C multiplies the sum of the losses, beside one L2 penalty. Where more samples are fitted than it was chosen on, it is
divided by how many times as many they are: the penalty then weighs as much as when it was chosen, and the logits are as large as
those that the factor below was chosen for.

The logits are multiplied by one number that makes their softmax as confident as it is right on held-out images: the inverse of
the temperature of Guo et al., "On calibration of modern neural networks", ICML 2017, arXiv:1706.04599.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import final

import torch
from torch import Tensor, nn

from striate.errors import DataError, SettingError, nearest
from striate.models import HEADS, HeadDescription, build_head
from striate.models.heads import UnitNormalization
from striate.tasks.classify.head_estimators import ESTIMATORS, Estimator, Samples
from striate.tasks.figure import Figure, Interval
from striate.tasks.fitted_head import FittedHead
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
from striate.tasks.intervals import Z

__all__ = ["fit_head"]


@final
@dataclass(frozen=True)
class _Chosen:
    value: float
    scale: float
    loss: float = math.nan
    accuracy: Figure | None = None


def fit_head(
    kind: str,
    embeddings: Tensor,
    labels: Tensor,
    classes: int,
    seed: int,
    *,
    groups: Tensor | None = None,
    weights: Tensor | None = None,
) -> FittedHead:
    """Fit the module B D -> B K of a kind of HEADS other than "linear", which is trained with its network.

    embeddings: N D. labels: class numbers, N. groups: N, equal for samples that cross-validation must not divide.
    weights: N, of the samples in the loss of a linear head. The order of the samples does not matter. A class without
    samples never wins. Raises SettingError, and DataError for embeddings and labels that do not fit together.
    """
    embeddings, labels = embeddings.detach().float().cpu(), labels.detach().cpu()
    _check(kind, embeddings, labels, classes)
    order = sample_order(embeddings, labels)
    embeddings, labels = embeddings[order], labels[order]
    weights = torch.ones(len(labels)) if weights is None else weights.float().cpu()[order]
    groups = torch.arange(len(labels)) if groups is None else groups.cpu()[order]
    samples = Samples(embeddings, labels, weights, classes)
    estimator = ESTIMATORS[kind]
    fit = _on_unit_length if estimator.on_unit_length else _on_unit_scale
    head, chosen = fit(estimator, samples, groups, seed)
    stores = HEADS[kind].stores_samples
    description = HeadDescription(
        kind=kind,
        features=embeddings.shape[1],
        classes=classes,
        samples=len(embeddings) if stores else 0,
        neighbors=int(chosen.value) if stores else 0,
    )
    module = build_head(description).eval()
    module.load_state_dict(head.float().state_dict())
    return FittedHead(module, description, HEADS[kind].description, estimator.setting, chosen.value, chosen.accuracy)


def _check(kind: str, embeddings: Tensor, labels: Tensor, classes: int) -> None:
    if kind not in ESTIMATORS:
        raise SettingError(f"there is no head {kind!r} to fit on embeddings{nearest(kind, ESTIMATORS)}")
    if embeddings.ndim != 2 or 0 in embeddings.shape:
        raise DataError(f"embeddings have shape {tuple(embeddings.shape)}, not samples x features")
    if not embeddings.isfinite().all():
        raise DataError("embeddings are not all finite numbers: the network's weights or its input images are not")
    if labels.shape != (len(embeddings),):
        raise DataError(
            f"labels have shape {tuple(labels.shape)} for {len(embeddings)} embeddings: give one class each"
        )
    if labels.is_floating_point() or labels.min() < 0 or labels.max() >= classes:
        raise DataError(f"labels must be whole numbers from 0 to {classes - 1}")


def _on_unit_length(estimator: Estimator, samples: Samples, groups: Tensor, seed: int) -> tuple[nn.Module, _Chosen]:
    normalization = UnitNormalization(samples.embeddings.shape[1])
    normalization.center.copy_(samples.embeddings.mean(0))
    samples = replace(samples, embeddings=normalization(samples.embeddings))
    chosen = _choose(estimator, samples, groups, seed)
    return nn.Sequential(normalization, estimator.fit(samples, chosen.value, chosen.scale)), chosen


def _on_unit_scale(estimator: Estimator, samples: Samples, groups: Tensor, seed: int) -> tuple[nn.Module, _Chosen]:
    scale = UnitScale.of(samples.embeddings)
    samples = replace(samples, embeddings=scale.normalized(samples.embeddings))
    chosen = _choose(estimator, samples, groups, seed)
    as_chosen = min(1.0, CHOICE_SAMPLES / len(samples.labels))  # C times the weight of a sample is what counts
    weighted = replace(samples, weights=as_chosen * samples.weights)
    with quiet_and_single_threaded(samples.embeddings):
        fitted = estimator.fit(weighted, chosen.value, chosen.scale)
    assert isinstance(fitted, nn.Linear)
    return scale.folded_into(fitted), chosen


def _choose(estimator: Estimator, samples: Samples, groups: Tensor, seed: int) -> _Chosen:
    """The value that does best in cross-validation: from the default on to neighboring values, as long as they do much better.

    By votes, which are too coarse for a log loss, all are tried for their accuracy.
    """
    rows = choice_rows(len(samples.labels), seed)
    samples, groups = samples.take(rows), groups[rows]
    folds = choice_folds(samples.labels, groups, seed)
    if not folds:
        return _Chosen(estimator.default, estimator.scale)
    independent = len(groups[torch.cat([test for _, test in folds])].unique())

    def attempt(value: float) -> _Chosen:
        return _cross_validated(estimator, samples, value, folds, independent)

    with quiet_and_single_threaded(samples.embeddings):
        if not estimator.by_votes:
            return best_value(estimator.values, estimator.default, attempt)
        possible = [one for one in estimator.values if one <= min(len(train) for train, _ in folds)]
        tried = [attempt(value) for value in possible]
    return min(tried, key=lambda one: (-one.accuracy.merit if one.accuracy else 0.0, one.loss))


def _cross_validated(
    estimator: Estimator, samples: Samples, value: float, folds: Sequence[Fold], independent: int
) -> _Chosen:
    """independent: how many groups of samples are tested, which the standard error is of."""
    held_out = samples.take(torch.cat([test for _, test in folds]))
    with torch.inference_mode():
        scores = torch.cat(
            [estimator.fit(samples.take(train), value, 1.0)(samples.embeddings[test]) for train, test in folds]
        )  # N K
    scale, loss = _calibrated(scores, held_out)
    accuracy = (scores.argmax(1) == held_out.labels).double().mean().item()
    careful = (accuracy * independent + 2) / (independent + 4)  # Agresti & Coull 1998: it is not 0 or 1
    half = Z * math.sqrt(careful * (1 - careful) / (independent + 4))
    interval = Interval(accuracy, max(0.0, accuracy - half), min(1.0, accuracy + half))
    return _Chosen(value, scale, loss, Figure.of("accuracy", interval))


def _calibrated(scores: Tensor, samples: Samples) -> tuple[float, float]:
    """The factor of the scores, N K, that gives the least log loss, and that loss, which is convex in the factor.

    A share of 1 / (N + 2) is taken for errors to come, after Platt, 1999: the factor stays finite where there are none.
    """
    scores, weights = scores.double(), samples.weights.double() / samples.weights.sum(dtype=torch.float64)
    doubt = 1 / (len(scores) + 2)
    right = scores.gather(1, samples.labels[:, None]).squeeze(1)
    expected = (1 - doubt) * right + doubt * scores.mean(1)

    def loss(factor: float) -> float:
        return float((weights * ((factor * scores).logsumexp(1) - factor * expected)).sum())

    low, high = math.log(0.05), math.log(100)  # unimodal in the logarithm as well
    for _ in range(20):
        third = (high - low) / 3
        low, high = (
            (low, high - third) if loss(math.exp(low + third)) < loss(math.exp(high - third)) else (low + third, high)
        )
    factor = math.exp((low + high) / 2)
    return factor, loss(factor)
