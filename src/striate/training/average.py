"""An exponential moving average of the weights: steadier than the last step's, and often a little more accurate."""

import copy
from typing import final

import torch
from torch import Tensor, nn


@final
class WeightAverage:
    """Average of a model's weights over the steps (Polyak and Juditsky 1992); buffers are copied, not averaged.

    The decay grows from nothing, min(decay, (1 + n) / (10 + n)) after n updates, so that the random start is soon forgotten.
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.decay = decay
        self.updates = 0
        self.model = copy.deepcopy(model).eval().requires_grad_(False)

    @torch.no_grad()
    def update(self, model: nn.Module) -> None:
        self.updates += 1
        decay = min(self.decay, (1 + self.updates) / (10 + self.updates))
        averages: list[Tensor] = list(self.model.parameters())
        torch._foreach_lerp_(averages, list(model.parameters()), 1 - decay)
        for average, now in zip(self.model.buffers(), model.buffers(), strict=True):
            average.copy_(now)
