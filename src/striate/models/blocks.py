"""What the networks share: their interface (stem, stages, head), a few blocks that many papers use, and initialization.

A block that only one paper uses stays in that paper's file.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, final

import torch
from torch import Tensor, nn

from striate.errors import SettingError

__all__ = [
    "Network",
    "SqueezeExcite",
    "StochasticDepth",
    "conv_bn_act",
    "early_strides",
    "glorot_init",
    "he_init",
    "make_divisible",
    "numbered_names",
]


class Network(nn.Module, ABC):
    """A network made of `stem`, `stages` and `head`, with access to the features between them.

    A subclass declares the attributes below and `check_model` tests them. Whatever needs intermediate features (a dense task,
    a class activation map, distillation) uses `features`, `widths` and `strides`, and no hook on a layer's name.
    """

    widths: tuple[int, ...]  # channels of each stage's output, finest first
    strides: tuple[int, ...]  # of each stage's output, in image pixels
    min_size: int  # the smallest height and width whose last feature map is not empty
    input_layers: tuple[str, ...]  # the layers that take the image's channels
    classifier_layers: tuple[str, ...]  # the layers that have one output for each class, the main one first
    auxiliary_weight: float = 0.0  # of the loss of each auxiliary output
    removed_layers: tuple[str, ...] = ()  # of the head, where the network is the trunk of another
    key_map: tuple[
        tuple[str, str], ...
    ] = ()  # regular expressions for keys of published weights, and their replacements

    @abstractmethod
    def stem(self, x: Tensor) -> Any:
        """The input of the first stage; the image itself where the first layers are already a stage."""

    @abstractmethod
    def stages(self) -> tuple[nn.Module, ...]:
        """The modules whose outputs are the features, each fed by the one before."""

    @abstractmethod
    def head(self, x: Any) -> Tensor:
        """From the last stage's output to logits, B classes."""

    def to_feature_map(self, x: Any) -> Tensor:
        """A stage's output as B C h w; transformers, whose outputs have another layout, override it."""
        return x

    def from_stages(self, outputs: list[Any], size: tuple[int, int]) -> Tensor:  # noqa: ARG002 - the default, for networks that classify the image
        """The network's output from those of its stages, for images of this height and width."""
        return self.head(outputs[-1])

    def auxiliary(self, outputs: list[Any]) -> tuple[Tensor, ...]:  # noqa: ARG002 - the default, for networks without auxiliary heads
        """Logits of auxiliary classifiers, which are used in training only, from the stages' outputs."""
        return ()

    def convert_state_dict(self, weights: dict[str, Tensor]) -> dict[str, Tensor]:
        """Convert published weights, already under this network's names, to its shapes."""
        return weights

    @final
    def stage_outputs(self, x: Tensor) -> list[Any]:
        """Every stage's output, finest first."""
        outputs = [self.stem(self._large_enough(x))]  # B C H W
        for stage in self.stages():
            outputs.append(stage(outputs[-1]))
        return outputs[1:]

    @final
    def features(self, x: Tensor) -> list[Tensor]:
        """Every stage's output as a feature map, finest first: B widths[i] h w, with `strides[i]`."""
        return [self.to_feature_map(output) for output in self.stage_outputs(x)]

    @final
    def training_logits(self, x: Tensor) -> tuple[Tensor, ...]:
        """The logits, then those of the auxiliary classifiers, if there are any."""
        outputs = self.stage_outputs(x)
        auxiliary = self.auxiliary(outputs)  # before the head: dropout draws in the order of the layers
        return self.from_stages(outputs, (x.shape[-2], x.shape[-1])), *auxiliary

    @final  # type: ignore[misc]  # nn.Module declares forward as an attribute; this still forbids another one
    def forward(self, x: Tensor) -> Tensor:
        """Logits, B classes: the head on the last stage's output; of a dense network B classes H W."""
        return self.from_stages(self.stage_outputs(x), (x.shape[-2], x.shape[-1]))

    @property
    def main_classifier(self) -> str:
        """The name of the layer that `forward` ends in; auxiliary classifiers come after it in `classifier_layers`."""
        return self.classifier_layers[0]

    @final
    def embed(self, x: Tensor) -> Tensor:
        """The input of the main classifier, B D, computed in the network's present mode.

        Where that layer is a convolution, its input is averaged over positions. Not for two threads at once on one network.
        """
        inputs: list[Tensor] = []
        classifier = self.get_submodule(self.main_classifier)
        hook = classifier.register_forward_pre_hook(lambda _, given: inputs.append(given[0]))
        try:
            self(x)
        finally:
            hook.remove()
        (embedding,) = inputs
        return embedding.mean((2, 3)) if embedding.ndim == 4 else embedding

    def _large_enough(self, x: Tensor) -> Tensor:
        height, width = x.shape[-2:]
        if height < self.min_size or width < self.min_size:
            raise SettingError(
                f"an image of {height} x {width} pixels is too small for {type(self).__name__}: "
                f"the smallest that fits is {self.min_size} x {self.min_size}"
            )
        return x


def early_strides(size: int, *native: int) -> tuple[int, ...]:
    """The first strides of a network for images of `size`: below 128 pixels the first is 1, below 64 the first two.

    A network made for 224 pixels begins with two strides of 2, and would leave a single position of an image of 32. The
    shapes of the weights stay, so published weights fit at every size.
    """
    kept = 0 if size >= 128 else 1 if size >= 64 else 2
    return tuple(1 if i < kept else stride for i, stride in enumerate(native))


def conv_bn_act(
    inputs: int,
    outputs: int,
    kernel_size: int = 3,
    stride: int = 1,
    *,
    groups: int = 1,
    norm: Callable[[int], nn.Module] = nn.BatchNorm2d,
    activation: Callable[..., nn.Module] = nn.ReLU,
) -> nn.Sequential:
    """A convolution with "same" padding, batch norm, activation.

    No bias, because batch norm would subtract it. The activation is in place, because nothing else needs its input.
    """
    padding = kernel_size // 2
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel_size, stride, padding, groups=groups, bias=False),
        norm(outputs),
        activation(inplace=True),
    )


@final
class SqueezeExcite(nn.Module):
    """Each channel is scaled by a factor between 0 and 1 that depends on the means of all channels.

    Hu, Shen, Sun, "Squeeze-and-excitation networks", CVPR 2018, arXiv:1709.01507.
    """

    def __init__(
        self,
        channels: int,
        squeezed: int,
        activation: Callable[[], nn.Module] = nn.ReLU,
        gate: Callable[[], nn.Module] = nn.Sigmoid,
    ) -> None:
        super().__init__()
        self.mean = nn.AdaptiveAvgPool2d(1)
        self.fc1 = nn.Conv2d(channels, squeezed, kernel_size=1)
        self.activation = activation()
        self.fc2 = nn.Conv2d(squeezed, channels, kernel_size=1)
        self.gate = gate()

    def forward(self, x: Tensor) -> Tensor:  # B C H W
        return x * self.gate(self.fc2(self.activation(self.fc1(self.mean(x)))))


@final
class StochasticDepth(nn.Module):
    """In training, a sample's residual branch is dropped with probability `p` and otherwise divided by 1 - p.

    Huang et al., "Deep networks with stochastic depth", ECCV 2016, arXiv:1603.09382.
    """

    def __init__(self, p: float) -> None:
        super().__init__()
        self.p = p

    def forward(self, x: Tensor) -> Tensor:  # B ...
        if not self.training or self.p == 0:
            return x
        kept = torch.empty((x.shape[0],) + (1,) * (x.ndim - 1), dtype=x.dtype, device=x.device).bernoulli_(1 - self.p)
        return x * kept.div_(1 - self.p)

    def extra_repr(self) -> str:
        return f"p={self.p}"


def make_divisible(value: float, divisor: int = 8) -> int:
    """The multiple of `divisor` nearest to `value`, at most 10 % below it."""
    nearest = max(divisor, int(value + divisor / 2) // divisor * divisor)
    return nearest if nearest >= 0.9 * value else nearest + divisor


def numbered_names(*stages: nn.Sequential) -> tuple[tuple[str, str], ...]:
    """A key map where published layers are numbered through all stages: `features.7.` is, for example, `stage3.1.`."""
    ours = [f"stage{stage}.{i}." for stage, layers in enumerate(stages, 1) for i in range(len(layers))]
    return tuple((rf"^features\.{i}\.", name) for i, name in enumerate(ours))


def he_init(network: nn.Module) -> None:
    """Convolutions from a normal with variance 2 / fan_out, so that gradients keep their scale through ReLU.

    He, Zhang, Ren, Sun, ICCV 2015, arXiv:1502.01852. Biases of convolutions, linear layers and batch norm keep
    PyTorch's defaults, as in torchvision's ResNet.
    """
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")


def glorot_init(network: nn.Module) -> None:
    """Weights from a uniform with variance 2 / (fan_in + fan_out), biases zero: the default of Keras.

    Glorot & Bengio, AISTATS 2010: activations and gradients keep their scale from layer to layer.
    """
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            nn.init.xavier_uniform_(layer.weight)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
