"""Which weights of a group an optimizer steps together, in one call of torch's for lists of tensors."""

from collections.abc import Iterator
from typing import Any

from torch import Tensor

__all__ = ["trained_weights"]


def trained_weights(group: dict[str, Any]) -> Iterator[tuple[list[Tensor], list[Tensor]]]:
    """Lists of weights and of their gradients; frozen weights have none and are left out.

    On a GPU one list of all, as a step's time is that of starting kernels. On a CPU one list for each tensor, which its cache then
    holds through all operations of a step: Lion on ResNet-18 takes 77 ms so, and 132 ms in one list.
    """
    weights, gradients = [], []
    for weight in group["params"]:
        if weight.grad is None:
            continue
        if weight.is_cpu:
            yield [weight], [weight.grad]
        else:
            weights.append(weight)
            gradients.append(weight.grad)
    if weights:
        yield weights, gradients
