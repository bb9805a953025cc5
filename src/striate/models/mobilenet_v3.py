"""MobileNet v3: blocks chosen by a search for low latency on a phone, with squeeze-and-excitation and hard-swish.

Howard et al., "Searching for MobileNetV3", ICCV 2019, arXiv:1905.02244. Weights, initialization (He for convolutions, a
normal with std 0.01 for linear layers, biases zero), dropout before the last layer and batch norm (epsilon 0.001;
momentum 0.01, the paper's decay of 0.99) are torchvision's. As there, squeeze-and-excitation has a quarter of the
channels, rounded to a multiple of 8, and dropout is 0.2; the paper's "dropout of 0.8" is the probability of keeping.

    large: 3x224x224 -> 16x112x112 -> 16x112x112 -> 24x56x56 -> 40x28x28 -> 112x14x14 -> 160x7x7
           -> 960x7x7 -> mean -> 1280 -> 1000
    small: 3x224x224 -> 16x112x112 -> 16x56x56 -> 24x28x28 -> 48x14x14 -> 96x7x7
           -> 576x7x7 -> mean -> 1024 -> 1000

    mobilenet_v3_large   5,483,032 parameters
    mobilenet_v3_small   2,542,856 parameters
"""

from collections.abc import Callable
from functools import partial
from itertools import accumulate
from operator import mul
from typing import Final, final

from torch import Tensor, nn

from striate.models.blocks import Network, SqueezeExcite, conv_bn_act, early_strides, he_init, make_divisible

Row = tuple[int, int, int, bool]
Stage = tuple[Callable[[], nn.Module], tuple[Row, ...]]

SQUEEZE: Final = True
PLAIN: Final = False

# Activation, then for each block kernel size, hidden width, width, squeeze-and-excitation or not. The first block of a stage
# has stride 2, except for the first stage of LARGE. Hard-swish is used in the later stages, where it costs less.
LARGE: Final[tuple[Stage, ...]] = (
    (nn.ReLU, ((3, 16, 16, PLAIN),)),
    (nn.ReLU, ((3, 64, 24, PLAIN), (3, 72, 24, PLAIN))),
    (nn.ReLU, ((5, 72, 40, SQUEEZE), (5, 120, 40, SQUEEZE), (5, 120, 40, SQUEEZE))),
    (
        nn.Hardswish,
        (
            (3, 240, 80, PLAIN),
            (3, 200, 80, PLAIN),
            (3, 184, 80, PLAIN),
            (3, 184, 80, PLAIN),
            (3, 480, 112, SQUEEZE),
            (3, 672, 112, SQUEEZE),
        ),
    ),
    (nn.Hardswish, ((5, 672, 160, SQUEEZE), (5, 960, 160, SQUEEZE), (5, 960, 160, SQUEEZE))),
)
SMALL: Final[tuple[Stage, ...]] = (
    (nn.ReLU, ((3, 16, 16, SQUEEZE),)),
    (nn.ReLU, ((3, 72, 24, PLAIN), (3, 88, 24, PLAIN))),
    (
        nn.Hardswish,
        (
            (5, 96, 40, SQUEEZE),
            (5, 240, 40, SQUEEZE),
            (5, 240, 40, SQUEEZE),
            (5, 120, 48, SQUEEZE),
            (5, 144, 48, SQUEEZE),
        ),
    ),
    (nn.Hardswish, ((5, 288, 96, SQUEEZE), (5, 576, 96, SQUEEZE), (5, 576, 96, SQUEEZE))),
)

norm = partial(nn.BatchNorm2d, eps=0.001, momentum=0.01)


@final
class InvertedResidual(nn.Module):
    """1x1 expansion, depthwise convolution, squeeze-and-excitation, 1x1 projection without an activation."""

    def __init__(
        self, inputs: int, row: Row, activation: Callable[[], nn.Module], stride: int, *, shortcut: bool
    ) -> None:
        super().__init__()
        kernel_size, hidden, outputs, gated = row
        squeezed = make_divisible(hidden // 4)
        widen = [conv_bn_act(inputs, hidden, 1, norm=norm, activation=activation)] if hidden > inputs else []
        gate = [SqueezeExcite(hidden, squeezed, gate=nn.Hardsigmoid)] if gated else []
        self.block = nn.Sequential(
            *widen,
            conv_bn_act(hidden, hidden, kernel_size, stride, groups=hidden, norm=norm, activation=activation),
            *gate,
            conv_bn_act(hidden, outputs, 1, norm=norm, activation=nn.Identity),
        )
        self.use_shortcut = shortcut

    def forward(self, x: Tensor) -> Tensor:  # B C H W -> B outputs H/stride W/stride
        return x + self.block(x) if self.use_shortcut else self.block(x)


@final
class MobileNetV3(Network):
    min_size = 1  # every layer pads
    input_layers = ("first.0",)
    classifier_layers = ("classifier.3",)

    def __init__(
        self, table: tuple[Stage, ...], hidden: int, *, classes: int, channels: int, size: int, dropout: float
    ) -> None:
        super().__init__()
        first, second = early_strides(size, 2, 2)
        strides = (1, second, 2, 2, 2)[-len(table) :]  # SMALL has no stage of the first convolution's size
        native = (1, 2, 2, 2, 2)[
            -len(table) :
        ]  # a block with stride 2 has no shortcut, even where its stride is reduced to 1
        self.strides = tuple(first * below for below in accumulate(strides, mul))
        self.widths = tuple(rows[-1][2] for _, rows in table)
        self.first = conv_bn_act(channels, 16, 3, first, norm=norm, activation=nn.Hardswish)
        self.blocks = nn.Sequential()
        inputs = 16
        for i, (activation, rows) in enumerate(table):
            stage = nn.Sequential()
            for row in rows:
                downsample = native[i] == 2 and not len(stage)
                shortcut = inputs == row[2] and not downsample
                stage.append(
                    InvertedResidual(inputs, row, activation, strides[i] if downsample else 1, shortcut=shortcut)
                )
                inputs = row[2]
            self.blocks.append(stage)
        self.last = conv_bn_act(inputs, 6 * inputs, 1, norm=norm, activation=nn.Hardswish)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Sequential(
            nn.Linear(6 * inputs, hidden), nn.Hardswish(), nn.Dropout(dropout), nn.Linear(hidden, classes)
        )
        self.key_map = published_names([len(rows) for _, rows in table])
        he_init(self)
        for layer in self.modules():
            if isinstance(layer, nn.Linear):
                nn.init.normal_(layer.weight, std=0.01)
            if isinstance(layer, nn.Linear | nn.Conv2d) and layer.bias is not None:
                nn.init.zeros_(layer.bias)

    def stem(self, x: Tensor) -> Tensor:
        return self.first(x)

    def stages(self) -> tuple[nn.Module, ...]:
        return tuple(self.blocks)

    def head(self, x: Tensor) -> Tensor:
        return self.classifier(self.avgpool(self.last(x)).flatten(1))


def published_names(depths: list[int]) -> tuple[tuple[str, str], ...]:
    """torchvision numbers everything before the mean: `features.4.` of `large` is `blocks.2.0.`."""
    blocks = [f"blocks.{stage}.{i}." for stage, depth in enumerate(depths) for i in range(depth)]
    return tuple((rf"^features\.{i}\.", name) for i, name in enumerate(["first.", *blocks, "last."]))


def mobilenet_v3_large(*, classes: int, channels: int, size: int, dropout: float = 0.2) -> MobileNetV3:
    return MobileNetV3(LARGE, 1280, classes=classes, channels=channels, size=size, dropout=dropout)


def mobilenet_v3_small(*, classes: int, channels: int, size: int, dropout: float = 0.2) -> MobileNetV3:
    return MobileNetV3(SMALL, 1024, classes=classes, channels=channels, size=size, dropout=dropout)
