"""The first result of transfer learning: a classifier fitted on the features of the frozen network."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import torch
import torch.nn.functional as F
from torch import Tensor

from striate.data import Batches
from striate.models import HEADS, HeadDescription, Network, replace_classifier
from striate.number_format import percent, percent_number
from striate.tasks import Task
from striate.training.head_fitting import FittedHead, fit_head
from striate.training.loop import validate
from striate.training.recipe import Recipe
from striate.training.state import Epoch, TrainingState

__all__ = ["InitialHead", "fit_initial_head", "initial_epoch", "kept_message"]


@final
@dataclass(frozen=True)
class InitialHead:
    """How well the fitted classifier does on the images that it was fitted on, and how long features and fit took."""

    kind: str
    fitted: FittedHead
    loss: float
    accuracy: float
    images: int
    seconds: float

    @property
    def message(self) -> str:
        """One line for a person."""
        chosen = f" ({self.fitted.setting} = {self.fitted.value:g})" if self.fitted.setting else ""
        what = HEADS[self.fitted.description.kind].description
        line = f"features: of {self.images:,} training images, {what}{chosen}"
        if self.fitted.accuracy is None or self.fitted.standard_error is None:
            return f"{line}, after {self.seconds:.0f} s"
        spread = percent_number(1.96 * self.fitted.standard_error)
        return f"{line}: {percent(self.fitted.accuracy)} +- {spread} in cross-validation, after {self.seconds:.0f} s"

    @property
    def description(self) -> HeadDescription | None:
        """What the bundle records; None for the linear layer that the network has anyway."""
        return None if self.kind == "linear" else self.fitted.description


def fit_initial_head(
    network: Network, embeddings: Tensor, labels: Tensor, classes: int, kind: str, seed: int, started: float
) -> InitialHead:
    """Fit a classifier of this kind on embeddings, N D, and put it in the place of the network's own.

    started: when the embeddings were begun, by time.perf_counter().
    """
    fitted = fit_head("logistic" if kind == "linear" else kind, embeddings, labels, classes, seed)
    with torch.inference_mode():
        logits = fitted.module(embeddings)  # N K
    loss, accuracy = F.cross_entropy(logits, labels).item(), (logits.argmax(1) == labels).double().mean().item()
    replace_classifier(network, fitted.module)
    return InitialHead(kind, fitted, loss, accuracy, len(labels), time.perf_counter() - started)


def initial_epoch(
    state: TrainingState, task: Task, validation: Batches | None, head: InitialHead, recipe: Recipe
) -> Epoch:
    """Record the fitted classifier as epoch 0, the weights to keep until fine-tuning finds better ones."""
    bfloat16 = recipe.machine.precision == "bfloat16"
    loss, metrics = validate(state.averaged_model, task, validation, bfloat16) if validation else (None, {})
    row = Epoch(
        epoch=0,
        step=0,
        learning_rate=0.0,
        train_loss=head.loss,
        train_accuracy=head.accuracy,
        val_loss=loss,
        val_accuracy=metrics.get("accuracy"),
        images_per_second=head.images / head.seconds,
        seconds=head.seconds,
    )
    state.history.append(row)
    state.keep_as_best()
    return row


def kept_message(history: Sequence[Epoch], best_epoch: int) -> str:
    """Which network is kept, with the accuracy of both, in one line; empty where there are no two, or no validation images."""
    rows = {row.epoch: row for row in history if row.val_accuracy is not None and row.val_loss is not None}
    if 0 not in rows or len(rows) == 1:
        return ""
    tuned = [row for row in rows.values() if row.epoch]
    best = rows[best_epoch] if best_epoch else max(tuned, key=lambda row: (row.val_accuracy, -(row.val_loss or 0)))
    kept = "the fine-tuned network" if best_epoch else "the head on frozen features"
    return (
        f"result:  head {percent(rows[0].val_accuracy)}, fine-tuned {percent(best.val_accuracy)} (epoch {best.epoch}) "
        f"on validation: {kept} is kept"
    )
