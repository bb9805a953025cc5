"""CBAM: channel attention and then spatial attention on the residual branch of each block.

Woo, Park, Lee, Kweon, "CBAM: Convolutional block attention module", ECCV 2018, arXiv:1807.06521. Names and
initialization are those of timm's ResNet with CBAM. Differences from the authors' code: the layers of the channel attention
have no biases, the map of means comes before that of maxima, the batch norm of the spatial attention has momentum 0.1 and an
initial weight of 1 (theirs 0.01 and 0), and the residual branch of every block starts at zero.

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
from striate.models.senet import AttentionBasic, AttentionBottleneck


@final
class ChannelAttention(nn.Module):
    """Each channel is scaled by a factor: the sigmoid of the sum of one MLP on the channels' means and on their maxima."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.fc1 = nn.Conv2d(channels, channels // 16, kernel_size=1, bias=False)
        self.relu = nn.ReLU()
        self.fc2 = nn.Conv2d(channels // 16, channels, kernel_size=1, bias=False)
        self.gate = nn.Sigmoid()

    def forward(self, x: Tensor) -> Tensor:  # B C H W
        pooled = torch.cat([x.mean((2, 3), keepdim=True), x.amax((2, 3), keepdim=True)], dim=3)  # B C 1 2
        return x * self.gate(self.fc2(self.relu(self.fc1(pooled))).sum(3, keepdim=True))


@final
class SpatialAttention(nn.Module):
    """Each position is scaled by a factor: a 7x7 convolution on the mean and the maximum over channels, and a sigmoid."""

    def __init__(self) -> None:
        super().__init__()
        convolution = nn.Conv2d(2, 1, kernel_size=7, padding=3, bias=False)
        self.conv = nn.Sequential(OrderedDict(conv=convolution, bn=nn.BatchNorm2d(1)))
        self.gate = nn.Sigmoid()

    def forward(self, x: Tensor) -> Tensor:  # B C H W
        pooled = torch.cat([x.mean(1, keepdim=True), x.amax(1, keepdim=True)], dim=1)  # B 2 H W
        return x * self.gate(self.conv(pooled))


def attention(channels: int) -> nn.Sequential:
    return nn.Sequential(OrderedDict(channel=ChannelAttention(channels), spatial=SpatialAttention()))


BASIC: Final = partial(AttentionBasic, attention)
BOTTLENECK: Final = partial(AttentionBottleneck, attention)


def cbam_resnet18(*, classes: int, channels: int, size: int) -> ResNet:
    return ResNet(BASIC, 1, DEPTHS[18], classes=classes, channels=channels, size=size)


def cbam_resnet34(*, classes: int, channels: int, size: int) -> ResNet:
    return ResNet(BASIC, 1, DEPTHS[34], classes=classes, channels=channels, size=size)


def cbam_resnet50(*, classes: int, channels: int, size: int) -> ResNet:
    return ResNet(BOTTLENECK, 4, DEPTHS[50], classes=classes, channels=channels, size=size)


def cbam_resnet101(*, classes: int, channels: int, size: int) -> ResNet:
    return ResNet(BOTTLENECK, 4, DEPTHS[101], classes=classes, channels=channels, size=size)
