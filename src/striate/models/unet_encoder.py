"""U-Net on a network that classifies: its stages, which may start from ImageNet weights, are the encoder of a U-Net.

After Iglovikov & Shvets, "TernausNet: U-Net with VGG11 encoder pre-trained on ImageNet for image segmentation", 2018,
arXiv:1801.05746, and Ronneberger, Fischer, Brox, arXiv:1505.04597. The decoder's steps and widths are those of the library
segmentation_models_pytorch: to the size of the next finer stage by nearest neighbor, that stage's map beside it, two 3x3
convolutions with batch norm and ReLU; where no finer stage is left, twice the size. There ResNet's stem is a stage as
well; here the encoder is what the network's `features` are, so the two last steps of a ResNet join no map.
Initialization: the trunk's own, He for the decoder, PyTorch's default for the last layer.

    unet_resnet18: 3x256x256 -> 64x64x64 -> 128x32x32 -> 256x16x16 -> 512x8x8
                   -> 256x16x16 -> 128x32x32 -> 64x64x64 -> 32x128x128 -> 16x256x256 -> 21x256x256
    mobilenet_v2 and efficientnet_lite0 have a first stage of 16x128x128 besides, which the last step but one joins

    unet_efficientnet_lite0   5,201,061 parameters
    unet_mobilenet_v2         4,007,845 parameters
    unet_resnet18             14,312,677 parameters
    unet_resnet34             24,420,837 parameters
    unet_resnet50             32,505,573 parameters
"""

from typing import Final, final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from striate.models.blocks import Network, conv_bn_act, he_init
from striate.models.dense import TrunkNetwork
from striate.models.efficientnet_lite import efficientnet_lite0
from striate.models.mobilenet_v2 import mobilenet_v2
from striate.models.resnet import resnet18, resnet34, resnet50
from striate.models.trunks import without_head

DECODER_WIDTHS: Final = (256, 128, 64, 32, 16)


@final
class Up(nn.Module):
    """The encoder's map beside the one from below, if there is one, and two convolutions."""

    def __init__(self, inputs: int, skipped: int, outputs: int) -> None:
        super().__init__()
        self.conv1 = conv_bn_act(inputs + skipped, outputs)
        self.conv2 = conv_bn_act(outputs, outputs)

    def forward(self, x: Tensor, skip: Tensor | None = None) -> Tensor:  # B D h w and B E h w -> B outputs h w
        return self.conv2(self.conv1(x if skip is None else torch.cat([x, skip], dim=1)))


@final
class UNetOnTrunk(TrunkNetwork):
    classifier_layers = ("last",)

    def __init__(self, trunk: Network, *, classes: int) -> None:
        super().__init__(trunk)
        inputs = (self.widths[-1], *DECODER_WIDTHS)
        skipped = (*self.widths[-2::-1], *(0 for _ in DECODER_WIDTHS))  # coarsest first, then none
        self.ups = nn.ModuleList(
            Up(before, beside, after) for before, beside, after in zip(inputs, skipped, DECODER_WIDTHS, strict=False)
        )
        self.last = nn.Conv2d(DECODER_WIDTHS[-1], classes, kernel_size=3, padding=1)
        he_init(self.ups)

    def decoder(self, features: list[Tensor]) -> Tensor:
        *finer, x = features
        stride = self.strides[0]
        for up in self.ups:
            if finer:
                skip = finer.pop()
                x = up(F.interpolate(x, skip.shape[-2:], mode="nearest"), skip)
            elif stride > 1:
                x, stride = up(F.interpolate(x, scale_factor=2.0, mode="nearest")), stride // 2
            else:  # made for small images, whose first strides are 1
                x = up(x)
        return x

    def head(self, x: Tensor) -> Tensor:
        return self.last(x)


def unet_efficientnet_lite0(*, classes: int, channels: int, size: int) -> UNetOnTrunk:
    trunk = efficientnet_lite0(classes=1, channels=channels, size=size)
    return UNetOnTrunk(without_head(trunk, "last", "classifier"), classes=classes)


def unet_mobilenet_v2(*, classes: int, channels: int, size: int) -> UNetOnTrunk:
    trunk = mobilenet_v2(classes=1, channels=channels, size=size)
    return UNetOnTrunk(without_head(trunk, "last", "classifier"), classes=classes)


def unet_resnet18(*, classes: int, channels: int, size: int) -> UNetOnTrunk:
    return UNetOnTrunk(without_head(resnet18(classes=1, channels=channels, size=size), "fc"), classes=classes)


def unet_resnet34(*, classes: int, channels: int, size: int) -> UNetOnTrunk:
    return UNetOnTrunk(without_head(resnet34(classes=1, channels=channels, size=size), "fc"), classes=classes)


def unet_resnet50(*, classes: int, channels: int, size: int) -> UNetOnTrunk:
    return UNetOnTrunk(without_head(resnet50(classes=1, channels=channels, size=size), "fc"), classes=classes)
