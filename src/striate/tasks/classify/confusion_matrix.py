"""The confusion matrix: a row for each label, a column for each prediction. Accuracy, precision and recall follow from it."""

from typing import final

import torch
from torch import Tensor

from striate.data import Batch
from striate.tasks.figure import Figure
from striate.tasks.task import Metrics


@final
class ConfusionMatrix(Metrics):
    """Counts of (label, prediction), K K, on the device of the outputs."""

    def __init__(self, classes: int) -> None:
        self.counts = torch.zeros(classes, classes, dtype=torch.int64)

    def update(self, outputs: Tensor, batch: Batch) -> None:  # outputs: B K
        classes = len(self.counts)
        # Mixed images have soft labels, B K; the class with the largest share counts as the label.
        labels = batch.targets if batch.targets.ndim == 1 else batch.targets.argmax(1)
        pairs = labels * classes + outputs.argmax(1)
        self.counts = self.counts.to(pairs.device)
        # not bincount, which makes a GPU wait to learn the greatest value
        self.counts.view(-1).index_add_(0, pairs, torch.ones_like(pairs))

    def compute(self) -> tuple[Figure, ...]:
        total = self.counts.sum().item()
        accuracy = self.counts.diag().sum().item() / total if total else float("nan")
        return (Figure("accuracy", accuracy, of_images=True),)

    def state(self) -> dict[str, Tensor]:
        return {"counts": self.counts}
