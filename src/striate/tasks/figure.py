"""A figure: a named number with all that it takes to read it."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final, final

from striate.number_format import UNKNOWN, finite, four_digits, percent, percent_range

__all__ = ["SHARE", "Figure", "Interval", "figures_of", "main_figure"]

SHARE: Final = "%"  # the unit of shares from 0 to 1, which are shown in percent


@final
@dataclass(frozen=True)
class Interval:
    """A value and its 95 % confidence interval."""

    value: float
    low: float
    high: float

    def as_json(self) -> dict[str, float]:
        return asdict(self)


@final
@dataclass(frozen=True)
class Figure:
    """`unit` is "%" of a share from 0 to 1, that of the data, or empty; `low` and `high` are the ends of the 95 % interval.

    of_images: whether it is the share of images of one kind, such as accuracy. Training asks it of epochs, and no file holds it.
    """

    name: str
    value: float
    low: float | None = None
    high: float | None = None
    unit: str = SHARE
    higher_is_better: bool = True
    of_images: bool = False

    @classmethod
    def of(cls, name: str, interval: Interval, unit: str = SHARE, *, higher_is_better: bool = True) -> "Figure":
        """A figure with its interval."""
        return cls(name, interval.value, interval.low, interval.high, unit, higher_is_better)

    @property
    def key(self) -> str:
        """The name in files: "macro F1" is macro_f1."""
        return self.name.lower().replace(" ", "_").replace("-", "")

    @property
    def merit(self) -> float:
        """Higher is better; a figure that is not defined, of too few images, is the worst."""
        if math.isnan(self.value):
            return -math.inf
        return self.value if self.higher_is_better else -self.value

    def text(self, decimals: int = 1) -> str:
        """ "97.3 %", "0.1234 mm"; decimals of a share."""
        if self.unit == SHARE:
            return percent(self.value, decimals)
        return f"{self.digits(self.value)} {self.unit}".rstrip()

    def digits(self, value: Any) -> str:
        """A value of this figure, without the digits that its interval makes meaningless."""
        known, low, high = finite(value), finite(self.low), finite(self.high)
        if known is None or low is None or high is None or low == high or not 1e-4 < high - low < 1e6:
            return four_digits(value)
        return f"{known:z,.{max(0, 1 - math.floor(math.log10(high - low)))}f}"

    @property
    def title(self) -> str:
        """The name as a table begins a row with it."""
        return self.name[0].upper() + self.name[1:]

    def interval_text(self, decimals: int = 1) -> str:
        """ "96.1 to 98.2 %", "0.11 to 0.13 mm"; a dash where there is none."""
        if self.low is None or self.high is None:
            return UNKNOWN
        if self.unit == SHARE:
            return percent_range(self.low, self.high, decimals)
        return f"{self.digits(self.low)} to {self.digits(self.high)} {self.unit}".rstrip()

    def as_json(self) -> dict[str, Any]:
        values = {"value": self.value, "low": self.low, "high": self.high}
        entry = {**asdict(self), **{name: finite(value) for name, value in values.items()}}  # JSON has no NaN
        return {name: value for name, value in entry.items() if name != "of_images"}


def figures_of(metrics: Mapping[str, Any]) -> list[Figure]:
    """The figures of a split, or of a class, in metrics.json."""
    entries = [entry for entry in metrics.values() if isinstance(entry, Mapping) and "unit" in entry]
    return [Figure(**{**entry, "value": math.nan if entry["value"] is None else entry["value"]}) for entry in entries]


def main_figure(metrics: Mapping[str, Any]) -> Figure:
    """The first of them: the one that a run is judged by."""
    return figures_of(metrics)[0]
