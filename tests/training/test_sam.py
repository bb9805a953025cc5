"""SAM and the L1 penalty: one step of the loop against the formulas, and what of the first pass and of the second is kept."""

from contextlib import AbstractContextManager, nullcontext

import pytest
import torch
from tests.training.small_runs import TASK, batches, fresh
from torch import Tensor, nn

from striate.errors import SettingError
from striate.training import Recipe, Step, TrainingState, train
from striate.training.sam import sharpness_aware

SGD = {"optimizer": "sgd", "lr": 0.1, "momentum": 0.0, "weight_decay": 0.0, "schedule": "constant", "batch_size": 16}
PLAIN = Recipe.of(model="lenet5", epochs=1, device="cpu", precision="float32", **SGD)
WITH_NOISE = Recipe.of(model="bn_gap_cnn", epochs=1, dropout=0.5, device="cpu", precision="float32", **SGD)
RHO = 0.05


def started(recipe: Recipe) -> TrainingState:
    """Before the first step, with biases that a penalty would move."""
    state = fresh(recipe)
    for parameter in state.model.parameters():
        if parameter.ndim <= 1:
            nn.init.constant_(parameter, 0.1)
    return state


def one_step(recipe: Recipe) -> tuple[TrainingState, Step]:
    state = started(recipe)
    record = next(train(state, TASK, batches(recipe), None, recipe))
    assert isinstance(record, Step)
    return state, record


def gradients(model: nn.Module, weights: dict[str, Tensor], l1: float = 0.0) -> dict[str, Tensor]:
    """The gradients of the first batch's loss at these weights, the penalty a term of the loss."""
    batch = next(batches(PLAIN).epoch(0))
    weights = {name: value.detach().requires_grad_() for name, value in weights.items()}
    loss = nn.functional.cross_entropy(torch.func.functional_call(model, weights, batch.inputs), batch.targets)
    loss = loss + l1 * sum(value.abs().sum() for value in weights.values() if value.ndim > 1)
    return dict(zip(weights, torch.autograd.grad(loss, list(weights.values())), strict=True))


@pytest.mark.parametrize("l1", [0.0, 0.01])
@pytest.mark.parametrize("rho", [0.0, RHO])
def test_a_step_equals_the_formulas(rho, l1):
    """The penalty is no term of the loss that SAM makes worse: equation 4 of the paper adds it outside."""
    state, record = one_step(PLAIN.with_values(sam=rho, l1=l1))
    start = started(PLAIN).model
    weights = {name: value.detach() for name, value in start.named_parameters()}
    first = gradients(start, weights)
    norm = sum((gradient**2).sum() for gradient in first.values()) ** 0.5
    neighbor = {name: value + rho * first[name] / norm for name, value in weights.items()}
    penalty = {name: gradient - first[name] for name, gradient in gradients(start, weights, l1).items()}
    step = {name: gradient + penalty[name] for name, gradient in gradients(start, neighbor).items()}
    for name, value in state.model.named_parameters():
        torch.testing.assert_close(value.detach(), weights[name] - 0.1 * step[name], rtol=1e-5, atol=1e-6)
    assert torch.equal(record.loss, one_step(PLAIN)[1].loss)


def test_loss_metrics_and_running_statistics_are_those_of_the_first_pass():
    (plain, without), (state, record) = one_step(WITH_NOISE), one_step(WITH_NOISE.with_values(sam=RHO))
    assert torch.equal(record.loss, without.loss)
    assert record.metrics.compute() == without.metrics.compute()
    buffers = dict(plain.model.named_buffers())
    assert any("running_mean" in name for name in buffers)
    for name, value in state.model.named_buffers():
        assert torch.equal(value, buffers[name]), name
    assert all(layer.track_running_stats for layer in state.model.modules() if isinstance(layer, nn.BatchNorm2d))
    assert not torch.equal(next(state.model.parameters()), next(plain.model.parameters()))


@pytest.mark.parametrize("tracks", [True, False])
@pytest.mark.parametrize(
    ("norm", "lengths"), [(nn.BatchNorm1d, (3,)), (nn.BatchNorm2d, (3, 3)), (nn.BatchNorm3d, (3, 3, 3))]
)
def test_batch_norm_of_any_dimension_counts_one_pass_and_tracks_as_before(norm, lengths, tracks):
    inputs = torch.rand(4, 2, *lengths)
    layer = norm(2, track_running_stats=tracks)
    sharpness_aware(lambda: layer(inputs).square().sum().backward(), layer, RHO)
    assert layer.track_running_stats == tracks
    once = norm(2, track_running_stats=tracks)
    once(inputs)
    assert dict(layer.named_buffers()).keys() == dict(once.named_buffers()).keys()
    assert all(torch.equal(layer.get_buffer(name), value) for name, value in once.named_buffers())


@pytest.mark.parametrize(("device", "forked"), [("cpu", []), ("meta", [torch.device("meta")])])
def test_the_generator_of_the_weights_device_is_put_back(device, forked, monkeypatch):
    """Asked of torch, whose function knows the generators of every device; the device meta stands for an accelerator."""
    asked: list[tuple[list[torch.device], str]] = []

    def fork_rng(devices: list[torch.device], *, device_type: str) -> AbstractContextManager[None]:
        asked.append((devices, device_type))
        return nullcontext()

    monkeypatch.setattr("torch.random.fork_rng", fork_rng)
    layer = nn.Linear(2, 1, device=device)
    inputs = torch.ones(1, 2, device=device)
    sharpness_aware(lambda: layer(inputs).sum().backward(), layer, RHO)
    assert asked == [(forked, device)]


def test_both_passes_have_the_same_dropout():
    """At nearly no distance the second pass repeats the first: the step is that without SAM, which other noise would change."""
    found = []
    for recipe in (WITH_NOISE, WITH_NOISE.with_values(sam=1e-9)):
        state, _ = one_step(recipe)
        found.append((list(state.model.parameters()), torch.get_rng_state()))
    (plain, generator), (weights, generator_after_sam) = found
    assert torch.equal(generator, generator_after_sam)
    for a, b in zip(plain, weights, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-6)


def test_the_step_is_clipped_and_not_the_way_to_the_neighbor():
    recipe = PLAIN.with_values(sam=RHO, clip_grad_norm=0.1)
    state, _ = one_step(recipe)
    free, _ = one_step(recipe.with_values(clip_grad_norm=0.0))
    start = list(started(PLAIN).model.parameters())
    clipped, whole = (
        torch.cat([(b - a).detach().flatten() for a, b in zip(start, one.model.parameters(), strict=True)])
        for one in (state, free)
    )
    assert clipped.norm().item() == pytest.approx(0.1 * 0.1, rel=1e-3)
    torch.testing.assert_close(clipped / clipped.norm(), whole / whole.norm(), rtol=1e-3, atol=1e-4)


def test_the_penalty_of_a_window_is_added_once():
    recipe = PLAIN.with_values(batch_size=20, accumulate=3)
    ended = []
    for l1 in (0.0, 0.01):
        state = started(recipe)
        *_, _ = train(state, TASK, batches(recipe), None, recipe.with_values(l1=l1))
        ended.append(state.model)
    weights = dict(started(recipe).model.named_parameters())
    for (name, without), (_, with_penalty) in zip(*(model.named_parameters() for model in ended), strict=True):
        step = -0.1 * 0.01 * weights[name].sign() if without.ndim > 1 else torch.zeros_like(without)
        torch.testing.assert_close(with_penalty - without, step, rtol=0, atol=1e-6)


def test_windows_of_several_batches_are_refused():
    with pytest.raises(SettingError, match=r"sam = 0.05: does not go with accumulate = 2.*or sam = 0"):
        Recipe.of(sam=RHO, accumulate=2)
