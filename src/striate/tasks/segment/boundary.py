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
    label that have a predicted one. What is IGNORE in the labels has no class in either mask: it makes no boundary.

    0 of a class that occurs in only one of both, or has a boundary in only one. NaN of a class that occurs in neither, or
    in both without a boundary: nothing can be compared.
    """
    reach = boundary_tolerance(*labels.shape) if tolerance is None else tolerance
    counts = labels != IGNORE
    truth, found = (np.where(counts, one, IGNORE).astype(np.int64) for one in (labels, predicted))
    of_truth, of_found = _boundary(truth), _boundary(found)
    offsets = _disk(reach)
    recall = _share_near(of_truth, of_found, offsets, classes)
    precision = _share_near(of_found, of_truth, offsets, classes)
    either = ~np.isnan(precision) | ~np.isnan(recall)
    in_truth, in_found = (np.bincount(one[counts], minlength=classes) > 0 for one in (truth, found))
    precision, recall = np.nan_to_num(precision), np.nan_to_num(recall)
    total = precision + recall
    scores = np.divide(2 * precision * recall, total, out=np.zeros(classes), where=total > 0)
    scores[~either & (in_truth == in_found)] = np.nan
    return scores


def _boundary(mask: Array) -> Array:
    """The class of each boundary pixel, elsewhere IGNORE: H W -> H W"""
    edges = np.zeros(mask.shape, np.bool_)
    for one, other in ((np.s_[1:, :], np.s_[:-1, :]), (np.s_[:, 1:], np.s_[:, :-1])):
        differs = (mask[one] != mask[other]) & (mask[one] != IGNORE) & (mask[other] != IGNORE)
        edges[one] |= differs
        edges[other] |= differs
    return np.where(edges, mask, IGNORE)


def _disk(reach: float) -> Array:
    """Rows and columns from a pixel to those within reach, the nearest first: D 2"""
    whole = math.floor(reach)
    steps = np.mgrid[-whole : whole + 1, -whole : whole + 1].reshape(2, -1).T
    squares = (steps**2).sum(1)
    order = np.argsort(squares, kind="stable")
    return steps[order][squares[order] <= reach * reach + 1e-9]


def _share_near(boundary: Array, other: Array, offsets: Array, classes: int) -> npt.NDArray[np.float64]:
    """Of the boundary pixels of each class the share that has one of the same class in the other mask near it; NaN without any.

    Each boundary pixel searches, the nearest places first, until it has found one: no class needs a map of its own, and most
    pixels of a good prediction search few places.
    """
    margin = int(np.abs(offsets).max(initial=0))
    padded = np.pad(other, margin, constant_values=IGNORE)
    places, mask = padded.ravel(), boundary.ravel()
    missing = np.flatnonzero(mask != IGNORE)
    of_class = mask[missing]
    total = np.bincount(of_class, minlength=classes)
    rows, columns = np.divmod(missing, boundary.shape[1])
    at = (rows + margin) * padded.shape[1] + columns + margin
    for step in offsets @ np.array([padded.shape[1], 1]):
        alone = places[at + step] != of_class
        at, of_class = at[alone], of_class[alone]
    near = total - np.bincount(of_class, minlength=classes)
    return np.divide(near, total, out=np.full(classes, np.nan), where=total > 0)
