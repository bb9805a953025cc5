"""The first result of transfer learning: a classifier fitted on the features of the frozen network."""

import math
import time
from dataclasses import dataclass, replace
from typing import Final, final

import torch
import torch.nn.functional as F
from torch import Tensor

from striate.data import Batches
from striate.models import HEADS, HeadDescription, Network, replace_classifier
from striate.number_format import percent, percent_number
from striate.tasks import Task
from striate.training.epoch import Epoch
from striate.training.head_fitting import CHOICE_SAMPLES, FittedHead, fit_head
from striate.training.loop import validate
from striate.training.recipe import Recipe
from striate.training.state import TrainingState

__all__ = ["InitialHead", "fit_initial_head", "initial_epoch", "slow_fit"]


SLOW_FIT: Final = 100_000  # images times classes, of a fit that takes some 10 s
MEASURED: Final = 4000  # training images, at most, that loss and accuracy are of: all distances of 50,000 take 20 GB
CHUNK: Final = 500


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
        spread = 1.96 * self.fitted.standard_error
        low, high = max(0.0, self.fitted.accuracy - spread), min(1.0, self.fitted.accuracy + spread)
        some = f" of {CHOICE_SAMPLES:,} of them" if self.images > CHOICE_SAMPLES else ""
        accuracy = (
            f"{percent(self.fitted.accuracy)} ({percent_number(low)} to {percent(high)}) in cross-validation{some}"
        )
        return f"{line}: {accuracy}, after {self.seconds:.0f} s"

    @property
    def description(self) -> HeadDescription | None:
        """What the bundle records; None for the linear layer that the network has anyway."""
        return None if self.kind == "linear" else self.fitted.description


def slow_fit(images: int, classes: int, seconds: float) -> str | None:
    """A line for a person who has to wait for the fit; None where it takes no more than a few seconds."""
    if images * classes < SLOW_FIT:
        return None
    return f"features: of {images:,} training images, after {seconds:.0f} s; fitting a head on them"


def fit_initial_head(
    network: Network,
    embeddings: Tensor,
    labels: Tensor,
    kind: str,
    seed: int,
    started: float,
    groups: Tensor,
    class_weights: Tensor,
    label_smoothing: float,
) -> InitialHead:
    """Fit a classifier of this kind on embeddings, N D, and put it in the place of the network's own.

    groups: N, equal for images that stay together. class_weights: K. label_smoothing: of the reported loss, which is that of
    fine-tuning; nothing else depends on it. started: when the embeddings were begun, by time.perf_counter().
    """
    kind_fitted = "logistic" if kind == "linear" else kind
    fitted = fit_head(
        kind_fitted, embeddings, labels, len(class_weights), seed, groups=groups, class_weights=class_weights
    )
    some = slice(None, None, -(-len(labels) // MEASURED))
    with torch.inference_mode():
        logits = torch.cat([fitted.module(one) for one in embeddings[some].split(CHUNK)])  # N K
    losses = F.cross_entropy(
        logits, labels[some], weight=class_weights, label_smoothing=label_smoothing, reduction="none"
    )
    accuracy = (logits.argmax(1) == labels[some]).double().mean().item()
    replace_classifier(network, fitted.module)
    return InitialHead(kind, fitted, losses.mean().item(), accuracy, len(labels), time.perf_counter() - started)


def initial_epoch(
    state: TrainingState, task: Task, validation: Batches | None, head: InitialHead, recipe: Recipe
) -> Epoch:
    """Record the fitted classifier as epoch 0, the weights to keep until those of fine-tuning replace them."""
    bfloat16 = recipe.machine.precision == "bfloat16"
    loss, val = validate(state.averaged_model, task, validation, bfloat16) if validation else (None, ())
    row = Epoch(
        epoch=0,
        step=0,
        learning_rate=0.0,
        train_loss=head.loss,
        train=tuple(
            replace(one, value=head.accuracy if n == 0 else math.nan) for n, one in enumerate(state.metrics.compute())
        ),
        val_loss=loss,
        val=val,
        images_per_second=head.images / head.seconds,
        seconds=head.seconds,
    )
    state.history.append(row)
    state.keep_as_best()
    return row
