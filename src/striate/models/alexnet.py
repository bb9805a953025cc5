"""AlexNet: a deep network with ReLU and dropout, trained on GPUs, learns its features from a million photographs.

Krizhevsky, Sutskever, Hinton, "ImageNet classification with deep convolutional neural networks", NeurIPS 2012; in the
one-column form of Krizhevsky, "One weird trick for parallelizing convolutional neural networks", arXiv:1404.5997, without
its response normalization. Weights, initialization (PyTorch's defaults) and dropout are torchvision's. The paper of 2012
differs: initialization from a normal with std 0.01, some biases 1, and dropout on the outputs of the first two dense
layers, not on their inputs.

    3x224x224 -> 64x55x55 -> 192x27x27 -> 256x13x13 -> 256x6x6 -> 4096 -> 4096 -> 1000

    alexnet   61,100,840 parameters
"""

from typing import final

from torch import Tensor, nn

from striate.models.blocks import Network, early_strides


@final
class AlexNet(Network):
    widths = (64, 192, 256, 256)
    input_layers = ("stage1.0",)
    classifier_layers = ("classifier.6",)
    key_map = (
        (r"^features\.0\.", "stage1.0."),
        (r"^features\.3\.", "stage2.1."),
        (r"^features\.6\.", "stage3.1."),
        (r"^features\.8\.", "stage3.3."),
        (r"^features\.10\.", "stage3.5."),
    )

    def __init__(self, *, classes: int, channels: int, size: int, dropout: float) -> None:
        super().__init__()
        first, second = early_strides(size, 4, 2)
        self.strides = (first, first * second, 2 * first * second, 4 * first * second)
        side = (
            15 if second == 2 else 7
        )  # of the first map: the last pooling needs 3, each before it twice as many and 1
        self.min_size = first * (side - 1) + 11 - 4
        self.stage1 = nn.Sequential(
            nn.Conv2d(channels, 64, kernel_size=11, stride=first, padding=2), nn.ReLU(inplace=True)
        )
        self.stage2 = nn.Sequential(
            nn.MaxPool2d(kernel_size=3, stride=2) if second == 2 else nn.Identity(),
            nn.Conv2d(64, 192, kernel_size=5, padding=2),
            nn.ReLU(inplace=True),
        )
        self.stage3 = nn.Sequential(
            nn.MaxPool2d(kernel_size=3, stride=2),  # overlapping pooling
            nn.Conv2d(192, 384, kernel_size=3, padding=1),
            nn.ReLU(inplace=True),
            nn.Conv2d(384, 256, kernel_size=3, padding=1),
            nn.ReLU(inplace=True),
            nn.Conv2d(256, 256, kernel_size=3, padding=1),
            nn.ReLU(inplace=True),
        )
        self.stage4 = nn.MaxPool2d(kernel_size=3, stride=2)
        self.avgpool = nn.AdaptiveAvgPool2d(6)  # at 224 x 224 the map has this size already, and this does nothing
        self.classifier = nn.Sequential(
            nn.Dropout(dropout),
            nn.Linear(256 * 6 * 6, 4096),
            nn.ReLU(inplace=True),
            nn.Dropout(dropout),
            nn.Linear(4096, 4096),
            nn.ReLU(inplace=True),
            nn.Linear(4096, classes),
        )

    def stem(self, x: Tensor) -> Tensor:
        return x

    def stages(self) -> tuple[nn.Module, ...]:
        return self.stage1, self.stage2, self.stage3, self.stage4

    def head(self, x: Tensor) -> Tensor:
        return self.classifier(self.avgpool(x).flatten(1))


def alexnet(*, classes: int, channels: int, size: int, dropout: float = 0.5) -> AlexNet:
    return AlexNet(classes=classes, channels=channels, size=size, dropout=dropout)
