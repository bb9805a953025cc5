"""One fit of each kind of head at a given strength, on normalized embeddings. Linear models are scikit-learn's."""

import warnings
from dataclasses import dataclass
from typing import Final, final

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from striate.models.heads import NearestNeighbors

__all__ = ["Array", "Samples", "estimator", "linear_layer"]

Array = npt.NDArray[np.float64]

MARGIN: Final = 10.0  # of the mean logit of all classes with samples over that of a class without


@final
@dataclass(frozen=True)
class Samples:
    """Normalized embeddings, N D, and the share of each class in each sample, N K: 0 and 1 for hard labels."""

    embeddings: Array
    shares: Array

    @property
    def labels(self) -> npt.NDArray[np.int64]:
        return self.shares.argmax(1)

    def take(self, rows: npt.NDArray[np.int64]) -> "Samples":
        return Samples(self.embeddings[rows], self.shares[rows])


def estimator(kind: str, samples: Samples, value: float, seed: int, scale: float = 1.0) -> nn.Module:
    """The fitted module N D -> N K of float64, whose scores are multiplied by `scale`.

    value: C of "logistic" and "svm", neighbors of "knn". A class without samples never wins.
    """
    if kind == "knn":
        return _nearest_neighbors(samples, int(value), scale)
    present = np.flatnonzero(samples.shares.any(0))
    if kind == "prototype":
        weight, bias = _prototypes(samples, present)
    elif len(present) == 1:
        weight, bias = np.zeros((1, samples.embeddings.shape[1])), np.zeros(1)
    else:
        weight, bias = _linear_model(kind, samples, value, seed)
    # No mean exceeds the largest, so the mean of the others' logits minus a margin is below one of them for every input.
    all_weights = np.tile(scale * weight.mean(0), (samples.shares.shape[1], 1))
    all_biases = np.full(len(all_weights), scale * bias.mean() - MARGIN)
    all_weights[present], all_biases[present] = scale * weight, scale * bias
    return linear_layer(torch.from_numpy(all_weights), torch.from_numpy(all_biases))


def linear_layer(weight: Tensor, bias: Tensor) -> nn.Linear:
    """Of a weight K D and a bias K."""
    layer = nn.Linear(weight.shape[1], weight.shape[0], dtype=weight.dtype)
    layer.load_state_dict({"weight": weight, "bias": bias})
    return layer


def _linear_model(kind: str, samples: Samples, value: float, seed: int) -> tuple[Array, Array]:
    """Weight and bias of the classes that have samples. Soft labels: a sample counts once for each class, by its share."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression
    from sklearn.svm import LinearSVC

    model = LogisticRegression(C=value, max_iter=1000) if kind == "logistic" else LinearSVC(C=value, random_state=seed)
    rows, labels = samples.shares.nonzero()
    with warnings.catch_warnings(category=ConvergenceWarning, action="ignore"):  # nearly converged is good enough
        model.fit(samples.embeddings[rows], labels, sample_weight=samples.shares[rows, labels])
    if len(model.classes_) == 2:  # one score, positive for the second class
        return np.concatenate((-model.coef_, model.coef_)) / 2, np.concatenate(
            (-model.intercept_, model.intercept_)
        ) / 2
    return model.coef_, model.intercept_


def _prototypes(samples: Samples, present: npt.NDArray[np.int64]) -> tuple[Array, Array]:
    """The negative squared distance to each class mean, up to the squared length of the embedding, which all have in common."""
    means = np.stack([samples.embeddings[samples.labels == label].mean(0) for label in present])
    return 2 * means, -(means**2).sum(1)


def _nearest_neighbors(samples: Samples, neighbors: int, scale: float) -> NearestNeighbors:
    (n, features), classes = samples.embeddings.shape, samples.shares.shape[1]
    module = NearestNeighbors(n, features, classes, neighbors).double()
    module.load_state_dict(
        {
            "samples": torch.from_numpy(samples.embeddings),
            "labels": torch.from_numpy(samples.labels),
            "scale": torch.tensor(scale),
        }
    )
    return module
