"""Which networks of the table a test takes, and networks of shapes without numbers."""

from collections.abc import Iterable
from typing import Final

import pytest
import torch
from _pytest.mark.structures import ParameterSet

from striate.models import NETWORKS, Network, create_model

# One network for each way through the code; the others are made of the same blocks.
REPRESENTATIVE: Final = frozenset(
    {
        "alexnet", "bn_gap_cnn", "cbam_resnet18", "cifar_cnn", "cifar_preact_resnet110", "cifar_preact_resnet164",
        "cifar_resnet20", "cifar_wide_resnet16_8", "convnext_tiny", "cosine_cnn", "cosine_cnn_small", "densenet121",
        "digit_cnn", "digit_cnn_strided", "eca_resnet18", "efficientnet_b0", "efficientnet_lite0", "ghostnet_050",
        "googlenet", "inception_v3", "lenet5", "mnasnet0_5", "mobilenet_v1_025", "mobilenet_v2", "mobilenet_v3_large",
        "mobilenet_v3_small", "nin", "preact_resnet18", "regnet_x_400mf", "regnet_y_400mf", "repvgg_a0", "resnet18",
        "resnet50", "resnext50_32x4d", "se_resnet18", "shufflenet_v2_x0_5", "squeezenet1_0", "squeezenet1_1", "swin_t",
        "vgg11", "vgg11_bn", "vit_ti_16", "xception",
    }
)  # fmt: skip
# In eval mode a new batch norm does nothing, and the sums of 500 residual blocks overflow float32.
VERY_DEEP: Final = ("cifar_resnet1202", "cifar_preact_resnet1001")
LIGHT: Final = 15e6  # parameters


def marked(names: Iterable[str] = NETWORKS, *, most: float = float("inf")) -> list[str | ParameterSet]:
    """The names; those that are not representative, or have more parameters than `most`, run in a step of .ci/run."""
    return [
        name
        if name in REPRESENTATIVE and NETWORKS[name].parameters <= most
        else pytest.param(name, marks=pytest.mark.large)
        for name in names
    ]


def marked_large(names: Iterable[str] = NETWORKS) -> list[str | ParameterSet]:
    """As `marked`, but light networks run everywhere, for tests that cost little."""
    return [
        name
        if name in REPRESENTATIVE or (NETWORKS[name].parameters <= LIGHT and name not in VERY_DEEP)
        else pytest.param(name, marks=pytest.mark.large)
        for name in names
    ]


def on_meta(name: str, *, classes: int | None = None, channels: int | None = None, size: int | None = None) -> Network:
    """A network on the meta device, in eval mode; what is left out is the network's own."""
    entry = NETWORKS[name]
    with torch.device("meta"):
        network = create_model(name, classes=classes or entry.classes, channels=channels or entry.channels, size=size)
    return network.eval()
