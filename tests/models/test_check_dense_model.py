"""The contract for dense networks: a healthy one passes, and each deliberate violation is reported in one line."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from striate.models import DenseNetwork, ModelError, check_model

SIZE = 24


class Healthy(DenseNetwork):
    """Two strided convolutions, their maps added at the finer scale, and a 1x1 convolution; the faults below break one thing."""

    widths = (4, 4)
    strides = (2, 4)
    min_size = 7
    classifier_layers: tuple[str, ...] = ("last",)

    def __init__(self) -> None:
        super().__init__()
        self.stage1 = nn.Sequential(nn.Conv2d(3, 4, 3, stride=2), nn.ReLU())
        self.stage2 = nn.Sequential(nn.Conv2d(4, 4, 3, stride=2), nn.ReLU())
        self.last = nn.Conv2d(4, 5, 1)

    def stem(self, x: Tensor) -> Tensor:
        return x

    def stages(self) -> tuple[nn.Module, ...]:
        return self.stage1, self.stage2

    def decoder(self, features: list[Tensor]) -> Tensor:
        fine, coarse = features
        return fine + F.interpolate(coarse, fine.shape[-2:])

    def head(self, x: Tensor) -> Tensor:
        return self.last(x)


class WithAuxiliary(Healthy):
    """A second head on the coarser map, at its own scale."""

    classifier_layers = ("last", "aux")
    auxiliary_weight = 0.5

    def __init__(self) -> None:
        super().__init__()
        self.aux = nn.Conv2d(4, 5, 1)

    def auxiliary(self, outputs: list[Any]) -> tuple[Tensor, ...]:
        return (self.aux(outputs[-1]),)


class UnusedAuxiliary(WithAuxiliary):
    def auxiliary(self, outputs: list[Any]) -> tuple[Tensor, ...]:
        return super().auxiliary(outputs)[1:]


class AuxiliaryFirst(WithAuxiliary):
    classifier_layers = ("aux", "last")


class Coarse(Healthy):
    """Its map stays at the decoder's scale."""

    def from_stages(self, outputs: list[Any], size: tuple[int, int]) -> Tensor:  # type: ignore[misc]
        return super().from_stages(outputs, (size[0] // 2 - 1, size[1] // 2 - 1))


class VectorAsLogits(Healthy):
    def from_stages(self, outputs: list[Any], size: tuple[int, int]) -> Tensor:  # type: ignore[misc]
        return super().from_stages(outputs, size).mean((2, 3))


class NotItsHead(Healthy):
    def from_stages(self, outputs: list[Any], size: tuple[int, int]) -> Tensor:  # type: ignore[misc]
        return super().from_stages(outputs, size) + 1


class ShiftedHead(Healthy):
    def head(self, x: Tensor) -> Tensor:
        return super().head(x) + 1


class DecoderInPlace(Healthy):
    def decoder(self, features: list[Tensor]) -> Tensor:
        features[0].add_(F.interpolate(features[1], features[0].shape[-2:]))
        return features[0]


class StageInPlace(Healthy):
    def __init__(self) -> None:
        super().__init__()
        self.stage1 = nn.Sequential(nn.Conv2d(3, 4, 3, stride=2))
        self.stage2 = nn.Sequential(nn.ReLU(inplace=True), nn.Conv2d(4, 4, 3, stride=2))


class BatchCentered(Healthy):
    def decoder(self, features: list[Tensor]) -> Tensor:
        decoded = super().decoder(features)
        return decoded - decoded.mean(0)


class EvenOnly(Healthy):
    def decoder(self, features: list[Tensor]) -> Tensor:
        fine, coarse = features
        return fine + F.pad(coarse.repeat_interleave(2, 2).repeat_interleave(2, 3), (0, 1, 0, 1))


class OneReLU(Healthy):
    def __init__(self) -> None:
        super().__init__()
        self.act = nn.ReLU()

    def decoder(self, features: list[Tensor]) -> Tensor:
        return super().decoder([self.act(feature) for feature in features])


class Unused(Healthy):
    """A layer of a classification head that was left in."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(4, 5)


class DependsOnNumbers(Healthy):
    def decoder(self, features: list[Tensor]) -> Tensor:
        return super().decoder(features) if features[0].mean() > 0 else features[0]


class RootOfZero(Healthy):
    def decoder(self, features: list[Tensor]) -> Tensor:
        decoded = super().decoder(features)
        return decoded + (decoded - decoded).sqrt()


class Float32Only(Healthy):
    def decoder(self, features: list[Tensor]) -> Tensor:
        return super().decoder(features) + torch.dot(torch.ones(4), features[0][0, :, 0, 0]) * 0


def declares(**wrong: object) -> Callable[[], nn.Module]:
    def build() -> nn.Module:
        network = Healthy()
        for name, value in wrong.items():
            setattr(network, name, value)
        return network

    return build


@pytest.mark.parametrize("build", [Healthy, WithAuxiliary])
def test_a_healthy_dense_network_is_passed_in_silence(build):
    check_model(build, channels=3, size=SIZE)


FAULTS = [
    (declares(widths=(4, 8)), r"feature 1 has 4 channels, but widths declares 8"),
    (declares(strides=(2, 8)), r"feature 1 grows by 8 in height with 32 more .* stride 8 means 4"),
    (declares(min_size=6), r"images of shape 1 x 3 x 6 x 6 fail: RuntimeError: .*"),
    (Coarse, r"logits have shape 2 x 5 x 11 x 11 for a batch of 2, not batch x classes x 24 x 24"),
    (VectorAsLogits, r"logits have shape 2 x 5 for a batch of 2, not batch x classes x 24 x 24"),
    (NotItsHead, r"forward is not the head on the decoder's output, at the size of the images"),
    (ShiftedHead, r"the head is not last, the first of classifier_layers"),
    (AuxiliaryFirst, r"the head is not aux, the first of classifier_layers"),
    (DecoderInPlace, r"feature 0 is modified by the decoder, which works in place"),
    (StageInPlace, r"feature 0 is modified by a later layer that works in place"),
    (BatchCentered, r"in eval mode an image's logits depend on the other images of its batch"),
    (EvenOnly, r"images of shape 1 x 3 x 25 x 27 fail: RuntimeError: .*"),
    (OneReLU, r"the activation act runs 2 times in one forward: use a new module for each call"),
    (DependsOnNumbers, r"torch.export with a batch of any size fails: .*"),
    (Unused, r"no gradient reaches the parameter fc.weight"),
    (UnusedAuxiliary, r"no gradient reaches the parameter aux.weight"),
    (RootOfZero, r"the gradient of the parameter stage\d.0.\w+ is not finite"),
    (Float32Only, r"training under bfloat16 autocast fails: RuntimeError: .*"),
]


@pytest.mark.parametrize(("build", "message"), FAULTS)
def test_a_violation_is_reported_in_one_line(build, message):
    with pytest.raises(ModelError, match=rf"^{message}$"):
        check_model(build, channels=3, size=SIZE)
