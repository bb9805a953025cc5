"""ConvNeXt: a ResNet modernized step by step toward the design of a Swin Transformer.

Liu, Mao, Wu, Feichtenhofer, Darrell, Xie, "A ConvNet for the 2020s", CVPR 2022, arXiv:2201.03545.
The changes: a patchify stem, spatial mixing (7x7 depthwise convolution) apart from channel mixing (inverted bottleneck of two
1x1 convolutions), one norm and one activation a block, layer norm and GELU, separate downsampling layers.
Weights are torchvision's. Initialization and stochastic depth are torchvision's too: a normal with std 0.02, truncated at 2
(which has no effect; the authors do so as well), biases 0, layer scale 1e-6. The probability of stochastic depth grows
linearly from 0 to 0.1, 0.4, 0.5, 0.5, as in the paper's training on ImageNet-1K.
For images below 128 pixels the patches of the stem have 2x2 pixels, below 64 they are single pixels.

    3x224x224 -> 4x4 patches -> 96x56x56 -> 192x28x28 -> 384x14x14 -> 768x7x7 -> mean -> 1000
    small: deeper; base and large: also 4/3 and 2 times as wide

    convnext_tiny     28,589,128 parameters
    convnext_small    50,223,688 parameters
    convnext_base     88,591,464 parameters
    convnext_large   197,767,336 parameters
"""

from typing import final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from striate.models.blocks import Network, StochasticDepth

Four = tuple[int, int, int, int]


@final
class ChannelNorm(nn.Module):
    """Layer norm over the channels of each position of B C h w."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.ones(width)), nn.Parameter(torch.zeros(width))

    def forward(self, x: Tensor) -> Tensor:  # B C h w
        x = F.layer_norm(x.permute(0, 2, 3, 1), self.weight.shape, self.weight, self.bias, eps=1e-6)
        return x.permute(0, 3, 1, 2)


@final
class Block(nn.Module):
    """x + layer scale * MLP over channels(norm(depthwise convolution(x)))."""

    def __init__(self, width: int, drop: float) -> None:
        super().__init__()
        self.depthwise = nn.Conv2d(width, width, kernel_size=7, padding=3, groups=width)
        self.norm = nn.LayerNorm(width, eps=1e-6)
        self.widen = nn.Linear(width, 4 * width)
        self.gelu = nn.GELU()
        self.narrow = nn.Linear(4 * width, width)
        self.layer_scale = nn.Parameter(torch.full((width, 1, 1), 1e-6))  # a new block is almost the identity
        self.stochastic_depth = StochasticDepth(drop)

    def forward(self, x: Tensor) -> Tensor:  # B C h w
        residual = self.depthwise(x).permute(
            0, 2, 3, 1
        )  # B h w C: a 1x1 convolution is a linear layer at every position
        residual = self.narrow(self.gelu(self.widen(self.norm(residual)))).permute(0, 3, 1, 2)
        return self.stochastic_depth(self.layer_scale * residual) + x


@final
class Stage(nn.Module):
    """Downsampling (in the first stage the stem), then the blocks."""

    def __init__(self, reduce: nn.Module, width: int, drops: list[float]) -> None:
        super().__init__()
        self.reduce = reduce
        self.blocks = nn.Sequential(*(Block(width, drop) for drop in drops))

    def forward(self, x: Tensor) -> Tensor:  # B C h w
        return self.blocks(self.reduce(x))


def downsampling(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(ChannelNorm(inputs), nn.Conv2d(inputs, outputs, kernel_size=2, stride=2))


@final
class ConvNeXt(Network):
    input_layers = ("stage1.reduce.0",)
    classifier_layers = ("classifier",)
    key_map = (
        *((rf"^features\.{2 * i}\.", f"stage{i + 1}.reduce.") for i in range(4)),
        *((rf"^features\.{2 * i + 1}\.", f"stage{i + 1}.blocks.") for i in range(4)),
        (r"\.block\.0\.", ".depthwise."),
        (r"\.block\.2\.", ".norm."),
        (r"\.block\.3\.", ".widen."),
        (r"\.block\.5\.", ".narrow."),
        (r"^classifier\.0\.", "norm."),
        (r"^classifier\.2\.", "classifier."),
    )

    def __init__(self, depths: Four, widths: Four, drop: float, *, classes: int, channels: int, size: int) -> None:
        super().__init__()
        self.patch = 4 if size >= 128 else 2 if size >= 64 else 1
        self.widths, self.strides = widths, tuple(self.patch * factor for factor in (1, 2, 4, 8))
        self.min_size = self.strides[-1]  # downsampling does not pad
        total = sum(depths)
        drops = [[drop * i / (total - 1) for i in range(sum(depths[:n]), sum(depths[: n + 1]))] for n in range(4)]
        patches = nn.Sequential(nn.Conv2d(channels, widths[0], self.patch, self.patch), ChannelNorm(widths[0]))
        self.stage1 = Stage(patches, widths[0], drops[0])
        self.stage2 = Stage(downsampling(widths[0], widths[1]), widths[1], drops[1])
        self.stage3 = Stage(downsampling(widths[1], widths[2]), widths[2], drops[2])
        self.stage4 = Stage(downsampling(widths[2], widths[3]), widths[3], drops[3])
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.norm = nn.LayerNorm(widths[3], eps=1e-6)
        self.classifier = nn.Linear(widths[3], classes)
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d | nn.Linear):
                nn.init.trunc_normal_(layer.weight, std=0.02)
                if layer.bias is not None:
                    nn.init.zeros_(layer.bias)

    def stem(self, x: Tensor) -> Tensor:
        return x

    def stages(self) -> tuple[nn.Module, ...]:
        return self.stage1, self.stage2, self.stage3, self.stage4

    def head(self, x: Tensor) -> Tensor:
        return self.classifier(self.norm(self.avgpool(x).flatten(1)))

    def convert_state_dict(self, weights: dict[str, Tensor]) -> dict[str, Tensor]:
        """Sum the stem's kernel for smaller patches: as the published kernel on the image enlarged."""
        name = "stage1.reduce.0.weight"
        kernel = weights.get(name)
        if kernel is None or kernel.ndim != 4 or kernel.shape[-1] == self.patch:
            return weights
        return {**weights, name: F.adaptive_avg_pool2d(kernel, self.patch) * (kernel.shape[-1] / self.patch) ** 2}


def convnext_tiny(*, classes: int, channels: int, size: int) -> ConvNeXt:
    return ConvNeXt((3, 3, 9, 3), (96, 192, 384, 768), 0.1, classes=classes, channels=channels, size=size)


def convnext_small(*, classes: int, channels: int, size: int) -> ConvNeXt:
    return ConvNeXt((3, 3, 27, 3), (96, 192, 384, 768), 0.4, classes=classes, channels=channels, size=size)


def convnext_base(*, classes: int, channels: int, size: int) -> ConvNeXt:
    return ConvNeXt((3, 3, 27, 3), (128, 256, 512, 1024), 0.5, classes=classes, channels=channels, size=size)


def convnext_large(*, classes: int, channels: int, size: int) -> ConvNeXt:
    return ConvNeXt((3, 3, 27, 3), (192, 384, 768, 1536), 0.5, classes=classes, channels=channels, size=size)
