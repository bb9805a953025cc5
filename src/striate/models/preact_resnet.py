"""Pre-activation ResNet: norm and ReLU come before each convolution, so that the shortcuts are identities.

He, Zhang, Ren, Sun, "Identity mappings in deep residual networks", ECCV 2016, arXiv:1603.05027.
The paper's networks for 32 pixels are in cifar_preact_resnet.py; these, of the sizes of the first ResNets, are timm's
resnetv2, with its names and initialization: He for convolutions, std 0.01 for fc. Differences from the paper: no norm
and ReLU before the max pooling (the first bottleneck has them after it and before the branch point, which is equivalent;
preact_resnet18 and 34 have none there), and the stride is in a bottleneck's 3x3.

    3x224x224 -> stem 64x56x56 -> 64x56x56 -> 128x28x28 -> 256x14x14 -> 512x7x7 -> norm, ReLU -> mean -> 1000
    preact_resnet50 and deeper: four times these widths: 256, 512, 1024, 2048

    preact_resnet18    11,687,720 parameters
    preact_resnet34    21,795,880 parameters
    preact_resnet50    25,549,352 parameters
    preact_resnet101   44,541,480 parameters
    preact_resnet152   60,185,128 parameters
"""

from collections.abc import Callable
from typing import final

from torch import Tensor, nn

from striate.models.blocks import Network, early_strides, he_init
from striate.models.resnet import DEPTHS, conv1x1, conv3x3

Branch = Callable[[int, int, int], nn.Module]  # from inputs, outputs and stride


@final
class Preactivated(nn.Module):
    """Input + residual branch on its norm and ReLU; a shortcut that changes the shape starts after the norm and ReLU too."""

    def __init__(self, inputs: int, residual: nn.Module, shortcut: nn.Module | None) -> None:
        super().__init__()
        self.norm, self.relu = nn.BatchNorm2d(inputs), nn.ReLU(inplace=True)
        self.residual, self.shortcut = residual, shortcut

    def forward(self, x: Tensor) -> Tensor:  # B C H W
        active = self.relu(self.norm(x))
        return self.residual(active) + (x if self.shortcut is None else self.shortcut(active))


def basic(inputs: int, outputs: int, stride: int) -> nn.Sequential:
    """Two 3x3 convolutions."""
    return nn.Sequential(
        conv3x3(inputs, outputs, stride), nn.BatchNorm2d(outputs), nn.ReLU(inplace=True), conv3x3(outputs, outputs)
    )


def bottleneck(inputs: int, outputs: int, stride: int) -> nn.Sequential:
    """A 3x3 convolution on a quarter of the channels, between two 1x1 that shrink and restore them."""
    inside = outputs // 4
    return nn.Sequential(
        *(conv1x1(inputs, inside), nn.BatchNorm2d(inside), nn.ReLU(inplace=True)),
        *(conv3x3(inside, inside, stride), nn.BatchNorm2d(inside), nn.ReLU(inplace=True)),
        conv1x1(inside, outputs),
    )


def stage(residual: Branch, inputs: int, outputs: int, depth: int, stride: int) -> nn.Sequential:
    """`depth` blocks, of which the first takes the stride and the new number of channels."""
    shortcut = None if inputs == outputs else conv1x1(inputs, outputs, stride)
    rest = (Preactivated(outputs, residual(outputs, outputs, 1), None) for _ in range(depth - 1))
    return nn.Sequential(Preactivated(inputs, residual(inputs, outputs, stride), shortcut), *rest)


@final
class PreactResNet(Network):
    min_size = 1  # every layer pads
    input_layers = ("conv",)
    classifier_layers = ("fc",)
    key_map = (
        (r"^stem\.", ""),
        *((rf"^stages\.{i}\.blocks\.", f"stage{i + 1}.") for i in range(4)),
        (r"\.norm1\.", ".norm."),
        (r"\.downsample\.conv\.", ".shortcut."),
        *((rf"\.{name}\.", f".residual.{i}.") for name, i in (("conv1", 0), ("norm2", 1), ("conv2", 3))),
        *((rf"\.{name}\.", f".residual.{i}.") for name, i in (("norm3", 4), ("conv3", 6))),
        (r"^head\.", ""),
    )

    def __init__(
        self,
        residual: Branch,
        widths: tuple[int, int, int, int],
        depths: tuple[int, int, int, int],
        *,
        classes: int,
        channels: int,
        size: int,
    ) -> None:
        super().__init__()
        first, second = early_strides(size, 2, 2)
        self.widths = widths
        self.strides = tuple(first * second * below for below in (1, 2, 4, 8))
        self.conv = nn.Conv2d(channels, 64, kernel_size=7, stride=first, padding=3, bias=False)
        self.pool = nn.MaxPool2d(kernel_size=3, stride=2, padding=1) if second == 2 else nn.Identity()
        self.stage1 = stage(residual, 64, widths[0], depths[0], stride=1)
        self.stage2 = stage(residual, widths[0], widths[1], depths[1], stride=2)
        self.stage3 = stage(residual, widths[1], widths[2], depths[2], stride=2)
        self.stage4 = stage(residual, widths[2], widths[3], depths[3], stride=2)
        self.norm, self.relu = nn.BatchNorm2d(widths[3]), nn.ReLU(inplace=True)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(widths[3], classes)
        he_init(self)
        nn.init.normal_(self.fc.weight, std=0.01)
        nn.init.zeros_(self.fc.bias)

    def stem(self, x: Tensor) -> Tensor:
        return self.pool(self.conv(x))

    def stages(self) -> tuple[nn.Module, ...]:
        return self.stage1, self.stage2, self.stage3, self.stage4

    def head(self, x: Tensor) -> Tensor:
        return self.fc(self.avgpool(self.relu(self.norm(x))).flatten(1))

    def convert_state_dict(self, weights: dict[str, Tensor]) -> dict[str, Tensor]:
        fc = {key: value.flatten(1) for key, value in weights.items() if key == "fc.weight"}
        return weights | fc  # timm's fc is a 1x1 convolution


NARROW, WIDE = (64, 128, 256, 512), (256, 512, 1024, 2048)


def preact_resnet18(*, classes: int, channels: int, size: int) -> PreactResNet:
    return PreactResNet(basic, NARROW, DEPTHS[18], classes=classes, channels=channels, size=size)


def preact_resnet34(*, classes: int, channels: int, size: int) -> PreactResNet:
    return PreactResNet(basic, NARROW, DEPTHS[34], classes=classes, channels=channels, size=size)


def preact_resnet50(*, classes: int, channels: int, size: int) -> PreactResNet:
    return PreactResNet(bottleneck, WIDE, DEPTHS[50], classes=classes, channels=channels, size=size)


def preact_resnet101(*, classes: int, channels: int, size: int) -> PreactResNet:
    return PreactResNet(bottleneck, WIDE, DEPTHS[101], classes=classes, channels=channels, size=size)


def preact_resnet152(*, classes: int, channels: int, size: int) -> PreactResNet:
    return PreactResNet(bottleneck, WIDE, DEPTHS[152], classes=classes, channels=channels, size=size)
