"""How each kind of head is fitted at a given strength, on normalized embeddings: a function and a row of ESTIMATORS.

The linear ones are scikit-learn's, which is imported where it is used.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, final

import torch
from torch import Tensor, nn

from striate.models.heads import NearestNeighbors
from striate.tasks.head_choice import linear_layer

if TYPE_CHECKING:
    from sklearn.linear_model import LogisticRegression
    from sklearn.svm import LinearSVC

__all__ = ["ESTIMATORS", "Estimator", "Samples"]

MARGIN: Final = 10.0  # of the mean logit of all classes with samples over that of a class without


@final
@dataclass(frozen=True)
class Samples:
    """Normalized embeddings N D, with their class numbers N and weights N in the loss."""

    embeddings: Tensor
    labels: Tensor
    weights: Tensor
    classes: int

    def take(self, rows: Tensor) -> "Samples":
        """Those of some rows."""
        return Samples(self.embeddings[rows], self.labels[rows], self.weights[rows], self.classes)


@final
@dataclass(frozen=True)
class Estimator:
    """A kind of head: its fit, and the setting that is chosen for it.

    fit: (samples, value, scale) -> the module N D -> scores N K, times scale.
    setting, values: what is chosen, of equally good values the first.
    default, scale: the value and the factor of the scores where nothing can be held out to choose them.
    on_unit_length: takes embeddings of length 1, and `UnitNormalization` joins the module; the others are linear, and what
    normalizes their embeddings joins their weight.
    by_votes: scores are too coarse for a log loss, so all values are tried and the one of most accuracy is chosen.
    """

    fit: Callable[[Samples, float, float], nn.Module]
    setting: str
    values: tuple[float, ...]
    default: float
    scale: float
    on_unit_length: bool = False
    by_votes: bool = False


def _logistic(samples: Samples, value: float, scale: float) -> nn.Linear:
    from sklearn.linear_model import LogisticRegression

    return _linear(LogisticRegression(C=value, max_iter=1000), samples, scale)


def _svm(samples: Samples, value: float, scale: float) -> nn.Linear:
    from sklearn.svm import LinearSVC

    return _linear(LinearSVC(C=value, dual=True, random_state=0), samples, scale)


def _linear(model: "LogisticRegression | LinearSVC", samples: Samples, scale: float) -> nn.Linear:
    present, labels = samples.labels.unique(return_inverse=True)
    weight, bias = samples.embeddings.new_zeros(len(present), samples.embeddings.shape[1]), torch.zeros(len(present))
    if len(present) > 1:
        model.fit(samples.embeddings.numpy(), labels.numpy(), sample_weight=samples.weights.numpy())
        weight, bias = torch.from_numpy(model.coef_).float(), torch.from_numpy(model.intercept_).float()
    if len(present) == 2:  # one score, positive for the second class
        weight, bias = torch.cat((-weight, weight)) / 2, torch.cat((-bias, bias)) / 2
    return _for_all_classes(scale * weight, scale * bias, present, samples.classes)


def _prototype(samples: Samples, value: float, scale: float) -> nn.Linear:  # noqa: ARG001  nothing is chosen
    """The negative squared distance to each class mean, up to the squared length of the embedding, which all have in common."""
    present = samples.labels.unique()
    means = torch.stack([samples.embeddings[samples.labels == label].mean(0) for label in present])
    return _for_all_classes(2 * scale * means, -scale * means.square().sum(1), present, samples.classes)


def _for_all_classes(weight: Tensor, bias: Tensor, present: Tensor, classes: int) -> nn.Linear:
    """A class without samples never wins: no mean exceeds the largest, so the others' mean logit minus a margin is below one."""
    all_weights = weight.mean(0).repeat(classes, 1)
    all_biases = (bias.mean() - MARGIN).repeat(classes)
    all_weights[present], all_biases[present] = weight, bias
    return linear_layer(all_weights, all_biases)


def _nearest_neighbors(samples: Samples, value: float, scale: float) -> NearestNeighbors:
    n, features = samples.embeddings.shape
    module = NearestNeighbors(n, features, samples.classes, int(value))
    module.load_state_dict({"samples": samples.embeddings, "labels": samples.labels, "scale": torch.tensor(scale)})
    return module


ESTIMATORS: Final[Mapping[str, Estimator]] = MappingProxyType(
    {
        "logistic": Estimator(_logistic, "C", (1, 10, 100, 1000), default=100, scale=1),
        "svm": Estimator(_svm, "C", (0.1, 0.3, 1, 3, 10, 30), default=3, scale=3),
        "knn": Estimator(
            _nearest_neighbors,
            "neighbors",
            (15, 9, 5, 3, 1),
            default=1,
            scale=1.5,
            on_unit_length=True,
            by_votes=True,
        ),
        "prototype": Estimator(_prototype, "", (0,), default=0, scale=10, on_unit_length=True),
    }
)
