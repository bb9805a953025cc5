"""The learning-rate range test: the rate grows from step to step, and the loss shows where training starts and where it breaks.

Smith, "Cyclical learning rates for training neural networks", 2015, arXiv:1506.01186, section 3.3. The rate grows by a factor, so
that each decade has as many steps; the losses, each of other images, are smoothed.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count, islice
from typing import Final, final

import torch

from striate.data import Batches
from striate.tasks import Task
from striate.training.loop import Step, pass_batch, step_optimizer
from striate.training.optimizers import set_learning_rate
from striate.training.recipe import Recipe
from striate.training.state import TrainingState

__all__ = ["RULE", "STEPS", "RangeTest", "range_steps"]

LOWEST, HIGHEST = 1e-6, 10.0
STEPS: Final = 140  # 20 a decade
SPREAD: Final = 4.0  # steps, the standard deviation of the smoothing: a fifth of a decade
MEMORY, BROKEN = 0.9, 4.0  # of the average that ends the test, and times its lowest value where it does
FALL: Final = 0.05  # of the smoothed loss, below which nothing was learned
RULE: Final = "a third of the rate where the smoothed loss is lowest"


@final
@dataclass
class RangeTest:
    """The rates that were tried, in order, and the loss of each step, before its update."""

    rates: list[float] = field(default_factory=list)
    losses: list[float] = field(default_factory=list)
    _average: float = 0.0
    _lowest_average: float = math.inf

    def add(self, rate: float, loss: float) -> None:
        self.rates.append(rate)
        self.losses.append(loss)
        if len(self.losses) == 1:
            self._average = loss
        self._average = MEMORY * self._average + (1 - MEMORY) * loss
        self._lowest_average = min(self._lowest_average, self._average)

    @property
    def is_broken(self) -> bool:
        """Whether the average of the last losses is several times what it was at its best, or no finite number."""
        return not math.isfinite(self._average) or self._average > BROKEN * self._lowest_average

    def smoothed(self) -> list[float]:
        """The losses averaged with those of the steps on both sides, by Gaussian weights: as such they do not come late."""
        steps = torch.arange(len(self.losses))
        losses = torch.tensor(self.losses, dtype=torch.float64)
        weights = torch.exp(-((steps[:, None] - steps) ** 2) / (2 * SPREAD**2)).double() * losses.isfinite()
        return (weights @ losses.nan_to_num(0.0, 0.0, 0.0) / weights.sum(1)).tolist()

    def proposed(self) -> float | None:
        """The peak rate by RULE, to two digits; None where the loss did not fall."""
        smoothed = self.smoothed()
        lowest = min(range(len(smoothed)), key=smoothed.__getitem__)
        if smoothed[lowest] > (1 - FALL) * smoothed[0]:
            return None
        return float(f"{self.rates[lowest] / 3:.1e}")


def range_steps(state: TrainingState, task: Task, batches: Batches, recipe: Recipe) -> Iterator[Step]:
    """Train with a rate that grows to HIGHEST, yielding a record for each step; stop by not asking for the next."""
    state.frozen_layers.start_epoch(0)
    endless = (batch for epoch in count() for batch in batches.epoch(epoch))
    for step in range(STEPS):
        rate = LOWEST * (HIGHEST / LOWEST) ** (step / (STEPS - 1))
        set_learning_rate(state.optimizer, rate)
        window = list(islice(endless, recipe.training.accumulate))
        losses = [pass_batch(state, task, batch, recipe, len(window)) for batch in window]
        step_optimizer(state, recipe)
        yield Step(step + 1, rate, torch.stack(losses).mean(), sum(len(batch.ids) for batch in window), state.metrics)
