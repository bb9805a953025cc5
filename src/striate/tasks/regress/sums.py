"""Sums of errors: R2 and the mean absolute error without keeping every prediction."""

from typing import final

import torch
from torch import Tensor

from striate.data import Batch
from striate.tasks.figure import Figure
from striate.tasks.task import Metrics

__all__ = ["ErrorSums"]


@final
class ErrorSums(Metrics):
    """Per number: count, sums of standardized targets and of their squares, of squared and of absolute errors, 5 D.

    `means` and `stds`, D, standardize the targets; `unit` is that of the only number.
    """

    def __init__(self, means: Tensor, stds: Tensor, unit: str) -> None:
        self.means, self.stds, self.unit = means, stds, unit
        self.sums = torch.zeros(5, len(means), dtype=torch.float64)

    def update(self, outputs: Tensor, batch: Batch) -> None:  # outputs, standardized, and targets: B D
        exact = torch.float32 if outputs.device.type == "mps" else torch.float64  # Apple's GPUs have no float64
        self.sums = self.sums.to(outputs.device, exact)
        self.means, self.stds = self.means.to(outputs.device), self.stds.to(outputs.device)
        targets = ((batch.targets - self.means) / self.stds).to(exact)
        errors = outputs.to(exact) - targets
        terms = (torch.ones_like(targets), targets, targets.square(), errors.square(), errors.abs())
        self.sums += torch.stack([one.sum(0) for one in terms])

    def compute(self) -> tuple[Figure, ...]:
        count, total, squares, squared_errors, absolute_errors = self.sums.double().cpu()
        variation = squares - total.square() / count
        r2 = 1 - squared_errors / torch.where(variation > 1e-9, variation, torch.nan)  # one image has no variation
        figures = [Figure("R2", r2.mean().item(), unit="")]
        if len(r2) == 1:
            error = (absolute_errors / count * self.stds.cpu()).item()
            figures.append(Figure("MAE", error, unit=self.unit, higher_is_better=False))
        return tuple(figures)

    def state(self) -> dict[str, Tensor]:
        return {"sums": self.sums}
