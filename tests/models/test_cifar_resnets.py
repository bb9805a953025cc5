"""The residual networks for 32 pixels, which no library has: the papers' counts and layers, and the arithmetic by hand."""

from collections.abc import Callable, Iterator
from functools import cache
from math import sqrt

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from striate.models import Network
from striate.models.cifar_preact_resnet import (
    cifar_preact_resnet110,
    cifar_preact_resnet164,
    cifar_preact_resnet1001,
)
from striate.models.cifar_resnet import (
    Subsample,
    cifar_resnet20,
    cifar_resnet32,
    cifar_resnet44,
    cifar_resnet56,
    cifar_resnet110,
    cifar_resnet1202,
)
from striate.models.wide_resnet import cifar_wide_resnet16_8, cifar_wide_resnet28_10, cifar_wide_resnet40_4

PLAIN = {  # blocks of a stage, and table 6 of the paper
    cifar_resnet20: (3, "0.27"),
    cifar_resnet32: (5, "0.46"),
    cifar_resnet44: (7, "0.66"),
    cifar_resnet56: (9, "0.85"),
    cifar_resnet110: (18, "1.7"),
    cifar_resnet1202: (200, "19.4"),
}
PREACT = {  # blocks of a stage, convolutions of a block, and table 4 of the wide networks' paper
    cifar_preact_resnet110: (18, 2, "1.7"),
    cifar_preact_resnet164: (18, 3, "1.7"),
    cifar_preact_resnet1001: (111, 3, "10.2"),
}
WIDE = {  # blocks of a stage, width, and table 4 of the paper
    cifar_wide_resnet16_8: (2, 8, "11.0"),
    cifar_wide_resnet28_10: (4, 10, "36.5"),
    cifar_wide_resnet40_4: (6, 4, "8.9"),
}


@cache
def on_paper(build: Callable[..., Network]) -> Network:
    with torch.device("meta"):
        return build(classes=10, channels=3)


def count(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def millions(parameters: int, published: str) -> str:
    """With as many decimals as the paper gives."""
    return f"{parameters / 1e6:.{len(published.partition('.')[2])}f}"


@pytest.mark.parametrize("build", PLAIN)
def test_plain_counts_are_those_of_the_paper(build):
    n, published = PLAIN[build]
    stages = 2 * n * 16 * 16 + (16 * 32 + (2 * n - 1) * 32 * 32) + (32 * 64 + (2 * n - 1) * 64 * 64)
    norms = 2 * (16 + 2 * n * (16 + 32 + 64))
    assert count(on_paper(build)) == 9 * (3 * 16 + stages) + norms + 65 * 10
    assert millions(count(on_paper(build)), published) == published


@pytest.mark.parametrize("build", PREACT)
def test_preactivation_counts_are_those_of_the_paper(build):
    """The paper's 10.2 million are without batch norm; the others round to the same with it."""
    n, convolutions, published = PREACT[build]
    weights, norms = 9 * 3 * 16, 0
    inputs = 16
    for inside in (16, 32, 64):
        outputs = inside if convolutions == 2 else 4 * inside
        if convolutions == 3:
            weights += inputs * outputs  # the shortcut of the first block
        for _ in range(n):
            if convolutions == 2:
                weights += 9 * (inputs + inside) * inside
                norms += 2 * (inputs + inside)
            else:
                weights += inputs * inside + 9 * inside * inside + inside * outputs
                norms += 2 * (inputs + inside + inside)
            inputs = outputs
    norms += 2 * inputs
    weights += (inputs + 1) * 10
    assert count(on_paper(build)) == weights + norms
    assert millions(weights, published) == published


@pytest.mark.parametrize("build", WIDE)
def test_wide_counts_are_those_of_the_paper(build):
    n, k, published = WIDE[build]
    parameters, inputs = 9 * 3 * 16, 16
    for outputs in (16 * k, 32 * k, 64 * k):
        parameters += inputs * outputs
        for _ in range(n):
            parameters += 9 * (inputs + outputs) * outputs + 2 * (inputs + outputs)
            inputs = outputs
    assert count(on_paper(build)) == parameters + 2 * inputs + (inputs + 1) * 10
    assert millions(count(on_paper(build)), published) == published


@pytest.mark.parametrize("build", [*PLAIN, *PREACT, *WIDE])
def test_the_layers_are_as_many_as_the_name_states(build):
    network = on_paper(build)
    convolutions = [name for name, layer in network.named_modules() if isinstance(layer, nn.Conv2d)]
    without_shortcuts = [name for name in convolutions if "shortcut" not in name]
    layers = len(convolutions) if build in WIDE else len(without_shortcuts) + 1  # the wide ones count shortcuts, not fc
    assert f"resnet{layers}" in build.__name__


@pytest.mark.parametrize("build", [*PLAIN, *PREACT, *WIDE])
def test_each_stage_has_the_papers_depth_width_and_size(build):
    network = on_paper(build)
    width = 4 if build in (cifar_preact_resnet164, cifar_preact_resnet1001) else WIDE[build][1] if build in WIDE else 1
    assert network.widths == (16 * width, 32 * width, 64 * width)
    if len(list(network.modules())) < 3000:  # the deepest are made of the same blocks
        features = network.features(torch.empty(1, 3, 32, 32, device="meta"))
        assert [feature.shape[1:] for feature in features] == [
            (16 * width, 32, 32), (32 * width, 16, 16), (64 * width, 8, 8)
        ]  # fmt: skip
    depth = next(table[build][0] for table in (PLAIN, PREACT, WIDE) if build in table)
    assert [len(list(stage.children())) for stage in network.stages()] == [depth] * 3


def test_the_shortcut_takes_every_other_position_and_adds_channels_of_zeros():
    x = torch.arange(2 * 3 * 5 * 4.0).view(2, 3, 5, 4)
    shortcut = Subsample(3, 7, 2)
    y = shortcut(x)
    assert y.shape == (2, 7, 3, 2)
    for b in range(2):
        for c in range(7):
            for i in range(3):
                for j in range(2):
                    assert y[b, c, i, j] == (x[b, c, 2 * i, 2 * j] if c < 3 else 0)
    assert count(shortcut) == 0
    assert torch.equal(Subsample(3, 3, 1)(x), x)


@cache
def trained(build: Callable[..., Network]) -> Network:
    """In double precision and eval mode, as if trained; no test changes it."""
    torch.manual_seed(1)
    network = build(classes=10, channels=3).eval().double()
    for layer in network.modules():
        if isinstance(layer, nn.BatchNorm2d):
            statistics = layer.state_dict()
            statistics["running_mean"].normal_(0, 0.2)
            statistics["running_var"].uniform_(0.5, 2)
            statistics["weight"].uniform_(0.2, 1.5)
            statistics["bias"].normal_(0, 0.2)
    return network


def norm_by_hand(x: Tensor, values: Iterator[Tensor]) -> Tensor:
    gain, shift, mean, variance = (next(values).view(-1, 1, 1) for _ in range(4))
    return (x - mean) / (variance + 1e-5).sqrt() * gain + shift


def option_a_by_hand(x: Tensor, channels: int, stride: int) -> Tensor:
    batch, inputs, height, width = x.shape
    y = torch.zeros(batch, channels, -(-height // stride), -(-width // stride), dtype=x.dtype)
    y[:, :inputs] = x[:, :, ::stride, ::stride]
    return y


def plain_by_hand(x: Tensor, values: Iterator[Tensor], n: int) -> Tensor:
    x = norm_by_hand(F.conv2d(x, next(values), padding=1), values).clamp(min=0)
    for stage, width in enumerate((16, 32, 64)):
        for block in range(n):
            stride = 2 if stage > 0 and block == 0 else 1
            residual = norm_by_hand(F.conv2d(x, next(values), stride=stride, padding=1), values).clamp(min=0)
            residual = norm_by_hand(F.conv2d(residual, next(values), padding=1), values)
            x = (option_a_by_hand(x, width, stride) + residual).clamp(min=0)
    return x.mean((2, 3)) @ next(values).T + next(values)


def preact_by_hand(x: Tensor, values: Iterator[Tensor], n: int, kernels: list[int], projected: bool) -> Tensor:
    """Blocks of convolutions with these kernels; the stride is in the first one."""
    x = F.conv2d(x, next(values), padding=1)
    for stage in range(3):
        for block in range(n):
            stride = 2 if stage > 0 and block == 0 else 1
            active = residual = norm_by_hand(x, values).clamp(min=0)
            for i, kernel in enumerate(kernels):
                if i > 0:
                    residual = norm_by_hand(residual, values).clamp(min=0)
                residual = F.conv2d(residual, next(values), stride=stride if i == 0 else 1, padding=kernel // 2)
            if block > 0:
                x = x + residual
            elif projected:
                x = F.conv2d(active, next(values), stride=stride) + residual
            else:
                x = option_a_by_hand(active, residual.shape[1], stride) + residual
    x = norm_by_hand(x, values).clamp(min=0)
    return x.mean((2, 3)) @ next(values).T + next(values)


BY_HAND: dict[Callable[..., Network], Callable[[Tensor, Iterator[Tensor]], Tensor]] = {
    cifar_resnet20: lambda x, values: plain_by_hand(x, values, 3),
    cifar_preact_resnet110: lambda x, values: preact_by_hand(x, values, 18, [3, 3], projected=False),
    cifar_preact_resnet164: lambda x, values: preact_by_hand(x, values, 18, [1, 3, 1], projected=True),
    cifar_wide_resnet16_8: lambda x, values: preact_by_hand(x, values, 2, [3, 3], projected=True),
}


@pytest.mark.parametrize("build", BY_HAND)
@torch.no_grad()
def test_logits_equal_the_arithmetic_by_hand(build):
    network = trained(build)
    values = iter([value for value in network.state_dict().values() if value.ndim > 0])
    images = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(2)).double()
    by_hand = BY_HAND[build](images, values)
    torch.testing.assert_close(network(images), by_hand, rtol=1e-9, atol=1e-9 * by_hand.abs().max().item())
    assert next(values, None) is None  # every weight was used


@pytest.mark.parametrize("build", [cifar_resnet56, cifar_preact_resnet164, cifar_wide_resnet16_8])
def test_new_weights_have_hes_std(build):
    torch.manual_seed(3)
    network = build(classes=10, channels=3)
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d):
            fan_out = layer.out_channels * layer.weight[0, 0].numel()
            noise = 5 / sqrt(2 * layer.weight.numel())
            assert layer.weight.std().item() == pytest.approx(sqrt(2 / fan_out), rel=noise)
            assert layer.bias is None
        elif isinstance(layer, nn.Linear):
            assert not layer.bias.any()


def test_dropout_is_between_the_convolutions_of_each_wide_block_and_off_unless_asked_for():
    def shares(network: Network) -> list[float]:
        return [layer.p for layer in network.modules() if isinstance(layer, nn.Dropout)]

    assert shares(cifar_wide_resnet16_8(classes=10, channels=3)) == [0] * 6
    network = cifar_wide_resnet16_8(classes=10, channels=3, dropout=0.3)
    assert shares(network) == [0.3] * 6
    for stage in network.stages():
        for block in stage.children():
            residual = [type(layer).__name__ for layer in block.get_submodule("residual").children()]
            assert residual == ["Conv2d", "BatchNorm2d", "ReLU", "Dropout", "Conv2d"]
