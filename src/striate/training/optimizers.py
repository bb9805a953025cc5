"""Optimizers by name; weight decay is kept off biases and normalization, fused kernels are used where torch has them."""

import torch
from torch import nn

from striate.training.recipe import Recipe


def create_optimizer(model: nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    """The recipe's optimizer over two groups: weights that decay, and biases and norms that do not."""
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    groups = [
        {"params": [p for p in trained if p.ndim > 1], "weight_decay": recipe.weight_decay},
        {"params": [p for p in trained if p.ndim <= 1], "weight_decay": 0.0},
    ]
    if recipe.optimizer == "sgd":
        nesterov = recipe.nesterov and recipe.momentum > 0
        return torch.optim.SGD(groups, recipe.lr, momentum=recipe.momentum, nesterov=nesterov, fused=True)
    betas = (recipe.momentum, recipe.beta2)
    if recipe.optimizer == "adam":
        return torch.optim.Adam(groups, recipe.lr, betas=betas, fused=True)
    if recipe.optimizer == "adamw":
        return torch.optim.AdamW(groups, recipe.lr, betas=betas, fused=True)
    return torch.optim.RMSprop(groups, recipe.lr, alpha=recipe.beta2, momentum=recipe.momentum)
