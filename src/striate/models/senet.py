"""SENet: squeeze-and-excitation scales each channel of a residual branch by a factor that depends on all channels' means.

Hu, Shen, Sun, "Squeeze-and-excitation networks", CVPR 2018, arXiv:1709.01507. Names, initialization and counts are those
of timm's seresnet. Differences from the paper: at least 8 squeezed channels (a sixteenth of 64 is 4: only the first stage of
se_resnet18 and 34 differs), a bottleneck's stride in its 3x3 convolution, and residual branches that start at zero.

    3x224x224 -> stem 64x56x56 -> 64x56x56 -> 128x28x28 -> 256x14x14 -> 512x7x7 -> mean -> 1000
    se_resnet50 and deeper: four times these widths: 256, 512, 1024, 2048

    se_resnet18    11,779,624 parameters
    se_resnet34    21,960,416 parameters
    se_resnet50    28,088,024 parameters
    se_resnet101   49,326,872 parameters
    se_resnet152   66,821,848 parameters
"""

from collections.abc import Callable
from functools import partial
from typing import Final, final

from torch import Tensor, nn

from striate.models.blocks import SqueezeExcite, make_divisible
from striate.models.resnet import DEPTHS, ResNet, conv1x1, conv3x3, shortcut

Attention = Callable[[int], nn.Module]  # from a number of channels


@final
class AttentionBasic(nn.Module):
    """ResNet's basic block, with channel or spatial attention on the residual branch."""

    def __init__(self, attention: Attention, inputs: int, width: int, stride: int) -> None:
        super().__init__()
        self.conv1, self.bn1 = conv3x3(inputs, width, stride), nn.BatchNorm2d(width)
        self.relu1 = nn.ReLU(inplace=True)
        self.conv2, self.bn2 = conv3x3(width, width), nn.BatchNorm2d(width)
        self.se = attention(width)
        self.relu2 = nn.ReLU(inplace=True)
        self.downsample = shortcut(inputs, width, stride)
        nn.init.zeros_(self.bn2.weight)  # a new block is the identity

    def forward(self, x: Tensor) -> Tensor:  # B C H W
        residual = self.relu1(self.bn1(self.conv1(x)))
        residual = self.se(self.bn2(self.conv2(residual)))
        return self.relu2(residual + self.downsample(x))


@final
class AttentionBottleneck(nn.Module):
    """ResNet's bottleneck, with channel or spatial attention on the residual branch."""

    def __init__(self, attention: Attention, inputs: int, width: int, stride: int) -> None:
        super().__init__()
        self.conv1, self.bn1 = conv1x1(inputs, width), nn.BatchNorm2d(width)
        self.relu1 = nn.ReLU(inplace=True)
        self.conv2, self.bn2 = conv3x3(width, width, stride), nn.BatchNorm2d(width)
        self.relu2 = nn.ReLU(inplace=True)
        self.conv3, self.bn3 = conv1x1(width, 4 * width), nn.BatchNorm2d(4 * width)
        self.se = attention(4 * width)
        self.relu3 = nn.ReLU(inplace=True)
        self.downsample = shortcut(inputs, 4 * width, stride)
        nn.init.zeros_(self.bn3.weight)  # a new block is the identity

    def forward(self, x: Tensor) -> Tensor:  # B C H W
        residual = self.relu1(self.bn1(self.conv1(x)))
        residual = self.relu2(self.bn2(self.conv2(residual)))
        residual = self.se(self.bn3(self.conv3(residual)))
        return self.relu3(residual + self.downsample(x))


def squeeze_excite(channels: int) -> SqueezeExcite:
    return SqueezeExcite(channels, make_divisible(channels / 16))


BASIC: Final = partial(AttentionBasic, squeeze_excite)
BOTTLENECK: Final = partial(AttentionBottleneck, squeeze_excite)


def se_resnet18(*, classes: int, channels: int, size: int) -> ResNet:
    return ResNet(BASIC, 1, DEPTHS[18], classes=classes, channels=channels, size=size)


def se_resnet34(*, classes: int, channels: int, size: int) -> ResNet:
    return ResNet(BASIC, 1, DEPTHS[34], classes=classes, channels=channels, size=size)


def se_resnet50(*, classes: int, channels: int, size: int) -> ResNet:
    return ResNet(BOTTLENECK, 4, DEPTHS[50], classes=classes, channels=channels, size=size)


def se_resnet101(*, classes: int, channels: int, size: int) -> ResNet:
    return ResNet(BOTTLENECK, 4, DEPTHS[101], classes=classes, channels=channels, size=size)


def se_resnet152(*, classes: int, channels: int, size: int) -> ResNet:
    return ResNet(BOTTLENECK, 4, DEPTHS[152], classes=classes, channels=channels, size=size)
