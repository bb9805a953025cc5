"""Learning curve: a small network trained on growing shares of the data, and the gain that twice the data would bring.

Error falls with the number of images n like a + b n^-c over wide ranges (Hestness et al. 2017, arXiv:1712.00409). With
few points `a` cannot be separated from `b` and `c`, so b n^-c is fitted to the three largest sizes: networks trained on
few images do not follow the law. The 95 % interval is that of a bootstrap over the runs of each size and over the
held-out images; the error of the law itself is not in it.
"""

import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any, Final, final

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from striate.audit.audit_finding import AuditFinding, audit_finding
from striate.data import Batches, LabeledImages, Source, load_images, stratified_split
from striate.data.normalization import normalization_of
from striate.errors import DataError
from striate.models import create_model
from striate.number_format import duration, percent
from striate.tasks import Interval, task_for_training
from striate.tasks.intervals import of_resamples
from striate.tasks.settings import LossSettings
from striate.training import NamedRecipe, Recipe, TrainingState, available_cores, infer, resolve, train
from striate.views import Policy

__all__ = ["LearningCurve", "fit_power_law", "measure_learning_curve", "more_would_help", "steps_for"]

SHARES: Final = (1 / 8, 1 / 4, 1 / 2, 1.0)
SEEDS: Final = 3
HELD_OUT: Final = 0.2
SIDE: Final = 32  # pixels of the network's input, at most
MOST, MOST_HELD_OUT = 4_000, 2_000  # images for training and for evaluation; more would take minutes
STEPS, EPOCHS = 300, 5  # of the training on all images, whichever is longer; as many steps on each share
MOST_EPOCHS: Final = 40  # of it: else a hundred images would take as long as thousands
BATCH: Final = 64
STEP_COST: Final = 32  # images in whose time a step does what does not depend on its batch
LEAST: Final = 80  # training images, so that an eighth is ten
RESAMPLES: Final = 1000
WORTH_A_FINDING: Final = 0.005  # gain of accuracy at the lower end of the interval
RECIPE: Final = NamedRecipe(
    "learning curve",
    {"model": "bn_gap_cnn", "dropout": 0.1, "optimizer": "adamw", "lr": 0.005, "weight_decay": 0.01, "normalize": "symmetric",
     "schedule": "linear", "warmup": 0.1},
    reaches="",
)  # fmt: skip


@final
@dataclass(frozen=True)
class LearningCurve:
    """Accuracy on the same held-out images after training on `sizes` images; S sizes, R runs each."""

    sizes: tuple[int, ...]
    accuracies: tuple[tuple[float, ...], ...]  # S R
    held_out: int
    gain: Interval  # of accuracy, by twice the data
    images: int  # of which `gain` is for twice as many

    @property
    def message(self) -> str:
        value, low, high = (f"{100 * share:+.1f}" for share in (self.gain.value, self.gain.low, self.gain.high))
        return (
            f"twice the data would bring about {value} points of accuracy (95 % interval {low} to {high}) "
            f"to a small network, which reaches {percent(np.mean(self.accuracies[-1]))} with {self.sizes[-1]:,} images"
            f"{f' of the {self.images:,}; extrapolated from there' if self.images > self.sizes[-1] else ''}"
        )

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "message": self.message}


def measure_learning_curve(source: Source, device: torch.device, report: Callable[[str], None]) -> LearningCurve:
    """Train SEEDS small networks on each share of the images; `report` gets a line after each.

    source: of images with one class each. Raises DataError where there are too few images.
    """
    samples, training, held_out = _split(source)
    whole = len(training)
    training = _at_most(samples, training, MOST)
    held_out = _at_most(samples, held_out, MOST_HELD_OUT)
    steps = steps_for(len(training))
    hits, sizes = [], []
    started, runs, done = time.perf_counter(), 0, 0.0
    # by the images that pass through the network: small shares have small batches, and take less time
    expected = SEEDS * sum(steps * (STEP_COST + min(BATCH, share * len(training))) for share in SHARES)
    for share in SHARES:
        row = []
        for seed in range(SEEDS):
            at = training if share == 1 else _share(samples, training, share, seed + 2)
            row.append(_hits(samples.subset(at), samples.subset(held_out), _recipe(len(at), steps, seed, device)))
            runs, done = runs + 1, done + steps * (STEP_COST + min(BATCH, len(at)))
            left = (time.perf_counter() - started) / done * max(0.0, expected - done)
            remaining = f"{left:.0f} s" if left < 59.5 else duration(left)
            report(
                f"learning curve {runs} of {SEEDS * len(SHARES)}: {len(at):,} images, accuracy {percent(row[-1].mean())}, "
                f"about {remaining} left"
            )
        sizes.append(len(at))
        hits.append(row)
    all_hits = np.array(hits)  # S R held-out, bool
    return LearningCurve(
        tuple(sizes),
        tuple(tuple(float(one.mean()) for one in row) for row in all_hits),
        len(held_out),
        _gain(np.array(sizes), all_hits, whole),
        whole,
    )


def steps_for(images: int) -> int:
    """Of the training on so many images, and on each share of them."""
    return min(max(STEPS, EPOCHS * images // BATCH), MOST_EPOCHS * images // BATCH)


def more_would_help(curve: LearningCurve) -> list[AuditFinding]:
    """A finding where twice the data would significantly help."""
    if curve.gain.low < WORTH_A_FINDING:
        return []
    figures = {"images": list(curve.sizes), "accuracy": [round(float(np.mean(runs)), 4) for runs in curve.accuracies]}
    message = curve.message[0].upper() + curve.message[1:] + "."
    return [
        audit_finding(
            "data-more-would-help", "note", message, (), figures, "gather more images before tuning the network"
        )
    ]


def fit_power_law(sizes: npt.NDArray[Any], errors: npt.NDArray[np.float64]) -> tuple[float, float]:
    """b and c of error = b * size^-c, least squares of the logarithms, c from 0 to 1; sizes S, errors S above 0."""
    x, y = np.log(sizes), np.log(errors)
    slope = float(((x - x.mean()) * (y - y.mean())).sum() / ((x - x.mean()) ** 2).sum())
    c = min(1.0, max(0.0, -slope))
    return float(np.exp(y.mean() + c * x.mean())), c


def _gain(sizes: npt.NDArray[Any], hits: npt.NDArray[np.bool_], whole: int) -> Interval:
    """The gain of accuracy by twice `whole` images; the bootstrap resamples runs and held-out images."""
    floor = 0.5 / hits.shape[2]  # an error of 0 has no logarithm

    def of(sample: npt.NDArray[np.bool_]) -> float:
        errors = np.maximum(1 - sample.mean((1, 2)), floor)
        b, c = fit_power_law(sizes[-3:], errors[-3:])
        return float(b * whole**-c - b * (2 * whole) ** -c)

    generator = np.random.default_rng(0)
    resampled = np.array(
        [
            of(
                np.stack([row[generator.integers(0, len(row), len(row))] for row in hits])[
                    :, :, generator.integers(0, hits.shape[2], hits.shape[2])
                ]
            )
            for _ in range(RESAMPLES)
        ]
    )
    return of_resamples(of(hits), resampled)


def _split(source: Source) -> tuple[LabeledImages, Tensor, Tensor]:
    """Small images of the training split, and the positions for training and for evaluation."""
    native = source.native()
    side = min(SIDE, native.height, native.width)
    canvas = replace(native, height=side, width=side, bits=8, rendering=source.survey.window())
    loaded = load_images(source, canvas, threads=available_cores())
    samples = loaded.get("all") or loaded["train"]
    training, held_out = stratified_split(samples.labels, HELD_OUT, seed=0)
    if len(training) < LEAST or len(held_out) < 20:
        raise DataError(
            f"{source.location} has {len(samples)} images, too few for a learning curve, which needs "
            f"{round(LEAST / (1 - HELD_OUT))}; leave --learning-curve out"
        )
    return samples, training, held_out


def _at_most(samples: LabeledImages, at: Tensor, most: int) -> Tensor:
    return at if len(at) <= most else _share(samples, at, most / len(at), seed=1)


def _share(samples: LabeledImages, at: Tensor, share: float, seed: int) -> Tensor:
    """Positions of a stratified share of the images at `at`."""
    return at[stratified_split(samples.labels[at], share, seed=seed)[1]]


def _recipe(images: int, steps: int, seed: int, device: torch.device) -> Recipe:
    """Small data are passed through more often, so that each share is trained for as many steps."""
    batch_size = min(BATCH, images)
    epochs = math.ceil(steps / math.ceil(images / batch_size))
    return resolve({"epochs": epochs, "batch_size": batch_size, "seed": seed, "device": str(device)}, RECIPE).recipe


def _hits(training: LabeledImages, held_out: LabeledImages, recipe: Recipe) -> npt.NDArray[np.bool_]:
    """Train a small network; which of the held-out images it predicts correctly."""
    height, width, channels = training.pixels.shape[1:]
    task = task_for_training(training.targets.task, training.classes, LossSettings(), training.targets)
    device = torch.device(recipe.machine.device)
    normalization = normalization_of(recipe.data.normalize, training.pixels)

    def batches(samples: LabeledImages, policy: Policy | None, batch_size: int) -> Batches:
        return Batches(
            samples,
            batch_size=batch_size,
            size=(height, width),
            normalization=normalization,
            policy=policy,
            seed=recipe.training.seed,
            device=device,
        )

    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(recipe.training.seed)
        model = create_model(
            recipe.model.name, classes=len(training.classes), channels=channels, dropout=recipe.model.dropout
        )
        state = TrainingState(model, task, recipe)
        for _ in train(state, task, batches(training, Policy(), recipe.training.batch_size), None, recipe):
            pass
        hits = [
            (outputs.argmax(1) == batch.targets).cpu()
            for batch, outputs in infer(state.model, batches(held_out, None, 512))
        ]
    return torch.cat(hits).numpy()
