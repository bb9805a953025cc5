"""One loop trains everything. It is a generator: it yields what happened; printing, saving and stopping are the caller's.

    for record in train(state, task, batches, validation, recipe):
        ...                     # a Step after each step, an Epoch after each epoch, a Diverged if the loss is lost
        if enough: break

Stop by not asking for the next record. Between two records the state is whole and may be saved.
"""

import math
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import final

import torch
from torch import Tensor, nn

from striate.data import Batch, Batches
from striate.models import Network
from striate.tasks import Figure, Metrics, Task
from striate.training.epoch import Epoch
from striate.training.inference import infer
from striate.training.optimizers import add_l1_gradients, set_learning_rate
from striate.training.recipe import Recipe
from striate.training.sam import sharpness_aware
from striate.training.schedules import learning_rate
from striate.training.state import TrainingState
from striate.views import Policy, mix, mixing_steps

FINITE_CHECK_STEPS = 20


@final
@dataclass(frozen=True)
class Step:
    """One step is over. `loss` and `metrics` stay on the device: reading them makes a GPU wait, so do it seldom."""

    step: int
    learning_rate: float
    loss: Tensor
    images: int
    metrics: Metrics  # of the epoch so far


@final
@dataclass(frozen=True)
class Diverged:
    """The loss or the weights are no longer finite numbers: the network is lost, and nothing more will come."""

    epoch: int
    step: int
    learning_rate: float


def train(
    state: TrainingState, task: Task, batches: Batches, validation: Batches | None, recipe: Recipe
) -> Iterator[Step | Epoch | Diverged]:
    """Train from `state` to the last epoch, yielding a record for each step and each epoch."""
    bfloat16 = recipe.machine.precision == "bfloat16"
    images = 0
    steps_an_epoch = len(batches)
    while state.epoch < recipe.training.epochs:
        state.frozen_layers.start_epoch(state.epoch)
        started = time.perf_counter() - state.seconds
        val_losses = [row.train_loss if row.val_loss is None else row.val_loss for row in state.history if row.epoch]
        for batch in batches.epoch(state.epoch, start=state.batch):
            lr = learning_rate(
                recipe.schedule,
                recipe.optimizer.lr,
                step=state.step,
                steps_an_epoch=steps_an_epoch,
                epochs=recipe.training.epochs,
                val_losses=val_losses,
            )
            set_learning_rate(state.optimizer, lr)
            window = window_size(state.batch, recipe.training.accumulate, steps_an_epoch)
            loss = pass_batch(state, task, batch, recipe, window)
            state.batch += 1
            state.step += 1
            if state.batch % recipe.training.accumulate == 0 or state.batch == steps_an_epoch:
                step_optimizer(state, recipe)
                if state.average:
                    state.average.update(state.model)
            images = len(batch.ids)
            state.loss_sum += loss * images
            state.seconds = time.perf_counter() - started
            # A lost loss stays in the sum, so looking seldom misses nothing and does not hold up a GPU.
            last = state.batch == steps_an_epoch
            if (last or state.step % FINITE_CHECK_STEPS == 0) and not math.isfinite(state.loss_sum.item()):
                yield Diverged(state.epoch + 1, state.step, lr)
                return
            if not last:
                yield Step(state.step, lr, loss, images, state.metrics)
        yield from _finish_epoch(state, task, batches, validation, bfloat16, lr)


def pass_batch(state: TrainingState, task: Task, batch: Batch, recipe: Recipe, window: int) -> Tensor:
    """The loss of a batch, mixed as the recipe has it, whose gradients divided by `window` are added to those of the parameters."""
    mixed = mixed_batch(batch, recipe.augment, task)
    bfloat16 = recipe.machine.precision == "bfloat16"
    backward = partial(_add_gradients, state.model, task, mixed, bfloat16, window)
    outputs, loss = sharpness_aware(backward, state.model, recipe.training.sam) if recipe.training.sam else backward()
    state.metrics.update(outputs, mixed)
    return loss


def step_optimizer(state: TrainingState, recipe: Recipe) -> None:
    """One step along the gradients, with the L1 penalty and clipped as the recipe has it; then there are none."""
    if recipe.training.l1:
        add_l1_gradients(state.optimizer, recipe.training.l1)
    if recipe.training.clip_grad_norm:
        nn.utils.clip_grad_norm_(state.model.parameters(), recipe.training.clip_grad_norm)
    state.optimizer.step()
    state.optimizer.zero_grad()


def _add_gradients(model: Network, task: Task, batch: Batch, bfloat16: bool, window: int) -> tuple[Tensor, Tensor]:
    """Outputs and loss of a batch, whose gradients, divided by `window`, are added to those of the parameters."""
    with torch.autocast(batch.inputs.device.type, torch.bfloat16, enabled=bfloat16):
        outputs, *auxiliary = model.training_logits(batch.inputs)
    loss = total(task.losses(outputs, batch))
    for extra in auxiliary:
        loss = loss + model.auxiliary_weight * total(task.losses(extra, batch))
    (loss / window).backward()
    return outputs.detach(), loss.detach()


def window_size(batch: int, accumulate: int, batches: int) -> int:
    """How many batches the window of accumulated gradients holds that `batch` is in; the last one of an epoch may hold fewer."""
    return min(accumulate, batches - batch // accumulate * accumulate)


def _finish_epoch(
    state: TrainingState, task: Task, batches: Batches, validation: Batches | None, bfloat16: bool, lr: float
) -> Iterator[Epoch]:
    val_loss, val = validate(state.averaged_model, task, validation, bfloat16) if validation else (None, ())
    row = Epoch(
        epoch=state.epoch + 1,
        step=state.step,
        learning_rate=lr,
        train_loss=state.loss_sum.item() / len(batches.samples),
        train=state.metrics.compute(),
        val_loss=val_loss,
        val=val,
        images_per_second=len(batches.samples) / state.seconds,
        seconds=state.seconds,
    )
    state.history.append(row)
    state.epoch += 1
    state.start_epoch(task)
    yield row


@torch.inference_mode()
def validate(
    model: nn.Module, task: Task, batches: Batches, bfloat16: bool = False
) -> tuple[float, tuple[Figure, ...]]:
    """Mean loss and metrics of a model over all batches."""
    metrics, losses, sizes = task.metrics(), [], []
    for batch, outputs in infer(model, batches, bfloat16):
        losses.append(torch.stack(list(task.losses(outputs, batch).values())))
        metrics.update(outputs, batch)
        sizes.append(len(batch.ids))
    # Read once, at the end: to read the device after each batch would make a GPU wait.
    sums = (sum(values) * size for values, size in zip(torch.stack(losses).tolist(), sizes, strict=True))
    return sum(sums) / sum(sizes), metrics.compute()


def total(losses: Mapping[str, Tensor]) -> Tensor:
    return torch.stack(list(losses.values())).sum()


def mixed_batch(batch: Batch, policy: Policy, task: Task) -> Batch:
    """The batch with its images mixed with each other, where the policy does so."""
    if not mixing_steps(policy):
        return batch
    inputs, targets = mix(policy, batch.inputs, batch.targets, task.soft_targets)
    return replace(batch, inputs=inputs, targets=targets)
