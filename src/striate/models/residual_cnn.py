"""The residual CNN: ResNet-9 made narrow and shallow enough to train on images of 28 pixels in minutes on a CPU.

After the ResNet-9 that David Page trained on CIFAR-10 in seconds ("How to train your ResNet", myrtle.ai, 2018): few layers,
pooling before batch norm and ReLU, which then have a quarter of the work, a residual block, and the maximum over positions
at the end. Here the first layer is pooled too, so that nearly all work is done by wide layers on few positions, which a CPU
does fast. Initialization is PyTorch's.

    1x28x28 -> 32x14x14 -> 64x14x14 -> 128x7x7 -> max 128 -> 10      389,610 parameters
"""

from typing import final

from torch import Tensor, nn

from striate.models.blocks import Network, conv_bn_act
from striate.models.cosine_cnn import pooled_stage


@final
class Residual(nn.Module):
    """Two 3x3 convolutions, added to their input."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv1, self.conv2 = conv_bn_act(width, width), conv_bn_act(width, width)

    def forward(self, x: Tensor) -> Tensor:  # B C H W
        return x + self.conv2(self.conv1(x))


@final
class ResidualCNN(Network):
    widths = (64, 128)
    strides = (2, 4)
    min_size = 4
    input_layers = ("first.0",)
    classifier_layers = ("classifier.2",)

    def __init__(self, *, classes: int, channels: int) -> None:
        super().__init__()
        self.first = pooled_stage(channels, 32)
        self.stage1 = conv_bn_act(32, 64)
        self.stage2 = nn.Sequential(*pooled_stage(64, 128), Residual(128))
        self.classifier = nn.Sequential(nn.AdaptiveMaxPool2d(1), nn.Flatten(), nn.Linear(128, classes))

    def stem(self, x: Tensor) -> Tensor:
        return self.first(x)

    def stages(self) -> tuple[nn.Module, ...]:
        return self.stage1, self.stage2

    def head(self, x: Tensor) -> Tensor:
        return self.classifier(x)


def residual_cnn(*, classes: int, channels: int) -> ResidualCNN:
    return ResidualCNN(classes=classes, channels=channels)
