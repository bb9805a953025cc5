"""How well scores rank positives before negatives: AUROC and average precision, also of resampled images."""

from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["areas"]

Array = npt.NDArray[Any]


def areas(scores: Array, positives: Array, weights: Array) -> tuple[Array, Array]:
    """Area under the ROC curve, and average precision: scores N, positives N bool, weights R N -> R, R.

    weights: how often each image counts, in each of R resamples.
    Images of equal scores count as one step. Average precision is the mean precision over the positives, without interpolation,
    as scikit-learn's average_precision_score. NaN where there are no positives or, of the AUROC, no negatives.
    """
    order = np.argsort(-scores, kind="stable")
    ordered = scores[order]
    ends = np.append(np.flatnonzero(np.diff(ordered)), len(ordered) - 1)  # the last image of each score
    hits = np.cumsum(weights[:, order] * positives[order], 1)[:, ends].astype(np.float64)  # R S
    alarms = np.cumsum(weights[:, order] * ~positives[order], 1)[:, ends].astype(np.float64)
    of_positives, of_negatives = hits[:, -1], alarms[:, -1]
    more_hits, more_alarms = np.diff(hits, axis=1, prepend=0), np.diff(alarms, axis=1, prepend=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        under = (more_alarms * (hits - more_hits / 2)).sum(1) / (of_positives * of_negatives)
        precision = np.nan_to_num(hits / (hits + alarms))
        average = (more_hits * precision).sum(1) / of_positives
    return under, average
