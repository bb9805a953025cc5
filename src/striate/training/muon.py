"""Muon: the momentum of each convolution's kernel, made orthogonal, is its step; AdamW trains the other weights.

Jordan et al., "Muon: an optimizer for hidden layers in neural networks", kellerjordan.github.io, 2024; the kernels of C' filters
are a matrix C' x (C k k). An orthogonal step moves all directions of a matrix equally, rare ones too, so few epochs fit a
network. Its length is that of a step of AdamW, 0.2 in root mean square (Liu et al., "Muon is scalable for LLM training", 2025,
arXiv:2502.16982), so that one learning rate is for both. torch.optim.Muon takes matrices alone.
"""

from collections.abc import Iterable
from typing import Any, Final, final

import torch
from torch import Tensor

__all__ = ["Muon", "orthogonalized"]

# Jordan's: singular values come near 1 within a few iterations, where others would converge to it
COEFFICIENTS: Final = (3.4445, -4.7750, 2.0315)
ITERATIONS: Final = 5
STEP_SIZE: Final = 0.2  # root mean square of a step, times the learning rate


@final
class Muon(torch.optim.Optimizer):
    """Muon for the kernels of convolutions that mix channels, AdamW for all else: their weight decay is decoupled.

    momentum: of Muon, in Nesterov's form. betas: of AdamW.
    """

    def __init__(
        self,
        parameters: Iterable[dict[str, Any]],
        lr: float,
        *,
        momentum: float,
        betas: tuple[float, float],
        eps: float = 1e-8,
    ) -> None:
        super().__init__(parameters, {"lr": lr, "momentum": momentum, "betas": betas, "eps": eps, "weight_decay": 0.0})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]  # noqa: ARG002 - torch's signature, whose closure no loop of ours gives
        for group in self.param_groups:
            trained = [one for one in group["params"] if one.grad is not None]
            for weight in trained:
                weight.mul_(1 - group["lr"] * group["weight_decay"])
            self._step_kernels([one for one in trained if mixes_channels(one)], group)
            self._step_others([one for one in trained if not mixes_channels(one)], group)

    def _step_kernels(self, kernels: list[Tensor], group: dict[str, Any]) -> None:
        by_shape: dict[tuple[int, int], list[tuple[Tensor, Tensor]]] = {}
        for kernel in kernels:
            assert kernel.grad is not None
            state = self.state[kernel]
            if not state:
                state["momentum"] = torch.zeros_like(kernel)
            momentum = state["momentum"].lerp_(kernel.grad, 1 - group["momentum"])
            direction = kernel.grad.lerp(momentum, group["momentum"]).flatten(1)  # C' (C k k)
            by_shape.setdefault((direction.shape[0], direction.shape[1]), []).append((kernel, direction))
        for shape, pairs in by_shape.items():
            steps = orthogonalized(torch.stack([direction for _, direction in pairs]))
            for (kernel, _), step in zip(pairs, steps, strict=True):
                kernel.add_(step.view(kernel.shape), alpha=-group["lr"] * STEP_SIZE * max(shape) ** 0.5)

    def _step_others(self, weights: list[Tensor], group: dict[str, Any]) -> None:
        beta1, beta2 = group["betas"]
        for weight in weights:
            assert weight.grad is not None
            state = self.state[weight]
            if not state:
                state["step"] = torch.zeros(())
                state["mean"], state["square"] = torch.zeros_like(weight), torch.zeros_like(weight)
            state["step"] += 1
            step = state["step"].item()
            mean = state["mean"].lerp_(weight.grad, 1 - beta1)
            square = state["square"].mul_(beta2).addcmul_(weight.grad, weight.grad, value=1 - beta2)
            denominator = (square / (1 - beta2**step)).sqrt_().add_(group["eps"])
            weight.addcdiv_(mean, denominator, value=-group["lr"] / (1 - beta1**step))


def mixes_channels(weight: Tensor) -> bool:
    """Whether it is a kernel C' C k k of more than one input channel; depthwise ones and those of gray images are not."""
    return weight.ndim == 4 and weight.shape[1] > 1


def orthogonalized(matrices: Tensor) -> Tensor:
    """Nearly U V' of the singular value decomposition U S V' of each matrix, by Newton-Schulz iterations: n R C -> n R C."""
    x = matrices / (matrices.norm(dim=(1, 2), keepdim=True) + 1e-7)
    is_tall = x.shape[1] > x.shape[2]
    if is_tall:
        x = x.mT
    a, b, c = COEFFICIENTS
    for _ in range(ITERATIONS):
        gram = x @ x.mT
        x = a * x + (b * gram + c * gram @ gram) @ x
    return x.mT if is_tall else x
