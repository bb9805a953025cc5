"""Which networks of the table a test takes, networks of shapes without numbers or as if trained, images, and other weights."""

from collections.abc import Iterable
from functools import cache
from typing import Final

import pytest
import torch
from _pytest.mark.structures import ParameterSet
from torch import Tensor, nn

from striate.models import NETWORKS, Network, create_model

# The first network of each file, and another where a file has several ways through its code; the rest, their siblings,
# are made of the same blocks.
OTHER_WAYS: Final = (
    "cifar_preact_resnet164", "cifar_wide_resnet16_8", "cosine_cnn", "digit_cnn_strided", "mobilenet_v3_large",
    "regnet_y_400mf", "resnet50", "squeezenet1_1", "unet", "unet_resnet18", "vgg11_bn",
)  # fmt: skip
FIRST_OF_FILE: Final = {NETWORKS[name].module: name for name in reversed(list(NETWORKS))}
REPRESENTATIVE: Final = [name for name in NETWORKS if name in FIRST_OF_FILE.values() or name in OTHER_WAYS]
SIBLINGS: Final = [name for name in NETWORKS if name not in REPRESENTATIVE]
# A thousand layers take long even where tensors have no numbers.
VERY_DEEP: Final = ("cifar_resnet1202", "cifar_preact_resnet1001")
LIGHT: Final = 15e6  # parameters
LIGHT_WAY: Final = 2e6


def other_ways_marked(names: Iterable[str]) -> list[str | ParameterSet]:
    """The names; all but the first of each file, and the first too above LIGHT_WAY parameters, run in a step of .ci/run."""
    firsts = {name for name in FIRST_OF_FILE.values() if NETWORKS[name].parameters <= LIGHT_WAY}
    return [name if name in firsts else pytest.param(name, marks=pytest.mark.large) for name in names]


def siblings_marked(names: Iterable[str] = NETWORKS) -> list[str | ParameterSet]:
    """The names; siblings run in a step of .ci/run, however light. For tests that run a network, be it without numbers."""
    return [name if name in REPRESENTATIVE else pytest.param(name, marks=pytest.mark.large) for name in names]


def on_meta(name: str, *, classes: int | None = None, channels: int | None = None, size: int | None = None) -> Network:
    """A network on the meta device, in eval mode; what is left out is the network's own."""
    entry = NETWORKS[name]
    with torch.device("meta"):
        network = create_model(name, classes=classes or entry.classes, channels=channels or entry.channels, size=size)
    return network.eval()


def weights_of(network: Network, seed: int = 7) -> dict[str, Tensor]:
    """Other values in the network's shapes, so that it shows where they went."""
    generator = torch.Generator().manual_seed(seed)
    return {
        name: torch.randn(value.shape, generator=generator) if value.is_floating_point() else value + 3
        for name, value in network.state_dict().items()
    }


def native(name: str) -> Network:
    """A network at its native channels and classes, in eval mode, as if trained; no test changes it."""
    return (_kept if NETWORKS[name].parameters <= LIGHT else _native)(name)


def _native(name: str) -> Network:
    torch.manual_seed(1)
    network = create_model(name, classes=NETWORKS[name].classes, channels=NETWORKS[name].channels).eval()
    for layer in network.modules():
        if isinstance(layer, nn.BatchNorm2d):
            nn.init.normal_(layer.state_dict()["running_mean"], 0, 0.2)
            nn.init.uniform_(layer.state_dict()["running_var"], 0.5, 2)
            for parameter in layer.parameters():  # a gain and a shift, or none
                nn.init.uniform_(parameter, 0.2, 1.5)
    return network


_kept = cache(_native)  # those of large networks together would fill the memory


def image(name: str, count: int = 2) -> Tensor:
    entry = NETWORKS[name]
    return torch.rand(count, entry.channels, entry.size, entry.size, generator=torch.Generator().manual_seed(2))
