"""The residual CNN: ResNet-9 made narrow enough for images of 28 pixels and fewer than 100,000 parameters.

After the ResNet-9 that David Page trained on CIFAR-10 in seconds ("How to train your ResNet", myrtle.ai, 2018): few layers,
each stage a convolution with pooling and one residual block, and the maximum over positions at the end. Here the stages are
two. Pooling comes before batch norm and ReLU, which then have a quarter of the work. Initialization is PyTorch's.

    1x28x28 -> 24x28x28 -> 32x14x14 -> 56x7x7 -> max 56 -> 10      99,282 parameters
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
    widths = (32, 56)
    strides = (2, 4)
    min_size = 4
    input_layers = ("first.0",)
    classifier_layers = ("classifier.2",)

    def __init__(self, *, classes: int, channels: int) -> None:
        super().__init__()
        self.first = conv_bn_act(channels, 24)
        self.stage1 = nn.Sequential(*pooled_stage(24, 32), Residual(32))
        self.stage2 = nn.Sequential(*pooled_stage(32, 56), Residual(56))
        self.classifier = nn.Sequential(nn.AdaptiveMaxPool2d(1), nn.Flatten(), nn.Linear(56, classes))

    def stem(self, x: Tensor) -> Tensor:
        return self.first(x)

    def stages(self) -> tuple[nn.Module, ...]:
        return self.stage1, self.stage2

    def head(self, x: Tensor) -> Tensor:
        return self.classifier(x)


def residual_cnn(*, classes: int, channels: int) -> ResidualCNN:
    return ResidualCNN(classes=classes, channels=channels)
