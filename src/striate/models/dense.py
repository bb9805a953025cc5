"""What dense networks share, which give a class for each pixel: a decoder on the outputs of all stages, then the head."""

from abc import abstractmethod
from typing import Any, final

import torch.nn.functional as F
from torch import Tensor

from striate.models.blocks import Network

__all__ = ["DenseNetwork"]


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
        return (
            logits if logits.shape[-2:] == size else F.interpolate(logits, size, mode="bilinear", align_corners=False)
        )
