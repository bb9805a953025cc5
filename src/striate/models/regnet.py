"""RegNet: the widths of all blocks follow a quantized linear function, so five numbers define a network.

Radosavovic, Kosaraju, Girshick, He, Dollar, "Designing network design spaces", CVPR 2020, arXiv:2003.13678.
Block j has w0 + wa * j channels, rounded to the nearest w0 * wm^k with an integer k; blocks with the same k are a stage. The
3x3 convolutions are grouped, with a fixed group width, and there is no bottleneck. Y is X with squeeze-and-excitation after
the 3x3 (a quarter as wide as the block's input). Rows, names and initialization are torchvision's; the names give the FLOPs
at 224 pixels; a stage's width is rounded to a multiple of the group width.

    3x224x224 -> stem 32x112x112 -> 56x56 -> 28x28 -> 14x14 -> 7x7 -> mean -> 1000

    regnet_x_400mf    32   64   160   400     5,495,976 parameters
    regnet_x_800mf    64  128   288   672     7,259,656 parameters
    regnet_x_1_6gf    72  168   408   912     9,190,136 parameters
    regnet_x_3_2gf    96  192   432  1008    15,296,552 parameters
    regnet_x_8gf      80  240   720  1920    39,572,648 parameters
    regnet_x_16gf    256  512   896  2048    54,278,536 parameters
    regnet_x_32gf    336  672  1344  2520   107,811,560 parameters
    regnet_y_400mf    48  104   208   440     4,344,144 parameters
    regnet_y_800mf    64  144   320   784     6,432,512 parameters
    regnet_y_1_6gf    48  120   336   888    11,202,430 parameters
    regnet_y_3_2gf    72  216   576  1512    19,436,338 parameters
    regnet_y_8gf     224  448   896  2016    39,381,472 parameters
    regnet_y_16gf    224  448  1232  3024    83,590,140 parameters
    regnet_y_32gf    232  696  1392  3712   145,046,770 parameters
"""

from collections.abc import Callable
from itertools import groupby
from math import log
from typing import Final, NamedTuple, final

from torch import Tensor, nn

from striate.models.blocks import Network, SqueezeExcite, conv_bn_act, early_strides, he_init, make_divisible

Gate = Callable[[int, int], nn.Module]  # from the width, and that of the block's input


@final
class Row(NamedTuple):
    depth: int  # blocks in all
    w0: int  # the first block's width
    wa: float  # added by each further block
    wm: float  # factor from stage to stage
    group_width: int


ROWS: Final = {
    "x_400mf": Row(22, 24, 24.48, 2.54, 16),
    "x_800mf": Row(16, 56, 35.73, 2.28, 16),
    "x_1_6gf": Row(18, 80, 34.01, 2.25, 24),
    "x_3_2gf": Row(25, 88, 26.31, 2.25, 48),
    "x_8gf": Row(23, 80, 49.56, 2.88, 120),
    "x_16gf": Row(22, 216, 55.59, 2.10, 128),
    "x_32gf": Row(23, 320, 69.86, 2.00, 168),
    "y_400mf": Row(16, 48, 27.89, 2.09, 8),
    "y_800mf": Row(14, 56, 38.84, 2.40, 16),
    "y_1_6gf": Row(27, 48, 20.71, 2.65, 24),
    "y_3_2gf": Row(21, 80, 42.63, 2.66, 24),
    "y_8gf": Row(17, 192, 76.82, 2.19, 56),
    "y_16gf": Row(18, 200, 106.23, 2.48, 112),
    "y_32gf": Row(20, 232, 115.89, 2.53, 232),
}


def stage_shapes(row: Row) -> list[tuple[int, int]]:
    """The width and the number of blocks of each stage."""
    powers = [round(log(1 + row.wa * block / row.w0, row.wm)) for block in range(row.depth)]
    shapes = []
    for power, blocks in groupby(powers):
        width = 8 * round(row.w0 * row.wm**power / 8)
        shapes.append((make_divisible(width, min(row.group_width, width)), len(list(blocks))))
    return shapes


@final
class Block(nn.Module):
    """1x1, grouped 3x3, squeeze-and-excitation (Y only), 1x1, all of one width, and a shortcut."""

    def __init__(self, inputs: int, width: int, stride: int, group_width: int, gate: Gate, shortcut: nn.Module) -> None:
        super().__init__()
        groups = width // min(group_width, width)
        self.proj = shortcut
        self.a = conv_bn_act(inputs, width, 1)
        self.b = conv_bn_act(width, width, 3, stride, groups=groups)
        self.se = gate(width, inputs)
        self.c = conv_bn_act(width, width, 1, activation=nn.Identity)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:  # B C H W
        return self.relu(self.proj(x) + self.c(self.se(self.b(self.a(x)))))


def squeeze_excite(width: int, inputs: int) -> SqueezeExcite:
    return SqueezeExcite(width, round(inputs / 4))


@final
class RegNet(Network):
    min_size = 1  # every layer pads
    input_layers = ("first.0",)
    classifier_layers = ("fc",)
    key_map = (
        (r"^stem\.", "first."),
        (r"^trunk_output\.block(\d)\.block\d-(\d+)\.", r"stage\1.\2."),
        (r"\.f\.", "."),
    )

    def __init__(self, row: Row, gate: Gate, *, classes: int, channels: int, size: int) -> None:
        super().__init__()

        def stage(inputs: int, width: int, depth: int, stride: int) -> nn.Sequential:
            """`depth` blocks; the first takes the stride, and its shortcut is a 1x1 convolution even if that is 1."""
            projection = conv_bn_act(inputs, width, 1, stride, activation=nn.Identity)
            rest = (Block(width, width, 1, row.group_width, gate, nn.Identity()) for _ in range(depth - 1))
            return nn.Sequential(Block(inputs, width, stride, row.group_width, gate, projection), *rest)

        (width1, depth1), (width2, depth2), (width3, depth3), (width4, depth4) = stage_shapes(row)
        first, second = early_strides(size, 2, 2)
        self.widths = (width1, width2, width3, width4)
        self.strides = tuple(first * second * below for below in (1, 2, 4, 8))
        self.first = conv_bn_act(channels, 32, 3, first)
        self.stage1 = stage(32, width1, depth1, second)
        self.stage2 = stage(width1, width2, depth2, 2)
        self.stage3 = stage(width2, width3, depth3, 2)
        self.stage4 = stage(width3, width4, depth4, 2)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(width4, classes)
        he_init(self)
        nn.init.normal_(self.fc.weight, std=0.01)
        nn.init.zeros_(self.fc.bias)

    def stem(self, x: Tensor) -> Tensor:
        return self.first(x)

    def stages(self) -> tuple[nn.Module, ...]:
        return self.stage1, self.stage2, self.stage3, self.stage4

    def head(self, x: Tensor) -> Tensor:
        return self.fc(self.avgpool(x).flatten(1))


def regnet_x_400mf(*, classes: int, channels: int, size: int) -> RegNet:
    return RegNet(ROWS["x_400mf"], nn.Identity, classes=classes, channels=channels, size=size)


def regnet_x_800mf(*, classes: int, channels: int, size: int) -> RegNet:
    return RegNet(ROWS["x_800mf"], nn.Identity, classes=classes, channels=channels, size=size)


def regnet_x_1_6gf(*, classes: int, channels: int, size: int) -> RegNet:
    return RegNet(ROWS["x_1_6gf"], nn.Identity, classes=classes, channels=channels, size=size)


def regnet_x_3_2gf(*, classes: int, channels: int, size: int) -> RegNet:
    return RegNet(ROWS["x_3_2gf"], nn.Identity, classes=classes, channels=channels, size=size)


def regnet_x_8gf(*, classes: int, channels: int, size: int) -> RegNet:
    return RegNet(ROWS["x_8gf"], nn.Identity, classes=classes, channels=channels, size=size)


def regnet_x_16gf(*, classes: int, channels: int, size: int) -> RegNet:
    return RegNet(ROWS["x_16gf"], nn.Identity, classes=classes, channels=channels, size=size)


def regnet_x_32gf(*, classes: int, channels: int, size: int) -> RegNet:
    return RegNet(ROWS["x_32gf"], nn.Identity, classes=classes, channels=channels, size=size)


def regnet_y_400mf(*, classes: int, channels: int, size: int) -> RegNet:
    return RegNet(ROWS["y_400mf"], squeeze_excite, classes=classes, channels=channels, size=size)


def regnet_y_800mf(*, classes: int, channels: int, size: int) -> RegNet:
    return RegNet(ROWS["y_800mf"], squeeze_excite, classes=classes, channels=channels, size=size)


def regnet_y_1_6gf(*, classes: int, channels: int, size: int) -> RegNet:
    return RegNet(ROWS["y_1_6gf"], squeeze_excite, classes=classes, channels=channels, size=size)


def regnet_y_3_2gf(*, classes: int, channels: int, size: int) -> RegNet:
    return RegNet(ROWS["y_3_2gf"], squeeze_excite, classes=classes, channels=channels, size=size)


def regnet_y_8gf(*, classes: int, channels: int, size: int) -> RegNet:
    return RegNet(ROWS["y_8gf"], squeeze_excite, classes=classes, channels=channels, size=size)


def regnet_y_16gf(*, classes: int, channels: int, size: int) -> RegNet:
    return RegNet(ROWS["y_16gf"], squeeze_excite, classes=classes, channels=channels, size=size)


def regnet_y_32gf(*, classes: int, channels: int, size: int) -> RegNet:
    return RegNet(ROWS["y_32gf"], squeeze_excite, classes=classes, channels=channels, size=size)
