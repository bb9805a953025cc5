"""The plan of a training from weights: what it tells follows from a measured speed, and measuring leaves no trace."""

from dataclasses import replace

import pytest
import torch
from tests.training.small_runs import RECIPE, batches
from torch import Tensor

from striate.models import create_model
from striate.training.transfer_plan import Speed, TransferPlan, _about, measure_speed


def plan(epochs: int) -> TransferPlan:
    return TransferPlan(
        1000,
        100,
        100,
        "10 classes",
        10,
        "imagenet",
        "efficientnet_lite0",
        224,
        epochs,
        Speed(0.025, 0.03, 0.05),
        passed=12.0,
    )


def test_the_time_is_that_of_each_image_at_each_phase() -> None:
    assert plan(0).first_seconds == 2.0 + 1000 * 0.025 + 0.7
    assert plan(0).seconds == 3.0 + 12.0 + plan(0).first_seconds + 300 * 0.03 + 4.0
    assert plan(4).seconds - plan(0).seconds == 4 * (1000 * 0.05 + 100 * 0.03)
    first, second = plan(4).messages
    assert first.endswith("efficientnet_lite0 from imagenet: a head on its features, then 4 epochs of fine-tuning")
    assert second.strip() == "here and now about 30 s to the first result, 4 min 30 s in all with the 15 s so far"


def test_the_mirror_images_of_test_time_augmentation_are_predicted_at_the_end() -> None:
    assert replace(plan(4), views=2).seconds - plan(4).seconds == pytest.approx(200 * 0.03)


def test_durations_are_as_exact_as_an_estimate() -> None:
    seconds = (0.2, 7.3, 43, 112, 3000, 5000)
    assert [_about(one) for one in seconds] == ["1 s", "7 s", "45 s", "2 min", "50 min", "1 h 25 min"]


def test_measuring_leaves_no_trace() -> None:
    recipe = RECIPE.with_values(weights="imagenet", freeze=1)
    network = create_model("bn_gap_cnn", classes=3, channels=1)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    generator, training = torch.get_rng_state(), network.training
    given = batches(recipe), batches(recipe), batches(recipe)
    speed = measure_speed(network, *given, recipe)
    assert 0 < speed.embedding < 1
    assert 0 < speed.inference < 1
    assert 0 < speed.training < 1
    assert torch.equal(torch.get_rng_state(), generator)
    assert network.training == training
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    assert all(one.requires_grad and one.grad is None for one in network.parameters())
    frozen = recipe.with_values(epochs=0)
    assert measure_speed(network, *given, frozen).training == 0


def test_a_step_of_sam_is_two_passes_of_a_batch(monkeypatch) -> None:
    passes: list[Tensor] = []
    monkeypatch.setattr(
        "striate.training.transfer_plan.training_step", lambda _network, images, _bfloat16: passes.append(images)
    )
    recipe = RECIPE.with_values(sam=0.05, epochs=1)
    ready = batches(recipe)
    measure_speed(create_model(recipe.model.name, classes=3, channels=1), ready, ready, ready, recipe)
    _, *timed = passes  # the first builds the kernels
    assert timed
    assert all(one is other for one, other in zip(timed[::2], timed[1::2], strict=True))
