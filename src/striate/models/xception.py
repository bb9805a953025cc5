"""Xception: Inception's branches taken to the extreme, one for each channel: depthwise separable convolutions with shortcuts.

Chollet, "Xception: Deep learning with depthwise separable convolutions", CVPR 2017, arXiv:1610.02357. Weights (ported
from the author's; they need images normalized by mean and std 0.5) are timm's legacy_xception, and so are the initialization
(He's normal by fan-out, PyTorch's default for fc), batch norm's (epsilon 1e-5, momentum 0.1; the author's Keras has 1e-3
and 0.01) and the dropout: none by default, where the paper has 0.5 before fc.

    3x299x299 -> 32x149x149, 64x147x147 -> 128x74x74 -> 256x37x37 -> 728x19x19, 8 times the same
    -> 1024x10x10, 1536, 2048 -> mean 2048 -> 1000

    xception   22,855,952 parameters
"""

from collections import OrderedDict
from itertools import pairwise
from typing import final

from torch import Tensor, nn

from striate.models.blocks import Network, early_strides, he_init


@final
class Separable(nn.Module):
    """A depthwise separable convolution: 3x3 depthwise, then 1x1, with no activation in between."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, inputs, kernel_size=3, padding=1, groups=inputs, bias=False)
        self.pointwise = nn.Conv2d(inputs, outputs, kernel_size=1, bias=False)

    def forward(self, x: Tensor) -> Tensor:  # B C H W
        return self.pointwise(self.conv1(x))


def separables(*widths: int) -> list[nn.Module]:
    """From each width to the next: ReLU, separable convolution, batch norm."""
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise(widths):
        layers += [nn.ReLU(), Separable(inputs, outputs), nn.BatchNorm2d(outputs)]
    return layers


@final
class Block(nn.Module):
    """Input + residual branch; where their shapes differ, the shortcut is a 1x1 convolution."""

    def __init__(self, residual: list[nn.Module], skip: nn.Module) -> None:
        super().__init__()
        self.rep = nn.Sequential(*residual)
        self.skip = skip

    def forward(self, x: Tensor) -> Tensor:  # B C H W
        return self.rep(x) + self.skip(x)


def reduction(residual: list[nn.Module], inputs: int, outputs: int, stride: int = 2) -> Block:
    pool = [nn.MaxPool2d(kernel_size=3, stride=stride, padding=1)] if stride > 1 else []
    skip = nn.Sequential(nn.Conv2d(inputs, outputs, kernel_size=1, stride=stride, bias=False), nn.BatchNorm2d(outputs))
    return Block([*residual, *pool], skip)


@final
class Xception(Network):
    widths = (64, 128, 256, 728, 2048)
    input_layers = ("stage1.conv1",)
    classifier_layers = ("fc",)
    key_map = (
        (r"^(conv[12]|bn[12])\.", r"stage1.\1."),
        (r"^(block1)\.", r"stage2.\1."),
        (r"^(block2)\.", r"stage3.\1."),
        (r"^(block([3-9]|10|11))\.", r"stage4.\1."),
        (r"^(block12|conv[34]|bn[34])\.", r"stage5.\1."),
        (r"\.skip\.weight$", ".skip.0.weight"),
        (r"\.skipbn\.", ".skip.1."),
    )

    def __init__(self, *, classes: int, channels: int, size: int, dropout: float) -> None:
        super().__init__()
        first, second = early_strides(size, 2, 2)
        stride = first * second
        self.strides = (first, stride, 2 * stride, 4 * stride, 8 * stride)
        self.min_size = (
            2 * first + 3
        )  # only the first two convolutions do not pad: 1 position needs 3, and those 7 or 5
        self.stage1 = nn.Sequential(
            OrderedDict(
                conv1=nn.Conv2d(channels, 32, kernel_size=3, stride=first, bias=False),
                bn1=nn.BatchNorm2d(32),
                act1=nn.ReLU(inplace=True),
                conv2=nn.Conv2d(32, 64, kernel_size=3, bias=False),
                bn2=nn.BatchNorm2d(64),
                act2=nn.ReLU(inplace=True),
            )
        )
        rectified = separables(64, 128, 128)[1:]  # act2 was its first ReLU
        self.stage2 = nn.Sequential(OrderedDict(block1=reduction(rectified, 64, 128, second)))
        self.stage3 = nn.Sequential(OrderedDict(block2=reduction(separables(128, 256, 256), 128, 256)))
        self.stage4 = nn.Sequential(
            OrderedDict(
                block3=reduction(separables(256, 728, 728), 256, 728),
                **{f"block{i}": Block(separables(728, 728, 728, 728), nn.Identity()) for i in range(4, 12)},
            )
        )
        self.stage5 = nn.Sequential(
            OrderedDict(
                block12=reduction(separables(728, 728, 1024), 728, 1024),
                conv3=Separable(1024, 1536),
                bn3=nn.BatchNorm2d(1536),
                act3=nn.ReLU(inplace=True),
                conv4=Separable(1536, 2048),
                bn4=nn.BatchNorm2d(2048),
                act4=nn.ReLU(inplace=True),
            )
        )
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.dropout = nn.Dropout(dropout)
        self.fc = nn.Linear(2048, classes)
        he_init(self)

    def stem(self, x: Tensor) -> Tensor:
        return x

    def stages(self) -> tuple[nn.Module, ...]:
        return self.stage1, self.stage2, self.stage3, self.stage4, self.stage5

    def head(self, x: Tensor) -> Tensor:
        return self.fc(self.dropout(self.avgpool(x).flatten(1)))


def xception(*, classes: int, channels: int, size: int, dropout: float = 0.0) -> Xception:
    return Xception(classes=classes, channels=channels, size=size, dropout=dropout)
