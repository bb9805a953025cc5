"""From which probability on a class counts as present: chosen on images that the network was not trained on."""

from typing import Any, Final

import numpy as np
import numpy.typing as npt

__all__ = ["DEFAULT_THRESHOLD", "best_thresholds"]

DEFAULT_THRESHOLD: Final = 0.5

Array = npt.NDArray[Any]


def best_thresholds(probabilities: Array, targets: Array) -> npt.NDArray[np.float64]:
    """Of each class the threshold of the greatest F1, N K, N K bool -> K; 0.5 of a class that none of the images has.

    It lies midway between two probabilities, so that rounding elsewhere changes no prediction; of equal F1 it is the highest.
    """
    return np.array([_best(probabilities[:, k], targets[:, k]) for k in range(targets.shape[1])])


def _best(scores: Array, positives: Array) -> float:
    if not positives.any():
        return DEFAULT_THRESHOLD
    order = np.argsort(-scores, kind="stable")
    ordered = scores[order]
    hits = np.cumsum(positives[order])
    f1 = 2 * hits / (np.arange(1, len(order) + 1) + positives.sum())
    last_of_score = np.append(np.diff(ordered) != 0, True)
    at = int(np.argmax(np.where(last_of_score, f1, -1)))
    below = ordered[at + 1] if at + 1 < len(ordered) else 0.0
    return float((ordered[at] + below) / 2)
