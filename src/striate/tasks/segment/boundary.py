"""The boundary F-score: how exactly a predicted mask follows the outlines, which the IoU of large objects hardly shows.

Csurka et al., "What is a good evaluation measure for semantic segmentation?", BMVC 2013.
"""

import math
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from striate.data.targets import IGNORE

__all__ = ["TOLERANCE", "boundary_f", "boundary_tolerance"]

Array = npt.NDArray[Any]
TOLERANCE: Final = 0.0075  # of the diagonal of an image


def boundary_tolerance(height: int, width: int) -> float:
    """How far a boundary may be from where it belongs, in pixels: 0.75 % of the diagonal, but at least one pixel.

    Of images whose diagonal is below 134 pixels less than a pixel would be left, and nothing but exact matches would count.
    """
    return max(1.0, TOLERANCE * math.hypot(height, width))


def boundary_f(
    predicted: Array, labels: Array, classes: int, tolerance: float | None = None
) -> npt.NDArray[np.float64]:
    """Of each class the harmonic mean of precision and recall of its boundary pixels: H W, H W integers -> K.

    A pixel is on the boundary of its class if one of the four pixels beside it is of another class. Precision is the share
    of predicted ones that have one of the label within `tolerance` (Euclidean, in pixels), recall the share of those of the
    label that have a predicted one. What is IGNORE in the labels has no class in either mask: it makes no boundary. What is
    IGNORE in the prediction alone makes none there.

    0 of a class that occurs in only one of both, or has a boundary in the label alone. NaN of a class that occurs in neither,
    or that fills the label, which then has no boundary to follow, and occurs in the prediction: nothing can be compared.
    """
    reach = boundary_tolerance(*labels.shape) if tolerance is None else tolerance
    counts = labels != IGNORE
    truth, found = (np.where(counts, one.astype(np.int16), np.int16(IGNORE)) for one in (labels, predicted))
    of_truth, of_found = _boundary(truth), _boundary(found)
    disk = _disk(reach)
    recall = _share_near(of_truth, of_found, disk, classes)
    precision = _share_near(of_found, of_truth, disk, classes)
    has_boundary = ~np.isnan(recall)
    in_truth, in_found = (np.bincount(one[one != IGNORE], minlength=classes) > 0 for one in (truth, found))
    precision, recall = np.nan_to_num(precision), np.nan_to_num(recall)
    total = precision + recall
    scores = np.divide(2 * precision * recall, total, out=np.zeros(classes), where=total > 0)
    scores[~has_boundary & (in_truth == in_found)] = np.nan
    return scores


def _boundary(mask: Array) -> Array:
    """The class of each boundary pixel, elsewhere IGNORE: H W -> H W"""
    edges = np.zeros(mask.shape, np.bool_)
    for one, other in ((np.s_[1:, :], np.s_[:-1, :]), (np.s_[:, 1:], np.s_[:, :-1])):
        differs = (mask[one] != mask[other]) & (mask[one] != IGNORE) & (mask[other] != IGNORE)
        edges[one] |= differs
        edges[other] |= differs
    return np.where(edges, mask, np.int16(IGNORE))


def _disk(reach: float) -> list[tuple[int, int]]:
    """The rows from a pixel to those within reach, the nearest first, and how far to either side they are within reach."""
    rows = sorted(range(-math.floor(reach), math.floor(reach) + 1), key=abs)
    return [(row, math.floor(math.sqrt(reach * reach - row * row) + 1e-9)) for row in rows]


def _share_near(boundary: Array, other: Array, disk: list[tuple[int, int]], classes: int) -> npt.NDArray[np.float64]:
    """Of the boundary pixels of each class the share that has one of the same class in the other mask near it; NaN without any.

    Counts along the rows tell in two look-ups whether a stretch of a row has any; pixels that have found one search no further.
    """
    margin = disk[0][1]
    places = np.pad(other, margin, constant_values=IGNORE).ravel()
    stride = boundary.shape[1] + 2 * margin
    queries = np.flatnonzero(boundary != IGNORE)
    of_class = boundary.ravel()[queries]
    rows, columns = np.divmod(queries, boundary.shape[1])
    starts = (rows + margin) * stride + columns + margin
    total = np.bincount(of_class, minlength=classes)
    known = np.bincount(other[other != IGNORE], minlength=classes)
    near, passed = np.zeros(classes), np.zeros(len(places) + 1, np.int32)
    for k in np.flatnonzero(total * known).tolist():
        np.cumsum(places == k, out=passed[1:])  # before each place, row by row; margins keep the rows apart
        at = starts[of_class == k]
        for row, half in disk:
            middle = at + row * stride
            at = at[passed[middle + half + 1] == passed[middle - half]]
        near[k] = total[k] - len(at)
    return np.divide(near, total, out=np.full(classes, np.nan), where=total > 0)
