"""Intervals by resampling images: the percentile bootstrap (Efron 1979) of figures that are sums over images."""

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from striate.tasks.figure import SHARE, Figure
from striate.tasks.intervals import of_resamples

__all__ = ["FEWEST_IMAGES", "figure_of_resamples", "mean_over_known", "resample_weights"]

Array = npt.NDArray[Any]
FEWEST_IMAGES: Final = 5  # of fewer, drawing them again tells nothing of others: no interval
RESAMPLES: Final = 400
RESAMPLED_ENTRIES: Final = 20_000_000  # of all resamples together


def resample_weights(images: int, entries: int = 1) -> npt.NDArray[np.float64]:
    """How often each image counts: 1+R N, each of them once, then as drawn with replacement.

    entries: how many numbers are kept of a resample, beside these.
    """
    count = max(20, min(RESAMPLES, RESAMPLED_ENTRIES // max(1, images, entries)))
    drawn = np.random.default_rng(0).multinomial(images, np.full(images, 1 / images), count)
    return np.concatenate([np.ones((1, images)), drawn])


def figure_of_resamples(
    name: str, values: Array, images: int, unit: str = SHARE, *, higher_is_better: bool = True
) -> Figure:
    """A figure of the images themselves, the first of 1+R values, and its interval.

    Without an interval where it is not defined (NaN), or of fewer than FEWEST_IMAGES. A resample in which it is not defined does
    not count.
    """
    value, resampled = float(values[0]), values[1:][~np.isnan(values[1:])]
    if np.isnan(value) or not len(resampled) or images < FEWEST_IMAGES:
        return Figure(name, value, None, None, unit, higher_is_better)
    return Figure.of(name, of_resamples(value, resampled), unit, higher_is_better=higher_is_better)


def mean_over_known(values: Array) -> Array:
    """Mean over the last axis without the NaN; NaN where nothing else is."""
    known = ~np.isnan(values)
    total, count = np.where(known, values, 0.0).sum(-1), known.sum(-1)
    return np.divide(total, count, out=np.full(np.shape(total), np.nan), where=count > 0)
