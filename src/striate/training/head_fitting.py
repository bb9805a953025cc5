"""Fit a head on embeddings within seconds: its regularization is chosen by cross-validation, on these embeddings alone.

For logistic regression and SVMs the embeddings lose their mean and are divided by one number, their root mean squared distance
to it; both are folded into the linear layer. Of 8 ways to normalize 485 embeddings of EfficientNet-lite0 none was surely
better, and standardizing each dimension was much worse with few images, whose standard deviations are noise. With fewer
embeddings N than dimensions D, they are rotated into N dimensions: no fit with an L2 penalty changes by that, and each gets faster.

The logits are multiplied by one number that makes their softmax as confident as it is right on held-out images: the inverse of
the temperature of Guo et al., "On calibration of modern neural networks", ICML 2017, arXiv:1706.04599.
"""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import Final, final

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from striate.errors import DataError, SettingError, nearest
from striate.models import HEADS, HeadDescription, build_head
from striate.models.heads import UnitNormalization
from striate.training.head_estimators import Array, Samples, estimator, linear_layer

__all__ = ["FittedHead", "fit_head"]

Rows = npt.NDArray[np.int64]

FOLDS: Final = 5
CHOICE_SAMPLES: Final = 2000  # that the choice is made on, at most


@final
@dataclass(frozen=True)
class Choice:
    """The setting that is chosen, its values, of equally good ones the first; without a choice, `default` and `scale` hold."""

    setting: str
    values: tuple[float, ...]
    default: float
    scale: float  # of the logits


CHOICES: Final[Mapping[str, Choice]] = {
    "logistic": Choice("C", (1, 3, 10, 30, 100, 300, 1000), default=100, scale=1),
    "svm": Choice("C", (0.1, 0.3, 1, 3, 10, 30), default=3, scale=3),
    "knn": Choice("neighbors", (15, 9, 5, 3, 1), default=1, scale=1.5),
    "prototype": Choice("", (0,), default=0, scale=10),
}


@final
@dataclass(frozen=True)
class FittedHead:
    """A head with what was chosen for it and how well it does.

    setting, value: "C" (the inverse strength of the L2 penalty) or "neighbors", and its value; of "prototype" "" and 0.
    accuracy, standard_error: of cross-validation with this value, over images of classes with two or more, slightly high as those
    of the best of a few values; None where every class has one image.
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
    accuracy: float | None = None
    standard_error: float | None = None


def fit_head(kind: str, embeddings: Tensor, labels: Tensor, classes: int, seed: int) -> FittedHead:
    """Fit the module B D -> B K of a kind of HEADS other than "linear", which is trained with its network.

    embeddings: N D. labels: class numbers, N; or shares of the classes, N K, which "logistic" and "svm" take. The order of the
    samples does not matter. A class without samples never wins. Raises SettingError, and DataError for embeddings and
    labels that do not fit together.
    """
    embeddings, shares = _checked(kind, embeddings.detach().float().cpu(), labels.detach().cpu(), classes)
    order = _order(embeddings, shares)
    embeddings, shares = embeddings[order], shares[order]
    if kind in ("knn", "prototype"):
        head, chosen = _on_unit_embeddings(kind, embeddings, shares, seed)
    else:
        head, chosen = _linear(kind, embeddings.double().numpy(), shares, seed)
    description = HeadDescription(
        kind=kind,
        features=embeddings.shape[1],
        classes=classes,
        samples=len(embeddings) if kind == "knn" else 0,
        neighbors=int(chosen.value) if kind == "knn" else 0,
    )
    module = build_head(description).eval()
    module.load_state_dict(head.float().state_dict())
    return FittedHead(module, description, CHOICES[kind].setting, chosen.value, chosen.accuracy, chosen.standard_error)


def _checked(kind: str, embeddings: Tensor, labels: Tensor, classes: int) -> tuple[Tensor, Array]:
    """The embeddings, and the share of each class in each sample, N K."""
    if kind not in CHOICES:
        raise SettingError(f"there is no head {kind!r} to fit on embeddings{nearest(kind, CHOICES)}")
    if embeddings.ndim != 2 or 0 in embeddings.shape:
        raise DataError(f"embeddings have shape {tuple(embeddings.shape)}, not samples x features")
    if not embeddings.isfinite().all():
        raise DataError("embeddings are not all finite numbers: the network's weights or its input images are not")
    soft = labels.ndim == 2
    if soft and not HEADS[kind].soft_labels:
        raise SettingError(f"head {kind} takes one class for each image, not soft labels: use --head logistic or svm")
    if labels.shape != ((len(embeddings), classes) if soft else (len(embeddings),)):
        raise DataError(
            f"labels have shape {tuple(labels.shape)} for {len(embeddings)} embeddings and {classes} classes"
        )
    if not soft:
        if labels.is_floating_point() or labels.min() < 0 or labels.max() >= classes:
            raise DataError(f"labels must be whole numbers from 0 to {classes - 1}")
        return embeddings, np.eye(classes)[labels.numpy()]
    shares = labels.double().numpy()
    if not ((shares >= 0).all() and np.allclose(shares.sum(1), 1, atol=1e-3)):
        raise DataError("soft labels must be shares from 0 to 1 that sum to 1 for each image")
    return embeddings, shares


def _order(embeddings: Tensor, shares: Array) -> Rows:
    """An order that depends on the samples alone, so that what is fitted does not depend on how they were listed."""
    rows = zip(embeddings.numpy(), shares, strict=True)
    digests = [blake2b(embedding.tobytes() + share.tobytes()).digest() for embedding, share in rows]
    return np.array(sorted(range(len(digests)), key=digests.__getitem__))


def _on_unit_embeddings(kind: str, embeddings: Tensor, shares: Array, seed: int) -> tuple[nn.Module, _Chosen]:
    normalization = UnitNormalization(embeddings.shape[1])
    normalization.center.copy_(embeddings.mean(0))
    samples = Samples(normalization(embeddings).double().numpy(), shares)
    chosen = _choose(kind, samples, seed)
    return nn.Sequential(normalization, estimator(kind, samples, chosen.value, seed, chosen.scale)), chosen


def _linear(kind: str, embeddings: Array, shares: Array, seed: int) -> tuple[nn.Module, _Chosen]:
    """Of the embeddings themselves: their center, scale and rotation are folded into the weight and bias."""
    center = embeddings.mean(0)
    length = np.sqrt(((embeddings - center) ** 2).sum(1).mean()) or 1.0
    normalized = (embeddings - center) / length
    axes = None
    if len(embeddings) < embeddings.shape[1]:
        axes, triangle = np.linalg.qr(normalized.T)  # D N, N N
        normalized = triangle.T
    samples = Samples(normalized, shares)
    chosen = _choose(kind, samples, seed)
    fitted = estimator(kind, samples, chosen.value, seed, chosen.scale).state_dict()
    weight = (fitted["weight"] if axes is None else fitted["weight"] @ torch.from_numpy(axes.T)) / length
    return linear_layer(weight, fitted["bias"] - weight @ torch.from_numpy(center)), chosen


def _choose(kind: str, samples: Samples, seed: int) -> _Chosen:
    """The value with the least log loss of cross-validation. Votes are too coarse for that: knn takes that of most accuracy."""
    choice = CHOICES[kind]
    rows = np.random.default_rng(seed).permutation(len(samples.shares))[:CHOICE_SAMPLES]
    samples = samples.take(np.sort(rows))
    folds = _folds(samples.labels, seed)
    if not folds:
        return _Chosen(choice.default, choice.scale)
    held_out = np.concatenate([test for _, test in folds])
    shares, labels = samples.shares[held_out], samples.labels[held_out]
    best, least = _Chosen(choice.default, choice.scale), (np.inf, np.inf)
    for value in choice.values:
        if kind == "knn" and value > min(len(train) for train, _ in folds):
            continue
        scores = np.concatenate([_scores(kind, samples, value, seed, train, test) for train, test in folds])
        scale, loss = _calibrated(scores, shares)
        accuracy = float((scores.argmax(1) == labels).mean())
        score = (-accuracy, loss) if kind == "knn" else (loss, 0.0)
        if score < least:
            best = _Chosen(value, scale, accuracy, float(np.sqrt(accuracy * (1 - accuracy) / len(labels))))
            least = score
        elif kind != "knn":
            break  # weaker regularization fits more slowly, and would overfit more
    return best


def _folds(labels: Rows, seed: int) -> list[tuple[Rows, Rows]]:
    """Rows to train on and to test, stratified. The only image of a class is always for training; no folds where all are such."""
    from sklearn.model_selection import StratifiedKFold

    counts = np.bincount(labels)
    single, several = np.flatnonzero(counts[labels] == 1), np.flatnonzero(counts[labels] > 1)
    if not len(several):
        return []
    drawn = StratifiedKFold(min(FOLDS, int(counts.max())), shuffle=True, random_state=seed)
    with warnings.catch_warnings(category=UserWarning, action="ignore"):  # classes with fewer images than folds
        split = list(drawn.split(several, labels[several]))
    return [(np.sort(np.concatenate((several[train], single))), several[test]) for train, test in split]


def _scores(kind: str, samples: Samples, value: float, seed: int, train: Rows, test: Rows) -> Array:
    """N K, of rows that the fit does not have."""
    with torch.inference_mode():
        fitted = estimator(kind, samples.take(train), value, seed)
        return fitted(torch.from_numpy(samples.embeddings[test])).numpy()


def _calibrated(scores: Array, shares: Array) -> tuple[float, float]:
    """The factor of the scores, N K, that gives the least log loss, and that loss, which is convex in the factor.

    A share of 1 / (N + 2) is taken for errors to come, after Platt, 1999: the factor stays finite where there are none.
    """
    doubt = 1 / (len(shares) + 2)
    shares = (1 - doubt) * shares + doubt / shares.shape[1]

    def loss(factor: float) -> float:
        return float(np.mean(np.logaddexp.reduce(factor * scores, 1) - (shares * scores).sum(1) * factor))

    low, high = np.log(0.05), np.log(100)  # unimodal in the logarithm as well
    for _ in range(20):
        third = (high - low) / 3
        low, high = (
            (low, high - third) if loss(np.exp(low + third)) < loss(np.exp(high - third)) else (low + third, high)
        )
    factor = float(np.exp((low + high) / 2))
    return factor, loss(factor)
