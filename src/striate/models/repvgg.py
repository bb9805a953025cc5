"""RepVGG: trained with three branches a layer, and re-parameterized into a plain stack of 3x3 convolutions for inference.

Ding, Zhang, Ma, Han, Ding, Sun, "RepVGG: Making VGG-style ConvNets great again", CVPR 2021, arXiv:2101.03697.
Each layer is the ReLU of the sum of a 3x3 convolution, a 1x1 convolution and, where the shape stays, the identity,
each with its own batch norm. With fixed statistics a batch norm is a scale and a shift, a 1x1 filter is a 3x3 filter padded
with zeros, and the identity is a filter with a single 1: `network.fused()` is the same function with one convolution a
layer. g4: every second layer in 4 groups.
Names and initialization are timm's: He by fan out, weights and biases of batch norm from normals around 0.1 and 0; the
authors use PyTorch's defaults.

    3x224x224 -> 112x112 -> 56x56 -> 28x28 -> 14x14 -> 7x7 -> mean -> 1000

    repvgg_a0       9,108,968 parameters   fused   8.31 million
    repvgg_a1      14,092,264 parameters   fused  12.79 million
    repvgg_a2      28,210,600 parameters   fused  25.50 million
    repvgg_b0      15,817,960 parameters   fused  14.34 million
    repvgg_b1      57,415,016 parameters   fused  51.83 million
    repvgg_b2      89,022,376 parameters   fused  80.32 million
    repvgg_b3     123,085,288 parameters   fused 110.96 million
    repvgg_b1g4    39,966,056 parameters   fused  36.13 million
    repvgg_b2g4    61,758,376 parameters   fused  55.78 million
    repvgg_b3g4    83,825,128 parameters   fused  75.63 million
"""

from copy import deepcopy
from math import sqrt
from typing import Final, NamedTuple, final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from striate.models.blocks import Network, early_strides


@final
class Row(NamedTuple):
    depths: tuple[int, int, int, int]
    widths: tuple[int, int, int, int]
    groups: int  # of every second layer


ROWS: Final = {
    "a0": Row((2, 4, 14, 1), (48, 96, 192, 1280), 1),
    "a1": Row((2, 4, 14, 1), (64, 128, 256, 1280), 1),
    "a2": Row((2, 4, 14, 1), (96, 192, 384, 1408), 1),
    "b0": Row((4, 6, 16, 1), (64, 128, 256, 1280), 1),
    "b1": Row((4, 6, 16, 1), (128, 256, 512, 2048), 1),
    "b2": Row((4, 6, 16, 1), (160, 320, 640, 2560), 1),
    "b3": Row((4, 6, 16, 1), (192, 384, 768, 2560), 1),
    "b1g4": Row((4, 6, 16, 1), (128, 256, 512, 2048), 4),
    "b2g4": Row((4, 6, 16, 1), (160, 320, 640, 2560), 4),
    "b3g4": Row((4, 6, 16, 1), (192, 384, 768, 2560), 4),
}


@final
class ConvNorm(nn.Module):
    def __init__(self, inputs: int, outputs: int, kernel_size: int, stride: int, groups: int) -> None:
        super().__init__()
        padding = kernel_size // 2
        self.conv = nn.Conv2d(inputs, outputs, kernel_size, stride, padding, groups=groups, bias=False)
        self.bn = nn.BatchNorm2d(outputs)

    def forward(self, x: Tensor) -> Tensor:  # B C H W
        return self.bn(self.conv(x))


@final
class Branches(nn.Module):
    """ReLU of the sum of a 3x3 convolution, a 1x1 convolution and, if there is a norm for it, the identity."""

    def __init__(self, inputs: int, width: int, stride: int, groups: int, identity: nn.BatchNorm2d | None) -> None:
        super().__init__()
        self.conv_kxk = ConvNorm(inputs, width, 3, stride, groups)
        self.conv_1x1 = ConvNorm(inputs, width, 1, stride, groups)
        self.identity = identity
        self.act = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:  # B C H W
        total = self.conv_1x1(x) + self.conv_kxk(x)
        return self.act(total if self.identity is None else total + self.identity(x))

    @torch.no_grad()
    def fused(self) -> nn.Sequential:
        """The branches in eval mode as one 3x3 convolution with a bias, and the ReLU."""
        like = self.conv_kxk.conv
        kernel, bias = fused(like.weight, self.conv_kxk.bn)
        point, point_bias = fused(F.pad(self.conv_1x1.conv.weight, (1, 1, 1, 1)), self.conv_1x1.bn)
        kernel, bias = kernel + point, bias + point_bias
        if self.identity is not None:
            same = torch.eye(like.weight.shape[1]).repeat(like.groups, 1)  # the identity within each group
            same = F.pad(same[:, :, None, None], (1, 1, 1, 1)).to(kernel)
            same, same_bias = fused(same, self.identity)
            kernel, bias = kernel + same, bias + same_bias
        single = nn.Conv2d(like.in_channels, like.out_channels, 3, like.stride[0], padding=1, groups=like.groups)
        single.weight, single.bias = nn.Parameter(kernel), nn.Parameter(bias)
        return nn.Sequential(single, nn.ReLU(inplace=True))


def fused(kernel: Tensor, norm: nn.BatchNorm2d) -> tuple[Tensor, Tensor]:
    """Filters and biases equal to `kernel`, O I 3 3, followed by the norm with its running statistics."""
    statistics = norm.state_dict()
    scale = statistics["weight"] / (statistics["running_var"] + norm.eps).sqrt()
    return kernel * scale[:, None, None, None], statistics["bias"] - statistics["running_mean"] * scale


@final
class RepVGG(Network):
    min_size = 1  # every layer pads
    input_layers: tuple[str, ...] = ("first.conv_kxk.conv", "first.conv_1x1.conv")
    classifier_layers = ("fc",)
    key_map = (
        (r"^stem\.", "first."),
        *((rf"^stages\.{i}\.", f"stage{i + 1}.") for i in range(4)),
        (r"^head\.", ""),
    )

    def __init__(self, row: Row, *, classes: int, channels: int, size: int) -> None:
        super().__init__()

        def stage(inputs: int, width: int, depth: int, stride: int) -> nn.Sequential:
            """`depth` layers; the first takes the stride, and has two branches even if that is 1."""
            rest = (
                Branches(width, width, 1, row.groups if i % 2 else 1, nn.BatchNorm2d(width)) for i in range(1, depth)
            )
            return nn.Sequential(Branches(inputs, width, stride, 1, None), *rest)

        first, second = early_strides(size, 2, 2)
        self.widths = row.widths
        self.strides = tuple(first * second * below for below in (1, 2, 4, 8))
        begin = min(64, row.widths[0])
        self.first: nn.Module = Branches(channels, begin, first, 1, None)
        self.stage1 = stage(begin, row.widths[0], row.depths[0], second)
        self.stage2 = stage(row.widths[0], row.widths[1], row.depths[1], 2)
        self.stage3 = stage(row.widths[1], row.widths[2], row.depths[2], 2)
        self.stage4 = stage(row.widths[2], row.widths[3], row.depths[3], 2)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(row.widths[3], classes)
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d):
                fan_out = layer.out_channels * layer.kernel_size[0] ** 2 / layer.groups
                nn.init.normal_(layer.weight, std=sqrt(2 / fan_out))
            elif isinstance(layer, nn.BatchNorm2d):
                nn.init.normal_(layer.weight, 0.1, 0.1)
                nn.init.normal_(layer.bias, 0, 0.1)
        nn.init.normal_(self.fc.weight, std=0.01)
        nn.init.zeros_(self.fc.bias)

    def stem(self, x: Tensor) -> Tensor:
        return self.first(x)

    def stages(self) -> tuple[nn.Module, ...]:
        return self.stage1, self.stage2, self.stage3, self.stage4

    def head(self, x: Tensor) -> Tensor:
        return self.fc(self.avgpool(x).flatten(1))

    def fused(self) -> "RepVGG":
        """A new network with one convolution a layer and the same logits in eval mode. This one is not changed."""
        network = deepcopy(self).eval()
        for name, layer in self.named_modules():
            if isinstance(layer, Branches):
                network.set_submodule(name, layer.fused())
        network.input_layers = ("first.0",)
        return network


def repvgg_a0(*, classes: int, channels: int, size: int) -> RepVGG:
    return RepVGG(ROWS["a0"], classes=classes, channels=channels, size=size)


def repvgg_a1(*, classes: int, channels: int, size: int) -> RepVGG:
    return RepVGG(ROWS["a1"], classes=classes, channels=channels, size=size)


def repvgg_a2(*, classes: int, channels: int, size: int) -> RepVGG:
    return RepVGG(ROWS["a2"], classes=classes, channels=channels, size=size)


def repvgg_b0(*, classes: int, channels: int, size: int) -> RepVGG:
    return RepVGG(ROWS["b0"], classes=classes, channels=channels, size=size)


def repvgg_b1(*, classes: int, channels: int, size: int) -> RepVGG:
    return RepVGG(ROWS["b1"], classes=classes, channels=channels, size=size)


def repvgg_b2(*, classes: int, channels: int, size: int) -> RepVGG:
    return RepVGG(ROWS["b2"], classes=classes, channels=channels, size=size)


def repvgg_b3(*, classes: int, channels: int, size: int) -> RepVGG:
    return RepVGG(ROWS["b3"], classes=classes, channels=channels, size=size)


def repvgg_b1g4(*, classes: int, channels: int, size: int) -> RepVGG:
    return RepVGG(ROWS["b1g4"], classes=classes, channels=channels, size=size)


def repvgg_b2g4(*, classes: int, channels: int, size: int) -> RepVGG:
    return RepVGG(ROWS["b2g4"], classes=classes, channels=channels, size=size)


def repvgg_b3g4(*, classes: int, channels: int, size: int) -> RepVGG:
    return RepVGG(ROWS["b3g4"], classes=classes, channels=channels, size=size)
