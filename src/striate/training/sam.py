"""SAM, sharpness-aware minimization: any optimizer steps along the gradients that a batch has where its loss is nearly highest.

Foret et al., "Sharpness-aware minimization for efficiently improving generalization", ICLR 2021, arXiv:2010.01412, algorithm 1.
Two passes a step, of the same augmented and mixed batch with the same dropout and stochastic depth: one at the weights, and one
at distance rho from them, along their gradients. The loss, the metrics and the running statistics of batch norm are those of the
first pass; clipping and the optimizer take the gradients of the second.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import torch
from torch import Tensor, nn

__all__ = ["sharpness_aware"]

Result = TypeVar("Result")


def sharpness_aware(backward: Callable[[], Result], model: nn.Module, rho: float) -> Result:
    """The result of `backward` at the model's weights; their gradients, which are to be None before, are those at distance `rho`.

    `backward` is a forward and a backward pass, and is called twice.
    """
    device = next(model.parameters()).device
    with torch.random.fork_rng([] if device.type == "cpu" else [device], device_type=device.type):  # the CPU's always
        result = backward()
    with _perturbed(model, rho):
        backward()
    return result


@contextmanager
def _perturbed(model: nn.Module, rho: float) -> Iterator[None]:
    """Within, the weights are at distance `rho` along their gradients, which are None again; after it, back to the bit."""
    weights: list[Tensor] = [weight for weight in model.parameters() if weight.grad is not None]
    gradients = [weight.grad for weight in weights if weight.grad is not None]
    layers = [
        layer
        for layer in model.modules()
        if isinstance(layer, nn.modules.batchnorm._BatchNorm) and layer.training and layer.track_running_stats
    ]
    with torch.no_grad():
        before = [weight.clone() for weight in weights]
        torch._foreach_mul_(gradients, rho / (nn.utils.get_total_norm(gradients) + 1e-12))
        torch._foreach_add_(weights, gradients)
    for weight in weights:
        weight.grad = None
    for layer in layers:
        layer.track_running_stats = False  # statistics of the batch all the same, but kept nowhere
    try:
        yield
    finally:
        for layer in layers:
            layer.track_running_stats = True
        with torch.no_grad():
            torch._foreach_copy_(weights, before)
