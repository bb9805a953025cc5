"""DenseNet: the input of every layer is the concatenation of all feature maps before it, so features are reused.

Huang, Liu, van der Maaten, Weinberger, "Densely connected convolutional networks", CVPR 2017, arXiv:1608.06993: its
DenseNet-BC, where 1x1 convolutions narrow the input of each layer (bottleneck) and halve the output of each block (compression).
161, the wide one, is from the authors' code. Weights and initialization (He's normal by fan-in, PyTorch's default and
biases zero for the last layer) are torchvision's; as in the paper's ImageNet networks there is no dropout.

    3x224x224 -> 64x112x112 -> max -> 256x56x56 -> 512x28x28 -> 1024x14x14 -> 1024x7x7 -> mean 1024 -> 1000
    channels of the other three: 384, 768, 2112, 2208; 256, 512, 1280, 1664; 256, 512, 1792, 1920

    densenet121    7,978,856 parameters      densenet161   28,681,000 parameters
    densenet169   14,149,480 parameters      densenet201   20,013,928 parameters
"""

from collections import OrderedDict
from typing import final

import torch
from torch import Tensor, nn

from striate.models.blocks import Network, early_strides


@final
class DenseLayer(nn.Module):
    """The input, concatenated with `growth` new channels."""

    def __init__(self, inputs: int, growth: int) -> None:
        super().__init__()
        self.norm1, self.relu1 = nn.BatchNorm2d(inputs), nn.ReLU(inplace=True)
        self.conv1 = nn.Conv2d(inputs, 4 * growth, kernel_size=1, bias=False)
        self.norm2, self.relu2 = nn.BatchNorm2d(4 * growth), nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(4 * growth, growth, kernel_size=3, padding=1, bias=False)

    def forward(self, x: Tensor) -> Tensor:  # B C H W -> B C+growth H W
        new = self.conv1(self.relu1(self.norm1(x)))
        new = self.conv2(self.relu2(self.norm2(new)))
        return torch.cat((x, new), 1)


def dense_block(inputs: int, growth: int, depth: int) -> nn.Sequential:
    return nn.Sequential(
        OrderedDict({f"denselayer{i + 1}": DenseLayer(inputs + i * growth, growth) for i in range(depth)})
    )


def transition(inputs: int) -> nn.Sequential:
    """Half as many channels, half the height and width."""
    return nn.Sequential(
        OrderedDict(
            norm=nn.BatchNorm2d(inputs),
            relu=nn.ReLU(inplace=True),
            conv=nn.Conv2d(inputs, inputs // 2, kernel_size=1, bias=False),
            pool=nn.AvgPool2d(2),
        )
    )


@final
class DenseNet(Network):
    input_layers = ("stage1.conv0",)
    classifier_layers = ("classifier",)
    key_map = (
        (r"(denselayer\d+\.(?:norm|conv))\.([12])\.", r"\1\2."),  # files from before PyTorch 0.4
        (r"^features\.(conv0|norm0)\.", r"stage1.\1."),
        (r"^features\.(denseblock1)\.", r"stage2.\1."),
        (r"^features\.(transition1|denseblock2)\.", r"stage3.\1."),
        (r"^features\.(transition2|denseblock3)\.", r"stage4.\1."),
        (r"^features\.(transition3|denseblock4|norm5)\.", r"stage5.\1."),
    )

    def __init__(
        self, width: int, growth: int, depths: tuple[int, int, int, int], *, classes: int, channels: int, size: int
    ) -> None:
        super().__init__()
        first, second = early_strides(size, 2, 2)
        stride = first * second
        self.strides = (first, stride, 2 * stride, 4 * stride, 8 * stride)
        self.min_size = 7 * stride + 1  # the first layers round up, and 8 positions can be halved three times
        wide = [width + depths[0] * growth]  # maps at the end of each block
        for depth in depths[1:]:
            wide.append(wide[-1] // 2 + depth * growth)
        self.widths = (width, *wide)
        self.stage1 = nn.Sequential(
            OrderedDict(
                conv0=nn.Conv2d(channels, width, kernel_size=7, stride=first, padding=3, bias=False),
                norm0=nn.BatchNorm2d(width),
                relu0=nn.ReLU(inplace=True),
            )
        )
        pool = nn.MaxPool2d(kernel_size=3, stride=2, padding=1) if second == 2 else nn.Identity()
        self.stage2 = nn.Sequential(OrderedDict(pool0=pool, denseblock1=dense_block(width, growth, depths[0])))
        self.stage3 = nn.Sequential(
            OrderedDict(transition1=transition(wide[0]), denseblock2=dense_block(wide[0] // 2, growth, depths[1]))
        )
        self.stage4 = nn.Sequential(
            OrderedDict(transition2=transition(wide[1]), denseblock3=dense_block(wide[1] // 2, growth, depths[2]))
        )
        self.stage5 = nn.Sequential(
            OrderedDict(
                transition3=transition(wide[2]),
                denseblock4=dense_block(wide[2] // 2, growth, depths[3]),
                norm5=nn.BatchNorm2d(wide[3]),
                relu5=nn.ReLU(inplace=True),
            )
        )
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Linear(wide[3], classes)
        nn.init.zeros_(self.classifier.bias)
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d):
                nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")

    def stem(self, x: Tensor) -> Tensor:
        return x

    def stages(self) -> tuple[nn.Module, ...]:
        return self.stage1, self.stage2, self.stage3, self.stage4, self.stage5

    def head(self, x: Tensor) -> Tensor:
        return self.classifier(self.avgpool(x).flatten(1))


def densenet121(*, classes: int, channels: int, size: int) -> DenseNet:
    return DenseNet(64, 32, (6, 12, 24, 16), classes=classes, channels=channels, size=size)


def densenet161(*, classes: int, channels: int, size: int) -> DenseNet:
    return DenseNet(96, 48, (6, 12, 36, 24), classes=classes, channels=channels, size=size)


def densenet169(*, classes: int, channels: int, size: int) -> DenseNet:
    return DenseNet(64, 32, (6, 12, 32, 32), classes=classes, channels=channels, size=size)


def densenet201(*, classes: int, channels: int, size: int) -> DenseNet:
    return DenseNet(64, 32, (6, 12, 48, 32), classes=classes, channels=channels, size=size)
