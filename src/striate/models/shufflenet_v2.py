"""ShuffleNet v2: half of the channels pass a block unchanged, and a channel shuffle mixes both halves for the next block.

Ma, Zhang, Zheng, Sun, "ShuffleNet V2: practical guidelines for efficient CNN architecture design", ECCV 2018,
arXiv:1807.11164. Names are torchvision's, so its weights load as they are. Initialization is PyTorch's default, as
there; there is no dropout and no stochastic depth.

    3x224x224 -> 24x112x112 -> pool 24x56x56 -> 116x28x28 -> 232x14x14 -> 464x7x7 -> 1024x7x7 -> mean -> 1000
    the others: 48, 96, 192; 176, 352, 704; 244, 488, 976, then 2048

    shufflenet_v2_x0_5   1,366,792 parameters
    shufflenet_v2_x1_0   2,278,604 parameters
    shufflenet_v2_x1_5   3,503,624 parameters
    shufflenet_v2_x2_0   7,393,996 parameters
"""

from typing import final

import torch
from torch import Tensor, nn

from striate.models.blocks import Network, conv_bn_act, early_strides


def depthwise(channels: int, stride: int) -> tuple[nn.Module, nn.Module]:
    """A 3x3 depthwise convolution and batch norm, without an activation."""
    conv = nn.Conv2d(channels, channels, kernel_size=3, stride=stride, padding=1, groups=channels, bias=False)
    return conv, nn.BatchNorm2d(channels)


def channel_shuffle(x: Tensor) -> Tensor:  # B 2*C H W
    """One channel of the first half, one of the second, and so on."""
    return x.unflatten(1, (2, -1)).transpose(1, 2).flatten(1, 2)


@final
class Unit(nn.Module):
    """The second half of the channels goes through a branch, the first half is unchanged."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        half = channels // 2
        self.branch2 = nn.Sequential(*conv_bn_act(half, half, 1), *depthwise(half, 1), *conv_bn_act(half, half, 1))

    def forward(self, x: Tensor) -> Tensor:  # B C H W
        first, second = x.chunk(2, dim=1)
        return channel_shuffle(torch.cat((first, self.branch2(second)), 1))


@final
class DownUnit(nn.Module):
    """Downsampling: two branches on all channels, with stride 2, each with half of the outputs."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        half = outputs // 2
        self.branch1 = nn.Sequential(*depthwise(inputs, 2), *conv_bn_act(inputs, half, 1))
        self.branch2 = nn.Sequential(*conv_bn_act(inputs, half, 1), *depthwise(half, 2), *conv_bn_act(half, half, 1))

    def forward(self, x: Tensor) -> Tensor:  # B C H W -> B outputs H/2 W/2
        return channel_shuffle(torch.cat((self.branch1(x), self.branch2(x)), 1))


def stage(inputs: int, outputs: int, depth: int) -> nn.Sequential:
    return nn.Sequential(DownUnit(inputs, outputs), *(Unit(outputs) for _ in range(depth - 1)))


@final
class ShuffleNetV2(Network):
    min_size = 1  # every layer pads
    input_layers = ("conv1.0",)
    classifier_layers = ("fc",)

    def __init__(self, widths: tuple[int, int, int], last: int, *, classes: int, channels: int, size: int) -> None:
        super().__init__()
        first, second = early_strides(size, 2, 2)
        self.widths = (24, 24, *widths)
        self.strides = tuple(first * below for below in (1, second, 2 * second, 4 * second, 8 * second))
        self.conv1 = conv_bn_act(channels, 24, 3, first)
        self.maxpool = nn.MaxPool2d(kernel_size=3, stride=2, padding=1) if second == 2 else nn.Identity()
        self.stage2 = stage(24, widths[0], depth=4)
        self.stage3 = stage(widths[0], widths[1], depth=8)
        self.stage4 = stage(widths[1], widths[2], depth=4)
        self.conv5 = conv_bn_act(widths[2], last, 1)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(last, classes)

    def stem(self, x: Tensor) -> Tensor:
        return x

    def stages(self) -> tuple[nn.Module, ...]:
        return self.conv1, self.maxpool, self.stage2, self.stage3, self.stage4

    def head(self, x: Tensor) -> Tensor:
        return self.fc(self.avgpool(self.conv5(x)).flatten(1))


def shufflenet_v2_x0_5(*, classes: int, channels: int, size: int) -> ShuffleNetV2:
    return ShuffleNetV2((48, 96, 192), 1024, classes=classes, channels=channels, size=size)


def shufflenet_v2_x1_0(*, classes: int, channels: int, size: int) -> ShuffleNetV2:
    return ShuffleNetV2((116, 232, 464), 1024, classes=classes, channels=channels, size=size)


def shufflenet_v2_x1_5(*, classes: int, channels: int, size: int) -> ShuffleNetV2:
    return ShuffleNetV2((176, 352, 704), 1024, classes=classes, channels=channels, size=size)


def shufflenet_v2_x2_0(*, classes: int, channels: int, size: int) -> ShuffleNetV2:
    return ShuffleNetV2((244, 488, 976), 2048, classes=classes, channels=channels, size=size)
