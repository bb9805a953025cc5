"""ECA: channel attention by a 1-D convolution over the means of neighboring channels, without dense layers.

Wang, Wu, Zhu, Li, Zuo, Hu, "ECA-Net: Efficient channel attention for deep convolutional neural networks", CVPR 2020,
arXiv:1910.03151. Names and initialization are those of timm's ResNet with ECA: the residual branch of every block
starts at zero, which the paper does not mention. The kernel size is the paper's psi(C) with gamma = 2 and b = 1: the odd
number nearest to (log2 C + 1) / 2.

    3x224x224 -> stem 64x56x56 -> 64x56x56 -> 128x28x28 -> 256x14x14 -> 512x7x7 -> mean -> 1000
    eca_resnet50 and deeper: four times these widths: 256, 512, 1024, 2048

    eca_resnet18    11,689,548 parameters
    eca_resnet34    21,797,746 parameters
    eca_resnet50    25,557,118 parameters
    eca_resnet101   44,549,331 parameters
    eca_resnet152   60,193,064 parameters
"""

from functools import partial
from math import log2
from typing import Final, final

from torch import Tensor, nn

from striate.models.resnet import DEPTHS, ResNet
from striate.models.senet import AttentionBasic, AttentionBottleneck


@final
class EfficientChannelAttention(nn.Module):
    """Each channel is scaled by a factor between 0 and 1 that depends on the means of the channels next to it."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        size = int((log2(channels) + 1) / 2)
        kernel_size = size + 1 - size % 2  # odd: 3 for 64 channels, 5 for 128 to 1024, 7 for 2048
        self.conv = nn.Conv1d(1, 1, kernel_size, padding=kernel_size // 2, bias=False)
        self.gate = nn.Sigmoid()

    def forward(self, x: Tensor) -> Tensor:  # B C H W
        means = x.mean((2, 3)).unsqueeze(1)  # B 1 C: the convolution is along the channels
        return x * self.gate(self.conv(means)).transpose(1, 2).unsqueeze(3)


BASIC: Final = partial(AttentionBasic, EfficientChannelAttention)
BOTTLENECK: Final = partial(AttentionBottleneck, EfficientChannelAttention)


def eca_resnet18(*, classes: int, channels: int, size: int) -> ResNet:
    return ResNet(BASIC, 1, DEPTHS[18], classes=classes, channels=channels, size=size)


def eca_resnet34(*, classes: int, channels: int, size: int) -> ResNet:
    return ResNet(BASIC, 1, DEPTHS[34], classes=classes, channels=channels, size=size)


def eca_resnet50(*, classes: int, channels: int, size: int) -> ResNet:
    return ResNet(BOTTLENECK, 4, DEPTHS[50], classes=classes, channels=channels, size=size)


def eca_resnet101(*, classes: int, channels: int, size: int) -> ResNet:
    return ResNet(BOTTLENECK, 4, DEPTHS[101], classes=classes, channels=channels, size=size)


def eca_resnet152(*, classes: int, channels: int, size: int) -> ResNet:
    return ResNet(BOTTLENECK, 4, DEPTHS[152], classes=classes, channels=channels, size=size)
