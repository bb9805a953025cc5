"""Is it enough? A small network on growing parts of the data, and what twice the data would bring.

Error falls with the number of images n like a + b n^-c over wide ranges (Hestness et al. 2017, arXiv:1712.00409). With
few points `a` cannot be told from `b` and `c`, so b n^-c is fitted to the three largest sizes: networks that saw a few
images follow no law. The 95 % interval is that of a bootstrap over the runs of each size and over the images that were
held out; what the law itself is off by is not in it.
"""

import time
from dataclasses import asdict, dataclass, replace
from typing import Any, Final, final

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F

from striate.analysis import Interval
from striate.analysis.intervals import of_draws
from striate.audit.audit_finding import AuditFinding, found
from striate.data import LabeledImages, Source, load_images, require_classes, stratified_split
from striate.errors import DataError
from striate.jobs.monitor import Monitor
from striate.models import create_model
from striate.training import available_cores

__all__ = ["LearningCurve", "fit_power_law", "measure_learning_curve", "more_would_help"]

SHARES: Final = (1 / 8, 1 / 4, 1 / 2, 1.0)
SEEDS: Final = 3
HELD_OUT: Final = 0.2
SIDE: Final = 32  # of the image that the network sees, at most
MOST, MOST_HELD_OUT = 4_000, 2_000  # images that are learned from and measured on; more would take minutes
STEPS, EPOCHS = 300, 5  # of the training on all, whichever is longer; on parts as many steps
BATCH: Final = 64
LEAST: Final = 80  # images to learn from, so that an eighth is ten
DRAWS: Final = 1000
SURE: Final = 0.005  # gain at the lower end of the interval that is worth a finding


@final
@dataclass(frozen=True)
class LearningCurve:
    """Accuracy on the same held-out images after learning from `sizes` images; S sizes, R runs each."""

    sizes: tuple[int, ...]
    accuracies: tuple[tuple[float, ...], ...]  # S R
    held_out: int
    gain: Interval  # of accuracy, by twice the data
    images: int  # what twice is counted from

    @property
    def message(self) -> str:
        value, low, high = (f"{100 * share:+.1f}" for share in (self.gain.value, self.gain.low, self.gain.high))
        return (
            f"twice the data would bring about {value} points of accuracy (95 % interval {low} to {high}) "
            f"to a small network, which reaches {np.mean(self.accuracies[-1]):.1%} with {self.sizes[-1]:,} images"
            f"{f' of the {self.images:,}; the law is carried on from there' if self.images > self.sizes[-1] else ''}"
        )

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "message": self.message}


def measure_learning_curve(source: Source, monitor: Monitor) -> LearningCurve:
    """Train SEEDS small networks on each share of the images. DataError where there are too few."""
    require_classes(source)
    native = source.native()
    side = min(SIDE, native.height, native.width)
    loaded = load_images(
        source,
        replace(native, height=side, width=side, bits=8, rendering=source.survey.window()),
        threads=available_cores(),
    )
    samples = loaded.get("all") or loaded["train"]
    kept, out = stratified_split(samples.labels, HELD_OUT, seed=0)
    if len(kept) < LEAST or len(out) < 20:
        raise DataError(
            f"{source.location} has {len(samples)} images to learn from, too few for a learning curve; "
            f"{round(LEAST / (1 - HELD_OUT))} are the least: leave --learning-curve out"
        )
    whole = len(kept)
    if whole > MOST:
        _, at = stratified_split(samples.labels[kept], MOST / whole, seed=1)
        kept = kept[at]
    if len(out) > MOST_HELD_OUT:
        out = out[stratified_split(samples.labels[out], MOST_HELD_OUT / len(out), seed=1)[1]]
    right, sizes = [], []
    started, done, work = time.perf_counter(), 0, SEEDS * len(SHARES)
    for share in SHARES:
        row = []
        for seed in range(SEEDS):
            at = kept if share == 1 else kept[stratified_split(samples.labels[kept], share, seed=seed + 2)[1]]
            row.append(_right(samples, at, out, seed, max(STEPS, EPOCHS * len(kept) // BATCH)))
            done += 1
            left = (time.perf_counter() - started) / done * (work - done)
            monitor.say(
                f"learning curve {done} of {work}: {len(at):,} images, {row[-1].mean():.1%} right, about {left:.0f} s left"
            )
        sizes.append(len(at))
        right.append(row)
    hits = np.array(right)  # S R held-out, bool
    return LearningCurve(
        tuple(sizes),
        tuple(tuple(float(one.mean()) for one in row) for row in hits),
        len(out),
        _gain(np.array(sizes), hits, whole),
        whole,
    )


def more_would_help(curve: LearningCurve) -> list[AuditFinding]:
    """A finding where twice the data would surely help."""
    if curve.gain.low < SURE:
        return []
    figures = {"images": list(curve.sizes), "accuracy": [round(float(np.mean(runs)), 4) for runs in curve.accuracies]}
    says = curve.message[0].upper() + curve.message[1:] + "."
    return [found("data-more-would-help", "note", says, (), figures, "gather more images before tuning the network")]


def fit_power_law(sizes: npt.NDArray[Any], errors: npt.NDArray[np.float64]) -> tuple[float, float]:
    """b and c of error = b * size^-c, least squares of the logarithms, c from 0 to 1; sizes S, errors S above 0."""
    x, y = np.log(sizes), np.log(errors)
    slope = float(((x - x.mean()) * (y - y.mean())).sum() / ((x - x.mean()) ** 2).sum())
    c = min(1.0, max(0.0, -slope))
    return float(np.exp(y.mean() + c * x.mean())), c


def _gain(sizes: npt.NDArray[Any], hits: npt.NDArray[np.bool_], whole: int) -> Interval:
    """What twice `whole` images would bring; the bootstrap draws runs, and images that were held out."""
    floor = 0.5 / hits.shape[2]  # an error of 0 has no logarithm

    def of(sample: npt.NDArray[np.bool_]) -> float:
        errors = np.maximum(1 - sample.mean((1, 2)), floor)
        b, c = fit_power_law(sizes[-3:], errors[-3:])
        return float(b * whole**-c - b * (2 * whole) ** -c)

    draw = np.random.default_rng(0)
    draws = np.array(
        [
            of(
                np.stack([row[draw.integers(0, len(row), len(row))] for row in hits])[
                    :, :, draw.integers(0, hits.shape[2], hits.shape[2])
                ]
            )
            for _ in range(DRAWS)
        ]
    )
    return of_draws(of(hits), draws)


def _right(samples: LabeledImages, at: torch.Tensor, out: torch.Tensor, seed: int, steps: int) -> npt.NDArray[np.bool_]:
    """Train a small network on the images `at`; which of the images `out` are right."""
    draw = torch.Generator().manual_seed(seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = create_model("bn_gap_cnn", classes=len(samples.classes), channels=samples.canvas.channels, dropout=0.1)
        optimizer = torch.optim.AdamW(model.parameters(), lr=0.005, weight_decay=0.01)
        model.train()
        order = torch.cat([torch.randperm(len(at), generator=draw) for _ in range(steps * BATCH // len(at) + 1)])
        for step in range(steps):
            for group in optimizer.param_groups:  # warm-up, then down to nothing
                group["lr"] = 0.005 * min((step + 1) / 30, (steps - step) / (steps - 30))
            chosen = at[order[step * BATCH : (step + 1) * BATCH]]
            loss = F.cross_entropy(model(_seen(samples, chosen)), samples.labels[chosen])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        model.eval()
        with torch.inference_mode():
            said = torch.cat([model(_seen(samples, part)).argmax(1) for part in out.split(512)])
    return (said == samples.labels[out]).numpy()


def _seen(samples: LabeledImages, at: torch.Tensor) -> torch.Tensor:
    return samples.images[at].permute(0, 3, 1, 2).float() / 127.5 - 1  # B C H W
