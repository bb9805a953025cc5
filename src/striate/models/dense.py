"""What dense networks share, which give a class for each pixel: a decoder on the outputs of all stages, then the head."""

from abc import abstractmethod
from typing import Any, final

import torch.nn.functional as F
from torch import Tensor, nn

from striate.models.blocks import Network

__all__ = ["DenseNetwork", "TrunkNetwork", "upsample"]


class DenseNetwork(Network):
    """A network whose output is a map of logits of the size of its input, B classes H W.

    `head` is the last layer, from the decoder's output to logits, at whatever scale the decoder ends. Auxiliary logits
    stay at their own scale; the loss brings them to that of the masks.
    """

    @abstractmethod
    def decoder(self, features: list[Tensor]) -> Tensor:
        """From the stages' outputs as feature maps, finest first, to the input of the head, B D h w."""

    @final
    def from_stages(self, outputs: list[Any], size: tuple[int, int]) -> Tensor:
        logits = self.head(self.decoder([self.to_feature_map(output) for output in outputs]))
        return logits if logits.shape[-2:] == size else upsample(logits, size)


class TrunkNetwork(DenseNetwork):
    """A dense network whose stages are those of another network, its trunk, which may start from published weights."""

    def __init__(self, trunk: Network) -> None:
        super().__init__()
        self.trunk = trunk
        self.widths, self.strides, self.min_size = trunk.widths, trunk.strides, trunk.min_size
        self.input_layers = tuple(f"trunk.{layer}" for layer in trunk.input_layers)

    @final
    def stem(self, x: Tensor) -> Any:
        return self.trunk.stem(x)

    @final
    def stages(self) -> tuple[nn.Module, ...]:
        return self.trunk.stages()

    @final
    def to_feature_map(self, x: Any) -> Tensor:
        return self.trunk.to_feature_map(x)


def upsample(x: Tensor, size: tuple[int, ...]) -> Tensor:
    """A map at another size, between its positions linear."""
    return F.interpolate(x, size, mode="bilinear", align_corners=False)
