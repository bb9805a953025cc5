"""Optimizers by name; weight decay is kept off biases and normalization, fused kernels are used where torch has them."""

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any, Final

import torch
from torch import nn

from striate.training.lamb import Lamb
from striate.training.lion import Lion
from striate.training.muon import Muon
from striate.training.settings import OPTIMIZERS, OptimizerSettings

__all__ = ["add_l1_gradients", "create_optimizer", "set_learning_rate"]


def _adagrad(parameters: Iterable[dict[str, Any]], lr: float) -> torch.optim.Optimizer:
    """Fused on the CPU; torch 2.11 has no such kernel for GPUs, where it takes one for lists of tensors by itself."""
    groups = list(parameters)
    fused = all(weight.is_cpu for group in groups for weight in group["params"])
    return torch.optim.Adagrad(groups, lr, fused=fused or None)


CLASSES: Final[Mapping[str, Callable[..., torch.optim.Optimizer]]] = MappingProxyType(
    {
        "sgd": torch.optim.SGD,
        "adam": torch.optim.Adam,
        "adamw": torch.optim.AdamW,
        "rmsprop": torch.optim.RMSprop,
        "adagrad": _adagrad,
        "lamb": Lamb,
        "lion": Lion,
        "muon": Muon,
    }
)


def create_optimizer(
    model: nn.Module, settings: OptimizerSettings, lr_scales: Mapping[str, float], first_epochs: Mapping[str, float]
) -> torch.optim.Optimizer:
    """The optimizer over groups of parameters: weights that decay before biases and norms that do not.

    lr_scales: name of a parameter -> factor on its learning rate, 1 if left out. first_epochs: name -> the epoch from which it
    is trained, 0 if left out; those of a group begin together, as torch's fused SGD needs it. Each has groups of its own.
    """
    groups: dict[tuple[float, float, bool], list[nn.Parameter]] = {}
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            key = lr_scales.get(name, 1.0), first_epochs.get(name, 0), parameter.ndim <= 1
            groups.setdefault(key, []).append(parameter)
    parameters = [
        {
            "params": groups[scale, first, without_decay],
            "weight_decay": 0.0 if without_decay else settings.weight_decay,
            "lr_scale": scale,
        }
        for scale, first, without_decay in sorted(groups)
    ]
    row = OPTIMIZERS[settings.name]
    arguments = row.arguments(**{name: getattr(settings, name) for name in row.takes})
    return CLASSES[settings.name](parameters, settings.lr, **arguments)


def set_learning_rate(optimizer: torch.optim.Optimizer, lr: float) -> None:
    """Set the rate of each group: `lr` times the group's scale."""
    for group in optimizer.param_groups:
        group["lr"] = lr * group["lr_scale"]


@torch.no_grad()
def add_l1_gradients(optimizer: torch.optim.Optimizer, l1: float) -> None:
    """Add the gradients of the penalty `l1` times the sum of absolute weights, without biases and norms, as for weight decay."""
    for group in optimizer.param_groups:
        weights = [weight for weight in group["params"] if weight.grad is not None and weight.ndim > 1]
        if weights:
            torch._foreach_add_([weight.grad for weight in weights], torch._foreach_sign(weights), alpha=l1)
