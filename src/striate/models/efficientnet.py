"""EfficientNet: depth, width and image size are scaled together (compound scaling) from one network found by a search.

Tan & Le, "EfficientNet: rethinking model scaling for convolutional neural networks", ICML 2019, arXiv:1905.11946. The
rule: for 2^phi times the MACs of b0, depth times 1.2^phi, width times 1.1^phi, size times 1.15^phi; the rows
below are its roundings. Weights, initialization (He for convolutions, a uniform for the last layer, biases zero), dropout
before the last layer (0.2 to 0.5, as in the paper) and stochastic depth (from 0 at the first block toward 0.2) are
torchvision's. So is batch norm: epsilon 0.001 and momentum 0.01, the paper's, in b5 to b7, PyTorch's defaults in the others.

    b0: 3x224x224 -> 32x112x112 -> 16x112x112 -> 24x56x56 -> 40x28x28 -> 112x14x14 -> 320x7x7 -> 1280x7x7 -> mean -> 1000

    efficientnet_b0    5,288,548 parameters
    efficientnet_b1    7,794,184 parameters
    efficientnet_b2    9,109,994 parameters
    efficientnet_b3   12,233,232 parameters
    efficientnet_b4   19,341,616 parameters
    efficientnet_b5   30,389,784 parameters
    efficientnet_b6   43,040,704 parameters
    efficientnet_b7   66,347,960 parameters
"""

from collections.abc import Callable, Iterator
from functools import partial
from math import ceil, sqrt
from typing import Final, final

from torch import Tensor, nn

from striate.models.blocks import (
    Network,
    SqueezeExcite,
    StochasticDepth,
    conv_bn_act,
    early_strides,
    he_init,
    make_divisible,
)

Row = tuple[int, int, int, int]

# Of b0: kernel size, expansion, width, number of blocks; the first block of a stage has stride 2
STAGES: Final[tuple[tuple[Row, ...], ...]] = (
    ((3, 1, 16, 1),),  # except here, after the first convolution with stride 2
    ((3, 6, 24, 2),),
    ((5, 6, 40, 2),),
    ((3, 6, 80, 3), (5, 6, 112, 3)),
    ((5, 6, 192, 4), (3, 6, 320, 1)),
)

paper_norm = partial(nn.BatchNorm2d, eps=0.001, momentum=0.01)


@final
class MBConv(nn.Module):
    """1x1 expansion, depthwise convolution, squeeze-and-excitation, 1x1 projection without an activation."""

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel_size: int,
        expansion: int,
        stride: int,
        dropped: float,
        norm: Callable[[int], nn.Module],
    ) -> None:
        super().__init__()
        hidden = expansion * inputs
        widen = [conv_bn_act(inputs, hidden, 1, norm=norm, activation=nn.SiLU)] if expansion > 1 else []
        self.block = nn.Sequential(
            *widen,
            conv_bn_act(hidden, hidden, kernel_size, stride, groups=hidden, norm=norm, activation=nn.SiLU),
            SqueezeExcite(hidden, inputs // 4, activation=nn.SiLU),
            conv_bn_act(hidden, outputs, 1, norm=norm, activation=nn.Identity),
        )
        self.use_shortcut = stride == 1 and inputs == outputs
        self.stochastic_depth = StochasticDepth(dropped)

    def forward(self, x: Tensor) -> Tensor:  # B C H W -> B outputs H/stride W/stride
        return x + self.stochastic_depth(self.block(x)) if self.use_shortcut else self.block(x)


@final
class EfficientNet(Network):
    min_size = 1  # every layer pads
    input_layers = ("first.0",)
    classifier_layers = ("classifier.1",)
    key_map = (  # torchvision numbers everything before the mean
        (r"^features\.0\.", "first."),
        (r"^features\.1\.", "stage1.0."),
        (r"^features\.2\.", "stage2.0."),
        (r"^features\.3\.", "stage3.0."),
        (r"^features\.4\.", "stage4.0."),
        (r"^features\.5\.", "stage4.1."),
        (r"^features\.6\.", "stage5.0."),
        (r"^features\.7\.", "stage5.1."),
        (r"^features\.8\.", "last."),
    )

    def __init__(
        self,
        wider: float,
        deeper: float,
        norm: Callable[[int], nn.Module] = nn.BatchNorm2d,
        *,
        classes: int,
        channels: int,
        size: int,
        dropout: float,
    ) -> None:
        super().__init__()

        def width(native: int) -> int:
            return make_divisible(wider * native)

        def stage(inputs: int, rows: tuple[Row, ...], stride: int) -> nn.Sequential:
            """A sequence of blocks for each row of the table; the first block takes the stride."""
            sequences = nn.Sequential()
            for kernel_size, expansion, native, depth in rows:
                blocks = nn.Sequential()
                for _ in range(ceil(deeper * depth)):
                    block = MBConv(inputs, width(native), kernel_size, expansion, stride, next(dropped), norm)
                    blocks.append(block)
                    inputs, stride = width(native), 1
                sequences.append(blocks)
            return sequences

        total = sum(ceil(deeper * depth) for rows in STAGES for *_, depth in rows)
        dropped: Iterator[float] = (0.2 * i / total for i in range(total))
        first, second = early_strides(size, 2, 2)
        self.widths = tuple(width(rows[-1][2]) for rows in STAGES)
        self.strides = tuple(first * below for below in (1, second, 2 * second, 4 * second, 8 * second))
        self.first = conv_bn_act(channels, width(32), 3, first, norm=norm, activation=nn.SiLU)
        self.stage1 = stage(width(32), STAGES[0], stride=1)
        self.stage2 = stage(self.widths[0], STAGES[1], stride=second)
        self.stage3 = stage(self.widths[1], STAGES[2], stride=2)
        self.stage4 = stage(self.widths[2], STAGES[3], stride=2)
        self.stage5 = stage(self.widths[3], STAGES[4], stride=2)
        wide = 4 * self.widths[4]
        self.last = conv_bn_act(self.widths[4], wide, 1, norm=norm, activation=nn.SiLU)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        classifier = nn.Linear(wide, classes)
        self.classifier = nn.Sequential(nn.Dropout(dropout), classifier)
        he_init(self)
        for layer in self.modules():
            if isinstance(layer, nn.Linear | nn.Conv2d) and layer.bias is not None:
                nn.init.zeros_(layer.bias)
        nn.init.uniform_(classifier.weight, -1 / sqrt(classes), 1 / sqrt(classes))

    def stem(self, x: Tensor) -> Tensor:
        return self.first(x)

    def stages(self) -> tuple[nn.Module, ...]:
        return self.stage1, self.stage2, self.stage3, self.stage4, self.stage5

    def head(self, x: Tensor) -> Tensor:
        return self.classifier(self.avgpool(self.last(x)).flatten(1))


def efficientnet_b0(*, classes: int, channels: int, size: int, dropout: float = 0.2) -> EfficientNet:
    return EfficientNet(1.0, 1.0, classes=classes, channels=channels, size=size, dropout=dropout)


def efficientnet_b1(*, classes: int, channels: int, size: int, dropout: float = 0.2) -> EfficientNet:
    return EfficientNet(1.0, 1.1, classes=classes, channels=channels, size=size, dropout=dropout)


def efficientnet_b2(*, classes: int, channels: int, size: int, dropout: float = 0.3) -> EfficientNet:
    return EfficientNet(1.1, 1.2, classes=classes, channels=channels, size=size, dropout=dropout)


def efficientnet_b3(*, classes: int, channels: int, size: int, dropout: float = 0.3) -> EfficientNet:
    return EfficientNet(1.2, 1.4, classes=classes, channels=channels, size=size, dropout=dropout)


def efficientnet_b4(*, classes: int, channels: int, size: int, dropout: float = 0.4) -> EfficientNet:
    return EfficientNet(1.4, 1.8, classes=classes, channels=channels, size=size, dropout=dropout)


def efficientnet_b5(*, classes: int, channels: int, size: int, dropout: float = 0.4) -> EfficientNet:
    return EfficientNet(1.6, 2.2, paper_norm, classes=classes, channels=channels, size=size, dropout=dropout)


def efficientnet_b6(*, classes: int, channels: int, size: int, dropout: float = 0.5) -> EfficientNet:
    return EfficientNet(1.8, 2.6, paper_norm, classes=classes, channels=channels, size=size, dropout=dropout)


def efficientnet_b7(*, classes: int, channels: int, size: int, dropout: float = 0.5) -> EfficientNet:
    return EfficientNet(2.0, 3.1, paper_norm, classes=classes, channels=channels, size=size, dropout=dropout)
