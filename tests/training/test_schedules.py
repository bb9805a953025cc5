"""Learning rates against torch's own schedulers, step by step."""

from collections.abc import Sequence

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from striate.training import Recipe, learning_rate

EPOCHS, STEPS = 6, 5


def rate(recipe: Recipe, step: int, losses: Sequence[float] = ()) -> float:
    return learning_rate(
        recipe.schedule,
        recipe.optimizer.lr,
        step=step,
        steps_an_epoch=STEPS,
        epochs=recipe.training.epochs,
        val_losses=losses,
    )


def rates(recipe: Recipe) -> list[float]:
    return [rate(recipe, step) for step in range(recipe.training.epochs * STEPS)]


def torch_rates(make, each_epoch: bool) -> list[float]:
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.4)
    scheduler = make(optimizer)
    found = []
    for step in range(EPOCHS * STEPS):
        found.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        if not each_epoch or (step + 1) % STEPS == 0:
            scheduler.step()
    return found


@pytest.mark.parametrize(
    ("recipe", "make", "each_epoch"),
    [
        (Recipe.of(schedule="constant"), lambda o: torch.optim.lr_scheduler.ConstantLR(o, factor=1.0), False),
        (Recipe.of(schedule="cosine"), lambda o: torch.optim.lr_scheduler.CosineAnnealingLR(o, EPOCHS * STEPS), False),
        (
            Recipe.of(schedule="step", decay=0.5, decay_epochs=2),
            lambda o: torch.optim.lr_scheduler.StepLR(o, 2, 0.5),
            True,
        ),
        (Recipe.of(schedule="exponential", decay=0.9), lambda o: torch.optim.lr_scheduler.ExponentialLR(o, 0.9), True),
    ],
    ids=["constant", "cosine", "step", "exponential"],
)
def test_equals_torch(recipe, make, each_epoch):
    assert rates(recipe.with_values(lr=0.4, epochs=EPOCHS)) == pytest.approx(torch_rates(make, each_epoch))


@given(losses=st.lists(st.integers(0, 5).map(float), max_size=30), patience=st.integers(1, 4))
def test_plateau_equals_torch(losses, patience):
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.4)
    # torch lowers after more than `patience` epochs without progress, striate after `decay_epochs` of them.
    plateau = torch.optim.lr_scheduler.ReduceLROnPlateau(
        optimizer, factor=0.5, patience=patience - 1, threshold=0, eps=0
    )
    for loss in losses:
        plateau.step(loss)
    recipe = Recipe.of(schedule="plateau", lr=0.4, decay=0.5, decay_epochs=patience, epochs=100)
    ours = rate(recipe, len(losses) * STEPS, losses)
    assert ours == pytest.approx(optimizer.param_groups[0]["lr"])


@given(warmup=st.floats(0.05, 0.9), schedule=st.sampled_from(["constant", "cosine", "one_cycle"]))
def test_rises_to_the_peak_and_never_beyond(warmup, schedule):
    recipe = Recipe.of(schedule=schedule, warmup=warmup, lr=0.4, epochs=40)
    found = rates(recipe)
    assert max(found) <= 0.4 + 1e-12
    assert max(found) == pytest.approx(0.4, rel=0.15)
    top = found.index(max(found))
    assert found[: top + 1] == sorted(found[: top + 1])
    assert found[top:] == sorted(found[top:], reverse=True)
    assert found[0] > 0
