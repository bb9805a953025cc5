"""Optimizers by name: fifty steps against torch's own or the paper's formula, and no weight decay on biases and norms."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from striate.models import create_model
from striate.training import OptimizerSettings, Recipe, create_optimizer
from striate.training.trained_weights import trained_weights

LR = 0.01
SETTINGS = {
    "sgd": {"momentum": 0.8},
    "adam": {"beta1": 0.8, "beta2": 0.95},
    "adamw": {"beta1": 0.8, "beta2": 0.95},
    "rmsprop": {"momentum": 0.8, "alpha": 0.95},
    "adagrad": {},
    "lamb": {"beta1": 0.8, "beta2": 0.95},
    "lion": {"beta1": 0.8, "beta2": 0.95},
    "muon": {"momentum": 0.8, "beta1": 0.8, "beta2": 0.95},
}
TORCH: dict[str, Callable[..., torch.optim.Optimizer]] = {
    "sgd": lambda p: torch.optim.SGD(p, LR, momentum=0.8, nesterov=True),
    "adam": lambda p: torch.optim.Adam(p, LR, betas=(0.8, 0.95)),
    "adamw": lambda p: torch.optim.AdamW(p, LR, betas=(0.8, 0.95)),
    "rmsprop": lambda p: torch.optim.RMSprop(p, LR, alpha=0.95, momentum=0.8),
    "adagrad": lambda p: torch.optim.Adagrad(p, LR),
    # its kernels take one channel, so that AdamW trains them too
    "muon": lambda p: torch.optim.AdamW(p, LR, betas=(0.8, 0.95)),
}


def lion(weight: Tensor, gradients: list[Tensor], decay: float) -> Tensor:
    """Algorithm 2 of arXiv:2302.06675; gradients: what is added to the weight to have its gradient."""
    w, momentum = weight, torch.zeros_like(weight)
    for noise in gradients:
        gradient = noise + w
        update = (0.8 * momentum + 0.2 * gradient).sign()
        momentum = 0.95 * momentum + 0.05 * gradient
        w = w - LR * (update + decay * w)
    return w


def lamb(weight: Tensor, gradients: list[Tensor], decay: float) -> Tensor:
    """Algorithm 2 of arXiv:1904.00962, with the identity as phi and a trust ratio for layers alone."""
    w, m, v = weight, torch.zeros_like(weight), torch.zeros_like(weight)
    for t, noise in enumerate(gradients, start=1):
        gradient = noise + w
        m, v = 0.8 * m + 0.2 * gradient, 0.95 * v + 0.05 * gradient**2
        update = (m / (1 - 0.8**t)) / ((v / (1 - 0.95**t)) ** 0.5 + 1e-6) + decay * w
        ratio = (w**2).sum() ** 0.5 / (update**2).sum() ** 0.5 if w.ndim > 1 else 1.0
        w = w - LR * ratio * update
    return w


FORMULAS = {"lion": lion, "lamb": lamb}


def settings(name: str, weight_decay: float = 0.0) -> OptimizerSettings:
    return Recipe.of(optimizer=name, lr=LR, weight_decay=weight_decay, **SETTINGS[name]).optimizer


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(16, 2)).double()


def fifty_gradients(model: nn.Module) -> list[list[Tensor]]:
    """Of each parameter, what is added to its weights to have their gradients: so an error in a step is in the next ones too."""
    generator = torch.Generator().manual_seed(1)
    return [
        [torch.randn(weight.shape, generator=generator, dtype=torch.float64) for _ in range(50)]
        for weight in model.parameters()
    ]


def train(model: nn.Module, optimizer: torch.optim.Optimizer, gradients: list[list[Tensor]]) -> None:
    for step in range(50):
        for weight, noise in zip(model.parameters(), gradients, strict=True):
            weight.grad = noise[step] + weight.detach()
        optimizer.step()


@pytest.mark.parametrize("decay", [0.0, 0.1])
@pytest.mark.parametrize("name", SETTINGS)
def test_fifty_steps_equal_torch_or_the_paper(name, decay):
    ours, reference = network(), network()
    gradients = fifty_gradients(ours)
    train(ours, create_optimizer(ours, settings(name, decay), {}, {}), gradients)
    if name in TORCH:
        groups = [{"params": [one], "weight_decay": decay if one.ndim > 1 else 0.0} for one in reference.parameters()]
        train(reference, TORCH[name](groups), gradients)
        expected = [weight.detach() for weight in reference.parameters()]
    else:
        expected = [
            FORMULAS[name](weight.detach(), noise, decay if weight.ndim > 1 else 0.0)
            for weight, noise in zip(reference.parameters(), gradients, strict=True)
        ]
    for now, before, then in zip(ours.parameters(), network().parameters(), expected, strict=True):
        assert not torch.allclose(now, before, atol=0.01)
        torch.testing.assert_close(now, then, rtol=0, atol=1e-9)


@pytest.mark.parametrize("name", ["lamb", "lion"])
def test_steps_are_the_same_however_many_weights_are_in_a_list(name, monkeypatch):
    one_by_one, together = network(), network()
    gradients = fifty_gradients(together)
    train(together, create_optimizer(together, settings(name, 0.1), {}, {}), gradients)
    monkeypatch.setattr("striate.training.trained_weights.MOST_ON_CPU", 1)
    train(one_by_one, create_optimizer(one_by_one, settings(name, 0.1), {}, {}), gradients)
    for a, b in zip(one_by_one.parameters(), together.parameters(), strict=True):
        torch.testing.assert_close(a, b)


@pytest.mark.parametrize(("most", "sizes"), [(1, [1, 1, 1]), (36, [1, 2]), (68, [3])])
def test_lists_of_weights_hold_what_fits_and_no_frozen_ones(most, sizes, monkeypatch):
    monkeypatch.setattr("striate.training.trained_weights.MOST_ON_CPU", most)
    shapes = {"trained": (6, 6), "frozen": (9, 9), "second": (4, 4), "last": (4, 4)}
    weights = {name: nn.Parameter(torch.zeros(shape)) for name, shape in shapes.items()}
    for name in ("trained", "second", "last"):
        weights[name].grad = torch.ones(shapes[name])
    lists = list(trained_weights({"params": list(weights.values())}))
    assert [len(found) for found, _ in lists] == sizes
    listed = [id(one) for found, _ in lists for one in found]
    assert listed == [id(weights[name]) for name in ("trained", "second", "last")]
    assert all(one.grad is gradient for pair in lists for one, gradient in zip(*pair, strict=True))


def test_the_weights_of_a_resnet_come_in_several_lists():
    model = create_model("resnet18", classes=10)
    for weight in model.parameters():
        weight.grad = weight.detach()
    sizes = [[one.numel() for one in found] for found, _ in trained_weights({"params": list(model.parameters())})]
    assert 3 < len(sizes) < 30  # 62 weights
    assert all(len(found) == 1 or sum(found) <= 1_000_000 for found in sizes)


def test_a_layer_of_zeros_leaves_zero_by_lamb():
    """Its trust ratio is 1 there: 0 would hold it for ever."""
    model = nn.Linear(3, 2, bias=False)
    nn.init.zeros_(model.weight)
    model.weight.grad = torch.ones_like(model.weight)
    create_optimizer(model, settings("lamb"), {}, {}).step()
    torch.testing.assert_close(model.weight.detach(), torch.full((2, 3), -LR), rtol=1e-4, atol=0)


@pytest.mark.parametrize("name", SETTINGS)
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
