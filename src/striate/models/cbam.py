"""CBAM: a block's change passes a gate for its channels and then a gate for its places.

Woo, Park, Lee, Kweon, "CBAM: Convolutional block attention module", ECCV 2018, arXiv:1807.06521. Names and first
weights are those of timm's ResNet with CBAM. Against the authors' code: the layers of the channel gate have no biases,
the map of means comes before that of maxima, the place gate's batch norm has momentum 0.1 and starts with gain 1
(theirs 0.01 and 0), and the change of every block is zero at first.

    3x224x224 -> stem 64x56x56 -> 64x56x56 -> 128x28x28 -> 256x14x14 -> 512x7x7 -> mean -> 1000
    cbam_resnet50 and deeper: four times these widths: 256, 512, 1024, 2048

    cbam_resnet18    11,777,352 parameters
    cbam_resnet34    21,956,456 parameters
    cbam_resnet50    28,073,576 parameters
    cbam_resnet101   49,295,628 parameters
"""

from collections import OrderedDict
from functools import partial
from typing import Final, final

import torch
from torch import Tensor, nn

from striate.models.resnet import DEPTHS, ResNet
from striate.models.senet import GatedBasic, GatedBottleneck


@final
class ChannelGate(nn.Module):
    """Each channel times a gate: one small network sees the channels' means and their maxima, and the two add up."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.fc1 = nn.Conv2d(channels, channels // 16, kernel_size=1, bias=False)
        self.relu = nn.ReLU()
        self.fc2 = nn.Conv2d(channels // 16, channels, kernel_size=1, bias=False)
        self.gate = nn.Sigmoid()

    def forward(self, x: Tensor) -> Tensor:  # B C H W
        seen = torch.cat([x.mean((2, 3), keepdim=True), x.amax((2, 3), keepdim=True)], dim=3)  # B C 1 2: as two cells
        return x * self.gate(self.fc2(self.relu(self.fc1(seen))).sum(3, keepdim=True))


@final
class SpatialAttention(nn.Module):
    """Each place times a gate: a 7x7 convolution sees the mean and the maximum of the channels there and around."""

    def __init__(self) -> None:
        super().__init__()
        convolution = nn.Conv2d(2, 1, kernel_size=7, padding=3, bias=False)
        self.conv = nn.Sequential(OrderedDict(conv=convolution, bn=nn.BatchNorm2d(1)))
        self.gate = nn.Sigmoid()

    def forward(self, x: Tensor) -> Tensor:  # B C H W
        seen = torch.cat([x.mean(1, keepdim=True), x.amax(1, keepdim=True)], dim=1)  # B 2 H W
        return x * self.gate(self.conv(seen))


def channels_then_places(channels: int) -> nn.Sequential:
    return nn.Sequential(OrderedDict(channel=ChannelGate(channels), spatial=SpatialAttention()))


BASIC: Final = partial(GatedBasic, channels_then_places)
BOTTLENECK: Final = partial(GatedBottleneck, channels_then_places)


def cbam_resnet18(*, classes: int, channels: int, size: int) -> ResNet:
    return ResNet(BASIC, 1, DEPTHS[18], classes=classes, channels=channels, size=size)


def cbam_resnet34(*, classes: int, channels: int, size: int) -> ResNet:
    return ResNet(BASIC, 1, DEPTHS[34], classes=classes, channels=channels, size=size)


def cbam_resnet50(*, classes: int, channels: int, size: int) -> ResNet:
    return ResNet(BOTTLENECK, 4, DEPTHS[50], classes=classes, channels=channels, size=size)


def cbam_resnet101(*, classes: int, channels: int, size: int) -> ResNet:
    return ResNet(BOTTLENECK, 4, DEPTHS[101], classes=classes, channels=channels, size=size)
