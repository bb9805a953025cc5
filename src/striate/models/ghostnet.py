"""GhostNet: half of a layer's feature maps come from a convolution, the other half from cheap depthwise filters on those.

Han, Wang, Tian, Guo, Xu, Xu, "GhostNet: more features from cheap operations", CVPR 2020, arXiv:1911.11907. Weights,
initialization (PyTorch's defaults) and dropout before the last layer are timm's. As there, all widths are multiples of 4.

    3x224x224 -> 16x112x112 -> 16x112x112 -> 24x56x56 -> 40x28x28 -> 112x14x14 -> 160x7x7
              -> 960x7x7 -> mean -> 1280 -> 1000
    the others: all widths but the 1280 times 0.5, 1.3

    ghostnet_050   2,587,292 parameters
    ghostnet_100   5,182,508 parameters
    ghostnet_130   7,358,820 parameters
"""

from collections.abc import Callable
from itertools import pairwise
from typing import Final, final

import torch
from torch import Tensor, nn

from striate.models.blocks import Network, SqueezeExcite, conv_bn_act, early_strides, make_divisible

Row = tuple[int, int, int, bool]

SQUEEZE: Final = True
PLAIN: Final = False

# Kernel size, hidden width, width, squeeze-and-excitation or not; the first block of a stage has stride 2
STAGES: Final[tuple[tuple[Row, ...], ...]] = (
    ((3, 16, 16, PLAIN),),  # except here, after the first convolution with stride 2
    ((3, 48, 24, PLAIN), (3, 72, 24, PLAIN)),
    ((5, 72, 40, SQUEEZE), (5, 120, 40, SQUEEZE)),
    (
        (3, 240, 80, PLAIN),
        (3, 200, 80, PLAIN),
        (3, 184, 80, PLAIN),
        (3, 184, 80, PLAIN),
        (3, 480, 112, SQUEEZE),
        (3, 672, 112, SQUEEZE),
    ),
    (
        (5, 672, 160, SQUEEZE),
        (5, 960, 160, PLAIN),
        (5, 960, 160, SQUEEZE),
        (5, 960, 160, PLAIN),
        (5, 960, 160, SQUEEZE),
    ),
)


def width(native: int, multiplier: float) -> int:
    return make_divisible(native * multiplier, 4)


@final
class Ghost(nn.Module):
    """A 1x1 convolution computes half of the outputs; a 3x3 depthwise convolution on those computes the other half (ghosts)."""

    def __init__(self, inputs: int, outputs: int, activation: Callable[[], nn.Module]) -> None:
        super().__init__()
        half = outputs // 2
        self.primary_conv = conv_bn_act(inputs, half, 1, activation=activation)
        self.cheap_operation = conv_bn_act(half, half, 3, groups=half, activation=activation)

    def forward(self, x: Tensor) -> Tensor:  # B C H W -> B outputs H W
        x = self.primary_conv(x)
        return torch.cat((x, self.cheap_operation(x)), 1)


@final
class Bottleneck(nn.Module):
    """A ghost module expands, another projects; with stride 2 there is a depthwise convolution between them and in the shortcut."""

    def __init__(self, inputs: int, row: Row, multiplier: float, stride: int, *, downsample: bool) -> None:
        super().__init__()
        kernel_size, hidden, outputs, gated = row
        hidden, outputs = width(hidden, multiplier), width(outputs, multiplier)

        def depthwise(channels: int) -> nn.Conv2d:
            return nn.Conv2d(channels, channels, kernel_size, stride, kernel_size // 2, groups=channels, bias=False)

        self.ghost1 = Ghost(inputs, hidden, nn.ReLU)
        self.conv_dw = depthwise(hidden) if downsample else nn.Identity()
        self.bn_dw = nn.BatchNorm2d(hidden) if downsample else nn.Identity()
        self.se = SqueezeExcite(hidden, width(hidden, 0.25), gate=nn.Hardsigmoid) if gated else nn.Identity()
        self.ghost2 = Ghost(hidden, outputs, nn.Identity)
        self.shortcut = nn.Sequential()
        if downsample or inputs != outputs:
            self.shortcut.extend(
                (
                    depthwise(inputs),
                    nn.BatchNorm2d(inputs),
                    nn.Conv2d(inputs, outputs, kernel_size=1, bias=False),
                    nn.BatchNorm2d(outputs),
                )
            )

    def forward(self, x: Tensor) -> Tensor:  # B C H W -> B outputs H/stride W/stride
        residual = self.bn_dw(self.conv_dw(self.ghost1(x)))
        return self.ghost2(self.se(residual)) + self.shortcut(x)


@final
class GhostNet(Network):
    min_size = 1  # every layer pads
    input_layers = ("conv_stem",)
    classifier_layers = ("classifier",)
    key_map = (  # timm has the first block of a stage apart from the others
        (r"^blocks\.0\.0\.", "stage1.0."),
        *((rf"^blocks\.{2 * stage - 3}\.0\.", f"stage{stage}.0.") for stage in range(2, 6)),
        *((rf"^blocks\.{2 * stage - 2}\.{i}\.", f"stage{stage}.{i + 1}.") for stage in range(2, 6) for i in range(5)),
        (r"^blocks\.9\.0\.conv\.", "last.0."),
        (r"^blocks\.9\.0\.bn1\.", "last.1."),
        (r"\.se\.conv_reduce\.", ".se.fc1."),
        (r"\.se\.conv_expand\.", ".se.fc2."),
    )

    def __init__(self, multiplier: float, *, classes: int, channels: int, size: int, dropout: float) -> None:
        super().__init__()
        first, second = early_strides(size, 2, 2)
        narrow, wide = width(16, multiplier), width(960, multiplier)
        self.widths = tuple(width(rows[-1][2], multiplier) for rows in STAGES)
        self.strides = tuple(first * below for below in (1, second, 2 * second, 4 * second, 8 * second))

        def stage(inputs: int, rows: tuple[Row, ...], stride: int, *, downsample: bool = True) -> nn.Sequential:
            blocks = [Bottleneck(inputs, rows[0], multiplier, stride, downsample=downsample)]
            for before, row in pairwise(rows):
                blocks.append(Bottleneck(width(before[2], multiplier), row, multiplier, 1, downsample=False))
            return nn.Sequential(*blocks)

        self.conv_stem = nn.Conv2d(channels, narrow, kernel_size=3, stride=first, padding=1, bias=False)
        self.bn1, self.act1 = nn.BatchNorm2d(narrow), nn.ReLU(inplace=True)
        self.stage1 = stage(narrow, STAGES[0], stride=1, downsample=False)
        self.stage2 = stage(self.widths[0], STAGES[1], stride=second)
        self.stage3 = stage(self.widths[1], STAGES[2], stride=2)
        self.stage4 = stage(self.widths[2], STAGES[3], stride=2)
        self.stage5 = stage(self.widths[3], STAGES[4], stride=2)
        self.last = conv_bn_act(self.widths[4], wide, 1)
        self.global_pool = nn.AdaptiveAvgPool2d(1)
        self.conv_head = nn.Conv2d(wide, 1280, kernel_size=1)
        self.act2 = nn.ReLU(inplace=True)
        self.dropout = nn.Dropout(dropout)
        self.classifier = nn.Linear(1280, classes)

    def stem(self, x: Tensor) -> Tensor:
        return self.act1(self.bn1(self.conv_stem(x)))

    def stages(self) -> tuple[nn.Module, ...]:
        return self.stage1, self.stage2, self.stage3, self.stage4, self.stage5

    def head(self, x: Tensor) -> Tensor:
        x = self.act2(self.conv_head(self.global_pool(self.last(x))))
        return self.classifier(self.dropout(x.flatten(1)))


def ghostnet_050(*, classes: int, channels: int, size: int, dropout: float = 0.2) -> GhostNet:
    return GhostNet(0.5, classes=classes, channels=channels, size=size, dropout=dropout)


def ghostnet_100(*, classes: int, channels: int, size: int, dropout: float = 0.2) -> GhostNet:
    return GhostNet(1.0, classes=classes, channels=channels, size=size, dropout=dropout)


def ghostnet_130(*, classes: int, channels: int, size: int, dropout: float = 0.2) -> GhostNet:
    return GhostNet(1.3, classes=classes, channels=channels, size=size, dropout=dropout)
