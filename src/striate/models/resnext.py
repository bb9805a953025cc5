"""ResNeXt: the residual branch is a sum of many narrow paths of the same form, computed by one grouped convolution.

Xie, Girshick, Dollar, Tu, He, "Aggregated residual transformations for deep neural networks", CVPR 2017,
arXiv:1611.05431. Names and initialization are torchvision's (see resnet.py). 32x4d: in the first stage 32 paths (cardinality),
each 4 channels wide; each later stage doubles the width of a path and keeps their number. The paper has resnext101_32x4d
and resnext101_64x4d; torchvision has 32x8d in place of the first.

    3x224x224 -> stem 64x56x56 -> 256x56x56 -> 512x28x28 -> 1024x14x14 -> 2048x7x7 -> mean -> 1000

    resnext50_32x4d    25,028,904 parameters
    resnext101_32x8d   88,791,336 parameters
    resnext101_64x4d   83,455,272 parameters
"""

from functools import partial
from typing import final

from torch import Tensor, nn

from striate.models.resnet import DEPTHS, ResNet, conv1x1, conv3x3, shortcut


@final
class Paths(nn.Module):
    """The sum of many paths, each 1x1 to a few channels, 3x3, 1x1.

    The 1x1 convolutions of all paths are one 1x1 convolution, and the 3x3 convolutions one grouped convolution.
    """

    def __init__(self, paths: int, path_width: int, inputs: int, width: int, stride: int) -> None:
        super().__init__()
        inside = paths * path_width * width // 64  # 64 is the width of the first stage
        self.conv1, self.bn1 = conv1x1(inputs, inside), nn.BatchNorm2d(inside)
        self.relu1 = nn.ReLU(inplace=True)
        self.conv2, self.bn2 = conv3x3(inside, inside, stride, groups=paths), nn.BatchNorm2d(inside)
        self.relu2 = nn.ReLU(inplace=True)
        self.conv3, self.bn3 = conv1x1(inside, 4 * width), nn.BatchNorm2d(4 * width)
        self.relu3 = nn.ReLU(inplace=True)
        self.downsample = shortcut(inputs, 4 * width, stride)

    def forward(self, x: Tensor) -> Tensor:  # B C H W
        residual = self.relu1(self.bn1(self.conv1(x)))
        residual = self.relu2(self.bn2(self.conv2(residual)))
        residual = self.bn3(self.conv3(residual))
        return self.relu3(residual + self.downsample(x))


def resnext50_32x4d(*, classes: int, channels: int, size: int) -> ResNet:
    return ResNet(partial(Paths, 32, 4), 4, DEPTHS[50], classes=classes, channels=channels, size=size)


def resnext101_32x8d(*, classes: int, channels: int, size: int) -> ResNet:
    return ResNet(partial(Paths, 32, 8), 4, DEPTHS[101], classes=classes, channels=channels, size=size)


def resnext101_64x4d(*, classes: int, channels: int, size: int) -> ResNet:
    return ResNet(partial(Paths, 64, 4), 4, DEPTHS[101], classes=classes, channels=channels, size=size)
