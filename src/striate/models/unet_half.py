"""U-Net at half resolution: its finest maps have half the height and width of the input, and the last layer goes back to all of it.

After Ronneberger, Fischer, Brox, "U-Net: convolutional networks for biomedical image segmentation", 2015, arXiv:1505.04597. Most
of a U-Net's time goes to its maps of full size, which see the least. Here the first convolution has a 6x6 kernel and stride 2,
which is a 3x3 convolution of blocks of 2x2 pixels. At the end a 2x2 up-convolution, linear as a sub-pixel convolution is
(Shi et al., 2016, arXiv:1609.05158), has weights of its own for each of the four pixels. In between pairs of 3x3 convolutions
with batch norm go down, single ones back up. Initialization is PyTorch's.

An up-convolution of an odd map lacks a row or column, which is padded with zeros on the right and below; of an input of odd size
the logits are enlarged by the pixel that is lacking.

    3x128x128 -> 48x64x64 -> 64x32x32 -> 128x16x16 -> 192x8x8, and back -> 48x64x64 -> 32x128x128 -> 21x128x128

    unet_half   1,427,365 parameters
"""

from typing import Final, final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from striate.models.blocks import conv_bn_act
from striate.models.dense import DenseNetwork

WIDTHS: Final = (48, 64, 128, 192)
FULL: Final = 32  # channels at the size of the input


@final
class Up(nn.Module):
    """An up-convolution to twice the size, the encoder's map beside it, and a convolution."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.up = nn.ConvTranspose2d(inputs, outputs, kernel_size=2, stride=2)
        self.conv = conv_bn_act(2 * outputs, outputs)

    def forward(self, x: Tensor, skip: Tensor) -> Tensor:  # B D h/2 w/2 and B E h w -> B E h w
        x = self.up(x)
        x = F.pad(x, (0, skip.shape[3] - x.shape[3], 0, skip.shape[2] - x.shape[2]))
        return self.conv(torch.cat([skip, x], dim=1))


@final
class UNetHalf(DenseNetwork):
    widths = WIDTHS
    strides = (2, 4, 8, 16)
    min_size = 16
    input_layers = ("first.0",)
    classifier_layers = ("last",)

    def __init__(self, *, classes: int, channels: int) -> None:
        super().__init__()
        first, second, third, fourth = WIDTHS
        self.first = nn.Sequential(
            nn.Conv2d(channels, first, kernel_size=6, stride=2, padding=2, bias=False),
            nn.BatchNorm2d(first),
            nn.ReLU(inplace=True),
        )
        self.stage1 = conv_bn_act(first, first)
        self.stage2 = nn.Sequential(nn.MaxPool2d(2), conv_bn_act(first, second), conv_bn_act(second, second))
        self.stage3 = nn.Sequential(nn.MaxPool2d(2), conv_bn_act(second, third), conv_bn_act(third, third))
        self.stage4 = nn.Sequential(nn.MaxPool2d(2), conv_bn_act(third, fourth), conv_bn_act(fourth, fourth))
        self.up3 = Up(fourth, third)
        self.up2 = Up(third, second)
        self.up1 = Up(second, first)
        self.up0 = nn.ConvTranspose2d(first, FULL, kernel_size=2, stride=2)
        self.last = nn.Conv2d(FULL, classes, kernel_size=1)

    def stem(self, x: Tensor) -> Tensor:
        return self.first(x)

    def stages(self) -> tuple[nn.Module, ...]:
        return self.stage1, self.stage2, self.stage3, self.stage4

    def decoder(self, features: list[Tensor]) -> Tensor:
        first, second, third, x = features
        x = self.up3(x, third)
        x = self.up2(x, second)
        return self.up0(self.up1(x, first))

    def head(self, x: Tensor) -> Tensor:
        return self.last(x)


def unet_half(*, classes: int, channels: int) -> UNetHalf:
    return UNetHalf(classes=classes, channels=channels)
