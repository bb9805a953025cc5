"""The cosine CNN: a fixed first layer of discrete cosine patterns, so that training is fast.

Trained first layers show bars and edges of low frequency; so are the patterns of the discrete cosine transform
(Ulicny, Krylov, Dahyot, Harmonic Networks, arXiv:1905.00135). The stem applies the few of lowest frequency, each with both
signs so that ReLU loses nothing (Shang et al., ICML 2016, arXiv:1603.05201), and is never trained. Pooling comes before batch
norm and ReLU, which then have a quarter of the work.

    cosine_cnn_small    1x28x28 -> 16x14x14 -> 32x7x7 -> 64x3x3 -> 10        29,402 parameters, 400 of them frozen
    cosine_cnn          1x28x28 -> 32x14x14 -> 64x7x7 -> 128x3x3 -> 10      104,874 parameters, 800 of them frozen
"""

import math
from typing import final

import torch
from torch import Tensor, nn

from striate.models.blocks import Network

KERNEL_SIZE = 5


def cosine_patterns(count: int) -> Tensor:
    """The `count` lowest patterns of the two-dimensional DCT-II, each of length 1: count 1 5 5."""
    frequency, position = torch.arange(KERNEL_SIZE)[:, None], torch.arange(KERNEL_SIZE) + 0.5
    waves = torch.cos(math.pi * frequency * position / KERNEL_SIZE)
    patterns = torch.einsum("ay,bx->abyx", waves, waves).flatten(0, 1)
    lowest = (frequency + frequency.T).flatten().argsort(stable=True)[:count]
    patterns = patterns[lowest][:, None]
    return patterns / patterns.flatten(1).norm(dim=1)[:, None, None, None]


def cosine_stem(channels: int, patterns: int) -> nn.Sequential:
    """Each channel convolved with both signs of each pattern, with stride 2; nothing here is trained."""
    cosines = cosine_patterns(patterns)
    outputs = 2 * patterns * channels
    conv = nn.Conv2d(
        channels, outputs, KERNEL_SIZE, stride=2, padding=KERNEL_SIZE // 2, groups=channels, bias=False
    ).requires_grad_(False)
    conv.weight.copy_(torch.cat([cosines, -cosines]).repeat(channels, 1, 1, 1))
    return nn.Sequential(conv, nn.BatchNorm2d(outputs, affine=False), nn.ReLU())


def pooled_stage(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel_size=3, padding=1, bias=False),
        nn.MaxPool2d(2),
        nn.BatchNorm2d(outputs),
        nn.ReLU(),
    )


@final
class CosineCNN(Network):
    strides = (4, 8)
    min_size = 7
    input_layers = ()  # each channel has its own cosines, and the first stage mixes them
    classifier_layers = ("classifier.2",)

    def __init__(self, patterns: int, widths: tuple[int, int], *, classes: int, channels: int) -> None:
        super().__init__()
        self.widths = widths
        self.filters = cosine_stem(channels, patterns)
        self.stage1 = pooled_stage(2 * patterns * channels, widths[0])
        self.stage2 = pooled_stage(widths[0], widths[1])
        self.classifier = nn.Sequential(
            nn.AdaptiveAvgPool2d(3),  # at 28 x 28 the map has this size already, and this does nothing
            nn.Flatten(),
            nn.Linear(9 * widths[1], classes),
        )

    def stem(self, x: Tensor) -> Tensor:
        return self.filters(x)

    def stages(self) -> tuple[nn.Module, ...]:
        return self.stage1, self.stage2

    def head(self, x: Tensor) -> Tensor:
        return self.classifier(x)


def cosine_cnn_small(*, classes: int, channels: int) -> CosineCNN:
    return CosineCNN(8, (32, 64), classes=classes, channels=channels)


def cosine_cnn(*, classes: int, channels: int) -> CosineCNN:
    return CosineCNN(16, (64, 128), classes=classes, channels=channels)
