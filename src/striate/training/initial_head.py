"""The first result of transfer learning: a head fitted on the features of the frozen network."""

import time
from dataclasses import dataclass
from typing import Final, final

import torch
from torch import Tensor

from striate.data import Batches
from striate.models import HeadDescription, Network, replace_classifier
from striate.tasks import CHOICE_SAMPLES, EmbeddedSamples, Figure, FittedHead, HeadFit, Task
from striate.training.epoch import Epoch
from striate.training.loop import total, validate
from striate.training.recipe import Recipe
from striate.training.state import TrainingState

__all__ = ["InitialHead", "fit_initial_head", "initial_epoch", "slow_fit"]


SLOW_FIT: Final = 100_000  # images times classes, of a fit that takes some 10 s
MEASURED: Final = 4000  # training images, at most, that loss and metrics are of: all distances of 50,000 take 20 GB
CHUNK: Final = 500


@final
@dataclass(frozen=True)
class InitialHead:
    """How well the fitted head does on the images that it was fitted on, and how long features and fit took."""

    kind: str
    fitted: FittedHead
    loss: float
    metrics: tuple[Figure, ...]
    images: int
    seconds: float

    @property
    def message(self) -> str:
        """One line for a person."""
        chosen = f" ({self.fitted.setting} = {self.fitted.value:g})" if self.fitted.setting else ""
        line = f"features: of {self.images:,} training images, {self.fitted.estimator}{chosen}"
        figure = self.fitted.figure
        if figure is None:
            return f"{line}, after {self.seconds:.0f} s"
        some = f" of {CHOICE_SAMPLES:,} of them" if self.images > CHOICE_SAMPLES else ""
        interval = f" ({figure.interval_text()})" if figure.low is not None else ""
        return f"{line}: {figure.name} {figure.text()}{interval} in cross-validation{some}, after {self.seconds:.0f} s"

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
    network: Network, task: Task, kind: str, fit: HeadFit, samples: EmbeddedSamples, draws: Tensor, started: float
) -> InitialHead:
    """Fit a head of this kind on the samples, and put it in the place of the network's own.

    draws: the rows of the samples that an epoch of training would draw; loss and metrics are of some of them. started: when the
    embeddings were begun, by time.perf_counter().
    """
    fitted = fit(samples)
    batch = samples.batch(draws[:: -(-len(draws) // MEASURED)])
    with torch.inference_mode():
        outputs = torch.cat([fitted.module(one) for one in batch.inputs.split(CHUNK)])  # N K
    loss = total(task.losses(outputs, batch)).item()
    metrics = task.metrics()
    metrics.update(outputs, batch)
    replace_classifier(network, fitted.module)
    seconds = time.perf_counter() - started
    return InitialHead(kind, fitted, loss, metrics.compute(), len(samples), seconds)


def initial_epoch(
    state: TrainingState, task: Task, validation: Batches | None, head: InitialHead, recipe: Recipe
) -> Epoch:
    """Record the fitted head as epoch 0, the weights to keep until those of fine-tuning replace them."""
    bfloat16 = recipe.machine.precision == "bfloat16"
    loss, val = validate(state.averaged_model, task, validation, bfloat16) if validation else (None, ())
    row = Epoch(
        epoch=0,
        step=0,
        learning_rate=0.0,
        train_loss=head.loss,
        train=head.metrics,
        val_loss=loss,
        val=val,
        images_per_second=head.images / head.seconds,
        seconds=head.seconds,
    )
    state.history.append(row)
    state.keep_as_best()
    return row
