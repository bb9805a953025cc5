"""The final figures with their 95 % intervals: of every split together, and class by class, the worst first."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, final

from striate.report.numbers import figure, number, percent

NAMES = {
    "accuracy": "Accuracy",
    "top5_accuracy": "Right class among the first five",
    "macro_f1": "F1, mean of classes",
    "weighted_f1": "F1, weighted by images",
    "macro_precision": "Precision, mean of classes",
    "macro_recall": "Recall, mean of classes",
    "log_loss": "Log loss",
    "expected_calibration_error": "Calibration error",
}
PER_CLASS = ("precision", "recall", "f1")
SHARES = {*NAMES, *PER_CLASS} - {"log_loss"}  # shown in percent
FLOORS = (0.99, 0.98, 0.95, 0.9, 0.8, 0.5, 0.0)  # where the scale of the classes may begin


@final
@dataclass(frozen=True)
class Estimate:
    """A value and the ends of its interval, as text; `unit` is " %" or empty."""

    value: str
    low: str
    high: str
    unit: str = " %"
    marks: tuple[str, str, str] | None = None  # low, value, high on the scale of the classes, in percent of its length


@final
@dataclass(frozen=True)
class ClassRow:
    name: str
    images: int
    precision: Estimate
    recall: Estimate
    f1: Estimate


@final
@dataclass(frozen=True)
class ClassTable:
    rows: tuple[ClassRow, ...]
    floor: str  # where the scale of the marks begins, in percent


def summary(metrics: Mapping[str, Any]) -> list[tuple[str, dict[str, Estimate | None]]]:
    """Every figure that has an interval: its name, and its estimate for each split."""
    keys = dict.fromkeys(
        key for figures in metrics.values() for key, part in figures.items() if isinstance(part, Mapping)
    )
    ordered = [key for key in NAMES if key in keys] + [key for key in keys if key not in NAMES]
    return [
        (
            NAMES.get(key, key.replace("_", " ")),
            {split: estimate(figures[key], key) if key in figures else None for split, figures in metrics.items()},
        )
        for key in ordered
    ]


def class_table(figures: Mapping[str, Any]) -> ClassTable:
    """Classes by F1; all marks share a scale that ends at 100 % and begins as high as the intervals allow."""
    rows = figures["per_class"]
    lows = [low for row in rows for key in PER_CLASS if (low := number(row[key]["low"])) is not None]
    floor = next(floor for floor in FLOORS if floor <= min(lows, default=0.0))
    return ClassTable(
        rows=tuple(
            ClassRow(row["class"], row["images"], *(estimate(row[key], key, floor) for key in PER_CLASS))
            for row in sorted(rows, key=lambda row: number(row["f1"]["value"]) or 0.0)
        ),
        floor=f"{100 * floor:g}",
    )


def estimate(interval: Mapping[str, Any], key: str, floor: float = 0.0) -> Estimate:
    """The figure named `key` as text; `floor` is where the scale of its marks begins."""
    low, value, high = (number(interval.get(end)) for end in ("low", "value", "high"))
    if key not in SHARES:
        return Estimate(figure(value), figure(low), figure(high), unit="")
    marks = None
    if low is not None and value is not None and high is not None:
        marks = _along(low, floor), _along(value, floor), _along(high, floor)
    return Estimate(percent(value), percent(low), percent(high), marks=marks)


def _along(share: float, floor: float) -> str:
    return f"{100 * min(1.0, max(0.0, (share - floor) / (1 - floor))):.1f}"
