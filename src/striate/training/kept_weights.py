"""Which weights of a training are kept: those of its best or its last epoch, or the head on frozen features before them."""

import math
from collections.abc import Sequence
from typing import Final

from striate.number_format import count, percent_number
from striate.tasks import Figure
from striate.training.epoch import Epoch
from striate.training.settings import TrainingSettings

__all__ = ["is_best", "is_kept", "kept_message", "stops_early"]

ENOUGH_TO_TELL: Final = 50  # validation images, from which on a difference within its standard error is taken for none


def is_best(history: Sequence[Epoch]) -> bool:
    """Whether the last epoch is the best so far: by the task's first metric on the validation images, then by their loss."""
    return _best_index(history) == len(history) - 1


def stops_early(history: Sequence[Epoch], patience: int) -> bool:
    """Whether the best epoch lies `patience` epochs back; with patience 0, never."""
    return bool(patience and history) and len(history) - 1 - _best_index(history) >= patience


def is_kept(history: Sequence[Epoch], training: TrainingSettings, validation_images: int) -> bool:
    """Whether the weights of the last epoch replace those that were kept so far.

    With keep = auto, epoch 0, a head fitted on frozen features, is compared with the last epoch alone: on few validation
    images the best of many epochs is often one that was lucky. For the same reason it stays only where it is better by more
    than its standard error: the tolerance of the 1 SE rule of Breiman et al., "Classification and regression trees", 1984,
    p. 80, which grants it to the smaller model, and here it goes to the fine-tuned one. In 10 folds of drawings and photographs,
    with 73 to 85 validation images, the last epoch was better than epoch 0 by 2.7 points of test accuracy in mean; what this
    rule keeps by 2.2, and what the higher accuracy keeps by 1.1. With fewer images than that, of which fine-tuning often makes
    the network worse, the better of the two is kept, and so it is by a figure that is no share
    of images, such as mean average precision or R2.
    """
    if training.keep != "auto":
        return training.keep == "last" or is_best(history)
    first, last = history[0], history[-1]
    if first.epoch > 0:
        return True
    is_over = last.epoch == training.epochs or stops_early(history, training.patience)
    if first.val_loss is None or last.val_loss is None:
        return is_over
    if validation_images < ENOUGH_TO_TELL:
        return is_over and is_best([first, last])
    # Not by their difference: that of two figures that are not defined is NaN, and epoch 0 would stay whatever comes.
    return is_over and last.val[0].merit >= first.val[0].merit - _tolerance(first.val[0], validation_images)


def kept_message(history: Sequence[Epoch], best_epoch: int, keep: str, validation_images: int) -> str:
    """Which network is kept and why, in a line; empty where there are no two, or no validation images."""
    rows = {row.epoch: row for row in history if row.val_loss is not None}
    if 0 not in rows or len(rows) == 1:
        return ""
    tuned = [row for row in rows.values() if row.epoch]
    best = max(tuned, key=_merit) if keep == "best" else tuned[-1]
    head, after = rows[0].val[0], best.val[0]
    images = count(validation_images, "validation image")
    kept = "the fine-tuned network" if best_epoch else "the head on frozen features"
    compared = f"result:  {head.name}: head {head.text()}, fine-tuned {after.text()}"
    if keep == "last":
        return f"{compared} on {images}: the last epoch is kept, as asked for"
    why = ""
    if after.merit == head.merit:
        by_loss = keep == "best" or validation_images < ENOUGH_TO_TELL
        why = ", equally good, so the loss decides" if by_loss else ", equally good"
    if best_epoch and after.merit < head.merit:
        points = percent_number(_tolerance(head, validation_images))
        why = f", no more than {points} points apart, the standard error of a share of so many"
    return f"{compared} (epoch {best.epoch}) on {images}{why}: {kept} is kept"


def _tolerance(figure: Figure, images: int) -> float:
    """The standard error of a share of so many images; none for another figure, and for what is not defined."""
    known = figure.of_images and not math.isnan(figure.value)
    return math.sqrt(figure.value * (1 - figure.value) / images) if known else 0.0


def _best_index(history: Sequence[Epoch]) -> int:
    # The first of equals is the best: max() keeps it.
    return max(range(len(history)), key=lambda index: _merit(history[index]))


def _merit(row: Epoch) -> tuple[bool, float, float]:
    if row.val_loss is None:
        # Epoch 0, a head fitted on these very images without augmentation, cannot be compared with later ones.
        return row.epoch > 0, row.train[0].merit, -row.train_loss
    return True, row.val[0].merit, -row.val_loss
