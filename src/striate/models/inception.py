"""Inception-v3: 5x5 filters factorized into two 3x3, 7x7 into 1x7 and 7x1, and the saved cost spent on depth and width.

Szegedy et al., "Rethinking the Inception architecture for computer vision", CVPR 2016, arXiv:1512.00567. Weights (which
need images normalized by mean and std 0.5), dropout and initialization are torchvision's, after TensorFlow's: a normal with
std 0.1 (0.001 for the auxiliary classes), PyTorch's default biases. The paper gives neither. TensorFlow uses 0.01 for the
auxiliary 5x5 convolution; torchvision intends to and does not. The auxiliary classifier follows the 17x17 map and is used in
training only, with 0.4 of its loss as in TensorFlow. Its 5x5 average pooling with stride 3 needs a map of 17 x 17; for smaller
maps it is an adaptive average pooling to 5 x 5.

    3x299x299 -> 64x147x147 -> max -> 192x71x71 -> max -> 5b 256x35x35, 5c 288, 5d 288
    -> 6a to 6e 768x17x17 -> 7a 1280x8x8, 7b 2048, 7c 2048 -> mean 2048 -> 1000

    inception_v3   27,161,264 parameters, 23,834,568 of them outside the auxiliary classifier
"""

from collections import OrderedDict
from typing import Any, final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from striate.models.blocks import Network, early_strides

Pair = int | tuple[int, int]


def conv(inputs: int, outputs: int, kernel_size: Pair = 1, stride: int = 1, padding: Pair = 0) -> nn.Sequential:
    return nn.Sequential(
        OrderedDict(
            conv=nn.Conv2d(inputs, outputs, kernel_size, stride, padding, bias=False),
            bn=nn.BatchNorm2d(outputs, eps=0.001),
            relu=nn.ReLU(inplace=True),
        )
    )


def row(inputs: int, outputs: int, length: int) -> nn.Sequential:
    return conv(inputs, outputs, (1, length), padding=(0, length // 2))


def column(inputs: int, outputs: int, length: int) -> nn.Sequential:
    return conv(inputs, outputs, (length, 1), padding=(length // 2, 0))


def averaged(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(nn.AvgPool2d(kernel_size=3, stride=1, padding=1), conv(inputs, outputs))


@final
class Branches(nn.Module):
    """Parallel branches, concatenated."""

    def __init__(self, **branches: nn.Module) -> None:
        super().__init__()
        for name, branch in branches.items():
            self.add_module(name, branch)

    def forward(self, x: Tensor) -> Tensor:  # B C H W
        return torch.cat([branch(x) for branch in self.children()], 1)


def small_filters(inputs: int, pooled: int) -> nn.Module:
    """The paper's figure 5: one of the two 5x5 filters is two 3x3."""
    return Branches(
        branch1x1=conv(inputs, 64),
        branch5x5=nn.Sequential(conv(inputs, 48), conv(48, 64, 5, padding=2)),
        branch3x3dbl=nn.Sequential(conv(inputs, 64), conv(64, 96, 3, padding=1), conv(96, 96, 3, padding=1)),
        branch_pool=averaged(inputs, pooled),
    )


def to_17x17(inputs: int) -> nn.Module:
    """The paper's figure 10: strided convolutions and a pooling in parallel, to avoid a bottleneck."""
    return Branches(
        branch3x3=conv(inputs, 384, 3, stride=2),
        branch3x3dbl=nn.Sequential(conv(inputs, 64), conv(64, 96, 3, padding=1), conv(96, 96, 3, stride=2)),
        branch_pool=nn.MaxPool2d(kernel_size=3, stride=2),
    )


def rows_and_columns(inputs: int, width: int) -> nn.Module:
    """The paper's figure 6: 7x7 filters factorized into 1x7 and 7x1."""
    return Branches(
        branch1x1=conv(inputs, 192),
        branch7x7=nn.Sequential(conv(inputs, width), row(width, width, 7), column(width, 192, 7)),
        branch7x7dbl=nn.Sequential(
            conv(inputs, width),
            column(width, width, 7),
            row(width, width, 7),
            column(width, width, 7),
            row(width, 192, 7),
        ),
        branch_pool=averaged(inputs, 192),
    )


def to_8x8(inputs: int) -> nn.Module:
    return Branches(
        branch3x3=nn.Sequential(conv(inputs, 192), conv(192, 320, 3, stride=2)),
        branch7x7x3=nn.Sequential(
            conv(inputs, 192), row(192, 192, 7), column(192, 192, 7), conv(192, 192, 3, stride=2)
        ),
        branch_pool=nn.MaxPool2d(kernel_size=3, stride=2),
    )


def row_beside_column(inputs: int) -> nn.Module:
    """The paper's figure 7: 1x3 and 3x1 filters in parallel, for high-dimensional features on the coarsest map."""
    return Branches(
        branch1x1=conv(inputs, 320),
        branch3x3=nn.Sequential(conv(inputs, 384), Branches(a=row(384, 384, 3), b=column(384, 384, 3))),
        branch3x3dbl=nn.Sequential(
            conv(inputs, 448), conv(448, 384, 3, padding=1), Branches(a=row(384, 384, 3), b=column(384, 384, 3))
        ),
        branch_pool=averaged(inputs, 192),
    )


@final
class AuxiliaryHead(nn.Module):
    def __init__(self, inputs: int, classes: int) -> None:
        super().__init__()
        self.conv0 = conv(inputs, 128)
        self.conv1 = conv(128, 768, 5)
        self.fc = nn.Linear(768, classes)

    def forward(self, x: Tensor) -> Tensor:  # B C H W -> B classes
        large = min(x.shape[-2:]) >= 17
        x = F.avg_pool2d(x, kernel_size=5, stride=3) if large else F.adaptive_avg_pool2d(x, 5)
        x = self.conv1(self.conv0(x))
        return self.fc(F.adaptive_avg_pool2d(x, 1).flatten(1))


@final
class InceptionV3(Network):
    widths = (64, 192, 288, 768, 2048)
    input_layers = ("stage1.Conv2d_1a_3x3.conv",)
    classifier_layers = ("fc", "aux.fc")
    auxiliary_weight = 0.4
    key_map = (
        (r"^(Conv2d_[12][ab]_3x3)\.", r"stage1.\1."),
        (r"^(Conv2d_3b_1x1|Conv2d_4a_3x3)\.", r"stage2.\1."),
        (r"^(Mixed_5[bcd])\.", r"stage3.\1."),
        (r"^(Mixed_6[abcde])\.", r"stage4.\1."),
        (r"^(Mixed_7[abc])\.", r"stage5.\1."),
        (r"^AuxLogits\.", "aux."),
        (r"(branch\w+_\d)([ab])\.", r"\1.\2."),
        *((rf"(branch\w+)_{i + 1}\.", rf"\1.{i}.") for i in range(5)),
        (r"(branch_pool)\.(conv|bn)\.", r"\1.1.\2."),
    )

    def __init__(self, *, classes: int, channels: int, size: int, dropout: float) -> None:
        super().__init__()
        first, second = early_strides(size, 2, 2)
        stride = first * second
        self.strides = (first, stride, 2 * stride, 4 * stride, 8 * stride)
        # Few layers pad: 1 position needs 3, 7, 15, 17 before, then 35 if there is a first pooling, and 2 more.
        self.min_size = first * (36 if second == 2 else 18) + 3
        self.stage1 = nn.Sequential(
            OrderedDict(
                Conv2d_1a_3x3=conv(channels, 32, 3, stride=first),
                Conv2d_2a_3x3=conv(32, 32, 3),
                Conv2d_2b_3x3=conv(32, 64, 3, padding=1),
            )
        )
        self.stage2 = nn.Sequential(
            OrderedDict(
                maxpool1=nn.MaxPool2d(kernel_size=3, stride=2) if second == 2 else nn.Identity(),
                Conv2d_3b_1x1=conv(64, 80),
                Conv2d_4a_3x3=conv(80, 192, 3),
            )
        )
        self.stage3 = nn.Sequential(
            OrderedDict(
                maxpool2=nn.MaxPool2d(kernel_size=3, stride=2),
                Mixed_5b=small_filters(192, pooled=32),
                Mixed_5c=small_filters(256, pooled=64),
                Mixed_5d=small_filters(288, pooled=64),
            )
        )
        self.stage4 = nn.Sequential(
            OrderedDict(
                Mixed_6a=to_17x17(288),
                Mixed_6b=rows_and_columns(768, width=128),
                Mixed_6c=rows_and_columns(768, width=160),
                Mixed_6d=rows_and_columns(768, width=160),
                Mixed_6e=rows_and_columns(768, width=192),
            )
        )
        self.stage5 = nn.Sequential(
            OrderedDict(Mixed_7a=to_8x8(768), Mixed_7b=row_beside_column(1280), Mixed_7c=row_beside_column(2048))
        )
        self.aux = AuxiliaryHead(768, classes)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.dropout = nn.Dropout(dropout)
        self.fc = nn.Linear(2048, classes)
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d | nn.Linear):
                nn.init.normal_(layer.weight, std=0.1)
        nn.init.normal_(self.aux.fc.weight, std=0.001)

    def stem(self, x: Tensor) -> Tensor:
        return x

    def stages(self) -> tuple[nn.Module, ...]:
        return self.stage1, self.stage2, self.stage3, self.stage4, self.stage5

    def head(self, x: Tensor) -> Tensor:
        return self.fc(self.dropout(self.avgpool(x).flatten(1)))

    def auxiliary(self, outputs: list[Any]) -> tuple[Tensor, ...]:
        return (self.aux(outputs[3]),)


def inception_v3(*, classes: int, channels: int, size: int, dropout: float = 0.5) -> InceptionV3:
    return InceptionV3(classes=classes, channels=channels, size=size, dropout=dropout)
