"""DeepLab v3: dilated convolutions with several rates side by side (ASPP) look at each position at several scales.

Chen, Papandreou, Schroff, Adam, "Rethinking atrous convolution for semantic image segmentation", 2017, arXiv:1706.05587. In
torchvision's form: the trunk is a ResNet whose last two strides are dilations instead, so its last map has stride 8, without the
paper's grid of rates in the last stage; one more 3x3 convolution follows the ASPP; an auxiliary head on the third stage weighs 0.5
in the loss. torchvision's weights load, with or without that head. Initialization is torchvision's: the trunk's own,
PyTorch's default for the rest.

    3x520x520 -> 256x130x130 -> 512x65x65 -> 1024x65x65 -> 2048x65x65 -> ASPP 256x65x65 -> 21x65x65 -> bilinear 21x520x520
                                                  └-> 256x65x65 -> auxiliary 21x65x65

    deeplab_v3_resnet50    42,004,074 parameters
    deeplab_v3_resnet101   60,996,202 parameters
"""

from typing import Any, final

import torch
from torch import Tensor, nn

from striate.models.blocks import Network, conv_bn_act
from striate.models.dense import TrunkNetwork
from striate.models.fcn import AUXILIARY_KEYS, reducing_layers
from striate.models.resnet import resnet50, resnet101
from striate.models.trunks import dilate, without_head


def dilated_conv(inputs: int, outputs: int, rate: int) -> nn.Sequential:
    """A 3x3 convolution whose taps are `rate` positions apart, with batch norm and ReLU."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel_size=3, padding=rate, dilation=rate, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )


@final
class ASPP(nn.Module):
    """Atrous spatial pyramid pooling: a 1x1 convolution, 3x3 convolutions with several rates and the mean of the whole map."""

    def __init__(self, inputs: int, rates: tuple[int, ...], dropout: float) -> None:
        super().__init__()
        self.branches = nn.ModuleList(
            [conv_bn_act(inputs, 256, 1), *(dilated_conv(inputs, 256, rate) for rate in rates)]
        )
        self.mean = nn.Sequential(nn.AdaptiveAvgPool2d(1), *conv_bn_act(inputs, 256, 1))
        self.project = nn.Sequential(*conv_bn_act((len(rates) + 2) * 256, 256, 1), nn.Dropout(dropout))

    def forward(self, x: Tensor) -> Tensor:  # B C h w -> B 256 h w
        mean = self.mean(x).expand(-1, -1, *x.shape[-2:])
        return self.project(torch.cat([*(branch(x) for branch in self.branches), mean], dim=1))


@final
class DeepLabV3(TrunkNetwork):
    classifier_layers = ("classifier", "aux_classifier")
    auxiliary_weight = 0.5
    key_map = (
        (r"^backbone\.", "trunk."),
        (r"^classifier\.0\.convs\.(?=[0-3]\.)", "aspp.branches."),
        (r"^classifier\.0\.convs\.4\.", "aspp.mean."),
        (r"^classifier\.0\.project\.", "aspp.project."),
        (r"^classifier\.1\.", "conv.0."),
        (r"^classifier\.2\.", "conv.1."),
        (r"^classifier\.4\.", "classifier."),
        *AUXILIARY_KEYS,
    )

    def __init__(self, trunk: Network, *, classes: int, dropout: float) -> None:
        """`dropout` is that of the ASPP; the auxiliary head has a fifth of it."""
        super().__init__(trunk)
        *_, third, fourth = self.widths
        self.aspp = ASPP(fourth, (12, 24, 36), dropout)
        self.conv = conv_bn_act(256, 256)
        self.classifier = nn.Conv2d(256, classes, kernel_size=1)
        self.aux_layers = reducing_layers(third, dropout / 5)
        self.aux_classifier = nn.Conv2d(third // 4, classes, kernel_size=1)

    def decoder(self, features: list[Tensor]) -> Tensor:
        return self.conv(self.aspp(features[-1]))

    def head(self, x: Tensor) -> Tensor:
        return self.classifier(x)

    def auxiliary(self, outputs: list[Any]) -> tuple[Tensor, ...]:
        return (self.aux_classifier(self.aux_layers(outputs[-2])),)


def deeplab_v3_resnet50(*, classes: int, channels: int, size: int, dropout: float = 0.5) -> DeepLabV3:
    trunk = dilate(without_head(resnet50(classes=1, channels=channels, size=size), "fc"), 8)
    return DeepLabV3(trunk, classes=classes, dropout=dropout)


def deeplab_v3_resnet101(*, classes: int, channels: int, size: int, dropout: float = 0.5) -> DeepLabV3:
    trunk = dilate(without_head(resnet101(classes=1, channels=channels, size=size), "fc"), 8)
    return DeepLabV3(trunk, classes=classes, dropout=dropout)
