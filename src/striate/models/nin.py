"""Network in network: after each convolution a small MLP is applied at every position, as 1x1 convolutions.

Lin, Chen, Yan, "Network in network", ICLR 2014, arXiv:1312.4400: the network for CIFAR-10, which introduced global
average pooling in place of dense layers. Widths, pooling, dropout and initialization (a normal with std 0.05, biases zero)
are those of the authors' Caffe model; their older cuda-convnet model has max pooling in both places. Both apply ReLU to
the class maps before they average them, so no logit is negative, and a class whose map is below zero everywhere has no
gradient: MNIST is learned with Adam at a learning rate of 0.001, not at 0.003. Pooling rounds up as in Caffe: 32, 16, 8.

    3x32x32 -> 192, 160, 96x32x32 -> max 3 -> 192, 192, 192x16x16 -> average 3 -> 192, 192x8x8 -> 10x8x8 -> mean 10

    nin   966,986 parameters
"""

from typing import final

from torch import Tensor, nn

from striate.models.blocks import Network


@final
class NiN(Network):
    widths = (96, 192, 192)
    strides = (1, 2, 4)
    min_size = 4
    input_layers = ("stage1.0",)
    classifier_layers = ("classifier.0",)

    def __init__(self, *, classes: int, channels: int, dropout: float) -> None:
        super().__init__()
        self.stage1 = nn.Sequential(*conv(channels, 192, 5), *conv(192, 160, 1), *conv(160, 96, 1))
        self.stage2 = nn.Sequential(
            nn.MaxPool2d(kernel_size=3, stride=2, ceil_mode=True),
            nn.Dropout(dropout),
            *conv(96, 192, 5),
            *conv(192, 192, 1),
            *conv(192, 192, 1),
        )
        self.stage3 = nn.Sequential(
            nn.AvgPool2d(kernel_size=3, stride=2, ceil_mode=True),
            nn.Dropout(dropout),
            *conv(192, 192, 3),
            *conv(192, 192, 1),
        )
        self.classifier = nn.Sequential(*conv(192, classes, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten())
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d) and layer.bias is not None:
                nn.init.normal_(layer.weight, std=0.05)
                nn.init.zeros_(layer.bias)

    def stem(self, x: Tensor) -> Tensor:
        return x

    def stages(self) -> tuple[nn.Module, ...]:
        return self.stage1, self.stage2, self.stage3

    def head(self, x: Tensor) -> Tensor:
        return self.classifier(x)


def conv(inputs: int, outputs: int, kernel_size: int) -> tuple[nn.Module, ...]:
    return nn.Conv2d(inputs, outputs, kernel_size, padding=kernel_size // 2), nn.ReLU(inplace=True)


def nin(*, classes: int, channels: int, dropout: float = 0.5) -> NiN:
    return NiN(classes=classes, channels=channels, dropout=dropout)
