"""Lion: the sign of a momentum is the step, equally long for every weight; one moment of state where Adam has two.

Chen et al., "Symbolic discovery of optimization algorithms", 2023, arXiv:2302.06675, algorithm 2.
"""

from collections.abc import Iterable
from typing import Any, final

import torch

from striate.training.trained_weights import trained_weights

__all__ = ["Lion"]


@final
class Lion(torch.optim.Optimizer):
    """Lion, with decoupled weight decay.

    betas: how much of the momentum, not of the new gradient, is in a step; and in the momentum that is kept.
    """

    def __init__(self, parameters: Iterable[dict[str, Any]], lr: float, *, betas: tuple[float, float]) -> None:
        super().__init__(parameters, {"lr": lr, "betas": betas, "weight_decay": 0.0})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]  # noqa: ARG002 - torch's signature, whose closure no loop of ours gives
        for group in self.param_groups:
            beta1, beta2 = group["betas"]
            for weights, gradients in trained_weights(group):
                for weight in weights:
                    if not self.state[weight]:
                        self.state[weight]["momentum"] = torch.zeros_like(weight)
                momenta = [self.state[weight]["momentum"] for weight in weights]
                steps = torch._foreach_lerp(momenta, gradients, 1 - beta1)
                torch._foreach_sign_(steps)
                torch._foreach_mul_(weights, 1 - group["lr"] * group["weight_decay"])
                torch._foreach_add_(weights, steps, alpha=-group["lr"])
                torch._foreach_lerp_(momenta, gradients, 1 - beta2)
