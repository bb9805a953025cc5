"""ResNet for 32 pixels: up to 1202 layers of the same block, with shortcuts without parameters.

He, Zhang, Ren, Sun, "Deep residual learning for image recognition", CVPR 2016, arXiv:1512.03385, section 4.2.
Neither torchvision nor timm has these. 6n + 2 layers: a first convolution, three stages of n blocks of two convolutions,
and fc. Where a stage starts, the shortcut is the paper's option A: every other position, and zeros for the new channels.
Initialization is that of the authors' Torch code: He by fan out, biases zero.

    3x32x32 -> 16x32x32 -> 16x32x32 -> 32x16x16 -> 64x8x8 -> mean -> 10

    cifar_resnet20     n = 3        269,722 parameters   paper: 0.27 million
    cifar_resnet32     n = 5        464,154 parameters   paper: 0.46 million
    cifar_resnet44     n = 7        658,586 parameters   paper: 0.66 million
    cifar_resnet56     n = 9        853,018 parameters   paper: 0.85 million
    cifar_resnet110    n = 18     1,727,962 parameters   paper: 1.7 million
    cifar_resnet1202   n = 200   19,421,274 parameters   paper: 19.4 million
"""

from typing import final

import torch.nn.functional as F
from torch import Tensor, nn

from striate.models.blocks import Network, he_init
from striate.models.resnet import conv3x3


@final
class Basic(nn.Module):
    """Two 3x3 convolutions, and a shortcut without parameters."""

    def __init__(self, inputs: int, width: int, stride: int) -> None:
        super().__init__()
        self.conv1, self.bn1 = conv3x3(inputs, width, stride), nn.BatchNorm2d(width)
        self.relu1 = nn.ReLU(inplace=True)
        self.conv2, self.bn2 = conv3x3(width, width), nn.BatchNorm2d(width)
        self.shortcut = Subsample(inputs, width, stride)
        self.relu2 = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:  # B C H W
        residual = self.relu1(self.bn1(self.conv1(x)))
        residual = self.bn2(self.conv2(residual))
        return self.relu2(residual + self.shortcut(x))


@final
class Subsample(nn.Module):
    """Option A: every `stride`-th position of each row and column, and zeros for the new channels."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.stride, self.added = stride, outputs - inputs

    def forward(self, x: Tensor) -> Tensor:  # B C H W
        return F.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, 0, self.added))

    def extra_repr(self) -> str:
        return f"stride={self.stride}, added={self.added}"


def stage(inputs: int, width: int, depth: int, stride: int) -> nn.Sequential:
    """`depth` blocks, of which the first takes the stride."""
    return nn.Sequential(Basic(inputs, width, stride), *(Basic(width, width, 1) for _ in range(depth - 1)))


@final
class CifarResNet(Network):
    widths = (16, 32, 64)
    strides = (1, 2, 4)
    min_size = 1  # every layer pads
    input_layers = ("conv1",)
    classifier_layers = ("fc",)

    def __init__(self, depth: int, *, classes: int, channels: int) -> None:
        super().__init__()
        self.conv1, self.bn1 = conv3x3(channels, 16), nn.BatchNorm2d(16)
        self.relu = nn.ReLU(inplace=True)
        self.layer1 = stage(16, 16, depth, stride=1)
        self.layer2 = stage(16, 32, depth, stride=2)
        self.layer3 = stage(32, 64, depth, stride=2)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(64, classes)
        he_init(self)
        nn.init.zeros_(self.fc.bias)

    def stem(self, x: Tensor) -> Tensor:
        return self.relu(self.bn1(self.conv1(x)))

    def stages(self) -> tuple[nn.Module, ...]:
        return self.layer1, self.layer2, self.layer3

    def head(self, x: Tensor) -> Tensor:
        return self.fc(self.avgpool(x).flatten(1))


def cifar_resnet20(*, classes: int, channels: int) -> CifarResNet:
    return CifarResNet(3, classes=classes, channels=channels)


def cifar_resnet32(*, classes: int, channels: int) -> CifarResNet:
    return CifarResNet(5, classes=classes, channels=channels)


def cifar_resnet44(*, classes: int, channels: int) -> CifarResNet:
    return CifarResNet(7, classes=classes, channels=channels)


def cifar_resnet56(*, classes: int, channels: int) -> CifarResNet:
    return CifarResNet(9, classes=classes, channels=channels)


def cifar_resnet110(*, classes: int, channels: int) -> CifarResNet:
    return CifarResNet(18, classes=classes, channels=channels)


def cifar_resnet1202(*, classes: int, channels: int) -> CifarResNet:
    return CifarResNet(200, classes=classes, channels=channels)
