"""MobileNet v2: blocks of 1x1 expansion, depthwise convolution and linear 1x1 bottleneck (inverted residuals).

Sandler, Howard, Zhu, Zhmoginov, Chen, "MobileNetV2: inverted residuals and linear bottlenecks", CVPR 2018,
arXiv:1801.04381. Weights, initialization (He for convolutions, a normal with std 0.01 for the last layer, biases
zero) and dropout before the last layer are torchvision's; the paper gives neither.

    3x224x224 -> 32x112x112 -> 16x112x112 -> 24x56x56 -> 32x28x28 -> 96x14x14 -> 320x7x7 -> 1280x7x7 -> mean -> 1000

    mobilenet_v2   3,504,872 parameters
"""

from typing import Final, final

from torch import Tensor, nn

from striate.models.blocks import Network, conv_bn_act, early_strides, he_init

Row = tuple[int, int, int]

# Expansion, width, number of blocks; the first block of a stage has stride 2
STAGES: Final[tuple[tuple[Row, ...], ...]] = (
    ((1, 16, 1),),  # but here, where the first convolution did
    ((6, 24, 2),),
    ((6, 32, 3),),
    ((6, 64, 4), (6, 96, 3)),
    ((6, 160, 3), (6, 320, 1)),
)


@final
class InvertedResidual(nn.Module):
    """1x1 expansion, depthwise convolution, 1x1 projection without an activation; the shortcut joins the narrow ends."""

    def __init__(self, inputs: int, outputs: int, expansion: int, stride: int) -> None:
        super().__init__()
        hidden = expansion * inputs
        widen = [conv_bn_act(inputs, hidden, 1, activation=nn.ReLU6)] if expansion > 1 else []
        self.conv = nn.Sequential(
            *widen,
            conv_bn_act(hidden, hidden, 3, stride, groups=hidden, activation=nn.ReLU6),
            nn.Conv2d(hidden, outputs, kernel_size=1, bias=False),
            nn.BatchNorm2d(outputs),  # linear: a ReLU here would lose what few channels hold
        )
        self.use_shortcut = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:  # B C H W -> B outputs H/stride W/stride
        return x + self.conv(x) if self.use_shortcut else self.conv(x)


def stage(inputs: int, rows: tuple[Row, ...], stride: int) -> nn.Sequential:
    """The blocks of some rows of the table; the first of them takes the stride."""
    blocks = nn.Sequential()
    for expansion, width, depth in rows:
        for _ in range(depth):
            blocks.append(InvertedResidual(inputs, width, expansion, 1 if len(blocks) else stride))
            inputs = width
    return blocks


@final
class MobileNetV2(Network):
    widths = (16, 24, 32, 96, 320)
    min_size = 1  # every layer pads
    input_layers = ("first.0",)
    classifier_layers = ("classifier.1",)

    def __init__(self, *, classes: int, channels: int, size: int, dropout: float) -> None:
        super().__init__()
        first, second = early_strides(size, 2, 2)
        self.strides = tuple(first * below for below in (1, second, 2 * second, 4 * second, 8 * second))
        self.first = conv_bn_act(channels, 32, 3, first, activation=nn.ReLU6)
        self.stage1 = stage(32, STAGES[0], stride=1)
        self.stage2 = stage(16, STAGES[1], stride=second)
        self.stage3 = stage(24, STAGES[2], stride=2)
        self.stage4 = stage(32, STAGES[3], stride=2)
        self.stage5 = stage(96, STAGES[4], stride=2)
        self.last = conv_bn_act(320, 1280, 1, activation=nn.ReLU6)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        classifier = nn.Linear(1280, classes)
        self.classifier = nn.Sequential(nn.Dropout(dropout), classifier)
        self.key_map = published_names(self.stage1, self.stage2, self.stage3, self.stage4, self.stage5)
        he_init(self)
        nn.init.normal_(classifier.weight, std=0.01)
        nn.init.zeros_(classifier.bias)

    def stem(self, x: Tensor) -> Tensor:
        return self.first(x)

    def stages(self) -> tuple[nn.Module, ...]:
        return self.stage1, self.stage2, self.stage3, self.stage4, self.stage5

    def head(self, x: Tensor) -> Tensor:
        return self.classifier(self.avgpool(self.last(x)).flatten(1))


def published_names(*stages: nn.Sequential) -> tuple[tuple[str, str], ...]:
    """torchvision numbers everything before the mean: `features.4.` is `stage3.0.`."""
    blocks = [f"stage{number}.{i}." for number, stage in enumerate(stages, 1) for i in range(len(stage))]
    return tuple((rf"^features\.{i}\.", name) for i, name in enumerate(["first.", *blocks, "last."]))


def mobilenet_v2(*, classes: int, channels: int, size: int, dropout: float = 0.2) -> MobileNetV2:
    return MobileNetV2(classes=classes, channels=channels, size=size, dropout=dropout)
