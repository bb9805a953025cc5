"""The dense CNN: DenseNet-BC of 46 layers, narrow enough for images of 28 pixels and fewer than 100,000 parameters.

Huang, Liu, van der Maaten, Weinberger, "Densely connected convolutional networks", CVPR 2017, arXiv:1608.06993: its form
for CIFAR, a 3x3 convolution and three blocks with transitions between them, here with a growth rate of 8 and 7 layers in each
block. Initialization is He's, as in the paper.

    1x28x28 -> 16x28x28 -> 72x28x28 -> 92x14x14 -> 102x7x7 -> mean 102 -> 10      98,718 parameters
"""

from typing import Final, final

from torch import Tensor, nn

from striate.models.blocks import Network
from striate.models.densenet import dense_block, transition

GROWTH: Final = 8
DEPTH: Final = 7  # layers in each block


@final
class DenseCNN(Network):
    strides = (1, 2, 4)
    min_size = 4
    input_layers = ("first",)
    classifier_layers = ("classifier.2",)

    def __init__(self, *, classes: int, channels: int) -> None:
        super().__init__()
        new = DEPTH * GROWTH
        width1 = 2 * GROWTH + new
        width2 = width1 // 2 + new
        width3 = width2 // 2 + new
        self.widths = (width1, width2, width3)
        self.first = nn.Conv2d(channels, 2 * GROWTH, kernel_size=3, padding=1, bias=False)
        self.stage1 = dense_block(2 * GROWTH, GROWTH, DEPTH)
        self.stage2 = nn.Sequential(transition(width1), dense_block(width1 // 2, GROWTH, DEPTH))
        self.stage3 = nn.Sequential(
            transition(width2), dense_block(width2 // 2, GROWTH, DEPTH), nn.BatchNorm2d(width3), nn.ReLU(inplace=True)
        )
        self.classifier = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width3, classes))
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d):
                nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")

    def stem(self, x: Tensor) -> Tensor:
        return self.first(x)

    def stages(self) -> tuple[nn.Module, ...]:
        return self.stage1, self.stage2, self.stage3

    def head(self, x: Tensor) -> Tensor:
        return self.classifier(x)


def dense_cnn(*, classes: int, channels: int) -> DenseCNN:
    return DenseCNN(classes=classes, channels=channels)
