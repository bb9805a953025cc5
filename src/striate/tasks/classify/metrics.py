"""Metrics of a classifier from its predictions, each with its 95 % interval."""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from striate.tasks.figure import Figure, Interval
from striate.tasks.intervals import of_mean, of_resamples, wilson

__all__ = [
    "calibration_error",
    "classification_metrics",
    "confusion_matrix",
    "cross_entropies",
    "f1",
    "precision",
    "recall",
]

Array = npt.NDArray[Any]
RESAMPLES = 500
RESAMPLED_ENTRIES = 20_000_000  # of all resampled confusion matrices together, so that a thousand classes fit in memory
CALIBRATION_BINS = 15


def classification_metrics(probabilities: Array, labels: Array, classes: tuple[str, ...]) -> dict[str, Any]:
    """The metrics of one split, as in metrics.json. probabilities: N K; labels: N."""
    predicted = probabilities.argmax(1)
    counts = confusion_matrix(labels, predicted, len(classes))
    total = int(counts.sum())
    generator = np.random.default_rng(0)
    # Resampling images with replacement is a new random confusion matrix of the same total.
    resamples = max(20, min(RESAMPLES, RESAMPLED_ENTRIES // counts.size))
    resampled = generator.multinomial(total, counts.flatten() / total, resamples).reshape(-1, *counts.shape)

    def with_interval(figure: Callable[[Array], Array]) -> Interval:
        return of_resamples(float(figure(counts)), figure(resampled))

    figures = [
        Figure.of("accuracy", wilson(int(counts.trace()), total)),
        Figure.of("macro F1", with_interval(lambda c: _mean_over_present(f1(c), c))),
        Figure.of("weighted F1", with_interval(lambda c: (f1(c) * c.sum(-1)).sum(-1) / total)),
        Figure.of("macro precision", with_interval(lambda c: _mean_over_present(precision(c), c))),
        Figure.of("macro recall", with_interval(lambda c: _mean_over_present(recall(c), c))),
        Figure.of("log loss", of_mean(cross_entropies(probabilities, labels)), unit="", higher_is_better=False),
        Figure.of(
            "expected calibration error",
            _calibration_interval(probabilities.max(1), predicted == labels, generator),
            higher_is_better=False,
        ),
    ]
    if len(classes) > 5:
        top_five = np.argpartition(-probabilities, 5, axis=1)[:, :5]
        figures.insert(1, Figure.of("top-5 accuracy", wilson(int((top_five == labels[:, None]).any(1).sum()), total)))
    largest = int(counts.sum(1).argmax())
    return {
        "images": total,
        **{one.key: one.as_json() for one in figures},
        "baseline": {"value": float(counts[largest].sum() / total), "prediction": f"always {classes[largest]!r}"},
        "classes": list(classes),
        "confusion_matrix": counts.tolist(),
        "per_class": _per_class(counts, resampled, classes),
    }


def cross_entropies(probabilities: Array, labels: Array) -> npt.NDArray[np.float64]:
    """N K, N -> N: the negative logarithm of each label's probability."""
    return -np.log(np.clip(probabilities[np.arange(len(labels)), labels], 1e-12, None))


def confusion_matrix(labels: Array, predicted: Array, classes: int) -> npt.NDArray[np.int64]:
    """Counts, K K: rows are labels, columns predictions."""
    return np.bincount(labels * classes + predicted, minlength=classes * classes).reshape(classes, classes)


def precision(counts: Array) -> Array:
    """Precision of each class, 0 where it was never predicted. counts: ... K K -> ... K"""
    return _divide(_diagonal(counts), counts.sum(-2))


def recall(counts: Array) -> Array:
    """Recall of each class, 0 where it has no images."""
    return _divide(_diagonal(counts), counts.sum(-1))


def f1(counts: Array) -> Array:
    """Harmonic mean of precision and recall of each class."""
    return _divide(2 * _diagonal(counts), counts.sum(-1) + counts.sum(-2))


def calibration_error(probabilities: Array, correct: Array) -> float:
    """Expected calibration error: mean gap between confidence and accuracy over 15 bins (Guo et al. 2017, arXiv:1706.04599)."""
    bins = np.clip((probabilities * CALIBRATION_BINS).astype(int), 0, CALIBRATION_BINS - 1)
    gaps = np.bincount(bins, correct - probabilities, CALIBRATION_BINS)
    return float(np.abs(gaps).sum() / len(probabilities))


def _per_class(counts: Array, resampled: Array, classes: tuple[str, ...]) -> list[dict[str, Any]]:
    scores, resampled_scores = f1(counts), f1(resampled)
    return [
        {
            "class": name,
            "images": int(counts[k].sum()),
            "precision": Figure.of("precision", wilson(int(counts[k, k]), int(counts[:, k].sum()))).as_json(),
            "recall": Figure.of("recall", wilson(int(counts[k, k]), int(counts[k].sum()))).as_json(),
            "f1": Figure.of("F1", of_resamples(float(scores[k]), resampled_scores[:, k])).as_json(),
        }
        for k, name in enumerate(classes)
    ]


def _calibration_interval(confidences: Array, hits: Array, generator: np.random.Generator) -> Interval:
    correct = hits.astype(float)
    picks = (generator.integers(0, len(confidences), len(confidences)) for _ in range(100))
    resampled = np.array([calibration_error(confidences[pick], correct[pick]) for pick in picks])
    return of_resamples(calibration_error(confidences, correct), resampled)


def _mean_over_present(scores: Array, counts: Array) -> Array:
    """Mean over the classes that occur as label or prediction; the others have no score."""
    present = (counts.sum(-1) + counts.sum(-2)) > 0
    return (scores * present).sum(-1) / present.sum(-1)


def _diagonal(counts: Array) -> Array:
    return np.diagonal(counts, axis1=-2, axis2=-1)


def _divide(numerator: Array, denominator: Array) -> Array:
    return np.divide(numerator, denominator, out=np.zeros(np.shape(numerator)), where=denominator > 0)
