"""VGG: a deep network of 3x3 convolutions only, with max pooling after every one to four of them.

Simonyan & Zisserman, "Very deep convolutional networks for large-scale image recognition", ICLR 2015, arXiv:1409.1556:
its columns A, B, D and E. Weights, initialization and dropout (after the first two dense layers, as in the paper) are
torchvision's. Initialization: He for convolutions, a normal with std 0.01 for dense layers, biases zero; the paper
used the latter for all layers and had to start its deeper columns from a trained A. Batch norm (`_bn`) is later than the
paper; its convolutions keep their biases here as in torchvision, though the norm subtracts them.

    3x224x224 -> 64x224x224 -> 128x112x112 -> 256x56x56 -> 512x28x28 -> 512x14x14 -> 512x7x7 -> 4096 -> 4096 -> 1000

    vgg11   132,863,336 parameters      vgg11_bn   132,868,840 parameters
    vgg13   133,047,848 parameters      vgg13_bn   133,053,736 parameters
    vgg16   138,357,544 parameters      vgg16_bn   138,365,992 parameters
    vgg19   143,667,240 parameters      vgg19_bn   143,678,248 parameters
"""

from collections.abc import Callable
from typing import Final, final

from torch import Tensor, nn

from striate.models.blocks import Network, he_init, numbered_names

Unit = Callable[
    [int, int], tuple[nn.Module, ...]
]  # from channels before and after to a convolution and what follows it

A: Final = (1, 1, 2, 2, 2)  # convolutions of each stage, by the paper's columns
B: Final = (2, 2, 2, 2, 2)
D: Final = (2, 2, 3, 3, 3)
E: Final = (2, 2, 4, 4, 4)


@final
class VGG(Network):
    widths = (64, 128, 256, 512, 512, 512)
    input_layers = ("stage1.0",)
    classifier_layers = ("classifier.6",)

    def __init__(
        self, unit: Unit, depths: tuple[int, ...], *, classes: int, channels: int, size: int, dropout: float
    ) -> None:
        super().__init__()
        last = 2 if size >= 32 else 1  # an image below 32 pixels is too small for a fifth pooling
        self.strides = (1, 2, 4, 8, 16, 16 * last)
        self.min_size = 16 * last
        self.stage1 = nn.Sequential(*repeated(unit, channels, 64, depths[0]))
        self.stage2 = nn.Sequential(nn.MaxPool2d(2), *repeated(unit, 64, 128, depths[1]))
        self.stage3 = nn.Sequential(nn.MaxPool2d(2), *repeated(unit, 128, 256, depths[2]))
        self.stage4 = nn.Sequential(nn.MaxPool2d(2), *repeated(unit, 256, 512, depths[3]))
        self.stage5 = nn.Sequential(nn.MaxPool2d(2), *repeated(unit, 512, 512, depths[4]))
        self.stage6 = nn.MaxPool2d(2) if last == 2 else nn.Identity()
        self.avgpool = nn.AdaptiveAvgPool2d(7)  # at 224 x 224 the map has this size already, and this does nothing
        self.classifier = nn.Sequential(
            nn.Linear(512 * 7 * 7, 4096),
            nn.ReLU(inplace=True),
            nn.Dropout(dropout),
            nn.Linear(4096, 4096),
            nn.ReLU(inplace=True),
            nn.Dropout(dropout),
            nn.Linear(4096, classes),
        )
        self.key_map = numbered_names(self.stage1, self.stage2, self.stage3, self.stage4, self.stage5)
        he_init(self)
        for layer in self.modules():
            if isinstance(layer, nn.Linear):
                nn.init.normal_(layer.weight, std=0.01)
            if isinstance(layer, nn.Conv2d | nn.Linear) and layer.bias is not None:
                nn.init.zeros_(layer.bias)

    def stem(self, x: Tensor) -> Tensor:
        return x

    def stages(self) -> tuple[nn.Module, ...]:
        return self.stage1, self.stage2, self.stage3, self.stage4, self.stage5, self.stage6

    def head(self, x: Tensor) -> Tensor:
        return self.classifier(self.avgpool(x).flatten(1))


def plain(inputs: int, outputs: int) -> tuple[nn.Module, ...]:
    return nn.Conv2d(inputs, outputs, kernel_size=3, padding=1), nn.ReLU(inplace=True)


def normed(inputs: int, outputs: int) -> tuple[nn.Module, ...]:
    return nn.Conv2d(inputs, outputs, kernel_size=3, padding=1), nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)


def repeated(unit: Unit, inputs: int, outputs: int, depth: int) -> list[nn.Module]:
    return [layer for i in range(depth) for layer in unit(outputs if i else inputs, outputs)]


def vgg11(*, classes: int, channels: int, size: int, dropout: float = 0.5) -> VGG:
    return VGG(plain, A, classes=classes, channels=channels, size=size, dropout=dropout)


def vgg11_bn(*, classes: int, channels: int, size: int, dropout: float = 0.5) -> VGG:
    return VGG(normed, A, classes=classes, channels=channels, size=size, dropout=dropout)


def vgg13(*, classes: int, channels: int, size: int, dropout: float = 0.5) -> VGG:
    return VGG(plain, B, classes=classes, channels=channels, size=size, dropout=dropout)


def vgg13_bn(*, classes: int, channels: int, size: int, dropout: float = 0.5) -> VGG:
    return VGG(normed, B, classes=classes, channels=channels, size=size, dropout=dropout)


def vgg16(*, classes: int, channels: int, size: int, dropout: float = 0.5) -> VGG:
    return VGG(plain, D, classes=classes, channels=channels, size=size, dropout=dropout)


def vgg16_bn(*, classes: int, channels: int, size: int, dropout: float = 0.5) -> VGG:
    return VGG(normed, D, classes=classes, channels=channels, size=size, dropout=dropout)


def vgg19(*, classes: int, channels: int, size: int, dropout: float = 0.5) -> VGG:
    return VGG(plain, E, classes=classes, channels=channels, size=size, dropout=dropout)


def vgg19_bn(*, classes: int, channels: int, size: int, dropout: float = 0.5) -> VGG:
    return VGG(normed, E, classes=classes, channels=channels, size=size, dropout=dropout)
