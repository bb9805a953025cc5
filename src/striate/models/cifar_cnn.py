"""The CIFAR-10 CNN: pairs of 3x3 convolutions, with the receptive field of one 5x5 and fewer weights, and pooling after each.

After VGG (Simonyan & Zisserman, ICLR 2015, arXiv:1409.1556), with batch norm (Ioffe & Szegedy, arXiv:1502.03167) and
dropout (Srivastava et al., JMLR 15, 2014). Initialization: He for convolutions, PyTorch's default for the dense layers.

    3x32x32 -> 64x16x16 -> 128x8x8 -> 256x4x4 -> 512 -> 10      3,249,098 parameters
"""

from typing import final

from torch import Tensor, nn

from striate.models.blocks import Network, conv_bn_act, he_init


@final
class CifarCNN(Network):
    widths = (64, 128, 256)
    strides = (2, 4, 8)
    min_size = 8
    input_layers = ("stage1.0",)
    classifier_layers = ("classifier.5",)

    def __init__(self, *, classes: int, channels: int, dropout: float) -> None:
        super().__init__()
        self.stage1 = pair(channels, 64, dropout / 2)
        self.stage2 = pair(64, 128, dropout / 2)
        self.stage3 = pair(128, 256, dropout / 2)
        self.classifier = nn.Sequential(
            nn.AdaptiveAvgPool2d(4),  # at 32 x 32 the map has this size already, and this does nothing
            nn.Flatten(),
            nn.Linear(256 * 4 * 4, 512),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(512, classes),
        )
        he_init(self)

    def stem(self, x: Tensor) -> Tensor:
        return x

    def stages(self) -> tuple[nn.Module, ...]:
        return self.stage1, self.stage2, self.stage3

    def head(self, x: Tensor) -> Tensor:
        return self.classifier(x)


def pair(inputs: int, outputs: int, dropout: float) -> nn.Sequential:
    return nn.Sequential(
        *conv_bn_act(inputs, outputs), *conv_bn_act(outputs, outputs), nn.MaxPool2d(2), nn.Dropout(dropout)
    )


def cifar_cnn(*, classes: int, channels: int, dropout: float = 0.5) -> CifarCNN:
    """`dropout` is that of the dense layer; the three stages, which overfit less, have half of it."""
    return CifarCNN(classes=classes, channels=channels, dropout=dropout)
