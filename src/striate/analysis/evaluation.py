"""Evaluation of a classifier: what it says of each image, and the figures that follow, each with its 95 % interval."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, final

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from striate.analysis.intervals import Interval, of_draws, of_mean, wilson
from striate.data import Batches
from striate.tasks import Task

Array = npt.NDArray[Any]
BOOTSTRAP_DRAWS = 500
BOOTSTRAP_CELLS = 20_000_000  # of all drawn matrices together, so that a thousand classes fit in memory
CALIBRATION_BINS = 15


@final
@dataclass(frozen=True)
class Predictions:
    """Probabilities (N K) and true classes (N) of the images of a split, in their order, and the image's ids."""

    probabilities: npt.NDArray[np.float64]
    labels: npt.NDArray[np.int64]
    ids: tuple[str, ...]

    @property
    def predicted(self) -> npt.NDArray[np.int64]:
        return self.probabilities.argmax(1)

    @property
    def losses(self) -> npt.NDArray[np.float64]:
        """Negative logarithm of the probability of the true class."""
        of_true = self.probabilities[np.arange(len(self.labels)), self.labels]
        return -np.log(np.clip(of_true, 1e-12, None))

    def worst(self, count: int) -> npt.NDArray[np.int64]:
        """Positions of the wrong answers, the surest first."""
        wrong = np.flatnonzero(self.predicted != self.labels)
        return wrong[np.argsort(-self.losses[wrong], kind="stable")][:count]

    def rows(self, split: str, classes: tuple[str, ...]) -> list[dict[str, Any]]:
        """Rows of predictions.csv."""
        of_said = self.probabilities.max(1)
        return [
            {
                "split": split,
                "id": id_,
                "label": classes[label],
                "prediction": classes[said],
                "confidence": float(of_said[n]),
                "label_probability": float(self.probabilities[n, label]),
                "loss": float(loss),
            }
            for n, (id_, label, said, loss) in enumerate(
                zip(self.ids, self.labels.tolist(), self.predicted.tolist(), self.losses.tolist(), strict=True)
            )
        ]


@torch.inference_mode()
def predict(model: nn.Module, task: Task, batches: Batches) -> Predictions:
    """Ask a network about every image once, in float32; one whose file went bad since it was first read is left out."""
    model.eval()
    parts, positions = [], []
    for batch in batches.epoch(0):
        parts.append(task.decode(model(batch.images), batch).cpu())
        positions.append(batch.ids)
    samples, asked = batches.samples, torch.cat(positions)
    ids = tuple(samples.ids[i] for i in asked.tolist())
    return Predictions(torch.cat(parts).double().numpy(), samples.labels[asked].numpy(), ids)


def evaluate(predictions: Predictions, classes: tuple[str, ...]) -> dict[str, Any]:
    """The figures of metrics.json for one split."""
    table = confusion(predictions.labels, predictions.predicted, len(classes))
    total = int(table.sum())
    draw = np.random.default_rng(0)
    # Resampling images with replacement is drawing a new confusion matrix of the same total.
    draws = max(20, min(BOOTSTRAP_DRAWS, BOOTSTRAP_CELLS // table.size))
    tables = draw.multinomial(total, table.flatten() / total, draws).reshape(-1, *table.shape)

    def with_interval(figure: Callable[[Array], Array]) -> dict[str, float]:
        return of_draws(float(figure(table)), figure(tables)).as_json()

    figures: dict[str, Any] = {
        "images": total,
        "accuracy": wilson(int(table.trace()), total).as_json(),
        "macro_f1": with_interval(lambda t: _mean_over_seen(f1(t), t)),
        "weighted_f1": with_interval(lambda t: (f1(t) * t.sum(-1)).sum(-1) / total),
        "macro_precision": with_interval(lambda t: _mean_over_seen(precision(t), t)),
        "macro_recall": with_interval(lambda t: _mean_over_seen(recall(t), t)),
        "log_loss": of_mean(predictions.losses).as_json(),
        "expected_calibration_error": _calibration_interval(predictions, draw).as_json(),
        "baseline_accuracy": float(table.sum(1).max() / total),
        "classes": list(classes),
        "confusion_matrix": table.tolist(),
        "per_class": _per_class(table, tables, classes),
    }
    if len(classes) > 5:
        best_five = np.argpartition(-predictions.probabilities, 5, axis=1)[:, :5]
        figures["top5_accuracy"] = wilson(int((best_five == predictions.labels[:, None]).any(1).sum()), total).as_json()
    return figures


def confusion(labels: Array, said: Array, classes: int) -> npt.NDArray[np.int64]:
    """Counts, K K: rows are the truth, columns what was said."""
    return np.bincount(labels * classes + said, minlength=classes * classes).reshape(classes, classes)


def precision(table: Array) -> Array:
    """Of the images said to be of a class, the share that is; 0 where none was said. table: ... K K -> ... K"""
    return _divide(_diagonal(table), table.sum(-2))


def recall(table: Array) -> Array:
    """Of the images of a class, the share that was found; 0 where there are none."""
    return _divide(_diagonal(table), table.sum(-1))


def f1(table: Array) -> Array:
    """Harmonic mean of precision and recall of each class."""
    return _divide(2 * _diagonal(table), table.sum(-1) + table.sum(-2))


def calibration_error(probabilities: Array, correct: Array) -> float:
    """Expected calibration error: mean gap between how sure and how right, over 15 bins (Guo et al. 2017, arXiv:1706.04599)."""
    bins = np.clip((probabilities * CALIBRATION_BINS).astype(int), 0, CALIBRATION_BINS - 1)
    gaps = np.bincount(bins, correct - probabilities, CALIBRATION_BINS)
    return float(np.abs(gaps).sum() / len(probabilities))


def _per_class(table: Array, tables: Array, classes: tuple[str, ...]) -> list[dict[str, Any]]:
    scores, draws = f1(table), f1(tables)
    return [
        {
            "class": name,
            "images": int(table[k].sum()),
            "precision": wilson(int(table[k, k]), int(table[:, k].sum())).as_json(),
            "recall": wilson(int(table[k, k]), int(table[k].sum())).as_json(),
            "f1": of_draws(float(scores[k]), draws[:, k]).as_json(),
        }
        for k, name in enumerate(classes)
    ]


def _calibration_interval(predictions: Predictions, draw: np.random.Generator) -> Interval:
    sure = predictions.probabilities.max(1)
    correct = (predictions.predicted == predictions.labels).astype(float)
    picks = (draw.integers(0, len(sure), len(sure)) for _ in range(100))
    draws = np.array([calibration_error(sure[pick], correct[pick]) for pick in picks])
    return of_draws(calibration_error(sure, correct), draws)


def _mean_over_seen(scores: Array, table: Array) -> Array:
    """Mean over the classes that occur as truth or answer; the others have no score."""
    seen = (table.sum(-1) + table.sum(-2)) > 0
    return (scores * seen).sum(-1) / seen.sum(-1)


def _diagonal(table: Array) -> Array:
    return np.diagonal(table, axis1=-2, axis2=-1)


def _divide(above: Array, below: Array) -> Array:
    return np.divide(above, below, out=np.zeros(np.shape(above)), where=below > 0)
