"""FCN: a network that classifies images becomes one that classifies every position, by convolutions in place of its head.

Long, Shelhamer, Darrell, "Fully convolutional networks for semantic segmentation", CVPR 2015, arXiv:1411.4038. In torchvision's
form: the trunk is a ResNet whose last two strides are dilations instead, so its last map has stride 8; the paper has VGG-16 and
adds finer maps. torchvision's weights load, with or without its auxiliary head, which is on the third stage and weighs 0.5 in the
loss. Initialization is torchvision's: the trunk's own, PyTorch's default for the rest.

    3x520x520 -> 256x130x130 -> 512x65x65 -> 1024x65x65 -> 2048x65x65 -> 512x65x65 -> 21x65x65 -> bilinear 21x520x520
                                                  └-> 256x65x65 -> auxiliary 21x65x65

    fcn_resnet50    35,322,218 parameters
    fcn_resnet101   54,314,346 parameters
"""

from typing import Any, Final, final

from torch import Tensor, nn

from striate.models.blocks import Network
from striate.models.dense import TrunkNetwork
from striate.models.resnet import resnet50, resnet101
from striate.models.trunks import dilate, without_head

# torchvision's auxiliary head, in FCN and DeepLab v3
AUXILIARY_KEYS: Final = (
    (r"^aux_classifier\.(?=[01]\.)", "aux_layers."),
    (r"^aux_classifier\.4\.", "aux_classifier."),
)


def reducing_layers(inputs: int, dropout: float) -> nn.Sequential:
    """A 3x3 convolution to a quarter of the channels, with batch norm, ReLU and dropout."""
    return nn.Sequential(
        nn.Conv2d(inputs, inputs // 4, kernel_size=3, padding=1, bias=False),
        nn.BatchNorm2d(inputs // 4),
        nn.ReLU(inplace=True),
        nn.Dropout(dropout),
    )


@final
class FCN(TrunkNetwork):
    classifier_layers = ("classifier", "aux_classifier")
    auxiliary_weight = 0.5
    key_map = (
        (r"^backbone\.", "trunk."),
        (r"^classifier\.(?=[01]\.)", "layers."),
        (r"^classifier\.4\.", "classifier."),
        *AUXILIARY_KEYS,
    )

    def __init__(self, trunk: Network, *, classes: int, dropout: float) -> None:
        super().__init__(trunk)
        *_, third, fourth = self.widths
        self.layers = reducing_layers(fourth, dropout)
        self.classifier = nn.Conv2d(fourth // 4, classes, kernel_size=1)
        self.aux_layers = reducing_layers(third, dropout)
        self.aux_classifier = nn.Conv2d(third // 4, classes, kernel_size=1)

    def decoder(self, features: list[Tensor]) -> Tensor:
        return self.layers(features[-1])

    def head(self, x: Tensor) -> Tensor:
        return self.classifier(x)

    def auxiliary(self, outputs: list[Any]) -> tuple[Tensor, ...]:
        return (self.aux_classifier(self.aux_layers(outputs[-2])),)


def fcn_resnet50(*, classes: int, channels: int, size: int, dropout: float = 0.1) -> FCN:
    trunk = dilate(without_head(resnet50(classes=1, channels=channels, size=size), "fc"), 8)
    return FCN(trunk, classes=classes, dropout=dropout)


def fcn_resnet101(*, classes: int, channels: int, size: int, dropout: float = 0.1) -> FCN:
    trunk = dilate(without_head(resnet101(classes=1, channels=channels, size=size), "fc"), 8)
    return FCN(trunk, classes=classes, dropout=dropout)
