"""The range test: its smoothing, what it proposes for planted curves, and that it breaks where theory has it."""

import math
from itertools import pairwise

import numpy as np
import pytest
import torch
from tests.training.small_runs import RECIPE, TASK, batches, fresh
from torch import nn

from striate.training.range_test import STEPS, RangeTest, range_steps


def measured(losses: list[float]) -> RangeTest:
    test = RangeTest()
    for step, loss in enumerate(losses):
        test.add(1e-6 * 10 ** (step / 20), loss)
    return test


def valley(bottom: int, depth: float) -> list[float]:
    """Losses of 1 that fall by `depth` before step `bottom` and rise after it."""
    return [1 - depth * max(0.0, 1 - abs(step - bottom) / 20) for step in range(140)]


def test_the_smoothing_is_a_convolution_with_a_gaussian_in_the_middle():
    losses = np.random.default_rng(0).uniform(1, 1.5, 140)
    kernel = np.exp(-(np.arange(-30, 31) ** 2) / 32)
    expected = np.convolve(losses, kernel / kernel.sum(), "valid")
    assert measured(losses.tolist()).smoothed()[30:-30] == pytest.approx(expected.tolist())


def test_a_constant_stays_and_lost_losses_are_left_out():
    assert measured([2.0] * 30).smoothed() == pytest.approx([2.0] * 30)
    assert measured([2.0] * 30 + [math.nan, math.inf]).smoothed() == pytest.approx([2.0] * 32)


@pytest.mark.parametrize("offset", [0.0, -1.0, -5.0])
@pytest.mark.parametrize("bottom", [50, 80, 110])
def test_the_rate_is_a_third_of_that_of_the_lowest_loss(bottom, offset):
    test = measured([loss + offset for loss in valley(bottom, 0.8)])
    proposed = test.proposed()
    assert proposed == pytest.approx(test.rates[bottom] / 3, rel=0.05)
    assert proposed == float(f"{proposed:.1e}")


@pytest.mark.parametrize("end", [3.0, 1e4, 1e30])
def test_how_far_the_loss_diverges_changes_nothing(end):
    """It falls until a step and then jumps: the rate is one of those just before."""
    falling = [1 - 0.8 * max(0, step - 40) / 60 for step in range(100)]
    test = measured([*falling, *[end] * 12])
    assert test.has_diverged
    proposed = test.proposed()
    assert proposed is not None
    assert test.rates[88] / 3 < proposed <= test.rates[100] / 3


@pytest.mark.parametrize(
    "losses",
    [
        valley(80, 0.03),
        [1.0 + step / 140 for step in range(140)],
        [1.0] * 140,
        [0.0] * 140,
        [1.0, math.nan],
        [math.nan],
        [-1.0],
    ],
)
def test_nothing_is_proposed_where_the_loss_does_not_fall(losses):
    assert measured(losses).proposed() is None


@pytest.mark.parametrize("variation", [0.1, 0.3, 0.8])
def test_noise_proposes_nothing_and_a_decrease_within_it_is_found(variation):
    generator = np.random.default_rng(1)
    sigma = math.sqrt(math.log(1 + variation**2))
    noise = np.exp(generator.normal(-(sigma**2) / 2, sigma, (200, 140)))
    assert np.mean([measured(losses.tolist()).proposed() is not None for losses in noise]) <= 0.03
    assert np.mean([measured(losses.tolist()).has_diverged for losses in noise]) <= 0.03
    deep = np.array(valley(80, 0.9)) * noise
    found = [measured(losses.tolist()).proposed() for losses in deep]
    assert np.mean([rate is not None for rate in found]) > (0.95 if variation < 0.5 else 0.1)


def test_it_has_diverged_when_a_loss_is_lost_or_the_average_is_twice_the_first():
    for sign in (1.0, -1.0):
        test = measured([sign] * 30)
        assert not test.has_diverged
        test.add(0.1, sign + 5)
        assert not test.has_diverged  # one loss moves the average little
        test.add(0.2, sign + 20)
        assert test.has_diverged
    lost = measured([1.0] * 30)
    lost.add(0.1, math.nan)
    assert lost.has_diverged


def test_it_trains_as_the_loop_does_with_a_rate_that_grows_by_a_factor():
    recipe = RECIPE.with_values(optimizer="sgd", momentum=0.0, weight_decay=0.0, clip_grad_norm=1.0, accumulate=2)
    state = fresh(recipe)
    before = {name: value.clone() for name, value in state.model.named_parameters()}
    records = []
    for record in range_steps(state, TASK, batches(recipe), recipe):
        records.append(record)
        if len(records) == 3:
            break
    assert [record.images for record in records] == [32, 28, 32]  # two batches each; the last of 60 images has 12
    factors = [two.learning_rate / one.learning_rate for one, two in pairwise(records)]
    assert factors == pytest.approx([1e7 ** (1 / (STEPS - 1))] * 2)
    # SGD with a gradient clipped to 1 goes as far as the rates together, at most
    moved = torch.cat([(value - before[name]).flatten() for name, value in state.model.named_parameters()]).norm()
    assert 0 < moved <= 1.01 * sum(record.learning_rate for record in records)


def test_gradient_descent_breaks_above_twice_the_inverse_of_the_curvature():
    """Of the loss k x^2 / 2 a step multiplies x by 1 - rate * k: it grows where the rate is above 2 / k."""
    curvature, test = 50.0, RangeTest()
    x = nn.Parameter(torch.tensor(1.0))
    for step in range(STEPS):
        loss = curvature * x.square() / 2
        (gradient,) = torch.autograd.grad(loss, x)
        rate = 1e-6 * 1e7 ** (step / (STEPS - 1))
        test.add(rate, loss.item())
        if test.has_diverged:
            break
        x.data -= rate * gradient
    assert test.has_diverged
    proposed = test.proposed()
    assert proposed is not None
    assert 0.02 / curvature < proposed < 2 / curvature < test.rates[-1]
