"""The confusion matrix: rows are the truth, columns what was said; accuracy, precision and recall all fall out of it."""

from typing import final

import torch
from torch import Tensor

from striate.data import Batch
from striate.tasks.task import Score


@final
class Confusion(Score):
    """Counts of (true class, said class) on the device of the outputs."""

    def __init__(self, classes: int) -> None:
        self.table = torch.zeros(classes, classes, dtype=torch.int64)

    def add(self, outputs: Tensor, batch: Batch) -> None:  # outputs: B K
        classes = len(self.table)
        # Mixed images have soft labels, B K; the largest share counts as the truth.
        true = batch.labels if batch.labels.ndim == 1 else batch.labels.argmax(1)
        pairs = true * classes + outputs.argmax(1)
        self.table = self.table.to(pairs.device)
        # not bincount, which makes a GPU wait to learn the greatest value
        self.table.view(-1).index_add_(0, pairs, torch.ones_like(pairs))

    def result(self) -> dict[str, float]:
        total = self.table.sum().item()
        return {"accuracy": self.table.diag().sum().item() / total if total else float("nan")}

    def state(self) -> Tensor:
        return self.table
