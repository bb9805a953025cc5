"""95 % intervals: how far a figure could lie from the truth because only so many pictures were measured."""

import math
from dataclasses import asdict, dataclass
from typing import final

import numpy as np
import numpy.typing as npt

Z = 1.959964  # of a normal distribution, 95 % lie within


@final
@dataclass(frozen=True)
class Interval:
    """A figure and the ends of its 95 % interval."""

    value: float
    low: float
    high: float

    def as_json(self) -> dict[str, float]:
        return asdict(self)


def wilson(hits: int, total: int) -> Interval:
    """A share of independent trials (Wilson 1927); with no trials nothing is known: 0 to 1."""
    if total == 0:
        return Interval(0.0, 0.0, 1.0)
    share, spread = hits / total, Z * Z / total
    middle = (share + spread / 2) / (1 + spread)
    half = Z / (1 + spread) * math.sqrt(share * (1 - share) / total + spread / (4 * total))
    return Interval(share, max(0.0, min(share, middle - half)), min(1.0, max(share, middle + half)))


def of_mean(values: npt.NDArray[np.float64]) -> Interval:
    """A mean, by the normal approximation."""
    mean = float(values.mean())
    half = Z * float(values.std(ddof=1)) / math.sqrt(len(values)) if len(values) > 1 else 0.0
    return Interval(mean, mean - half, mean + half)


def of_draws(value: float, draws: npt.NDArray[np.float64]) -> Interval:
    """A figure with the middle 95 % of its bootstrap draws (Efron 1979), widened to contain the figure."""
    low, high = np.nanpercentile(draws, [2.5, 97.5])
    return Interval(value, float(min(low, value)), float(max(high, value)))
