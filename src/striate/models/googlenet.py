"""GoogLeNet: inception modules of parallel 1x1, 3x3, 5x5 and pooling branches, with 1x1 convolutions to reduce their cost.

Szegedy et al., "Going deeper with convolutions", CVPR 2015, arXiv:1409.4842. Weights (which need images
normalized by mean and std 0.5), initialization (a normal with std 0.01, PyTorch's default biases) and dropout are
torchvision's. It
differs from the paper: batch norm after each convolution in place of response normalization and biases; 3x3 where the
paper has 5x5 (a mistake of TensorFlow's port that the weights have); dropout of 0.2, not 0.4, before the last
layer; auxiliary classifiers on an adaptive average pooling to 4 x 4, where the paper has 5 x 5 windows with stride 3. The two
follow 4a and 4d and are used in training only, with 0.3 of their loss; in the published file they are untrained.

    3x224x224 -> 64x112x112 -> max -> 192x56x56 -> max -> 3a 256x28x28, 3b 480 -> max -> 4a 512x14x14, 4b 512, 4c 512,
    4d 528, 4e 832 -> max -> 5a 832x7x7, 5b 1024 -> mean 1024 -> 1000

    googlenet   13,004,888 parameters, 6,624,904 of them outside the auxiliary classifiers
"""

from collections import OrderedDict
from functools import partial
from typing import Any, final

import torch
from torch import Tensor, nn

from striate.models.blocks import Network, conv_bn_act, early_strides

conv = partial(conv_bn_act, norm=partial(nn.BatchNorm2d, eps=0.001))


@final
class Inception(nn.Module):
    """Four parallel branches, concatenated; the widths are a row of the paper's table 1."""

    def __init__(self, inputs: int, n1: int, reduce3: int, n3: int, reduce5: int, n5: int, pooled: int) -> None:
        super().__init__()
        self.branch1 = conv(inputs, n1, 1)
        self.branch2 = nn.Sequential(conv(inputs, reduce3, 1), conv(reduce3, n3, 3))
        self.branch3 = nn.Sequential(conv(inputs, reduce5, 1), conv(reduce5, n5, 3))  # the paper's 5x5
        self.branch4 = nn.Sequential(nn.MaxPool2d(kernel_size=3, stride=1, padding=1), conv(inputs, pooled, 1))

    def forward(self, x: Tensor) -> Tensor:  # B C H W -> B n1+n3+n5+pooled H W
        return torch.cat((self.branch1(x), self.branch2(x), self.branch3(x), self.branch4(x)), 1)


@final
class AuxiliaryHead(nn.Module):
    """A small classifier on an intermediate feature map, to strengthen the gradient of the early layers."""

    def __init__(self, inputs: int, classes: int) -> None:
        super().__init__()
        self.pool = nn.AdaptiveAvgPool2d(4)
        self.conv = conv(inputs, 128, 1)
        self.fc1, self.relu = nn.Linear(128 * 4 * 4, 1024), nn.ReLU()
        self.dropout = nn.Dropout(0.7)
        self.fc2 = nn.Linear(1024, classes)

    def forward(self, x: Tensor) -> Tensor:  # B C H W -> B classes
        x = self.conv(self.pool(x)).flatten(1)
        return self.fc2(self.dropout(self.relu(self.fc1(x))))


def pool(kernel_size: int = 3) -> nn.Module:
    return nn.MaxPool2d(kernel_size, stride=2, ceil_mode=True)


@final
class GoogLeNet(Network):
    widths = (64, 192, 480, 512, 528, 832, 1024)
    input_layers = ("stage1.conv1.0",)
    classifier_layers = ("fc", "aux1.fc2", "aux2.fc2")
    auxiliary_weight = 0.3
    key_map = (
        (r"\.conv\.weight$", ".0.weight"),
        (r"\.bn\.(\w+)$", r".1.\1"),
        (r"^(conv1)\.", r"stage1.\1."),
        (r"^(conv2|conv3)\.", r"stage2.\1."),
        (r"^(inception3[ab])\.", r"stage3.\1."),
        (r"^(inception4a)\.", r"stage4.\1."),
        (r"^(inception4[bcd])\.", r"stage5.\1."),
        (r"^(inception4e)\.", r"stage6.\1."),
        (r"^(inception5[ab])\.", r"stage7.\1."),
    )

    def __init__(self, *, classes: int, channels: int, size: int, dropout: float) -> None:
        super().__init__()
        first, second = early_strides(size, 2, 2)
        stride = first * second
        self.strides = (first, stride, 2 * stride, 4 * stride, 4 * stride, 4 * stride, 8 * stride)
        # A pooling that rounds up leaves 1 position of 2, 2 of 4, 4 of 8, and the last one 1 of 1.
        self.min_size = first * (7 if second == 2 else 3) + 1
        self.stage1 = nn.Sequential(OrderedDict(conv1=conv(channels, 64, 7, first)))
        self.stage2 = nn.Sequential(
            OrderedDict(
                maxpool1=pool() if second == 2 else nn.Identity(), conv2=conv(64, 64, 1), conv3=conv(64, 192, 3)
            )
        )
        self.stage3 = nn.Sequential(
            OrderedDict(
                maxpool2=pool(),
                inception3a=Inception(192, 64, 96, 128, 16, 32, 32),
                inception3b=Inception(256, 128, 128, 192, 32, 96, 64),
            )
        )
        self.stage4 = nn.Sequential(OrderedDict(maxpool3=pool(), inception4a=Inception(480, 192, 96, 208, 16, 48, 64)))
        self.stage5 = nn.Sequential(
            OrderedDict(
                inception4b=Inception(512, 160, 112, 224, 24, 64, 64),
                inception4c=Inception(512, 128, 128, 256, 24, 64, 64),
                inception4d=Inception(512, 112, 144, 288, 32, 64, 64),
            )
        )
        self.stage6 = nn.Sequential(OrderedDict(inception4e=Inception(528, 256, 160, 320, 32, 128, 128)))
        self.stage7 = nn.Sequential(
            OrderedDict(
                maxpool4=pool(kernel_size=2),
                inception5a=Inception(832, 256, 160, 320, 32, 128, 128),
                inception5b=Inception(832, 384, 192, 384, 48, 128, 128),
            )
        )
        self.aux1, self.aux2 = AuxiliaryHead(512, classes), AuxiliaryHead(528, classes)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.dropout = nn.Dropout(dropout)
        self.fc = nn.Linear(1024, classes)
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d | nn.Linear):
                nn.init.normal_(layer.weight, std=0.01)  # torchvision's is truncated at 200 std

    def stem(self, x: Tensor) -> Tensor:
        return x

    def stages(self) -> tuple[nn.Module, ...]:
        return self.stage1, self.stage2, self.stage3, self.stage4, self.stage5, self.stage6, self.stage7

    def head(self, x: Tensor) -> Tensor:
        return self.fc(self.dropout(self.avgpool(x).flatten(1)))

    def auxiliary(self, outputs: list[Any]) -> tuple[Tensor, ...]:
        return self.aux1(outputs[3]), self.aux2(outputs[4])  # on 4a and 4d


def googlenet(*, classes: int, channels: int, size: int, dropout: float = 0.2) -> GoogLeNet:
    return GoogLeNet(classes=classes, channels=channels, size=size, dropout=dropout)
