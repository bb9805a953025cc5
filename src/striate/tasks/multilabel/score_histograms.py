"""Histograms of the scores of positives and negatives: average precision and AUROC without keeping every score."""

from collections.abc import Sequence
from typing import Final, final

import torch
from torch import Tensor

from striate.data import Batch
from striate.tasks.figure import Figure
from striate.tasks.task import Metrics

__all__ = ["ScoreHistograms"]

BINS: Final = 4000
REACH: Final = 20.0  # logits beyond +-REACH are of the outermost bins


@final
class ScoreHistograms(Metrics):
    """Counts by class of negatives and positives with logits in each of BINS bins, 2 K BINS, on the device of the outputs.

    Scores of one bin count as equal, so the figures are those of all scores to about a thousandth. `learned`, K: of a class that
    was not learned they count nothing.
    """

    def __init__(self, learned: Sequence[bool]) -> None:
        self.learned = torch.tensor(learned)
        self.counts = torch.zeros(2, len(learned), BINS, dtype=torch.int64)

    def update(
        self, outputs: Tensor, batch: Batch
    ) -> None:  # outputs, targets: B K; of mixed images the larger share counts
        bins = ((outputs.float() + REACH) * (BINS / (2 * REACH))).long().clamp(0, BINS - 1)
        classes = self.counts.shape[1]
        positive = (batch.targets > 0.5).long()
        rows = positive * classes + torch.arange(classes, device=bins.device)
        places = (rows * BINS + bins).flatten()
        self.counts = self.counts.to(places.device)
        self.counts.view(-1).index_add_(0, places, torch.ones_like(places))

    def compute(self) -> tuple[Figure, ...]:
        alarms, hits = self.counts.cpu()[:, self.learned].flip(2).cumsum(2).double()  # K BINS, from the highest score
        more_hits, more_alarms = (torch.diff(one, prepend=torch.zeros(len(one), 1), dim=1) for one in (hits, alarms))
        precision = (hits / (hits + alarms)).nan_to_num()
        average = (more_hits * precision).sum(1) / hits[:, -1]
        under = (more_alarms * (hits - more_hits / 2)).sum(1) / (hits[:, -1] * alarms[:, -1])
        return (
            Figure("mean average precision", average.nanmean().item()),
            Figure("mean AUROC", under.nanmean().item()),
        )

    def state(self) -> dict[str, Tensor]:
        return {"counts": self.counts}
