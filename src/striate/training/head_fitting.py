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
from hashlib import blake2b
from typing import Final, final

import torch
from torch import Tensor, nn

from striate.data import stratified_folds
from striate.errors import DataError, SettingError, nearest
from striate.models import HEADS, HeadDescription, build_head
from striate.models.heads import UnitNormalization
from striate.training.head_estimators import ESTIMATORS, Estimator, Samples, linear_layer
from striate.views import permutation

__all__ = ["CHOICE_SAMPLES", "FittedHead", "fit_head"]

FOLDS: Final = 5
CHOICE_SAMPLES: Final = 2000  # that the choice is made on, at most
LEAST_GAIN: Final = 0.01  # of the log loss, for which another value is taken
CHOICE_STREAM: Final = -4  # `permutation` takes an epoch; those of splits are before it


@final
@dataclass(frozen=True)
class FittedHead:
    """A head with what was chosen for it and how well it does.

    setting, value: "C" (the inverse strength of the L2 penalty, for CHOICE_SAMPLES at most) or "neighbors", and its value; of
    "prototype" "" and 0.
    accuracy, standard_error: of cross-validation with this value, on at most 2000 images, of classes in two groups or more,
    slightly high as those of the best of a few values; None where there are none.
    """

    module: nn.Module
    description: HeadDescription
    setting: str
    value: float
    accuracy: float | None
    standard_error: float | None


@final
@dataclass(frozen=True)
class _Chosen:
    value: float
    scale: float
    loss: float = math.nan
    accuracy: float = math.nan
    standard_error: float = math.nan


def fit_head(
    kind: str,
    embeddings: Tensor,
    labels: Tensor,
    classes: int,
    seed: int,
    *,
    groups: Tensor | None = None,
    class_weights: Tensor | None = None,
) -> FittedHead:
    """Fit the module B D -> B K of a kind of HEADS other than "linear", which is trained with its network.

    embeddings: N D. labels: class numbers, N. groups: N, equal for samples that cross-validation must not divide.
    class_weights: K, of the classes in the loss of a linear head. The order of the samples does not matter. A class without
    samples never wins. Raises SettingError, and DataError for embeddings and labels that do not fit together.
    """
    embeddings, labels = embeddings.detach().float().cpu(), labels.detach().cpu()
    _check(kind, embeddings, labels, classes)
    order = _order(embeddings, labels)
    embeddings, labels = embeddings[order], labels[order]
    weights = torch.ones(len(labels)) if class_weights is None else class_weights.float().cpu()[labels]
    units = torch.arange(len(labels)) if groups is None else groups.cpu()[order]
    samples = Samples(embeddings, labels, weights, classes)
    estimator = ESTIMATORS[kind]
    fit = _on_unit_length if estimator.on_unit_length else _on_unit_scale
    head, chosen = fit(estimator, samples, units, seed)
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
    measured = None if math.isnan(chosen.accuracy) else chosen.accuracy
    error = None if measured is None else chosen.standard_error
    return FittedHead(module, description, estimator.setting, chosen.value, measured, error)


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


def _order(embeddings: Tensor, labels: Tensor) -> Tensor:
    """An order that depends on the samples alone, so that what is fitted does not depend on how they were listed."""
    rows = zip(embeddings.numpy(), labels.numpy(), strict=True)
    digests = [blake2b(embedding.tobytes() + label.tobytes()).digest() for embedding, label in rows]
    return torch.tensor(sorted(range(len(digests)), key=digests.__getitem__))


def _on_unit_length(estimator: Estimator, samples: Samples, units: Tensor, seed: int) -> tuple[nn.Module, _Chosen]:
    normalization = UnitNormalization(samples.embeddings.shape[1])
    normalization.center.copy_(samples.embeddings.mean(0))
    samples = replace(samples, embeddings=normalization(samples.embeddings))
    chosen = _choose(estimator, samples, units, seed)
    return nn.Sequential(normalization, estimator.fit(samples, chosen.value, chosen.scale)), chosen


def _on_unit_scale(estimator: Estimator, samples: Samples, units: Tensor, seed: int) -> tuple[nn.Module, _Chosen]:
    center = samples.embeddings.mean(0)
    centered = samples.embeddings - center
    length = centered.square().sum(1).mean().sqrt().item() or 1.0
    samples = replace(samples, embeddings=centered / length)
    chosen = _choose(estimator, samples, units, seed)
    as_chosen = min(1.0, CHOICE_SAMPLES / len(samples.labels))  # C times the weight of a sample is what counts
    fitted = estimator.fit(
        replace(samples, weights=as_chosen * samples.weights), chosen.value, chosen.scale
    ).state_dict()
    weight = fitted["weight"].double() / length
    return linear_layer(weight, fitted["bias"].double() - weight @ center.double()), chosen


def _choose(estimator: Estimator, samples: Samples, units: Tensor, seed: int) -> _Chosen:
    """The value that does best in cross-validation: from the default on to neighboring values, as long as they do much better.

    By votes, which are too coarse for a log loss, all are tried for their accuracy.
    """
    rows = permutation(seed, CHOICE_STREAM, len(samples.labels))[:CHOICE_SAMPLES].sort().values
    samples = samples.take(rows)
    folds = _folds(samples.labels, units[rows], seed)
    if not folds:
        return _Chosen(estimator.default, estimator.scale)
    independent = len(units[rows][torch.cat([test for _, test in folds])].unique())
    if estimator.by_votes:
        possible = [one for one in estimator.values if one <= min(len(train) for train, _ in folds)]
        tried = [_cross_validated(estimator, samples, value, folds, independent) for value in possible]
        return min(tried, key=lambda one: (-one.accuracy, one.loss))
    values = estimator.values
    start = values.index(estimator.default)
    best = _cross_validated(estimator, samples, values[start], folds, independent)
    for others in (values[start + 1 :], values[:start][::-1]):
        before = best
        for value in others:
            found = _cross_validated(estimator, samples, value, folds, independent)
            if found.loss >= (1 - LEAST_GAIN) * best.loss:
                break
            best = found
        if best is not before:
            break  # the loss is nearly convex in the logarithm of C
    return best


def _cross_validated(
    estimator: Estimator, samples: Samples, value: float, folds: Sequence[tuple[Tensor, Tensor]], independent: int
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
    return _Chosen(value, scale, loss, accuracy, math.sqrt(careful * (1 - careful) / (independent + 4)))


def _folds(labels: Tensor, units: Tensor, seed: int) -> list[tuple[Tensor, Tensor]]:
    """Rows to train on and rows to test, stratified, each unit whole on one side.

    The only unit of a class is always for training; no folds where all are such.
    """
    pairs = torch.stack((units, labels), 1).unique(dim=0)
    units_of_class = pairs[:, 1].bincount()
    needed = units[units_of_class[labels] == 1].unique()
    several = (~torch.isin(units, needed)).nonzero().flatten()
    if not len(several):
        return []
    folds = min(FOLDS, int(units_of_class[labels[several]].max()))
    fold_of = torch.full_like(labels, -1)
    fold_of[several] = stratified_folds(labels[several], folds, seed=seed, groups=units[several])
    split = [((fold_of != fold).nonzero().flatten(), (fold_of == fold).nonzero().flatten()) for fold in range(folds)]
    return [(train, test) for train, test in split if len(train) and len(test)]


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
