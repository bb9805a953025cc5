"""LAMB and Lion against timm's, over fifty steps of a network that learns."""

import copy

import pytest
import timm.optim
import torch
from torch import nn

from striate.models import create_model
from striate.training import Recipe, create_optimizer

pytestmark = pytest.mark.oracle

REFERENCES = {
    # timm clips the norm of all gradients at 1, and gives no trust ratio where nothing decays, unless told
    "lamb": lambda groups: timm.optim.Lamb(groups, 0.01, max_grad_norm=None),
    "lion": lambda groups: timm.optim.Lion(groups, 0.01),
}


def train(model: nn.Module, optimizer: torch.optim.Optimizer, images: torch.Tensor) -> list[float]:
    """The losses of fifty steps."""
    losses = []
    for _ in range(50):
        loss = nn.functional.cross_entropy(model(images), torch.arange(8) % 4)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        losses.append(loss.item())
    return losses


@pytest.mark.parametrize("decay", [0.0, 0.1])
@pytest.mark.parametrize("name", REFERENCES)
def test_fifty_steps_equal_those_of_timm(name, decay):
    torch.manual_seed(0)
    ours = create_model("lenet5", classes=4, channels=1).double()
    theirs = copy.deepcopy(ours)
    adapt = {"always_adapt": True} if name == "lamb" else {}
    groups = [
        {"params": [one for one in theirs.parameters() if one.ndim > 1], "weight_decay": decay, **adapt},
        {"params": [one for one in theirs.parameters() if one.ndim <= 1], "weight_decay": 0.0},
    ]
    images = torch.randn(8, 1, 28, 28, dtype=torch.float64)
    optimizer = create_optimizer(ours, Recipe.of(optimizer=name, lr=0.01, weight_decay=decay).optimizer, {}, {})
    losses = train(ours, optimizer, images)
    assert losses == pytest.approx(train(theirs, REFERENCES[name](groups), images), rel=1e-6)
    assert losses[-1] < losses[0]
    for one, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-6, atol=1e-9)
