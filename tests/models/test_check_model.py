"""The contract as a test: a healthy module passes, and each deliberate violation is reported in one line."""

import random
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from striate.errors import SettingError
from striate.models import ModelError, Network, check_model

SIZE = 24


class Healthy(Network):
    """Two strided convolutions and a mean; the faults below each break one thing in it."""

    widths = (4, 6)
    strides = (2, 4)
    min_size = 7

    def __init__(self) -> None:
        super().__init__()
        self.stage1 = nn.Sequential(nn.Conv2d(3, 4, 3, stride=2), nn.ReLU())
        self.stage2 = nn.Sequential(nn.Conv2d(4, 6, 3, stride=2), nn.ReLU())
        self.last = nn.Linear(6, 5)

    def stem(self, x: Tensor) -> Tensor:
        return x

    def stages(self) -> tuple[nn.Module, ...]:
        return self.stage1, self.stage2

    def head(self, x: Tensor) -> Tensor:
        return self.last(x.mean((2, 3)))


class PlainModule(nn.Module):
    """A module that fulfills the contract without inheriting from Network."""

    widths = (4,)
    strides = (2,)
    min_size = 3

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Conv2d(3, 4, 3, stride=2)
        self.act = nn.SiLU()
        self.head = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 5))

    def features(self, x: Tensor) -> list[Tensor]:
        if min(x.shape[-2:]) < 3:
            raise SettingError("the smallest image that fits has 3 pixels")
        return [self.act(self.body(x))]

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.features(x)[-1])


class FrozenFilters(Healthy):
    def __init__(self) -> None:
        super().__init__()
        self.stage1.requires_grad_(False)


class InPlace(Healthy):
    """The second stage rectifies the first stage's output in place."""

    def __init__(self) -> None:
        super().__init__()
        self.stage1 = nn.Sequential(nn.Conv2d(3, 4, 3, stride=2))
        self.stage2 = nn.Sequential(nn.ReLU(inplace=True), nn.Conv2d(4, 6, 3, stride=2))


def test_a_feature_that_a_later_stage_changes_is_found():
    with pytest.raises(ModelError, match="feature 0 is modified by a later layer that works in place"):
        check_model(InPlace, channels=3, size=SIZE)


class WithClassifier(Healthy):
    classifier_layers = ("last",)


class AuxiliaryFirst(Healthy):
    """The layer that it names first does not run in forward."""

    classifier_layers = ("aux", "last")

    def __init__(self) -> None:
        super().__init__()
        self.aux = nn.Linear(6, 5)


class Shifted(WithClassifier):
    def head(self, x: Tensor) -> Tensor:
        return super().head(x) + 1


class LastOfEachPosition(WithClassifier):
    def head(self, x: Tensor) -> Tensor:
        return self.last(x.flatten(2).mT).mean(1)


@pytest.mark.parametrize("build", [Healthy, PlainModule, FrozenFilters, WithClassifier])
def test_a_healthy_module_is_passed_in_silence(build):
    check_model(build, channels=3, size=SIZE)


def test_the_generator_is_left_as_it_was():
    before = torch.get_rng_state()
    check_model(Healthy, size=SIZE)
    assert torch.equal(torch.get_rng_state(), before)


def declares(**wrong: object) -> Callable[[], nn.Module]:
    def build() -> nn.Module:
        network = Healthy()
        for name, value in wrong.items():
            setattr(network, name, value)
        return network

    return build


class ScaledInPlace(Healthy):
    def stem(self, x: Tensor) -> Tensor:
        return x.mul_(0.5)


class ScaledInPlaceInTraining(Healthy):
    def stem(self, x: Tensor) -> Tensor:
        return x.mul_(0.5) if self.training else x * 0.5


class OwnRandomness(Healthy):
    def __init__(self) -> None:
        super().__init__()
        nn.init.constant_(self.last.bias, random.random())


class Flattened(Healthy):
    def __init__(self) -> None:
        super().__init__()
        self.stage2.append(nn.Flatten())

    def head(self, x: Tensor) -> Tensor:
        return x[:, :5]


class WideOnly(Healthy):
    """Steps of two down, of four to the right."""

    def __init__(self) -> None:
        super().__init__()
        self.stage1 = nn.Sequential(nn.Conv2d(3, 4, 3, stride=(2, 4), padding=2), nn.ReLU())


class MapAsLogits(Healthy):
    def head(self, x: Tensor) -> Tensor:
        return x


class BatchCentered(Healthy):
    def head(self, x: Tensor) -> Tensor:
        return super().head(x - x.mean(0))


class Squeezed(Healthy):
    def head(self, x: Tensor) -> Tensor:
        return super().head(x).squeeze()


class FixedSize(Healthy):
    def __init__(self) -> None:
        super().__init__()
        self.last = nn.Linear(6 * 5 * 5, 5)

    def head(self, x: Tensor) -> Tensor:
        return self.last(x.flatten(1))


class ClassesByWidth(Healthy):
    def head(self, x: Tensor) -> Tensor:
        return super().head(x)[:, : x.shape[3]]


class OneReLU(Healthy):
    def __init__(self) -> None:
        super().__init__()
        self.stage2[1] = self.stage1[1]


class DependsOnNumbers(Healthy):
    def head(self, x: Tensor) -> Tensor:
        return super().head(x) if x.mean() > 0 else super().head(-x)


class OtherWhenExported(Healthy):
    def head(self, x: Tensor) -> Tensor:
        return super().head(x) + (1 if torch.compiler.is_exporting() else 0)


class Unused(Healthy):
    def __init__(self) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.ones(()))


class InPlaceAfterUse(Healthy):
    """The square needs x for its gradient, and x is gone."""

    def head(self, x: Tensor) -> Tensor:
        square = x * x
        return super().head(square + x.mul_(2))


class Detached(Healthy):
    def head(self, x: Tensor) -> Tensor:
        return super().head(x.detach())


class RootOfZero(Healthy):
    def head(self, x: Tensor) -> Tensor:
        return super().head(x + (x - x).sqrt())


class Float32Only(Healthy):
    def head(self, x: Tensor) -> Tensor:
        return super().head(x) + torch.dot(torch.ones(6), x[0, :, 0, 0]) * 0


class OneAndABit(Healthy):
    """In bfloat16 1.001 is 1."""

    def head(self, x: Tensor) -> Tensor:
        return super().head(x) / (torch.ones_like(x[0, 0, 0, 0]) * 1.001 - 1)


class NotItsHead(PlainModule):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x) + 1


class TakesAnything(PlainModule):
    def features(self, x: Tensor) -> list[Tensor]:
        return super().features(nn.functional.pad(x, (2, 2, 2, 2)))


class TorchRefuses(PlainModule):
    def features(self, x: Tensor) -> list[Tensor]:
        return [self.act(self.body(x))]


class RefusesWithoutTheSize(PlainModule):
    def features(self, x: Tensor) -> list[Tensor]:
        if min(x.shape[-2:]) < 3:
            raise SettingError("too small")
        return [self.act(self.body(x))]


FAULTS = [
    (
        lambda: nn.Linear(2, 2),
        r"Linear has no features, head, widths, strides, min_size, which a striate.models.Network has",
    ),
    (declares(widths=(4,)), r"widths \(4,\) and strides \(2, 4\) must be as many as the stages"),
    (declares(widths=(), strides=()), r"widths \(\) and strides \(\) must be as many as the stages"),
    (declares(strides=(4, 2)), r"strides \(4, 2\) are not in the order finest first"),
    (declares(widths=(4, 6, 6), strides=(2, 4, 4)), r"features gives 2 outputs, but widths declares 3"),
    (declares(widths=(4, 8)), r"feature 1 has 6 channels, but widths declares 8"),
    (declares(strides=(2, 8)), r"feature 1 grows by 8 in height with 32 more .* stride 8 means 4"),
    (declares(strides=(1, 4)), r"feature 0 grows by 8 in height with 16 more .* stride 1 means 16"),
    (WideOnly, r"feature 0 grows by 4 in width with 16 more .* stride 2 means 8"),
    (Flattened, r"feature 1 has shape 1 x 150, not batch x channels x height x width"),
    (OwnRandomness, r"last.bias differs in two networks built after the same torch.manual_seed"),
    (ScaledInPlace, r"the network modifies its input images"),
    (ScaledInPlaceInTraining, r"the network modifies its input images"),
    (MapAsLogits, r"logits have shape 2 x 6 x 5 x 5 for a batch of 2, not batch x classes"),
    (NotItsHead, r"forward is not the head on the last feature"),
    (AuxiliaryFirst, r"aux, the first of classifier_layers, does not run once in forward"),
    (Shifted, r"the logits are not the output of last, the first of classifier_layers"),
    (LastOfEachPosition, r"the input of last has shape 2 x 25 x 6, not batch x features"),
    (BatchCentered, r"in eval mode an image's logits depend on the other images of its batch"),
    (Squeezed, r"logits have shape 5 for a batch of one, not 1 x classes"),
    (FixedSize, r"images of shape 1 x 3 x 25 x 27 fail: RuntimeError: .*"),
    (ClassesByWidth, r"7 x 7 pixels give logits of shape 1 x 1"),
    (declares(min_size=6), r"images of shape 1 x 3 x 6 x 6 fail: RuntimeError: .*"),
    (TakesAnything, r"2 x 3 pixels are accepted, although min_size is 3"),
    (TorchRefuses, r"2 x 3 pixels give RuntimeError: .*, not a SettingError that names the min_size 3"),
    (RefusesWithoutTheSize, r"the refusal 'too small' does not name the min_size 3"),
    (OneReLU, r"the activation stage1.1 runs 2 times in one forward: use a new module for each call"),
    (DependsOnNumbers, r"torch.export with a batch of any size fails: .*"),
    (OtherWhenExported, r"the logits of the exported network differ"),
    (Unused, r"no gradient reaches the parameter gain"),
    (InPlaceAfterUse, r"a training step fails: RuntimeError: .*"),
    (Detached, r"no gradient reaches the parameter stage1.0.weight"),
    (RootOfZero, r"the gradient of the parameter stage\d.0.\w+ is not finite"),
    (Float32Only, r"training under bfloat16 autocast fails: RuntimeError: .*"),
    (OneAndABit, r"logits under bfloat16 autocast are not finite"),
]


@pytest.mark.parametrize(("build", "message"), FAULTS)
def test_a_violation_is_reported_in_one_line(build, message):
    with pytest.raises(ModelError, match=rf"^{message}$"):
        check_model(build, channels=3, size=SIZE)


def test_a_function_that_gives_one_network_twice_is_found():
    network = Healthy()
    with pytest.raises(ModelError, match="the function returns the same network twice"):
        check_model(lambda: network, size=SIZE)


def test_a_module_in_place_of_its_builder_is_refused():
    with pytest.raises(ModelError, match="takes a function that builds the network, not a Healthy itself"):
        check_model(Healthy(), size=SIZE)
