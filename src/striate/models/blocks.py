"""What the networks share: their form (stem, stages, head), one block, and two ways to draw the first weights.

A block that only one paper uses stays in that paper's file.
"""

from abc import ABC, abstractmethod
from typing import final

from torch import Tensor, nn

from striate.errors import SettingError

__all__ = ["Network", "conv_bn_relu", "glorot_init", "he_init"]


class Network(nn.Module, ABC):
    """A network that shows its inside: `stem`, then `stages`, then `head`.

    A subclass states the form below and `check_model` proves it. Whatever needs the inside of a network (a dense task,
    a class activation map, distillation) uses `features`, `widths` and `strides`, and no hook on a layer's name.
    """

    widths: tuple[int, ...]  # channels of each stage's output, finest first
    strides: tuple[int, ...]  # picture pixels from one cell of that output to the next
    smallest: int  # the smallest height and width that leave at least one cell of the last output

    @abstractmethod
    def stem(self, x: Tensor) -> Tensor:
        """What the first stage is given; the picture itself where the first layers are already a stage."""

    @abstractmethod
    def stages(self) -> tuple[nn.Module, ...]:
        """The modules whose outputs are the features, each fed by the one before."""

    @abstractmethod
    def head(self, x: Tensor) -> Tensor:
        """From the last feature, B C h w, to logits, B classes."""

    @final
    def features(self, x: Tensor) -> list[Tensor]:
        """Every stage's output, finest first: B widths[i] h w, where `strides[i]` more pixels give one more cell."""
        outputs = [self.stem(self._large_enough(x))]  # B C H W
        for stage in self.stages():
            outputs.append(stage(outputs[-1]))
        return outputs[1:]

    @final  # type: ignore[misc]  # nn.Module declares forward as an attribute; this still forbids another one
    def forward(self, x: Tensor) -> Tensor:
        """Logits: the head on the last feature, without keeping the others."""
        x = self.stem(self._large_enough(x))  # B C H W
        for stage in self.stages():
            x = stage(x)
        return self.head(x)

    def _large_enough(self, x: Tensor) -> Tensor:
        height, width = x.shape[-2:]
        if height < self.smallest or width < self.smallest:
            raise SettingError(
                f"a picture of {height} x {width} pixels is too small for {type(self).__name__}: "
                f"the smallest that fits is {self.smallest} x {self.smallest}"
            )
        return x


def conv_bn_relu(inputs: int, outputs: int) -> nn.Sequential:
    """A 3x3 convolution that keeps the size, batch norm, ReLU; no bias, because batch norm would subtract it again."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel_size=3, padding=1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(),
    )


def he_init(network: nn.Module) -> None:
    """Convolutions from a normal of variance 2 / fan_out, so that gradients keep their scale through ReLU.

    He, Zhang, Ren, Sun, ICCV 2015, arXiv:1502.01852. Linear layers and batch norm keep PyTorch's defaults, as in
    torchvision's ResNet.
    """
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")


def glorot_init(network: nn.Module) -> None:
    """Weights from a uniform of variance 2 / (fan_in + fan_out), biases zero: the default of Keras.

    Glorot & Bengio, AISTATS 2010: neither the signal nor its gradient grows or fades from layer to layer.
    """
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            nn.init.xavier_uniform_(layer.weight)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
