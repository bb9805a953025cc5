"""Confusion counts of pixels: a row for each label, a column for each prediction. IoU, Dice and accuracy follow from them."""

from typing import final

import torch
from torch import Tensor

from striate.data import Batch
from striate.tasks.figure import Figure
from striate.tasks.resampling import mean_over_known
from striate.tasks.segment.metrics import iou_of_counts
from striate.tasks.task import Metrics

__all__ = ["PixelCounts", "image_counts", "predicted_masks"]


def predicted_masks(scores: Tensor) -> Tensor:
    """The class of each pixel by logits or probabilities: B K H W -> B H W int64; of equal ones the first."""
    return scores.max(1).indices  # argmax of the same, but up to 13 times faster on a CPU


def image_counts(predicted: Tensor, labels: Tensor, classes: int) -> Tensor:
    """Pixels of each image by label and prediction: B H W, B H W int64 -> B K K int64; IGNORE does not count."""
    images = len(labels)
    rows = classes + 1  # IGNORE is -1, so that its pixels fill a row before the first
    of_image = torch.arange(images, device=labels.device).view(-1, 1, 1) * (rows * classes)
    places = labels.add(1).mul_(classes).add_(predicted).add_(of_image).flatten()
    size = images * rows * classes
    if places.device.type == "cpu":
        counts = torch.bincount(places, minlength=size)
    else:  # not bincount, which makes a GPU wait to learn the greatest value
        counts = torch.zeros(size, dtype=torch.int64, device=places.device)
        counts.index_add_(0, places, torch.ones_like(places))
    return counts.view(images, rows, classes)[:, 1:]


@final
class PixelCounts(Metrics):
    """Pixels by (label, prediction), K K, on the device of the outputs."""

    def __init__(self, classes: int) -> None:
        self.counts = torch.zeros(classes, classes, dtype=torch.int64)

    def update(self, outputs: Tensor, batch: Batch) -> None:  # outputs: B K H W; targets: B H W
        predicted = predicted_masks(outputs)
        # as one image, whose counts are fewer than those of several
        together = image_counts(predicted.flatten(1, 2)[None], batch.targets.flatten(1, 2)[None], len(self.counts))
        self.counts = self.counts.to(predicted.device)
        self.counts += together[0]

    def compute(self) -> tuple[Figure, ...]:
        counts = self.counts.cpu().numpy()
        hits, labels, predicted = counts.diagonal(), counts.sum(1), counts.sum(0)
        total = counts.sum()
        return (
            Figure("mean IoU", float(mean_over_known(iou_of_counts(hits, labels, predicted)))),
            Figure("pixel accuracy", float(hits.sum() / total) if total else float("nan")),
        )

    def state(self) -> dict[str, Tensor]:
        return {"counts": self.counts}
