"""95 % confidence intervals: how far a figure may lie from the true value, because it was measured on so many images."""

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from striate.tasks.figure import Interval

Z = 1.959964  # 95 % of a normal distribution lie within Z standard deviations


def wilson(hits: int, total: int) -> Interval:
    """A proportion of independent trials (Wilson 1927); without trials the interval is 0 to 1."""
    if total == 0:
        return Interval(0.0, 0.0, 1.0)
    share, spread = hits / total, Z * Z / total
    middle = (share + spread / 2) / (1 + spread)
    half = Z / (1 + spread) * math.sqrt(share * (1 - share) / total + spread / (4 * total))
    return Interval(share, max(0.0, min(share, middle - half)), min(1.0, max(share, middle + half)))


def of_mean(values: npt.NDArray[np.float64]) -> Interval:
    """A mean of values that are never negative, such as losses, by the normal approximation."""
    mean = float(values.mean())
    half = Z * float(values.std(ddof=1)) / math.sqrt(len(values)) if len(values) > 1 else 0.0
    return Interval(mean, max(0.0, mean - half), mean + half)


def of_folds(values: Sequence[float], bounds: tuple[float, float] = (0.0, 1.0)) -> Interval:
    """A mean over the K folds of a cross-validation, clipped to the bounds, by default those of a proportion.

    Folds share most of their training images, so their results vary less than independent ones would: the variance of
    the mean is taken as (1/K + 1/(K-1)) times theirs (Nadeau and Bengio, "Inference for the generalization error",
    Machine Learning 52, 2003), and Student's t has K-1 degrees of freedom.
    """
    count, mean = len(values), sum(values) / len(values)
    variance = sum((value - mean) ** 2 for value in values) / (count - 1)
    half = student_t(count - 1) * math.sqrt((1 / count + 1 / (count - 1)) * variance)
    return Interval(mean, max(bounds[0], mean - half), min(bounds[1], mean + half))


def student_t(degrees_of_freedom: int) -> float:
    """The 97.5th percentile of Student's t: where the integral of its density from 0 reaches 0.475."""
    t = np.linspace(0, 13, 130_001)
    scale = math.exp(math.lgamma((degrees_of_freedom + 1) / 2) - math.lgamma(degrees_of_freedom / 2)) / math.sqrt(
        degrees_of_freedom * math.pi
    )
    density = scale * (1 + t * t / degrees_of_freedom) ** (-(degrees_of_freedom + 1) / 2)
    reached = np.concatenate([[0.0], np.cumsum((density[1:] + density[:-1]) / 2 * (t[1] - t[0]))])
    return float(np.interp(0.475, reached, t))


def of_resamples(value: float, resampled: npt.NDArray[np.float64]) -> Interval:
    """The percentile bootstrap (Efron 1979): the middle 95 % of the resampled values, widened to contain the figure."""
    low, high = np.nanpercentile(resampled, [2.5, 97.5])
    return Interval(value, float(min(low, value)), float(max(high, value)))
