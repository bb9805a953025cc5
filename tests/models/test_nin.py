"""NiN against arithmetic: neither torchvision nor timm has it."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from striate.models import Network, create_model

# Kernel side, channels before, channels after: the layers of the authors' Caffe model for CIFAR-10.
LAYERS = [
    (5, 3, 192), (1, 192, 160), (1, 160, 96),
    (5, 96, 192), (1, 192, 192), (1, 192, 192),
    (3, 192, 192), (1, 192, 192), (1, 192, 10),
]  # fmt: skip


def seeded() -> Network:
    torch.manual_seed(1)
    return create_model("nin", classes=10)


def by_hand(network: Network, x: Tensor) -> Tensor:
    """A 1x1 convolution is a dense layer at every position; Caffe's pools round up: a window of 2 at the right and bottom."""
    weights = iter(network.state_dict().values())

    def convolved(x: Tensor) -> Tensor:
        kernel, bias = next(weights), next(weights)
        if kernel.shape[-1] == 1:
            x = torch.einsum("oi,bihw->bohw", kernel[:, :, 0, 0], x)
        else:
            x = F.conv2d(x, kernel, padding=kernel.shape[-1] // 2)
        return (x + bias.view(-1, 1, 1)).clamp(min=0)

    def windows(x: Tensor, outside: float) -> Tensor:  # B C H W -> B C H/2 W/2 3 3
        return F.pad(x, (0, 1, 0, 1), value=outside).unfold(2, 3, 2).unfold(3, 3, 2)

    x = windows(convolved(convolved(convolved(x))), -torch.inf).amax((4, 5))
    x = windows(convolved(convolved(convolved(x))), torch.nan).nanmean((4, 5))  # of the positions that are there
    return convolved(convolved(convolved(x))).mean((2, 3))


def test_parameters_are_those_of_the_layer_table():
    count = sum((side * side * before + 1) * after for side, before, after in LAYERS)
    assert sum(parameter.numel() for parameter in seeded().parameters()) == count == 966_986


@torch.no_grad()
def test_logits_equal_the_arithmetic_by_hand():
    network, images = seeded().eval(), torch.rand(2, 3, 32, 32)
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d) and layer.bias is not None:
            layer.bias.uniform_(0, 0.1)  # new ones are zero and would hide where they are added
    logits = network(images)
    assert logits.min() > 0  # rectified, yet none is lost
    torch.testing.assert_close(logits, by_hand(network, images))


@torch.no_grad()
def test_features_have_the_shapes_of_the_page():
    shapes = [tuple(feature.shape[1:]) for feature in seeded().features(torch.rand(1, 3, 32, 32))]
    assert shapes == [(96, 32, 32), (192, 16, 16), (192, 8, 8)]


def test_first_weights_are_the_authors():
    layers = [layer for layer in seeded().modules() if isinstance(layer, nn.Conv2d)]
    assert [(layer.kernel_size[0], layer.in_channels, layer.out_channels) for layer in layers] == LAYERS
    for layer in layers:
        assert layer.weight.std().item() == pytest.approx(0.05, rel=0.1)
        assert layer.bias is not None
        assert not layer.bias.any()


def test_dropout_follows_both_pools():
    def shares(network: nn.Module) -> list[float]:
        return [layer.p for layer in network.modules() if isinstance(layer, nn.Dropout)]

    assert shares(create_model("nin", classes=10)) == [0.5, 0.5]
    assert shares(create_model("nin", classes=10, dropout=0.1)) == [0.1, 0.1]
