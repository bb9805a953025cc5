"""Metrics of a classifier from its predictions, each with its 95 % interval."""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from striate.analysis.inference import Predictions
from striate.analysis.intervals import Interval, of_mean, of_resamples, wilson

Array = npt.NDArray[Any]
BOOTSTRAP_DRAWS = 500
BOOTSTRAP_ENTRIES = 20_000_000  # of all drawn confusion matrices together, so that a thousand classes fit in memory
CALIBRATION_BINS = 15


def classification_metrics(predictions: Predictions, classes: tuple[str, ...]) -> dict[str, Any]:
    """The metrics of one split, as in metrics.json."""
    table = confusion_matrix(predictions.labels, predictions.predicted, len(classes))
    total = int(table.sum())
    draw = np.random.default_rng(0)
    # Resampling images with replacement is drawing a new confusion matrix of the same total.
    draws = max(20, min(BOOTSTRAP_DRAWS, BOOTSTRAP_ENTRIES // table.size))
    tables = draw.multinomial(total, table.flatten() / total, draws).reshape(-1, *table.shape)

    def with_interval(figure: Callable[[Array], Array]) -> dict[str, float]:
        return of_resamples(float(figure(table)), figure(tables)).as_json()

    figures: dict[str, Any] = {
        "images": total,
        "accuracy": wilson(int(table.trace()), total).as_json(),
        "macro_f1": with_interval(lambda t: _mean_over_present(f1(t), t)),
        "weighted_f1": with_interval(lambda t: (f1(t) * t.sum(-1)).sum(-1) / total),
        "macro_precision": with_interval(lambda t: _mean_over_present(precision(t), t)),
        "macro_recall": with_interval(lambda t: _mean_over_present(recall(t), t)),
        "log_loss": of_mean(predictions.losses).as_json(),
        "expected_calibration_error": _calibration_interval(predictions, draw).as_json(),
        "baseline_accuracy": float(table.sum(1).max() / total),
        "classes": list(classes),
        "confusion_matrix": table.tolist(),
        "per_class": _per_class(table, tables, classes),
    }
    if len(classes) > 5:
        top_five = np.argpartition(-predictions.probabilities, 5, axis=1)[:, :5]
        figures["top5_accuracy"] = wilson(int((top_five == predictions.labels[:, None]).any(1).sum()), total).as_json()
    return figures


def confusion_matrix(labels: Array, predicted: Array, classes: int) -> npt.NDArray[np.int64]:
    """Counts, K K: rows are labels, columns predictions."""
    return np.bincount(labels * classes + predicted, minlength=classes * classes).reshape(classes, classes)


def precision(table: Array) -> Array:
    """Precision of each class, 0 where it was never predicted. table: ... K K -> ... K"""
    return _divide(_diagonal(table), table.sum(-2))


def recall(table: Array) -> Array:
    """Recall of each class, 0 where it has no images."""
    return _divide(_diagonal(table), table.sum(-1))


def f1(table: Array) -> Array:
    """Harmonic mean of precision and recall of each class."""
    return _divide(2 * _diagonal(table), table.sum(-1) + table.sum(-2))


def calibration_error(probabilities: Array, correct: Array) -> float:
    """Expected calibration error: mean gap between confidence and accuracy over 15 bins (Guo et al. 2017, arXiv:1706.04599)."""
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
            "f1": of_resamples(float(scores[k]), draws[:, k]).as_json(),
        }
        for k, name in enumerate(classes)
    ]


def _calibration_interval(predictions: Predictions, draw: np.random.Generator) -> Interval:
    confidences = predictions.probabilities.max(1)
    correct = (predictions.predicted == predictions.labels).astype(float)
    picks = (draw.integers(0, len(confidences), len(confidences)) for _ in range(100))
    draws = np.array([calibration_error(confidences[pick], correct[pick]) for pick in picks])
    return of_resamples(calibration_error(confidences, correct), draws)


def _mean_over_present(scores: Array, table: Array) -> Array:
    """Mean over the classes that occur as label or prediction; the others have no score."""
    present = (table.sum(-1) + table.sum(-2)) > 0
    return (scores * present).sum(-1) / present.sum(-1)


def _diagonal(table: Array) -> Array:
    return np.diagonal(table, axis1=-2, axis2=-1)


def _divide(numerator: Array, denominator: Array) -> Array:
    return np.divide(numerator, denominator, out=np.zeros(np.shape(numerator)), where=denominator > 0)
