"""Heads fitted on embeddings, as modules B D -> logits B K that predict as scikit-learn's estimators do.

    logistic, svm   a linear layer; the center and scale of the embeddings that the fit used are folded into its weight
    prototype       centered embeddings of length 1, then a linear layer: twice the dot product with a class mean minus the mean's
                    squared length is the negative squared distance to it, up to what all classes have in common
    knn             centered embeddings of length 1, then the vote of the nearest training images

`tasks/classify/head_fitting.py` fits them. Nothing here needs scikit-learn, so neither do prediction, export and serving.
"""

from collections.abc import Callable
from typing import final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from striate.errors import SettingError
from striate.models.blocks import Network
from striate.models.head_kinds import HEADS, HeadDescription

__all__ = [
    "NearestNeighbors",
    "UnitNormalization",
    "build_head",
    "classifier_features",
    "replace_classifier",
]


@final
class UnitNormalization(nn.Module):
    """Embeddings minus `center`, divided by their length: distances between them then depend on the angle alone.

    `center` is the mean of the training embeddings. Those of a ReLU are all on one side of 0, so without it their angles
    differ little. Wang et al., "SimpleShot: Revisiting nearest-neighbor classification for few-shot learning" (CL2N), 2019,
    arXiv:1911.04623.
    """

    center: Tensor  # D

    def __init__(self, features: int) -> None:
        super().__init__()
        self.register_buffer("center", torch.zeros(features))

    def forward(self, x: Tensor) -> Tensor:  # B D
        return F.normalize(x - self.center, dim=1)


@final
class NearestNeighbors(nn.Module):
    """The `neighbors` stored embeddings that are nearest by Euclidean distance vote for their labels.

    The logits are logarithms of the shares of the votes, after one more vote is divided among all classes, times `scale`.
    The class with most votes wins, of several the first, as with scikit-learn's KNeighborsClassifier. Where embeddings are
    equally far and not all of them can vote, those stored first do; there scikit-learn's choice depends on its algorithm.
    """

    samples: Tensor  # N D
    labels: Tensor  # N
    scale: Tensor

    def __init__(self, samples: int, features: int, classes: int, neighbors: int) -> None:
        super().__init__()
        self.classes = classes
        self.neighbors = neighbors
        self.register_buffer("samples", torch.zeros(samples, features))
        self.register_buffer("labels", torch.zeros(samples, dtype=torch.int64))
        self.register_buffer("scale", torch.ones(()))

    def forward(self, x: Tensor) -> Tensor:  # B D -> B K
        # Neither autocast nor TF32 rounds products of float64, which Apple's GPUs do not have.
        exact = torch.float32 if x.device.type == "mps" else torch.float64
        samples = self.samples.to(exact)
        half_squared = samples.square().sum(1) / 2 - x.to(exact) @ samples.T  # B N, without the length of x
        voters = self._nearest(half_squared.float())  # rounded, so that copies of an image are equally far
        one_hot = self.labels[:, None] == torch.arange(self.classes, device=x.device)  # N K
        votes = voters.to(exact) @ one_hot.to(exact)
        shares = (votes + 1 / self.classes) / (self.neighbors + 1)
        return self.scale * shares.log().to(self.scale.dtype)

    def _nearest(self, distances: Tensor) -> Tensor:
        """B N -> B N, true for exactly `neighbors` of each row. topk alone leaves open which of equal distances it takes."""
        last = distances.topk(self.neighbors, dim=1, largest=False).values[:, -1:]
        closer, equal = distances < last, distances == last
        return closer | (equal & (equal.cumsum(1) <= self.neighbors - closer.sum(1, keepdim=True)))

    def extra_repr(self) -> str:
        return f"samples={len(self.labels)}, classes={self.classes}, neighbors={self.neighbors}"


def build_head(description: HeadDescription) -> nn.Module:
    """The module that a description is of, with weights that are yet to be loaded."""
    build: Callable[[HeadDescription], nn.Module] = globals()[HEADS[description.kind].module]
    return build(description)


def linear(description: HeadDescription) -> nn.Module:
    """A linear layer."""
    return nn.Linear(description.features, description.classes)


def linear_on_unit_length(description: HeadDescription) -> nn.Module:
    """A linear layer on embeddings of length 1."""
    return nn.Sequential(UnitNormalization(description.features), linear(description))


def nearest_neighbors(description: HeadDescription) -> nn.Module:
    """A vote among stored embeddings of length 1."""
    features, classes = description.features, description.classes
    voting = NearestNeighbors(description.samples, features, classes, description.neighbors)
    return nn.Sequential(UnitNormalization(features), voting)


def classifier_features(network: Network) -> int:
    """D, the dimensions of the embeddings that the network's own classifier takes. Raises SettingError as `replace_classifier`."""
    weight = _vector_classifier(network).weight  # K D
    assert isinstance(weight, Tensor)
    return weight.shape[1]


def replace_classifier(network: Network, head: nn.Module) -> None:
    """Put a head in the place of the network's main classifier, on its device and in the mode of the network.

    Raises SettingError for a classifier that is a convolution: ReLU and averaging over positions follow it, so no vector is its
    input, and its output are no logits.
    """
    device = next(iter(_vector_classifier(network).state_dict().values())).device
    network.set_submodule(network.main_classifier, head.to(device).train(network.training))


def _vector_classifier(network: Network) -> nn.Module:
    classifier = network.get_submodule(network.main_classifier)
    if isinstance(classifier, nn.Conv2d):
        raise SettingError(
            f"{type(network).__name__} classifies with a convolution, which no head fitted on features can replace: "
            "use another network, or --from-scratch, which trains from random weights"
        )
    return classifier
