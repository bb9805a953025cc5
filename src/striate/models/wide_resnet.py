"""Wide ResNet: blocks with more channels are as accurate as many more blocks, and faster.

Zagoruyko, Komodakis, "Wide residual networks", BMVC 2016, arXiv:1605.07146.

wide_resnet50_2 and 101_2 are ResNets whose 3x3 convolutions have twice the channels; names and initialization are
torchvision's (see resnet.py):

    3x224x224 -> stem 64x56x56 -> 256x56x56 -> 512x28x28 -> 1024x14x14 -> 2048x7x7 -> mean -> 1000

    wide_resnet50_2     68,883,240 parameters
    wide_resnet101_2   126,886,696 parameters

cifar_wide_resnetN_K are the paper's own: N convolutions, those of the shortcuts too, in pre-activation blocks K times as
wide as those of the first ResNets for 32 pixels, and dropout between the two convolutions of a block (the paper's is
0.3, and 0 where it uses none, as here by default). Differences from the authors' code: He's std is by fan out, not by
fan in, and the weights of batch norm start at 1, not between 0 and 1.

    3x32x32 -> 16x32x32 -> 16Kx32x32 -> 32Kx16x16 -> 64Kx8x8 -> norm, ReLU -> mean -> 10

    cifar_wide_resnet16_8    10,961,370 parameters   paper: 11.0 million
    cifar_wide_resnet28_10   36,479,194 parameters   paper: 36.5 million
    cifar_wide_resnet40_4     8,949,210 parameters   paper: 8.9 million
"""

from functools import partial
from typing import final

from torch import Tensor, nn

from striate.models.cifar_preact_resnet import CifarPreactResNet
from striate.models.resnet import DEPTHS, ResNet, conv1x1, conv3x3, shortcut


@final
class WideBottleneck(nn.Module):
    """ResNet's bottleneck with twice the channels in its 3x3 convolution."""

    def __init__(self, inputs: int, width: int, stride: int) -> None:
        super().__init__()
        self.conv1, self.bn1 = conv1x1(inputs, 2 * width), nn.BatchNorm2d(2 * width)
        self.relu1 = nn.ReLU(inplace=True)
        self.conv2, self.bn2 = conv3x3(2 * width, 2 * width, stride), nn.BatchNorm2d(2 * width)
        self.relu2 = nn.ReLU(inplace=True)
        self.conv3, self.bn3 = conv1x1(2 * width, 4 * width), nn.BatchNorm2d(4 * width)
        self.relu3 = nn.ReLU(inplace=True)
        self.downsample = shortcut(inputs, 4 * width, stride)

    def forward(self, x: Tensor) -> Tensor:  # B C H W
        residual = self.relu1(self.bn1(self.conv1(x)))
        residual = self.relu2(self.bn2(self.conv2(residual)))
        residual = self.bn3(self.conv3(residual))
        return self.relu3(residual + self.downsample(x))


def wide_basic(dropout: float, inputs: int, outputs: int, stride: int) -> nn.Sequential:
    """What a pre-activation block does after its first norm and ReLU."""
    return nn.Sequential(
        *(conv3x3(inputs, outputs, stride), nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)),
        *(nn.Dropout(dropout), conv3x3(outputs, outputs)),
    )


def wide_resnet50_2(*, classes: int, channels: int, size: int) -> ResNet:
    return ResNet(WideBottleneck, 4, DEPTHS[50], classes=classes, channels=channels, size=size)


def wide_resnet101_2(*, classes: int, channels: int, size: int) -> ResNet:
    return ResNet(WideBottleneck, 4, DEPTHS[101], classes=classes, channels=channels, size=size)


def cifar_wide_resnet(depth: int, k: int, *, classes: int, channels: int, dropout: float) -> CifarPreactResNet:
    widths = (16 * k, 32 * k, 64 * k)
    residual = partial(wide_basic, dropout)
    return CifarPreactResNet(residual, conv1x1, widths, depth, classes=classes, channels=channels)


def cifar_wide_resnet16_8(*, classes: int, channels: int, dropout: float = 0.0) -> CifarPreactResNet:
    return cifar_wide_resnet(2, 8, classes=classes, channels=channels, dropout=dropout)


def cifar_wide_resnet28_10(*, classes: int, channels: int, dropout: float = 0.0) -> CifarPreactResNet:
    return cifar_wide_resnet(4, 10, classes=classes, channels=channels, dropout=dropout)


def cifar_wide_resnet40_4(*, classes: int, channels: int, dropout: float = 0.0) -> CifarPreactResNet:
    return cifar_wide_resnet(6, 4, classes=classes, channels=channels, dropout=dropout)
