"""The final metrics with their 95 % intervals: a table over the splits, and a table over the classes, the worst first."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, final

from striate.number_format import finite, four_digits, percent_number

METRIC_NAMES = {
    "accuracy": "Accuracy",
    "top5_accuracy": "Top-5 accuracy",
    "macro_f1": "F1, macro average",
    "weighted_f1": "F1, weighted average",
    "macro_precision": "Precision, macro average",
    "macro_recall": "Recall, macro average",
    "log_loss": "Log loss",
    "expected_calibration_error": "Expected calibration error",
}
PER_CLASS = ("precision", "recall", "f1")
SHARES = {*METRIC_NAMES, *PER_CLASS} - {"log_loss"}  # shown in percent
FLOORS = (0.99, 0.98, 0.95, 0.9, 0.8, 0.5, 0.0)  # where the axis of the per-class intervals may begin


@final
@dataclass(frozen=True)
class Estimate:
    """A value and the ends of its interval, as text; `unit` is " %" or empty."""

    value: str
    low: str
    high: str
    unit: str = " %"
    marks: tuple[str, str, str] | None = None  # low, value, high on the axis, in percent of its length


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
    floor: str  # where the axis of the intervals begins, in percent


def metric_table(metrics: Mapping[str, Any]) -> list[tuple[str, dict[str, Estimate | None]]]:
    """Every metric that has an interval: its name, and its estimate for each split."""
    keys = dict.fromkeys(
        key for of_split in metrics.values() for key, value in of_split.items() if isinstance(value, Mapping)
    )
    ordered = [key for key in METRIC_NAMES if key in keys] + [key for key in keys if key not in METRIC_NAMES]
    return [
        (
            METRIC_NAMES.get(key, key.replace("_", " ")),
            {split: estimate(of_split[key], key) if key in of_split else None for split, of_split in metrics.items()},
        )
        for key in ordered
    ]


def class_table(metrics: Mapping[str, Any]) -> ClassTable:
    """Classes by F1; all intervals share an axis that ends at 100 % and begins as high as they allow."""
    rows = metrics["per_class"]
    lows = [low for row in rows for key in PER_CLASS if (low := finite(row[key]["low"])) is not None]
    floor = next(floor for floor in FLOORS if floor <= min(lows, default=0.0))
    return ClassTable(
        rows=tuple(
            ClassRow(row["class"], row["images"], *(estimate(row[key], key, floor) for key in PER_CLASS))
            for row in sorted(rows, key=lambda row: finite(row["f1"]["value"]) or 0.0)
        ),
        floor=f"{100 * floor:g}",
    )


def estimate(interval: Mapping[str, Any], key: str, floor: float = 0.0) -> Estimate:
    """The metric `key` as text; `floor` is where the axis of its interval begins."""
    low, value, high = (finite(interval.get(end)) for end in ("low", "value", "high"))
    if key not in SHARES:
        return Estimate(four_digits(value), four_digits(low), four_digits(high), unit="")
    marks = None
    if low is not None and value is not None and high is not None:
        marks = _along(low, floor), _along(value, floor), _along(high, floor)
    return Estimate(percent_number(value), percent_number(low), percent_number(high), marks=marks)


def _along(share: float, floor: float) -> str:
    return f"{100 * min(1.0, max(0.0, (share - floor) / (1 - floor))):.1f}"
