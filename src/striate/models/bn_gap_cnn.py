"""The BN + GAP net: global average pooling replaces the dense layers that hold most weights.

Global average pooling is from "Network in network" (Lin, Chen, Yan, ICLR 2014, arXiv:1312.4400), batch norm from
Ioffe & Szegedy, ICML 2015, arXiv:1502.03167. Initialization: He for convolutions, PyTorch's default for the last layer.

    3x32x32 -> 32x16x16 -> 64x8x8 -> 128x8x8 -> mean 128 -> 10      94,762 parameters
"""

from typing import final

from torch import Tensor, nn

from striate.models.blocks import Network, conv_bn_act, he_init


@final
class BnGapCNN(Network):
    widths = (32, 64, 128)
    strides = (2, 4, 4)
    min_size = 4
    input_layers = ("stage1.0",)
    classifier_layers = ("classifier.3",)

    def __init__(self, *, classes: int, channels: int, dropout: float) -> None:
        super().__init__()
        self.stage1 = nn.Sequential(*conv_bn_act(channels, 32), nn.MaxPool2d(2))
        self.stage2 = nn.Sequential(*conv_bn_act(32, 64), nn.MaxPool2d(2))
        self.stage3 = conv_bn_act(64, 128)
        self.classifier = nn.Sequential(
            nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(dropout), nn.Linear(128, classes)
        )
        he_init(self)

    def stem(self, x: Tensor) -> Tensor:
        return x

    def stages(self) -> tuple[nn.Module, ...]:
        return self.stage1, self.stage2, self.stage3

    def head(self, x: Tensor) -> Tensor:
        return self.classifier(x)


def bn_gap_cnn(*, classes: int, channels: int, dropout: float = 0.5) -> BnGapCNN:
    return BnGapCNN(classes=classes, channels=channels, dropout=dropout)
