"""Optimizers by name; weight decay is kept off biases and normalization, fused kernels are used where torch has them."""

import torch
from torch import nn

from striate.training.settings import OPTIMIZERS, OptimizerSettings

__all__ = ["create_optimizer"]


def create_optimizer(model: nn.Module, settings: OptimizerSettings) -> torch.optim.Optimizer:
    """The optimizer over two groups of parameters: weights that decay, and biases and norms that do not."""
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    groups = [
        {"params": [p for p in trained if p.ndim > 1], "weight_decay": settings.weight_decay},
        {"params": [p for p in trained if p.ndim <= 1], "weight_decay": 0.0},
    ]
    row = OPTIMIZERS[settings.name]
    arguments = row.arguments(**{name: getattr(settings, name) for name in row.takes})
    return getattr(torch.optim, row.torch_name)(groups, settings.lr, **arguments)
