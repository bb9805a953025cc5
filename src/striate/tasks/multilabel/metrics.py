"""Metrics of several labels an image, each with its 95 % interval by resampling images."""

from typing import Any

import numpy as np
import numpy.typing as npt

from striate.number_format import finite
from striate.tasks.figure import Figure
from striate.tasks.intervals import of_mean, wilson
from striate.tasks.multilabel.ranking import areas
from striate.tasks.resampling import figure_of_resamples, mean_over_known, resample_weights

__all__ = ["binary_cross_entropies", "f1_of_counts", "multilabel_metrics"]

Array = npt.NDArray[Any]


def multilabel_metrics(
    probabilities: Array, targets: Array, thresholds: Array, classes: tuple[str, ...]
) -> dict[str, Any]:
    """The metrics of one split, as in metrics.json. probabilities: N K; targets: N K bool; thresholds: K.

    A class whose threshold is NaN was not learned: its metrics are unknown, and no other counts it.
    """
    count, learned = len(targets), ~np.isnan(thresholds)
    weights = resample_weights(count)  # 1+R N, the images themselves first
    ranked = [areas(probabilities[:, k], targets[:, k], weights) for k in range(len(classes))]
    auroc, precision = (np.stack(each, 1) for each in zip(*ranked, strict=True))  # 1+R K
    predicted = probabilities >= thresholds
    hits, alarms, misses = (
        weights @ one.astype(np.float64) for one in (predicted & targets, predicted & ~targets, ~predicted & targets)
    )  # 1+R K
    f1 = f1_of_counts(hits, alarms, misses)
    auroc, precision, f1 = (np.where(learned, one, np.nan) for one in (auroc, precision, f1))
    micro_f1 = f1_of_counts(*(one[:, learned].sum(1) for one in (hits, alarms, misses)))
    right = (predicted == targets)[:, learned].all(1)
    losses = binary_cross_entropies(probabilities[:, learned], targets[:, learned])
    figures = [
        figure_of_resamples("mean average precision", mean_over_known(precision), count),
        figure_of_resamples("mean AUROC", mean_over_known(auroc), count),
        figure_of_resamples("macro F1", mean_over_known(f1), count),
        figure_of_resamples("micro F1", micro_f1, count),
        Figure.of("exact match", wilson(int(right.sum()), count)),
        Figure.of("log loss", of_mean(losses), unit="", higher_is_better=False),
    ]
    return {
        "images": count,
        **{one.key: one.as_json() for one in figures},
        "baseline": {
            "value": finite(mean_over_known(_positive_shares(targets[:, learned]))),
            "prediction": "scores at random",
        },
        "classes": list(classes),
        "thresholds": [finite(one) for one in thresholds],
        "cooccurrence": (targets.T.astype(np.int64) @ targets.astype(np.int64)).tolist(),
        "per_class": [
            {
                "class": name,
                "images": int(targets[:, k].sum()),
                "average_precision": figure_of_resamples("average precision", precision[:, k], count).as_json(),
                "auroc": figure_of_resamples("AUROC", auroc[:, k], count).as_json(),
                "f1": figure_of_resamples("F1", f1[:, k], count).as_json(),
                "threshold": finite(thresholds[k]),
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


def _positive_shares(targets: Array) -> Array:
    shares = targets.mean(0)
    return np.where(shares > 0, shares, np.nan)
