"""ResNet: each block learns a residual function that is added to its input.

He, Zhang, Ren, Sun, "Deep residual learning for image recognition", CVPR 2016, arXiv:1512.03385.
Names are torchvision's, so its weights load as they are. So is the initialization: He for convolutions, PyTorch's default
for fc. As there, a bottleneck has its stride in the 3x3 convolution; the paper has it in the 1x1 before.

    3x224x224 -> stem 64x56x56 -> 64x56x56 -> 128x28x28 -> 256x14x14 -> 512x7x7 -> mean -> 1000
    resnet50 and deeper: four times these widths: 256, 512, 1024, 2048

    resnet18    11,689,512 parameters
    resnet34    21,797,672 parameters
    resnet50    25,557,032 parameters
    resnet101   44,549,160 parameters
    resnet152   60,192,808 parameters
"""

from collections.abc import Callable
from typing import Final, final

from torch import Tensor, nn

from striate.models.blocks import Network, early_strides, he_init

Block = Callable[[int, int, int], nn.Module]  # from inputs, width and stride

DEPTHS: Final = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3), 50: (3, 4, 6, 3), 101: (3, 4, 23, 3), 152: (3, 8, 36, 3)}


@final
class Basic(nn.Module):
    """Two 3x3 convolutions."""

    def __init__(self, inputs: int, width: int, stride: int) -> None:
        super().__init__()
        self.conv1, self.bn1 = conv3x3(inputs, width, stride), nn.BatchNorm2d(width)
        self.relu1 = nn.ReLU(inplace=True)
        self.conv2, self.bn2 = conv3x3(width, width), nn.BatchNorm2d(width)
        self.relu2 = nn.ReLU(inplace=True)
        self.downsample = shortcut(inputs, width, stride)

    def forward(self, x: Tensor) -> Tensor:  # B C H W
        residual = self.relu1(self.bn1(self.conv1(x)))
        residual = self.bn2(self.conv2(residual))
        return self.relu2(residual + self.downsample(x))


@final
class Bottleneck(nn.Module):
    """A 3x3 convolution on a quarter of the channels, between two 1x1 convolutions that reduce and restore them."""

    def __init__(self, inputs: int, width: int, stride: int) -> None:
        super().__init__()
        self.conv1, self.bn1 = conv1x1(inputs, width), nn.BatchNorm2d(width)
        self.relu1 = nn.ReLU(inplace=True)
        self.conv2, self.bn2 = conv3x3(width, width, stride), nn.BatchNorm2d(width)
        self.relu2 = nn.ReLU(inplace=True)
        self.conv3, self.bn3 = conv1x1(width, 4 * width), nn.BatchNorm2d(4 * width)
        self.relu3 = nn.ReLU(inplace=True)
        self.downsample = shortcut(inputs, 4 * width, stride)

    def forward(self, x: Tensor) -> Tensor:  # B C H W
        residual = self.relu1(self.bn1(self.conv1(x)))
        residual = self.relu2(self.bn2(self.conv2(residual)))
        residual = self.bn3(self.conv3(residual))
        return self.relu3(residual + self.downsample(x))


def conv3x3(inputs: int, outputs: int, stride: int = 1, groups: int = 1) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, kernel_size=3, stride=stride, padding=1, groups=groups, bias=False)


def conv1x1(inputs: int, outputs: int, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, kernel_size=1, stride=stride, bias=False)


def shortcut(inputs: int, outputs: int, stride: int) -> nn.Module:
    """The identity where the shapes agree, else a 1x1 convolution with batch norm."""
    if stride == 1 and inputs == outputs:
        return nn.Identity()
    return nn.Sequential(conv1x1(inputs, outputs, stride), nn.BatchNorm2d(outputs))


@final
class ResNet(Network):
    """Four stages of the blocks that `block` builds; a block's output has `expansion` times its width."""

    min_size = 1  # every layer pads
    input_layers = ("conv1",)
    classifier_layers = ("fc",)

    def __init__(
        self, block: Block, expansion: int, depths: tuple[int, int, int, int], *, classes: int, channels: int, size: int
    ) -> None:
        super().__init__()

        def stage(inputs: int, width: int, depth: int, stride: int) -> nn.Sequential:
            """`depth` blocks, of which the first takes the stride."""
            return nn.Sequential(
                block(inputs, width, stride), *(block(expansion * width, width, 1) for _ in range(depth - 1))
            )

        first, second = early_strides(size, 2, 2)
        self.widths = (64 * expansion, 128 * expansion, 256 * expansion, 512 * expansion)
        self.strides = tuple(first * second * below for below in (1, 2, 4, 8))
        self.conv1 = nn.Conv2d(channels, 64, kernel_size=7, stride=first, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(kernel_size=3, stride=2, padding=1) if second == 2 else nn.Identity()
        self.layer1 = stage(64, 64, depths[0], stride=1)
        self.layer2 = stage(self.widths[0], 128, depths[1], stride=2)
        self.layer3 = stage(self.widths[1], 256, depths[2], stride=2)
        self.layer4 = stage(self.widths[2], 512, depths[3], stride=2)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(self.widths[3], classes)
        he_init(self)

    def stem(self, x: Tensor) -> Tensor:
        return self.maxpool(self.relu(self.bn1(self.conv1(x))))

    def stages(self) -> tuple[nn.Module, ...]:
        return self.layer1, self.layer2, self.layer3, self.layer4

    def head(self, x: Tensor) -> Tensor:
        return self.fc(self.avgpool(x).flatten(1))


def resnet18(*, classes: int, channels: int, size: int) -> ResNet:
    return ResNet(Basic, 1, DEPTHS[18], classes=classes, channels=channels, size=size)


def resnet34(*, classes: int, channels: int, size: int) -> ResNet:
    return ResNet(Basic, 1, DEPTHS[34], classes=classes, channels=channels, size=size)


def resnet50(*, classes: int, channels: int, size: int) -> ResNet:
    return ResNet(Bottleneck, 4, DEPTHS[50], classes=classes, channels=channels, size=size)


def resnet101(*, classes: int, channels: int, size: int) -> ResNet:
    return ResNet(Bottleneck, 4, DEPTHS[101], classes=classes, channels=channels, size=size)


def resnet152(*, classes: int, channels: int, size: int) -> ResNet:
    return ResNet(Bottleneck, 4, DEPTHS[152], classes=classes, channels=channels, size=size)
