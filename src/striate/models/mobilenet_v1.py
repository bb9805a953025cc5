"""MobileNet: depthwise separable convolutions, a 3x3 filter for each channel and then a 1x1 convolution, at a ninth of the cost.

Howard et al., "MobileNets: efficient convolutional neural networks for mobile vision applications", 2017,
arXiv:1704.04861. Names are timm's (mobilenetv1_100), so its weights load as they are. The initialization is timm's
too: a normal with variance 2 / fan_out (of one channel for a depthwise filter), for the last layer a uniform; the paper
gives none. As in timm and in the authors' later code the activation is ReLU6
where the paper has ReLU. The paper's table gives the last depthwise layer a stride of 2, but a map of the same size
before and after it: the sizes are right. There is no dropout and no stochastic depth.

    3x224x224 -> 32x112x112 -> 64x112x112 -> 128x56x56 -> 256x28x28 -> 512x14x14 -> 1024x7x7 -> mean -> 1000
    the others: all widths times 0.75, 0.5, 0.25

    mobilenet_v1       4,231,976 parameters
    mobilenet_v1_075   2,585,560 parameters
    mobilenet_v1_050   1,331,592 parameters
    mobilenet_v1_025     470,072 parameters
"""

from math import sqrt
from typing import Final, final

from torch import Tensor, nn

from striate.models.blocks import Network, early_strides

# Width, number of blocks; the first block of a stage has stride 2, except in the first, after a convolution with stride 2
STAGES: Final = ((64, 1), (128, 2), (256, 2), (512, 6), (1024, 2))


@final
class Separable(nn.Module):
    """A depthwise separable convolution: 3x3 depthwise, then 1x1."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv_dw = nn.Conv2d(inputs, inputs, kernel_size=3, stride=stride, padding=1, groups=inputs, bias=False)
        self.bn1, self.act1 = nn.BatchNorm2d(inputs), nn.ReLU6(inplace=True)
        self.conv_pw = nn.Conv2d(inputs, outputs, kernel_size=1, bias=False)
        self.bn2, self.act2 = nn.BatchNorm2d(outputs), nn.ReLU6(inplace=True)

    def forward(self, x: Tensor) -> Tensor:  # B C H W -> B outputs H/stride W/stride
        x = self.act1(self.bn1(self.conv_dw(x)))
        return self.act2(self.bn2(self.conv_pw(x)))


@final
class MobileNetV1(Network):
    min_size = 1  # every layer pads
    input_layers = ("conv_stem",)
    classifier_layers = ("classifier",)

    def __init__(self, eighths: int, *, classes: int, channels: int, size: int) -> None:
        super().__init__()
        first, second = early_strides(size, 2, 2)
        narrow = 32 * eighths // 8
        self.widths = tuple(width * eighths // 8 for width, _ in STAGES)
        self.strides = tuple(first * below for below in (1, second, 2 * second, 4 * second, 8 * second))
        self.conv_stem = nn.Conv2d(channels, narrow, kernel_size=3, stride=first, padding=1, bias=False)
        self.bn1, self.act1 = nn.BatchNorm2d(narrow), nn.ReLU6(inplace=True)
        self.blocks = nn.Sequential()
        inputs = narrow
        for width, (_, depth), stride in zip(self.widths, STAGES, (1, second, 2, 2, 2), strict=True):
            rest = (Separable(width, width, 1) for _ in range(depth - 1))
            self.blocks.append(nn.Sequential(Separable(inputs, width, stride), *rest))
            inputs = width
        self.global_pool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Linear(inputs, classes)
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d):
                reached = layer.weight[0, 0].numel() * layer.out_channels // layer.groups
                nn.init.normal_(layer.weight, std=sqrt(2 / reached))
        nn.init.uniform_(self.classifier.weight, -1 / sqrt(classes), 1 / sqrt(classes))
        nn.init.zeros_(self.classifier.bias)

    def stem(self, x: Tensor) -> Tensor:
        return self.act1(self.bn1(self.conv_stem(x)))

    def stages(self) -> tuple[nn.Module, ...]:
        return tuple(self.blocks)

    def head(self, x: Tensor) -> Tensor:
        return self.classifier(self.global_pool(x).flatten(1))


def mobilenet_v1(*, classes: int, channels: int, size: int) -> MobileNetV1:
    return MobileNetV1(8, classes=classes, channels=channels, size=size)


def mobilenet_v1_075(*, classes: int, channels: int, size: int) -> MobileNetV1:
    return MobileNetV1(6, classes=classes, channels=channels, size=size)


def mobilenet_v1_050(*, classes: int, channels: int, size: int) -> MobileNetV1:
    return MobileNetV1(4, classes=classes, channels=channels, size=size)


def mobilenet_v1_025(*, classes: int, channels: int, size: int) -> MobileNetV1:
    return MobileNetV1(2, classes=classes, channels=channels, size=size)
