"""Learning rates against torch's own schedulers, step by step."""

from collections.abc import Sequence

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from striate.errors import SettingError
from striate.training import SCHEDULES, Recipe, learning_rate

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
        (
            Recipe.of(schedule="cyclic", half_cycle_epochs=1, min_lr_share=0.2),
            lambda o: torch.optim.lr_scheduler.CyclicLR(o, 0.08, 0.4, step_size_up=STEPS, cycle_momentum=False),
            False,
        ),
    ],
    ids=["constant", "cosine", "step", "exponential", "cyclic"],
)
def test_equals_torch(recipe, make, each_epoch):
    assert rates(recipe.with_values(lr=0.4, epochs=EPOCHS)) == pytest.approx(torch_rates(make, each_epoch))


@pytest.mark.parametrize(("first", "factor"), [(1, 1), (2, 1), (1, 2), (2, 3), (6, 1)])
def test_cosine_restarts_equal_torch(first, factor):
    recipe = Recipe.of(schedule="cosine_restarts", restart_epochs=first, restart_factor=factor, lr=0.4, epochs=EPOCHS)
    reference = torch_rates(
        lambda o: torch.optim.lr_scheduler.CosineAnnealingWarmRestarts(o, first * STEPS, factor), each_epoch=False
    )
    assert rates(recipe) == pytest.approx(reference)


@pytest.mark.parametrize(
    "settings",
    [
        {"schedule": "cosine_restarts", "restart_epochs": 1, "restart_factor": 2},
        {"schedule": "cyclic", "half_cycle_epochs": 1},
    ],
    ids=["cosine_restarts", "cyclic"],
)
def test_periods_begin_after_the_warmup_with_the_rate_that_it_ends_with(settings):
    plain = rates(Recipe.of(**settings, lr=0.4, epochs=3))
    found = rates(Recipe.of(**settings, lr=0.4, epochs=EPOCHS, warmup=0.5))  # 3 epochs each
    rise, rest = found[: 3 * STEPS], found[3 * STEPS :]
    assert rest == pytest.approx(plain)
    steps = [after - before for before, after in zip(rise, [*rise[1:], rest[0]], strict=True)]
    assert steps == pytest.approx([rise[0]] * len(steps))


@pytest.mark.parametrize("period", [1, 3, 5, 7])
@pytest.mark.parametrize("schedule", ["cosine_restarts", "cyclic"])
def test_every_period_begins_and_cycle_tops_at_the_peak_whatever_the_warmup(schedule, period):
    """Also where the share of the warmup is no binary fraction, and where its end is within an epoch."""
    name = "restart_epochs" if schedule == "cosine_restarts" else "half_cycle_epochs"
    epochs = 50 + period  # with some of these, warmups end within an epoch, or within a step
    for percent in range(61):
        recipe = Recipe.of(**{"schedule": schedule, name: period, "warmup": percent / 100, "lr": 1.0, "epochs": epochs})
        begin = -(-percent * epochs * STEPS // 100)
        restarts = range(begin, epochs * STEPS, period * STEPS)
        found = [rate(recipe, step) for step in restarts]
        lowest = 1.0 if schedule == "cosine_restarts" else 0.25
        expected = [(lowest, 1.0)[place % 2] for place in range(len(restarts))]
        assert found == pytest.approx(expected, abs=1e-12), percent


@pytest.mark.parametrize(("schedule", "name"), [("cosine_restarts", "restart_epochs"), ("cyclic", "half_cycle_epochs")])
def test_a_first_period_that_is_longer_than_the_training_is_refused(schedule, name):
    expected = f"{name} = 4: is longer than the training, 3 epochs; give 3 or less, or more epochs"
    with pytest.raises(SettingError, match=expected):
        Recipe.of(**{"schedule": schedule, name: 4, "epochs": 3})
    assert Recipe.of(**{"schedule": schedule, name: 3, "epochs": 3}).schedule.name == schedule


@pytest.mark.parametrize(("schedule", "name"), [("cosine_restarts", "restart_epochs"), ("cyclic", "half_cycle_epochs")])
@pytest.mark.parametrize(
    ("length", "epochs", "warmup", "left", "ways"),
    [
        (8, 10, 0.25, "7.5 of 10 epochs", "7 or less, or more epochs, or a shorter warmup"),
        (1, 1, 0.1, "0.9 of 1 epoch", "more epochs, or a shorter warmup"),
    ],
)
def test_a_first_period_has_room_after_the_warmup(schedule, name, length, epochs, warmup, left, ways):
    expected = f"{name} = {length}: is longer than the training after its warmup, {left}; give {ways}"
    with pytest.raises(SettingError) as caught:
        Recipe.of(**{"schedule": schedule, name: length, "epochs": epochs, "warmup": warmup})
    assert str(caught.value) == expected


@pytest.mark.parametrize(("length", "epochs", "warmup"), [(44, 100, 0.56), (3, 10, 0.7), (9, 10, 0.1)])
def test_a_first_period_may_take_all_that_the_warmup_leaves(length, epochs, warmup):
    recipe = Recipe.of(schedule="cosine_restarts", restart_epochs=length, epochs=epochs, warmup=warmup)
    assert recipe.schedule.restart_epochs == length


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_a_rate_depends_on_the_position_alone(schedule):
    """Asked in any order, as a resumed run does, the rates are the same to the bit."""
    recipe = Recipe.of(schedule=schedule, warmup=0.13, lr=0.4, epochs=40)
    steps = list(range(40 * STEPS))
    assert [rate(recipe, step) for step in reversed(steps)] == [rate(recipe, step) for step in steps][::-1]
    assert all(0 <= rate(recipe, step) <= 0.4 for step in steps)


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
