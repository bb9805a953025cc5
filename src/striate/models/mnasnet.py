"""MnasNet: an architecture search that measures latency on a real phone chooses kernel size and expansion of each stage.

Tan, Chen, Pang, Vasudevan, Sandler, Howard, Le, "MnasNet: platform-aware neural architecture search for mobile", CVPR
2019, arXiv:1807.11626. This is B1, without squeeze-and-excitation. Weights, initialization (He for convolutions, a uniform for
the last layer, its bias zero), dropout before the last layer and batch norm are torchvision's. Its batch norm has a
momentum of 0.0003, the paper 0.01: running statistics need ten thousand steps to converge, so a network trained for fewer
is much better in train mode than in eval mode.

    3x224x224 -> 32x112x112 -> 16x112x112 -> 24x56x56 -> 40x28x28 -> 96x14x14 -> 320x7x7 -> 1280x7x7 -> mean -> 1000
    the others: all widths but the 1280 times 0.5, 0.75, 1.3

    mnasnet0_5    2,218,512 parameters
    mnasnet0_75   3,170,208 parameters
    mnasnet1_0    4,383,312 parameters
    mnasnet1_3    6,282,256 parameters
"""

from functools import partial
from typing import Final, final

from torch import Tensor, nn

from striate.models.blocks import Network, conv_bn_act, early_strides, he_init, make_divisible

Row = tuple[int, int, int, int]

# Kernel size, expansion, width, number of blocks; the first block of a stage has stride 2
STAGES: Final[tuple[tuple[Row, ...], ...]] = (
    ((3, 3, 24, 3),),
    ((5, 3, 40, 3),),
    ((5, 6, 80, 3), (3, 6, 96, 2)),
    ((5, 6, 192, 4), (3, 6, 320, 1)),
)

norm = partial(nn.BatchNorm2d, momentum=1 - 0.9997)


@final
class InvertedResidual(nn.Module):
    """MobileNet v2's block with any kernel size: 1x1 expansion, depthwise convolution, 1x1 projection without a ReLU."""

    def __init__(self, inputs: int, outputs: int, kernel_size: int, expansion: int, stride: int) -> None:
        super().__init__()
        hidden = expansion * inputs
        self.layers = nn.Sequential(
            *conv_bn_act(inputs, hidden, 1, norm=norm),
            *conv_bn_act(hidden, hidden, kernel_size, stride, groups=hidden, norm=norm),
            nn.Conv2d(hidden, outputs, kernel_size=1, bias=False),
            norm(outputs),
        )
        self.use_shortcut = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:  # B C H W -> B outputs H/stride W/stride
        return x + self.layers(x) if self.use_shortcut else self.layers(x)


@final
class MnasNet(Network):
    min_size = 1  # every layer pads
    input_layers = ("first.0",)
    classifier_layers = ("classifier.1",)
    key_map = (  # torchvision numbers everything before the mean
        *((rf"^layers\.{i}\.", f"first.{i}.") for i in range(2)),
        *((rf"^layers\.{3 + i}\.", f"stage1.{i}.") for i in range(5)),
        (r"^layers\.8\.", "stage2.0."),
        (r"^layers\.9\.", "stage3.0."),
        *((rf"^layers\.{10 + i}\.", f"stage4.{i}.") for i in range(2)),
        *((rf"^layers\.{12 + i}\.", f"stage5.{i}.") for i in range(2)),
        *((rf"^layers\.{14 + i}\.", f"last.{i}.") for i in range(2)),
    )

    def __init__(self, multiplier: float, *, classes: int, channels: int, size: int, dropout: float) -> None:
        super().__init__()

        def width(native: int) -> int:
            return make_divisible(native * multiplier)

        def stage(inputs: int, rows: tuple[Row, ...], stride: int) -> nn.Sequential:
            """A sequence of blocks for each row of the table; the first block takes the stride."""
            sequences = nn.Sequential()
            for kernel_size, expansion, native, depth in rows:
                blocks = nn.Sequential()
                for _ in range(depth):
                    blocks.append(InvertedResidual(inputs, width(native), kernel_size, expansion, stride))
                    inputs, stride = width(native), 1
                sequences.append(blocks)
            return sequences

        first, second = early_strides(size, 2, 2)
        self.widths = tuple(width(native) for native in (16, 24, 40, 96, 320))
        self.strides = tuple(first * below for below in (1, second, 2 * second, 4 * second, 8 * second))
        self.first = conv_bn_act(channels, width(32), 3, first, norm=norm)
        self.stage1 = nn.Sequential(
            *conv_bn_act(width(32), width(32), 3, groups=width(32), norm=norm),
            nn.Conv2d(width(32), width(16), kernel_size=1, bias=False),
            norm(width(16)),
        )
        self.stage2 = stage(self.widths[0], STAGES[0], stride=second)
        self.stage3 = stage(self.widths[1], STAGES[1], stride=2)
        self.stage4 = stage(self.widths[2], STAGES[2], stride=2)
        self.stage5 = stage(self.widths[3], STAGES[3], stride=2)
        self.last = conv_bn_act(self.widths[4], 1280, 1, norm=norm)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        classifier = nn.Linear(1280, classes)
        self.classifier = nn.Sequential(nn.Dropout(dropout), classifier)
        he_init(self)
        nn.init.kaiming_uniform_(classifier.weight, mode="fan_out", nonlinearity="sigmoid")
        nn.init.zeros_(classifier.bias)

    def stem(self, x: Tensor) -> Tensor:
        return self.first(x)

    def stages(self) -> tuple[nn.Module, ...]:
        return self.stage1, self.stage2, self.stage3, self.stage4, self.stage5

    def head(self, x: Tensor) -> Tensor:
        return self.classifier(self.avgpool(self.last(x)).flatten(1))


def mnasnet0_5(*, classes: int, channels: int, size: int, dropout: float = 0.2) -> MnasNet:
    return MnasNet(0.5, classes=classes, channels=channels, size=size, dropout=dropout)


def mnasnet0_75(*, classes: int, channels: int, size: int, dropout: float = 0.2) -> MnasNet:
    return MnasNet(0.75, classes=classes, channels=channels, size=size, dropout=dropout)


def mnasnet1_0(*, classes: int, channels: int, size: int, dropout: float = 0.2) -> MnasNet:
    return MnasNet(1.0, classes=classes, channels=channels, size=size, dropout=dropout)


def mnasnet1_3(*, classes: int, channels: int, size: int, dropout: float = 0.2) -> MnasNet:
    return MnasNet(1.3, classes=classes, channels=channels, size=size, dropout=dropout)
