"""The digit CNN: convolution, ReLU and max pooling, three times, until one position of 128 channels is left.

The textbook network (Krizhevsky, Sutskever, Hinton, NeurIPS 2012) for MNIST.
The strided variant has no pooling: each convolution has stride 2 instead (Springenberg et al., ICLR 2015 workshop,
arXiv:1412.6806). No convolution pads. Initialization: Glorot uniform, biases zero, as in Keras.

    digit_cnn           1x28x28 -> [26] 32x13x13 -> [11] 64x5x5 -> [3] 128x1x1 -> 128 -> 10      110,474 parameters
    digit_cnn_strided   1x28x28 -> 32x13x13 -> 64x6x6 -> 128x2x2 -> 128 -> 10                    159,626 parameters
    [in brackets: the height before the pool]
"""

from collections.abc import Callable
from typing import final

from torch import Tensor, nn

from striate.models.blocks import Network, glorot_init


def pooled(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(inputs, outputs, kernel_size=3), nn.ReLU(), nn.MaxPool2d(2))


def strided(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(inputs, outputs, kernel_size=3, stride=2), nn.ReLU())


@final
class DigitCNN(Network):
    widths = (32, 64, 128)
    strides = (2, 4, 8)
    input_layers = ("stage1.0",)
    classifier_layers = ("classifier.4",)

    def __init__(
        self, stage: Callable[[int, int], nn.Module], *, grid: int, min_size: int, classes: int, channels: int
    ) -> None:
        super().__init__()
        self.min_size = min_size
        self.stage1 = stage(channels, 32)
        self.stage2 = stage(32, 64)
        self.stage3 = stage(64, 128)
        self.classifier = nn.Sequential(
            nn.AdaptiveAvgPool2d(grid),  # at 28 x 28 the map has this size already, and this does nothing
            nn.Flatten(),
            nn.Linear(128 * grid * grid, 128),
            nn.ReLU(),
            nn.Linear(128, classes),
        )
        glorot_init(self)

    def stem(self, x: Tensor) -> Tensor:
        return x

    def stages(self) -> tuple[nn.Module, ...]:
        return self.stage1, self.stage2, self.stage3

    def head(self, x: Tensor) -> Tensor:
        return self.classifier(x)


def digit_cnn(*, classes: int, channels: int) -> DigitCNN:
    return DigitCNN(pooled, grid=1, min_size=22, classes=classes, channels=channels)


def digit_cnn_strided(*, classes: int, channels: int) -> DigitCNN:
    return DigitCNN(strided, grid=2, min_size=15, classes=classes, channels=channels)
