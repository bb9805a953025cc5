"""U-Net: a decoder goes back to the input's size step by step, and joins the encoder's map of the same size at each step.

Ronneberger, Fischer, Brox, "U-Net: convolutional networks for biomedical image segmentation", MICCAI 2015, arXiv:1505.04597.
Pairs of 3x3 convolutions with ReLU, 2x2 max pooling, 2x2 up-convolutions that halve the channels. Initialization is the
paper's: a normal with variance 2 / (inputs of a neuron). Dropout follows the encoder; the paper gives no share, here it is 0.5.

Here the convolutions pad, so that the output has the size of the input; those of the paper do not, and map 572 pixels to
388. An up-convolution of an odd map lacks a row or column, which is padded with zeros on the right and below.

`unet_small` has a quarter of the width, and batch norm after each 3x3 convolution and no dropout, as is common practice.

    unet:       1x572x572 -> 64x572x572 -> 128x286x286 -> 256x143x143 -> 512x71x71 -> 1024x35x35, and back -> 2x572x572
    unet_small: 3x128x128 -> 16x128x128 ->    32x64x64 ->    64x32x32 -> 128x16x16 ->    256x8x8, and back -> 21x128x128

    unet_small   1,942,917 parameters
    unet         31,030,658 parameters
"""

from collections.abc import Callable
from math import sqrt
from typing import final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from striate.models.blocks import conv_bn_act
from striate.models.dense import DenseNetwork

Pair = Callable[[int, int], nn.Sequential]  # from inputs and outputs


def plain_pair(inputs: int, outputs: int) -> nn.Sequential:
    """Two 3x3 convolutions with ReLU."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel_size=3, padding=1),
        nn.ReLU(inplace=True),
        nn.Conv2d(outputs, outputs, kernel_size=3, padding=1),
        nn.ReLU(inplace=True),
    )


def normalized_pair(inputs: int, outputs: int) -> nn.Sequential:
    """Two 3x3 convolutions with batch norm and ReLU."""
    return nn.Sequential(conv_bn_act(inputs, outputs), conv_bn_act(outputs, outputs))


@final
class Up(nn.Module):
    """An up-convolution to twice the size, the encoder's map beside it, and a pair of convolutions."""

    def __init__(self, pair: Pair, width: int) -> None:
        super().__init__()
        self.up = nn.ConvTranspose2d(2 * width, width, kernel_size=2, stride=2)
        self.pair = pair(2 * width, width)

    def forward(self, x: Tensor, skip: Tensor) -> Tensor:  # B 2D h/2 w/2 and B D h w -> B D h w
        x = self.up(x)
        x = F.pad(x, (0, skip.shape[3] - x.shape[3], 0, skip.shape[2] - x.shape[2]))
        return self.pair(torch.cat([skip, x], dim=1))


@final
class UNet(DenseNetwork):
    strides = (1, 2, 4, 8, 16)
    min_size = 16  # four times halved
    input_layers = ("stage1.0",)
    classifier_layers = ("last",)

    def __init__(self, pair: Pair, width: int, *, classes: int, channels: int, dropout: float) -> None:
        super().__init__()
        self.widths = (width, 2 * width, 4 * width, 8 * width, 16 * width)
        self.stage1 = pair(channels, width)
        self.stage2 = nn.Sequential(nn.MaxPool2d(2), pair(width, 2 * width))
        self.stage3 = nn.Sequential(nn.MaxPool2d(2), pair(2 * width, 4 * width))
        self.stage4 = nn.Sequential(nn.MaxPool2d(2), pair(4 * width, 8 * width))
        self.stage5 = nn.Sequential(nn.MaxPool2d(2), pair(8 * width, 16 * width), nn.Dropout(dropout))
        self.up4 = Up(pair, 8 * width)
        self.up3 = Up(pair, 4 * width)
        self.up2 = Up(pair, 2 * width)
        self.up1 = Up(pair, width)
        self.last = nn.Conv2d(width, classes, kernel_size=1)
        if pair is normalized_pair:
            self.input_layers = ("stage1.0.0",)
        initialize(self)

    def stem(self, x: Tensor) -> Tensor:
        return x

    def stages(self) -> tuple[nn.Module, ...]:
        return self.stage1, self.stage2, self.stage3, self.stage4, self.stage5

    def decoder(self, features: list[Tensor]) -> Tensor:
        first, second, third, fourth, x = features
        x = self.up4(x, fourth)
        x = self.up3(x, third)
        x = self.up2(x, second)
        return self.up1(x, first)

    def head(self, x: Tensor) -> Tensor:
        return self.last(x)


def initialize(network: nn.Module) -> None:
    """Weights from a normal with variance 2 / inputs of a neuron, biases zero; an up-convolution's inputs are its channels."""
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
            positions = layer.weight[0, 0].numel() if isinstance(layer, nn.Conv2d) else 1
            nn.init.normal_(layer.weight, std=sqrt(2 / (layer.in_channels * positions)))
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)


def unet_small(*, classes: int, channels: int, dropout: float = 0.0) -> UNet:
    return UNet(normalized_pair, 16, classes=classes, channels=channels, dropout=dropout)


def unet(*, classes: int, channels: int, dropout: float = 0.5) -> UNet:
    return UNet(plain_pair, 64, classes=classes, channels=channels, dropout=dropout)
