"""Metrics of several labels an image, each with its 95 % interval by resampling images."""

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from striate.tasks.figure import Figure, Interval
from striate.tasks.intervals import of_mean, of_resamples, wilson
from striate.tasks.multilabel.ranking import areas

__all__ = ["binary_cross_entropies", "f1_of_counts", "multilabel_metrics"]

Array = npt.NDArray[Any]
RESAMPLES: Final = 200
RESAMPLED_ENTRIES: Final = 20_000_000  # of all resamples together


def multilabel_metrics(
    probabilities: Array, targets: Array, thresholds: Array, classes: tuple[str, ...]
) -> dict[str, Any]:
    """The metrics of one split, as in metrics.json. probabilities: N K; targets: N K bool; thresholds: K."""
    count = len(targets)
    resamples = max(20, min(RESAMPLES, RESAMPLED_ENTRIES // count))
    drawn = np.random.default_rng(0).multinomial(count, np.full(count, 1 / count), resamples)
    weights = np.concatenate([np.ones((1, count), np.int64), drawn])  # 1+R N, the images themselves first
    ranked = [areas(probabilities[:, k], targets[:, k], weights) for k in range(len(classes))]
    auroc, precision = (np.stack(each, 1) for each in zip(*ranked, strict=True))  # 1+R K
    predicted = probabilities >= thresholds
    hits, alarms, misses = (
        weights @ one.astype(np.int64) for one in (predicted & targets, predicted & ~targets, ~predicted & targets)
    )  # 1+R K
    f1 = f1_of_counts(hits, alarms, misses)
    figures = [
        Figure.of("mean average precision", _of_mean(precision)),
        Figure.of("mean AUROC", _of_mean(auroc)),
        Figure.of("macro F1", _of_mean(f1)),
        Figure.of("micro F1", _interval(f1_of_counts(hits.sum(1), alarms.sum(1), misses.sum(1)))),
        Figure.of("exact match", wilson(int((predicted == targets).all(1).sum()), count)),
        Figure.of("log loss", of_mean(binary_cross_entropies(probabilities, targets)), unit="", higher_is_better=False),
    ]
    return {
        "images": count,
        **{one.key: one.as_json() for one in figures},
        "baseline": {"value": _number(np.nanmean(_positive_shares(targets))), "prediction": "scores at random"},
        "classes": list(classes),
        "thresholds": [float(one) for one in thresholds],
        "cooccurrence": (targets.T.astype(np.int64) @ targets.astype(np.int64)).tolist(),
        "per_class": [
            {
                "class": name,
                "images": int(targets[:, k].sum()),
                "average_precision": Figure.of("average precision", _interval(precision[:, k])).as_json(),
                "auroc": Figure.of("AUROC", _interval(auroc[:, k])).as_json(),
                "f1": Figure.of("F1", _interval(f1[:, k])).as_json(),
                "threshold": float(thresholds[k]),
            }
            for k, name in enumerate(classes)
        ],
    }


def binary_cross_entropies(probabilities: Array, targets: Array) -> npt.NDArray[np.float64]:
    """N K, N K -> N: the mean over the classes of the negative logarithm of what is the case."""
    of_target = np.where(targets, probabilities, 1 - probabilities)
    return -np.log(np.clip(of_target, 1e-12, None)).mean(1)


def f1_of_counts(hits: Array, alarms: Array, misses: Array) -> Array:
    """Harmonic mean of precision and recall; NaN where a class neither occurs nor is predicted."""
    total = 2 * hits + alarms + misses
    return np.divide(2 * hits, total, out=np.full(np.shape(total), np.nan), where=total > 0)


def _of_mean(values: Array) -> Interval:
    """Of the mean over the classes that have a value: 1+R K."""
    known = ~np.isnan(values[0])
    if not known.any():
        return Interval(np.nan, np.nan, np.nan)
    return _interval(np.nanmean(values[:, known], 1))


def _interval(values: Array) -> Interval:
    """values: 1+R, that of the images themselves first."""
    if np.isnan(values[0]):
        return Interval(np.nan, np.nan, np.nan)
    return of_resamples(float(values[0]), values[1:])


def _positive_shares(targets: Array) -> Array:
    shares = targets.mean(0)
    return np.where(shares > 0, shares, np.nan)


def _number(value: Any) -> float | None:
    return None if np.isnan(value) else float(value)
