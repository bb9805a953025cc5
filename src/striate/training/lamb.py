"""LAMB: Adam's step, for each layer as long as a share of the layer's weights, so that large batches train with large rates.

You et al., "Large batch optimization for deep learning: training BERT in 76 minutes", ICLR 2020, arXiv:1904.00962, algorithm 2
with the identity as phi. The published code clips the norm of all gradients at 1 first; here `clip_grad_norm` does so.
"""

from collections.abc import Iterable
from typing import Any, final

import torch
from torch import Tensor

from striate.training.trained_weights import trained_weights

__all__ = ["Lamb"]


@final
class Lamb(torch.optim.Optimizer):
    """LAMB; the trust ratio counts the weight decay, and biases and norms have none of either.

    betas: decays of the first and the second moment of the gradients.
    """

    def __init__(
        self, parameters: Iterable[dict[str, Any]], lr: float, *, betas: tuple[float, float], eps: float = 1e-6
    ) -> None:
        super().__init__(parameters, {"lr": lr, "betas": betas, "eps": eps, "weight_decay": 0.0})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]  # noqa: ARG002 - torch's signature, whose closure no loop of ours gives
        for group in self.param_groups:
            for weights, gradients in trained_weights(group):
                steps = self._adam_steps(weights, gradients, group)
                if group["weight_decay"]:
                    torch._foreach_add_(steps, weights, alpha=group["weight_decay"])
                torch._foreach_addcmul_(weights, steps, trust_ratios(weights, steps), value=-group["lr"])

    def _adam_steps(self, weights: list[Tensor], gradients: list[Tensor], group: dict[str, Any]) -> list[Tensor]:
        beta1, beta2 = group["betas"]
        states = [self.state[weight] for weight in weights]
        for weight, state in zip(weights, states, strict=True):
            if not state:
                state["step"] = torch.zeros(())
                state["mean"], state["square"] = torch.zeros_like(weight), torch.zeros_like(weight)
            state["step"] += 1
        counts = [state["step"].item() for state in states]
        means, squares = [state["mean"] for state in states], [state["square"] for state in states]
        torch._foreach_lerp_(means, gradients, 1 - beta1)
        torch._foreach_mul_(squares, beta2)
        torch._foreach_addcmul_(squares, gradients, gradients, 1 - beta2)
        roots = [(1 - beta2**count) ** 0.5 for count in counts]  # of the second moment's bias correction
        denominators = torch._foreach_sqrt(squares)
        torch._foreach_add_(denominators, [group["eps"] * root for root in roots])
        steps = torch._foreach_div(means, denominators)
        torch._foreach_mul_(steps, [root / (1 - beta1**count) for root, count in zip(roots, counts, strict=True)])
        return list(steps)


def trust_ratios(weights: list[Tensor], steps: list[Tensor]) -> list[Tensor]:
    """Norm of the weights by that of the step for each layer, 1 where one of them is 0, and for biases and norms.

    They stay on the device.
    """
    sizes, lengths = torch.stack(list(torch._foreach_norm(weights))), torch.stack(list(torch._foreach_norm(steps)))
    ratios = torch.where((sizes > 0) & (lengths > 0), sizes / lengths, 1.0).unbind()
    one = torch.ones_like(ratios[0])
    return [ratio if weight.ndim > 1 else one for ratio, weight in zip(ratios, weights, strict=True)]
