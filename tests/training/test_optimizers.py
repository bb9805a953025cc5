"""Optimizers by name: one step against torch's own, and no weight decay on biases and norms."""

import pytest
import torch
from torch import nn

from striate.training import OptimizerSettings, Recipe, create_optimizer

SETTINGS = {
    "sgd": {"momentum": 0.8},
    "adam": {"beta1": 0.8, "beta2": 0.95},
    "adamw": {"beta1": 0.8, "beta2": 0.95},
    "rmsprop": {"momentum": 0.8, "alpha": 0.95},
    "muon": {"momentum": 0.8, "beta1": 0.8, "beta2": 0.95},
}
REFERENCES = {
    "sgd": lambda p: torch.optim.SGD(p, 0.1, momentum=0.8, nesterov=True),
    "adam": lambda p: torch.optim.Adam(p, 0.1, betas=(0.8, 0.95)),
    "adamw": lambda p: torch.optim.AdamW(p, 0.1, betas=(0.8, 0.95), weight_decay=0),
    "rmsprop": lambda p: torch.optim.RMSprop(p, 0.1, alpha=0.95, momentum=0.8),
    # its kernel takes one channel, so that AdamW trains it too
    "muon": lambda p: torch.optim.AdamW(p, 0.1, betas=(0.8, 0.95), weight_decay=0),
}


def settings(name: str, weight_decay: float = 0.0) -> OptimizerSettings:
    return Recipe.of(optimizer=name, lr=0.1, weight_decay=weight_decay, **SETTINGS[name]).optimizer


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(16, 2)).double()


@pytest.mark.parametrize("name", REFERENCES)
def test_three_steps_equal_torch(name):
    ours, reference = network(), network()
    images = torch.randn(8, 1, 4, 4, dtype=torch.float64)
    optimizers = [create_optimizer(ours, settings(name), {}, {}), REFERENCES[name](reference.parameters())]
    for _ in range(3):
        for model, optimizer in zip((ours, reference), optimizers, strict=True):
            model(images).square().mean().backward()
            optimizer.step()
            optimizer.zero_grad()
    for a, b in zip(ours.parameters(), reference.parameters(), strict=True):
        assert torch.allclose(a, b, atol=1e-5)


@pytest.mark.parametrize("name", REFERENCES)
def test_biases_and_norms_do_not_decay(name):
    model = network()
    before = {key: value.clone() for key, value in model.named_parameters()}
    optimizer = create_optimizer(model, settings(name, weight_decay=0.1), {}, {})
    for parameter in model.parameters():
        parameter.grad = torch.zeros_like(parameter)
    optimizer.step()
    for key, value in model.named_parameters():
        moved = not torch.equal(value, before[key])
        assert moved == (value.ndim > 1), key


def test_frozen_weights_are_left_out():
    model = network()
    model.get_submodule("0").requires_grad_(False)
    optimizer = create_optimizer(model, settings("adamw"), {}, {})
    assert sum(len(group["params"]) for group in optimizer.param_groups) == 4
