"""DeepLab v3+: a small decoder joins the ASPP of DeepLab v3 with a fine map of the trunk, for sharper borders.

Chen, Zhu, Papandreou, Schroff, Adam, "Encoder-decoder with atrous separable convolution for semantic image segmentation", ECCV
2018, arXiv:1802.02611. The last stride of the trunk is a dilation instead, so its last map has stride 16, and the rates of the
ASPP are 6, 12 and 18. The fine map, of stride 4, is reduced to 48 channels; two 3x3 convolutions with 256 follow. The trunks are
networks of the zoo, without the paper's grid of rates in the last stage; convolutions of the ASPP and the decoder are plain,
not separable. Initialization: the trunk's own, He for ASPP and decoder, PyTorch's default for the last layer.

    3x513x513 -> 256x129x129 -> 512x65x65 -> 1024x33x33 -> 2048x33x33 -> ASPP 256x33x33
                     └-> 48x129x129 beside bilinear 256x129x129 -> 256x129x129 -> 21x129x129 -> bilinear 21x513x513

    deeplab_v3_plus_mobilenet_v2   5,816,053 parameters
    deeplab_v3_plus_resnet50       40,352,181 parameters
"""

from typing import final

import torch
from torch import Tensor, nn

from striate.models.blocks import Network, conv_bn_act, he_init
from striate.models.deeplab_v3 import ASPP
from striate.models.dense import TrunkNetwork, upsample
from striate.models.mobilenet_v2 import mobilenet_v2
from striate.models.resnet import resnet50
from striate.models.trunks import dilate, without_head


@final
class DeepLabV3Plus(TrunkNetwork):
    classifier_layers = ("classifier",)

    def __init__(self, trunk: Network, fine: int, *, classes: int, dropout: float) -> None:
        """`fine` is the index of the stage whose map the decoder joins."""
        super().__init__(trunk)
        self.fine = fine
        self.aspp = ASPP(self.widths[-1], (6, 12, 18), dropout)
        self.reduce = conv_bn_act(self.widths[fine], 48, 1)
        self.conv1 = conv_bn_act(48 + 256, 256)
        self.conv2 = conv_bn_act(256, 256)
        self.classifier = nn.Conv2d(256, classes, kernel_size=1)
        for layers in (self.aspp, self.reduce, self.conv1, self.conv2):
            he_init(layers)

    def decoder(self, features: list[Tensor]) -> Tensor:
        fine = self.reduce(features[self.fine])
        coarse = upsample(self.aspp(features[-1]), fine.shape[-2:])
        return self.conv2(self.conv1(torch.cat([fine, coarse], dim=1)))

    def head(self, x: Tensor) -> Tensor:
        return self.classifier(x)


def deeplab_v3_plus_mobilenet_v2(*, classes: int, channels: int, size: int, dropout: float = 0.5) -> DeepLabV3Plus:
    trunk = without_head(mobilenet_v2(classes=1, channels=channels, size=size), "last", "classifier")
    return DeepLabV3Plus(dilate(trunk, 16), 1, classes=classes, dropout=dropout)


def deeplab_v3_plus_resnet50(*, classes: int, channels: int, size: int, dropout: float = 0.5) -> DeepLabV3Plus:
    trunk = without_head(resnet50(classes=1, channels=channels, size=size), "fc")
    return DeepLabV3Plus(dilate(trunk, 16), 0, classes=classes, dropout=dropout)
