"""The loop: it learns, it is resumed to the bit, and each switch does what its help tells."""

from contextlib import nullcontext
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from tests.models.networks import other_ways_marked
from tests.training.small_runs import RECIPE, TASK, batches, check_resuming, fresh, images, run, same_weights
from torch import Tensor

from striate.data import Batches
from striate.models import NETWORKS, Network, create_model
from striate.tasks import Figure
from striate.training import Diverged, Epoch, Recipe, Step, TrainingState, train
from striate.training.loop import mixed_batch, total, validate
from striate.views import Normalization, Policy


def test_it_learns_and_tells_each_step_and_epoch():
    state, records = run(RECIPE.with_values(epochs=6))
    epochs = [record for record in records if isinstance(record, Epoch)]
    assert [epoch.epoch for epoch in epochs] == [1, 2, 3, 4, 5, 6]
    assert sum(isinstance(record, Step) for record in records) == 6 * 3  # the last step of 4 is told by the epoch
    assert epochs[-1].train_loss < epochs[0].train_loss
    assert epochs[-1].val[0].value > 0.9
    assert state.history == epochs


def one_step(model: Network) -> tuple[float, dict[str, Tensor]]:
    """The loss and the gradients of one training step on four small gray images."""
    recipe = RECIPE.with_values(epochs=1, batch_size=4, optimizer="sgd", lr=1e-8, ema=0.0, dropout=None)
    state, four = TrainingState(model, TASK, recipe), images().subset(torch.arange(4))
    ready = Batches(
        four,
        batch_size=4,
        size=(28, 28),
        normalization=Normalization((0.4,), (0.3,)),
        policy=None,
        seed=0,
        device="cpu",
    )
    kept: dict[str, Tensor] = {}
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            parameter.register_post_accumulate_grad_hook(
                lambda p, name=name: kept.update({name: p.grad.clone() if p.grad is not None else torch.empty(0)})
            )
    (record,) = train(state, TASK, ready, None, recipe)
    assert isinstance(record, Epoch)
    return record.train_loss, kept


@pytest.mark.parametrize(
    "name",
    other_ways_marked(
        sorted(
            {
                entry.module: name
                for name, entry in reversed(list(NETWORKS.items()))
                if entry.parameters < 40e6 and not entry.dense
            }.values()
        )
    ),
)
def test_a_network_of_every_paper_takes_a_step_on_small_gray_images(name):
    torch.manual_seed(0)
    model = create_model(name, classes=3, channels=1, size=28)
    loss, gradients = one_step(model)
    assert 0 < loss < 100
    assert gradients.keys() == {name for name, parameter in model.named_parameters() if parameter.requires_grad}
    assert all(gradient.isfinite().all() for gradient in gradients.values())


def test_auxiliary_heads_learn_with_their_share_of_the_loss(monkeypatch):
    found = []
    for weight in (0.3, 0.6):
        torch.manual_seed(0)
        model = create_model("googlenet", classes=3, channels=1, size=28)
        monkeypatch.setattr(model, "auxiliary_weight", weight)
        found.append(one_step(model))
    (loss, once), (more, twice) = found
    assert more > loss
    torch.testing.assert_close(2 * once["aux1.fc2.weight"], twice["aux1.fc2.weight"])
    torch.testing.assert_close(once["fc.weight"], twice["fc.weight"])


def test_a_batch_is_a_mosaic_as_often_as_the_recipe_states():
    torch.manual_seed(0)
    batch = next(batches(RECIPE).epoch(0))
    mixed = [mixed_batch(batch, Policy(mosaic=0.25), TASK) for _ in range(400)]
    mosaics = [one for one in mixed if one.inputs is not batch.inputs]
    assert 0.17 < len(mosaics) / 400 < 0.33
    assert all(torch.allclose(one.targets.sum(1), torch.ones(16)) for one in mosaics)
    assert mixed_batch(batch, Policy(), TASK) is batch


@pytest.mark.parametrize(
    ("settings", "stops"),
    [
        ({}, (1, 3, 4, 6, 11)),
        # what they add is their own state: stops within each of two epochs, and at the end of the first
        *(
            ({"optimizer": name, "epochs": 2}, (1, 4, 6))
            for name in ("sgd", "adam", "rmsprop", "adagrad", "lamb", "lion", "muon")
        ),
        ({"sam": 0.05, "l1": 1e-4, "epochs": 2}, (1, 4, 6)),
        ({"accumulate": 3}, (1, 2, 3, 5, 8)),  # within a window of three, and within the one of one batch
    ],
    ids=str,
)
def test_a_resumed_run_equals_an_uninterrupted_one_to_the_bit(settings, stops):
    recipe = RECIPE.with_values(mixup=0.3, cutmix=0.5, mosaic=0.4, clip_grad_norm=1.0)
    check_resuming(recipe.with_values(**{"lr": 0.003, **settings}), stops)


@pytest.mark.parametrize("forgotten", ["generator", "optimizer.0.exp_avg", "average.stages.0.0.weight", "loss_sum"])
def test_forgetting_anything_of_the_state_is_noticed(forgotten):
    """The comparison above can fail: with one part of the state lost, the result differs."""
    recipe = RECIPE.with_values(mixup=0.3, lr=0.003)
    whole, _ = run(recipe)
    first = fresh(recipe)
    for count, _ in enumerate(train(first, TASK, batches(recipe), None, recipe), start=1):
        if count == 6:
            break
    saved = {name: value.detach().contiguous().clone() for name, value in first.tensors().items()}
    names = [name for name in saved if name.startswith(forgotten)] or [
        name for name in saved if name.startswith(forgotten.split(".")[0])
    ]
    torch.manual_seed(999)
    second = TrainingState(create_model(recipe.model.name, classes=3, channels=1), TASK, recipe)
    saved[names[0]] = torch.get_rng_state() if forgotten == "generator" else torch.zeros_like(saved[names[0]])
    second.load(saved, first.scalars())
    run(recipe, second)
    timeless = [replace(row, seconds=0, images_per_second=0) for row in whole.history]
    same_history = timeless == [replace(row, seconds=0, images_per_second=0) for row in second.history]
    assert not (same_weights(whole, second) and same_history)


def test_the_same_seed_gives_the_same_weights_and_another_seed_others():
    assert same_weights(run(RECIPE)[0], run(RECIPE)[0])
    assert not same_weights(run(RECIPE)[0], run(RECIPE.with_values(seed=1))[0])


def test_accumulating_two_halves_is_one_step_of_the_whole():
    # Without batch norm and dropout, and with halves of one size, the gradient of the mean is the mean of the gradients.
    whole = Recipe.of(
        model="lenet5", epochs=1, batch_size=20, optimizer="sgd", lr=0.01, schedule="constant", device="cpu"
    )
    whole = whole.with_values(precision="float32")
    one, _ = run(whole)
    two, _ = run(whole.with_values(batch_size=10, accumulate=2))
    assert (one.step, two.step) == (3, 6)
    for a, b in zip(one.model.parameters(), two.model.parameters(), strict=True):
        assert torch.allclose(a, b, atol=1e-6)


def test_the_last_window_of_an_epoch_weighs_as_much_as_the_others():
    # Three batches in windows of two: the last window holds one batch, and its gradient is the mean over that one.
    recipe = Recipe.of(
        model="lenet5", epochs=1, batch_size=20, optimizer="sgd", lr=0.01, schedule="constant", device="cpu"
    )
    state = fresh(recipe := recipe.with_values(precision="float32", accumulate=2, momentum=0.0, nesterov=False))
    *_, before_last, _ = train(state, TASK, batches(recipe), None, recipe)
    assert isinstance(before_last, Step)
    alone = fresh(recipe)
    loop, ready = train(alone, TASK, batches(recipe), None, recipe), list(batches(recipe).epoch(0))
    next(loop), next(loop)
    outputs = alone.model(ready[2].inputs)
    total(TASK.losses(outputs, ready[2])).backward()
    for whole, one in zip(state.model.parameters(), alone.model.parameters(), strict=True):
        assert one.grad is not None
        assert torch.allclose(whole, one - 0.01 * one.grad, atol=1e-7)


def test_validation_reads_the_device_as_often_for_many_batches_as_for_few(monkeypatch):
    """On the device meta, which has no values: whatever else reads them (bool, float, cpu, numpy, nonzero) is an error there."""
    reads: list[Tensor] = []

    def read(tensor: Tensor) -> Any:
        reads.append(tensor)
        return np.zeros(tuple(tensor.shape)).tolist()

    model, counts = create_model("bn_gap_cnn", classes=3, channels=1).to("meta"), []
    few, many = (
        [
            replace(batch, inputs=batch.inputs.to("meta"), targets=batch.targets.to("meta"))
            for batch in batches(RECIPE.with_values(batch_size=size)).epoch(0)
        ]
        for size in (16, 4)
    )
    monkeypatch.setattr(Tensor, "item", read)
    monkeypatch.setattr(Tensor, "tolist", read)
    monkeypatch.setattr(torch, "autocast", lambda *_, **__: nullcontext())  # which knows no meta
    for ready in (few, many):
        monkeypatch.setattr(Batches, "epoch", lambda *_, ready=ready: iter(ready))
        reads.clear()
        validate(model, TASK, batches(RECIPE))
        counts.append(len(reads))
    assert len(few) < len(many)
    assert 0 < counts[0] == counts[1]


def test_a_lost_loss_is_told_and_ends_the_training():
    poisoned = fresh()
    with torch.no_grad():
        next(poisoned.model.parameters()).fill_(float("nan"))
    *_, last = train(poisoned, TASK, batches(RECIPE), None, RECIPE)
    assert isinstance(last, Diverged)
    assert last.epoch == 1


def test_clipping_bounds_the_step():
    recipe = RECIPE.with_values(
        optimizer="sgd", momentum=0.0, weight_decay=0.0, lr=1.0, clip_grad_norm=0.01, ema=0.0, schedule="constant"
    )
    state = fresh(recipe)
    before = [parameter.detach().clone() for parameter in state.model.parameters()]
    next(train(state, TASK, batches(recipe), None, recipe))
    steps = [p.detach() - b for p, b in zip(state.model.parameters(), before, strict=True)]
    assert torch.cat([step.flatten() for step in steps]).norm().item() == pytest.approx(0.01, rel=1e-3)


@pytest.mark.parametrize("settings", [{}, {"optimizer": "lion", "lr": 0.003, "sam": 0.05}], ids=["adamw", "lion+sam"])
def test_bfloat16_learns_too(settings):
    state, records = run(RECIPE.with_values(**settings, precision="bfloat16", epochs=6))
    *_, last = [record for record in records if isinstance(record, Epoch)]
    assert last.val[0].value > 0.9
    assert all(parameter.dtype == torch.float32 for parameter in state.model.parameters())


def test_the_kept_weights_come_back_with_a_checkpoint_where_later_epochs_do_not_replace_them():
    state = fresh()
    state.history.append(Epoch(0, 0, 0.0, 1.0, (Figure("accuracy", 0.5),), 0.5, (Figure("accuracy", 1.0),), 1.0, 1.0))
    state.keep_as_best()
    kept = {name: value.clone() for name, value in state.best.items()}
    run(RECIPE.with_values(epochs=1, keep="auto"), state)
    again = fresh()
    again.load(state.tensors(), state.scalars())
    assert again.best_epoch == 0
    assert again.best.keys() == kept.keys()
    assert all(torch.equal(again.best[name], value) for name, value in kept.items())
    assert not all(torch.equal(again.model.state_dict()[name], value) for name, value in kept.items())
