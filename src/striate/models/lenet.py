"""LeNet-5: shared convolution filters and subsampling make the class of a digit robust to shifts and distortions.

LeCun, Bottou, Bengio, Haffner, "Gradient-based learning applied to document recognition", Proc. IEEE 86(11), 1998.
As it is built today: tanh and average pooling are the paper's, but C3 is connected to all six maps, the pooling has no
weights, and the output is linear. The paper pads digits from 28 to 32 pixels; here C1 does so. Initialization: Glorot
uniform, biases zero.

    1x28x28 -> C1 6x28x28 -> S2 6x14x14 -> C3 16x10x10 -> S4 16x5x5 -> C5 120 -> F6 84 -> 10      61,706 parameters
"""

from typing import final

from torch import Tensor, nn

from striate.models.blocks import Network, glorot_init


@final
class LeNet5(Network):
    widths = (6, 16)
    strides = (2, 4)
    min_size = 12
    input_layers = ("stage1.0",)
    classifier_layers = ("classifier.6",)

    def __init__(self, *, classes: int, channels: int) -> None:
        super().__init__()
        self.stage1 = nn.Sequential(nn.Conv2d(channels, 6, kernel_size=5, padding=2), nn.Tanh(), nn.AvgPool2d(2))
        self.stage2 = nn.Sequential(nn.Conv2d(6, 16, kernel_size=5), nn.Tanh(), nn.AvgPool2d(2))
        self.classifier = nn.Sequential(
            nn.AdaptiveAvgPool2d(5),  # at 28 x 28 the map has this size already, and this does nothing
            nn.Flatten(),
            nn.Linear(16 * 5 * 5, 120),  # C5: a convolution over the whole 5 x 5 map
            nn.Tanh(),
            nn.Linear(120, 84),
            nn.Tanh(),
            nn.Linear(84, classes),
        )
        glorot_init(self)

    def stem(self, x: Tensor) -> Tensor:
        return x

    def stages(self) -> tuple[nn.Module, ...]:
        return self.stage1, self.stage2

    def head(self, x: Tensor) -> Tensor:
        return self.classifier(x)


def lenet5(*, classes: int, channels: int) -> LeNet5:
    return LeNet5(classes=classes, channels=channels)
