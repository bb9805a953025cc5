"""Classification: which one of the classes is in the image?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import final

import torch
import torch.nn.functional as F
from torch import Tensor

from striate.data import Batch
from striate.tasks.confusion_matrix import ConfusionMatrix
from striate.tasks.task import Task


def class_weights(counts: Sequence[int]) -> Tensor:
    """Weights by inverse frequency, whose mean over all samples is 1: K counts -> K; a class without samples weighs 0."""
    images = torch.tensor(counts, dtype=torch.float64)
    weights = images.sum() / ((images > 0).sum() * images)
    return torch.where(images > 0, weights, 0.0).float()


@final
@dataclass(frozen=True, eq=False)
class Classify(Task):
    """One class for each image; `label_smoothing` is the probability that is spread over all classes (Szegedy et al. 2016).

    `weights`, K float32, are the weights of the classes in the loss, which is a mean over images.
    """

    classes: tuple[str, ...]
    label_smoothing: float = 0.0
    weights: Tensor | None = None

    def losses(self, outputs: Tensor, batch: Batch) -> Mapping[str, Tensor]:  # outputs: B K; labels: B, or B K if mixed
        if self.weights is None:
            return {"class": F.cross_entropy(outputs.float(), batch.labels, label_smoothing=self.label_smoothing)}
        each = F.cross_entropy(
            outputs.float(),
            batch.labels,
            weight=self.weights.to(outputs.device),
            label_smoothing=self.label_smoothing,
            reduction="none",  # torch's mean would divide by the weights in the batch, and batches would not add up
        )
        return {"class": each.mean()}

    def decode(self, outputs: Tensor, batch: Batch) -> Tensor:  # noqa: ARG002  a class has no coordinates to undo
        return outputs.float().softmax(1)

    def metrics(self) -> ConfusionMatrix:
        return ConfusionMatrix(len(self.classes))
