"""The learning-rate range test: the rate grows from step to step, and the loss shows where training starts and where it breaks.

Smith, "Cyclical learning rates for training neural networks", 2015, arXiv:1506.01186, section 3.3. The rate grows by a factor, so
that each decade has as many steps; the losses, each of other images, are smoothed by an exponential moving average.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count, islice
from typing import Final, final

import torch
from torch import Tensor, nn

from striate.data import Batch, Batches
from striate.tasks import Task
from striate.training.loop import Step, mixed_batch, total
from striate.training.optimizers import set_learning_rate
from striate.training.recipe import Recipe
from striate.training.state import TrainingState

__all__ = ["RULE", "STEPS", "RangeTest", "range_steps"]

LOWEST, HIGHEST = 1e-6, 10.0
STEPS: Final = 140  # 20 a decade
SMOOTHING: Final = 0.9
BROKEN: Final = 4.0  # times the lowest smoothed loss
BEGINNING: Final = 10  # steps from which on the average is of several losses
FALL: Final = 0.05  # of the smoothed loss, below which nothing was learned
RULE: Final = "a tenth of the rate where the smoothed loss is lowest"


@final
@dataclass
class RangeTest:
    """The rates that were tried, in order, and the loss of each step, before its update."""

    rates: list[float] = field(default_factory=list)
    losses: list[float] = field(default_factory=list)
    smoothed: list[float] = field(default_factory=list)  # up to each step, without bias to the first losses
    _average: float = 0.0

    def add(self, rate: float, loss: float) -> None:
        self._average = SMOOTHING * self._average + (1 - SMOOTHING) * loss
        self.rates.append(rate)
        self.losses.append(loss)
        self.smoothed.append(self._average / (1 - SMOOTHING ** len(self.rates)))

    @property
    def is_broken(self) -> bool:
        """Whether the loss is several times what it was at its best, or no finite number."""
        return not math.isfinite(self.losses[-1]) or self.smoothed[-1] > BROKEN * min(self.smoothed)

    @property
    def lowest(self) -> int:
        """The step whose smoothed loss is lowest."""
        return min(
            range(len(self.smoothed)), key=lambda step: (not math.isfinite(self.smoothed[step]), self.smoothed[step])
        )

    @property
    def proposed(self) -> float | None:
        """The peak rate by RULE, to two digits; None where the loss did not fall."""
        if self.lowest <= BEGINNING or self.smoothed[self.lowest] > (1 - FALL) * self.smoothed[BEGINNING]:
            return None
        return float(f"{self.rates[self.lowest] / 10:.1e}")


def range_steps(state: TrainingState, task: Task, batches: Batches, recipe: Recipe) -> Iterator[Step]:
    """Train with a rate that grows to HIGHEST, yielding a record for each step; stop by not asking for the next."""
    state.frozen_layers.start_epoch(0)
    endless = (batch for epoch in count() for batch in batches.epoch(epoch))
    for step in range(STEPS):
        rate = LOWEST * (HIGHEST / LOWEST) ** (step / (STEPS - 1))
        set_learning_rate(state.optimizer, rate)
        window = list(islice(endless, recipe.training.accumulate))
        losses = [_backward(state, task, batch, recipe) for batch in window]
        if recipe.training.clip_grad_norm:
            nn.utils.clip_grad_norm_(state.model.parameters(), recipe.training.clip_grad_norm)
        state.optimizer.step()
        state.optimizer.zero_grad()
        yield Step(step + 1, rate, torch.stack(losses).mean(), sum(len(batch.ids) for batch in window), state.metrics)


def _backward(state: TrainingState, task: Task, batch: Batch, recipe: Recipe) -> Tensor:
    mixed = mixed_batch(batch, recipe.augment, task)
    with torch.autocast(mixed.inputs.device.type, torch.bfloat16, enabled=recipe.machine.precision == "bfloat16"):
        outputs, *auxiliary = state.model.training_logits(mixed.inputs)
    loss = total(task.losses(outputs, mixed))
    for extra in auxiliary:
        loss = loss + state.model.auxiliary_weight * total(task.losses(extra, mixed))
    (loss / recipe.training.accumulate).backward()
    state.metrics.update(outputs.detach(), mixed)
    return loss.detach()
