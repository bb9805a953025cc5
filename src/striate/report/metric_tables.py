"""The final metrics with their 95 % intervals: a table over the splits, and a table over the classes, the worst first."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, final

from striate.number_format import finite, percent_number
from striate.tasks.figure import SHARE, Figure, figures_of

__all__ = ["ClassRow", "ClassTable", "Estimate", "class_table", "in_percent", "metric_table"]

FLOORS = (0.99, 0.98, 0.95, 0.9, 0.8, 0.5, 0.0)  # where the axis of the per-class intervals may begin


@final
@dataclass(frozen=True)
class Estimate:
    """A value and the ends of its interval, as text; `unit` begins with a space, or is empty."""

    value: str
    low: str
    high: str
    unit: str = " %"
    marks: tuple[str, str, str] | None = None  # low, value, high on the axis, in percent of its length

    @property
    def range(self) -> str:
        """The interval; with a word where a minus sign would stand beside the dash."""
        return f"{self.low} to {self.high}" if self.low.startswith("-") else f"{self.low}\u2013{self.high}"


@final
@dataclass(frozen=True)
class ClassRow:
    name: str
    images: int
    estimates: tuple[Estimate, ...]


@final
@dataclass(frozen=True)
class ClassTable:
    columns: tuple[str, ...]
    rows: tuple[ClassRow, ...]
    floor: str  # where the axis of the intervals begins, in percent


def metric_table(metrics: Mapping[str, Any]) -> list[tuple[str, dict[str, Estimate | None]]]:
    """Every figure: its name, and its estimate for each split."""
    figures = {split: {one.key: one for one in figures_of(of_split)} for split, of_split in metrics.items()}
    titles = {key: one.title for of_split in figures.values() for key, one in of_split.items()}
    return [
        (title, {split: estimate(of[key]) if key in of else None for split, of in figures.items()})
        for key, title in titles.items()
    ]


def class_table(per_class: Sequence[Mapping[str, Any]], by: str) -> ClassTable:
    """Classes by the figure `by`, the lowest first; all intervals share an axis that ends at 100 %, as short as they allow."""
    rows = [(row["class"], row["images"], figures_of(row), row[by]["value"]) for row in per_class]
    shares = [one for _, _, figures, _ in rows for one in figures if one.unit == SHARE]
    lows = [low for one in shares if (low := finite(one.low)) is not None]
    floor = next(floor for floor in FLOORS if floor <= min(lows, default=0.0))
    return ClassTable(
        columns=tuple(one.title for one in rows[0][2]),
        rows=tuple(
            ClassRow(name, images, tuple(estimate(one, floor) for one in figures))
            for name, images, figures, _ in sorted(rows, key=lambda row: finite(row[3]) or 0.0)
        ),
        floor=f"{100 * floor:g}",
    )


def in_percent(table: ClassTable, order: str) -> str:
    """The caption of a table of shares that are sorted so."""
    return f"in percent, {order}; 95 % intervals on an axis from {table.floor} to 100"


def estimate(figure: Figure, floor: float = 0.0) -> Estimate:
    """The figure as text; `floor` is where the axis of its interval begins."""
    low, value, high = finite(figure.low), finite(figure.value), finite(figure.high)
    if figure.unit != SHARE:
        unit = f" {figure.unit}" if figure.unit else ""
        return Estimate(figure.digits(value), figure.digits(low), figure.digits(high), unit)
    marks = None
    if low is not None and value is not None and high is not None:
        marks = _along(low, floor), _along(value, floor), _along(high, floor)
    return Estimate(percent_number(value), percent_number(low), percent_number(high), marks=marks)


def _along(share: float, floor: float) -> str:
    return f"{100 * min(1.0, max(0.0, (share - floor) / (1 - floor))):.1f}"
