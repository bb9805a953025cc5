"""Pre-activation ResNet for 32 pixels: identity shortcuts without an activation on the sum train 1001 layers.

He, Zhang, Ren, Sun, "Identity mappings in deep residual networks", ECCV 2016, arXiv:1603.05027, section 4; the block
is in preact_resnet.py. Neither torchvision nor timm has these. A first convolution, three stages of n blocks, norm,
ReLU, mean, fc: 6n + 2 layers of blocks with two convolutions (110), 9n + 2 of blocks with three (164, 1001). The
initialization, and the stride in a bottleneck's first convolution, are those of the authors' Torch code: He by fan out,
biases zero. That code has no network of basic blocks; here they start a stage as in fb.resnet.torch: norm and ReLU before
the branch point, then the first ResNet paper's option A, every other position and zeros for the new channels.

    3x32x32 -> 16x32x32 -> 16x32x32 -> 32x16x16 -> 64x8x8 -> norm, ReLU -> mean -> 10
    164 and 1001: stages of four times these widths: 64, 128, 256

    cifar_preact_resnet110    n = 18     1,727,962 parameters   paper: 1.7 million
    cifar_preact_resnet164    n = 18     1,703,258 parameters   paper: 1.7 million
    cifar_preact_resnet1001   n = 111   10,327,706 parameters   paper: 10.2 million (without batch norm: 10.18)
"""

from typing import final

from torch import Tensor, nn

from striate.models.blocks import Network, he_init
from striate.models.cifar_resnet import Subsample
from striate.models.preact_resnet import Branch, Preactivated, basic
from striate.models.resnet import conv1x1, conv3x3


def bottleneck(inputs: int, outputs: int, stride: int) -> nn.Sequential:
    """As in preact_resnet.py, except that the first convolution has the stride."""
    inside = outputs // 4
    return nn.Sequential(
        *(conv1x1(inputs, inside, stride), nn.BatchNorm2d(inside), nn.ReLU(inplace=True)),
        *(conv3x3(inside, inside), nn.BatchNorm2d(inside), nn.ReLU(inplace=True)),
        conv1x1(inside, outputs),
    )


@final
class CifarPreactResNet(Network):
    """Three stages of `depth` blocks: `residual` builds their residual branches, `shortcut` the shortcut of each stage's first."""

    strides = (1, 2, 4)
    min_size = 1  # every layer pads
    input_layers = ("conv",)
    classifier_layers = ("fc",)

    def __init__(
        self,
        residual: Branch,
        shortcut: Branch,
        widths: tuple[int, int, int],
        depth: int,
        *,
        classes: int,
        channels: int,
    ) -> None:
        super().__init__()

        def stage(inputs: int, outputs: int, stride: int) -> nn.Sequential:
            start = Preactivated(inputs, residual(inputs, outputs, stride), shortcut(inputs, outputs, stride))
            return nn.Sequential(
                start, *(Preactivated(outputs, residual(outputs, outputs, 1), None) for _ in range(depth - 1))
            )

        self.widths = widths
        self.conv = conv3x3(channels, 16)
        self.stage1 = stage(16, widths[0], stride=1)
        self.stage2 = stage(widths[0], widths[1], stride=2)
        self.stage3 = stage(widths[1], widths[2], stride=2)
        self.norm, self.relu = nn.BatchNorm2d(widths[2]), nn.ReLU(inplace=True)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(widths[2], classes)
        he_init(self)
        nn.init.zeros_(self.fc.bias)

    def stem(self, x: Tensor) -> Tensor:
        return self.conv(x)

    def stages(self) -> tuple[nn.Module, ...]:
        return self.stage1, self.stage2, self.stage3

    def head(self, x: Tensor) -> Tensor:
        return self.fc(self.avgpool(self.relu(self.norm(x))).flatten(1))


def cifar_preact_resnet110(*, classes: int, channels: int) -> CifarPreactResNet:
    return CifarPreactResNet(basic, Subsample, (16, 32, 64), 18, classes=classes, channels=channels)


def cifar_preact_resnet164(*, classes: int, channels: int) -> CifarPreactResNet:
    return CifarPreactResNet(bottleneck, conv1x1, (64, 128, 256), 18, classes=classes, channels=channels)


def cifar_preact_resnet1001(*, classes: int, channels: int) -> CifarPreactResNet:
    return CifarPreactResNet(bottleneck, conv1x1, (64, 128, 256), 111, classes=classes, channels=channels)
