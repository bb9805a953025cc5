"""SqueezeNet: 1x1 convolutions squeeze the channels before 3x3 convolutions: AlexNet's accuracy with a fiftieth of its parameters.

Iandola et al., "SqueezeNet: AlexNet-level accuracy with 50x fewer parameters and <0.5MB model size", 2016,
arXiv:1602.07360; 1.1 is the authors' later release, which pools earlier and has 2.4 times fewer MACs. Weights,
initialization (He's uniform, a normal with std 0.01 for the class maps, biases zero; the paper's code draws Glorot's
uniform) and dropout (before the class maps, as in the paper) are torchvision's. The class maps go through ReLU before
they are averaged, so no logit is negative.

    squeezenet1_0: 3x224x224 -> 96x109x109 -> 256x54x54 -> 512x27x27 -> 512x13x13 -> 1000x13x13 -> mean 1000
    squeezenet1_1: 3x224x224 -> 64x111x111 -> 128x55x55 -> 256x27x27 -> 512x13x13 -> 1000x13x13 -> mean 1000

    squeezenet1_0   1,248,424 parameters      squeezenet1_1   1,235,496 parameters
"""

from typing import final

import torch
from torch import Tensor, nn

from striate.models.blocks import Network, early_strides, numbered_names


@final
class Fire(nn.Module):
    """A 1x1 squeeze convolution, then a 1x1 and a 3x3 expand convolution in parallel, each to four times as many channels."""

    def __init__(self, inputs: int, squeezed: int) -> None:
        super().__init__()
        self.squeeze = nn.Conv2d(inputs, squeezed, kernel_size=1)
        self.squeeze_activation = nn.ReLU(inplace=True)
        self.expand1x1 = nn.Conv2d(squeezed, 4 * squeezed, kernel_size=1)
        self.expand1x1_activation = nn.ReLU(inplace=True)
        self.expand3x3 = nn.Conv2d(squeezed, 4 * squeezed, kernel_size=3, padding=1)
        self.expand3x3_activation = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:  # B C H W -> B 8*squeezed H W
        x = self.squeeze_activation(self.squeeze(x))
        return torch.cat(
            (self.expand1x1_activation(self.expand1x1(x)), self.expand3x3_activation(self.expand3x3(x))), 1
        )


def fires(inputs: int, squeezed: tuple[int, ...]) -> list[nn.Module]:
    before = (inputs, *(8 * width for width in squeezed))
    return [Fire(width, narrow) for width, narrow in zip(before, squeezed, strict=False)]


def pool() -> nn.Module:
    return nn.MaxPool2d(kernel_size=3, stride=2, ceil_mode=True)


@final
class SqueezeNet(Network):
    input_layers = ("stage1.0",)
    classifier_layers = ("classifier.1",)

    def __init__(
        self,
        width: int,
        kernel_size: int,
        squeezed: tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]],
        *,
        classes: int,
        channels: int,
        size: int,
        dropout: float,
    ) -> None:
        super().__init__()
        first, second = early_strides(size, 2, 2)
        self.widths = (width, *(8 * stage[-1] for stage in squeezed))
        self.strides = (first, first * second, 2 * first * second, 4 * first * second)
        side = 8 if second == 2 else 4  # of the first map: a pooling that rounds up leaves 1 of 2, 2 of 4, 4 of 8
        self.min_size = first * (side - 1) + kernel_size
        self.stage1 = nn.Sequential(nn.Conv2d(channels, width, kernel_size, stride=first), nn.ReLU(inplace=True))
        self.stage2 = nn.Sequential(pool() if second == 2 else nn.Identity(), *fires(width, squeezed[0]))
        self.stage3 = nn.Sequential(pool(), *fires(self.widths[1], squeezed[1]))
        self.stage4 = nn.Sequential(pool(), *fires(self.widths[2], squeezed[2]))
        self.classifier = nn.Sequential(
            nn.Dropout(dropout),
            nn.Conv2d(512, classes, kernel_size=1),
            nn.ReLU(inplace=True),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
        )
        self.key_map = numbered_names(self.stage1, self.stage2, self.stage3, self.stage4)
        for name, layer in self.named_modules():
            if isinstance(layer, nn.Conv2d) and layer.bias is not None:
                if name in self.classifier_layers:
                    nn.init.normal_(layer.weight, std=0.01)
                else:
                    nn.init.kaiming_uniform_(layer.weight, nonlinearity="relu")
                nn.init.zeros_(layer.bias)

    def stem(self, x: Tensor) -> Tensor:
        return x

    def stages(self) -> tuple[nn.Module, ...]:
        return self.stage1, self.stage2, self.stage3, self.stage4

    def head(self, x: Tensor) -> Tensor:
        return self.classifier(x)


def squeezenet1_0(*, classes: int, channels: int, size: int, dropout: float = 0.5) -> SqueezeNet:
    squeezed = ((16, 16, 32), (32, 48, 48, 64), (64,))
    return SqueezeNet(96, 7, squeezed, classes=classes, channels=channels, size=size, dropout=dropout)


def squeezenet1_1(*, classes: int, channels: int, size: int, dropout: float = 0.5) -> SqueezeNet:
    squeezed = ((16, 16), (32, 32), (48, 48, 64, 64))
    return SqueezeNet(64, 3, squeezed, classes=classes, channels=channels, size=size, dropout=dropout)
