"""The learning-rate range test: the rate grows from step to step, and the loss shows where training starts and where it diverges.

Smith, "Cyclical learning rates for training neural networks", 2015, arXiv:1506.01186, section 3.3. The rate grows by a factor, so
that each decade has as many steps; the losses, each of other images, are smoothed.
"""

import math
import statistics
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

__all__ = ["FIRST_STEPS", "LOWEST", "RULE", "STEPS", "RangeTest", "range_steps"]

LOWEST, HIGHEST = 1e-6, 10.0
STEPS: Final = 140  # 20 a decade
FIRST_STEPS: Final = 20  # whose mean is the loss before anything is learned: of the lowest decade
SIGMA: Final = 4.0  # of the smoothing, in steps: a fifth of a decade
EMA_DECAY: Final = 0.9  # of the average that tells divergence
MIN_DECREASE: Final = 0.05  # of the loss, below which nothing was learned
STANDARD_ERRORS: Final = 4.0  # of the smoothed loss, below which a decrease may be noise
RULE: Final = "a third of the rate where the smoothed loss is lowest"


@final
@dataclass
class RangeTest:
    """The rates that were tried, in order, and the loss of each step, before its update."""

    rates: list[float] = field(default_factory=list)
    losses: list[float] = field(default_factory=list)
    _average: float = 0.0

    def add(self, rate: float, loss: float) -> None:
        self._average = EMA_DECAY * self._average + (1 - EMA_DECAY) * loss if self.losses else loss
        self.rates.append(rate)
        self.losses.append(loss)

    @property
    def first_loss(self) -> float:
        """The mean of the first losses; NaN or infinite where one of them is."""
        first = self.losses[:FIRST_STEPS]
        return sum(first) / len(first)

    @property
    def has_diverged(self) -> bool:
        """Whether the average of the last losses is twice the first loss, or the last one no finite number."""
        is_over = len(self.losses) > FIRST_STEPS and self._average > self._ceiling
        return not math.isfinite(self.losses[-1]) or is_over

    def smoothed(self) -> list[float]:
        """The losses averaged with those of the steps on both sides, by Gaussian weights, so that they do not come late.

        Losses above twice the first one count as that: how far a loss diverges tells nothing of the rates before.
        """
        steps = torch.arange(len(self.losses))
        losses = torch.tensor(self.losses, dtype=torch.float64)
        weights = torch.exp(-((steps[:, None] - steps) ** 2) / (2 * SIGMA**2)).double() * losses.isfinite()
        losses = losses.nan_to_num(0.0, 0.0, 0.0).clamp(max=self._ceiling)
        return (weights @ losses / weights.sum(1)).tolist()

    def proposed(self) -> float | None:
        """The peak rate by RULE, to two digits; None where the loss did not fall, or no more than it varies from step to step."""
        if len(self.losses) <= FIRST_STEPS or not math.isfinite(self.first_loss):
            return None
        smoothed = self.smoothed()
        lowest = min(range(len(smoothed)), key=smoothed.__getitem__)
        until = max(lowest, FIRST_STEPS)
        spread = statistics.stdev(loss - mean for loss, mean in zip(self.losses[:until], smoothed, strict=False))
        error = spread * math.sqrt(1 / FIRST_STEPS + 1 / (2 * math.sqrt(math.pi) * SIGMA))
        least = max(MIN_DECREASE * abs(self.first_loss), STANDARD_ERRORS * error)
        if not smoothed[lowest] < self.first_loss - least:
            return None
        return float(f"{self.rates[lowest] / 3:.1e}")

    @property
    def _ceiling(self) -> float:
        return self.first_loss + abs(self.first_loss)


def range_steps(state: TrainingState, task: Task, batches: Batches, recipe: Recipe) -> Iterator[Step]:
    """Train with a rate that grows to HIGHEST, yielding a record for each step; stop by not asking for the next.

    A step is of `accumulate` batches, also across the end of an epoch.
    """
    state.frozen_layers.start_epoch(0)
    endless = (batch for epoch in count() for batch in batches.epoch(epoch))
    for step in range(STEPS):
        rate = LOWEST * (HIGHEST / LOWEST) ** (step / (STEPS - 1))
        set_learning_rate(state.optimizer, rate)
        window = list(islice(endless, recipe.training.accumulate))
        losses = [pass_batch(state, task, batch, recipe, len(window)) for batch in window]
        step_optimizer(state, recipe)
        yield Step(step + 1, rate, torch.stack(losses).mean(), sum(len(batch.ids) for batch in window), state.metrics)
