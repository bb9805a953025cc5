"""Axes of a chart: a range with round ends around the values, its ticks and their labels."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

from striate.number_format import four_digits

DRAWABLE = 1e100  # larger numbers are as good as infinite, and their differences would overflow


@final
@dataclass(frozen=True)
class Axis:
    """A range of values with its ticks; `share` is 0 at its low end and 1 at its high end."""

    low: float
    high: float
    ticks: tuple[float, ...]
    logarithmic: bool = False

    def share(self, value: float) -> float:
        if self.logarithmic:
            return math.log10(value / self.low) / math.log10(self.high / self.low)
        return (value - self.low) / (self.high - self.low)


def linear_axis(values: Sequence[float], ceiling: float = math.inf) -> Axis:
    """From round number to round number around the values; a constant gets some room above and below."""
    low, high = min(values), max(values)
    if high - low <= max(1e-4 * max(abs(low), abs(high)), 1 / DRAWABLE):
        room = 0.1 * abs(high) if abs(high) > 1 / DRAWABLE else 1.0
        low, high = (max(0.0, low - room) if low >= 0 else low - room), max(high, min(ceiling, high + room))
    step = round_step(high - low, 5)
    ticks = [step * n for n in range(math.floor(low / step + 1e-6), math.ceil(high / step - 1e-6) + 1)]
    return Axis(min(low, ticks[0]), max(high, ticks[-1]), tuple(ticks))


def percent_axis(values: Sequence[float]) -> Axis:
    return linear_axis(values, ceiling=100.0)


def loss_axis(values: Sequence[float]) -> Axis:
    """Logarithmic where positive values span two decades or more, else linear."""
    low, high = min(values), max(values)
    if low <= 1 / DRAWABLE or high < 100 * low:
        return linear_axis(values)
    bottom, top = math.floor(math.log10(low) + 1e-9), math.ceil(math.log10(high) - 1e-9)
    stride = math.ceil((top - bottom) / 6)
    ticks = tuple(10.0**power for power in range(bottom, top + stride, stride))
    return Axis(min(low, ticks[0]), max(high, ticks[-1]), ticks, logarithmic=True)


def epoch_ticks(first: int, last: int) -> list[int]:
    """Whole epochs at round distances."""
    step = max(1, round(round_step(last - first, 6))) if last > first else 1
    return list(range(first + -first % step, last + 1, step))


def round_step(span: float, steps: int) -> float:
    """The smallest of 1, 2, 5, 10, ... times a power of ten that covers `span` in at most `steps` steps."""
    power = 10.0 ** math.floor(math.log10(span / steps))
    return next(power * factor for factor in (1, 2, 5, 10, 20) if power * factor * steps >= span * (1 - 1e-9))


def tick_labels(axis: Axis) -> list[str]:
    """All labels of an axis in one form: the decimals that its step needs, or powers of ten far from one."""
    if axis.logarithmic:
        return [four_digits(tick) for tick in axis.ticks]
    largest, step = max(abs(tick) for tick in axis.ticks), axis.ticks[1] - axis.ticks[0]
    exponent = math.floor(math.log10(step) + 1e-9)
    if largest < 1e5 and exponent >= -4:
        return [f"{tick:,.{max(0, -exponent)}f}" for tick in axis.ticks]
    digits = max(0, math.floor(math.log10(largest) + 1e-9) - exponent)
    return [_short(f"{tick:.{digits}e}") if abs(tick) > step / 2 else "0" for tick in axis.ticks]


def _short(scientific: str) -> str:
    mantissa, exponent = scientific.split("e")
    return f"{mantissa}e{int(exponent)}"
