"""The first lines of the page: the figure that counts, how sure it is, and what it must be compared with."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, final

from striate.report.numbers import number, percent

SPLITS = {"train": "training", "val": "validation", "test": "test"}


@final
@dataclass(frozen=True)
class Verdict:
    """Shares as text in percent; `low` and `high` end the 95 % interval."""

    split: str
    value: str
    low: str
    high: str
    images: int
    wrong: int
    largest_class: str  # share of the largest class: what saying always the same would reach
    largest_name: str
    beats_largest: bool  # the whole interval lies above that share
    chose_epoch: bool  # this split also chose the epoch, so the figure is optimistic


def read_verdict(manifest: Mapping[str, Any], metrics: Mapping[str, Any]) -> Verdict | None:
    """None where the run has no final figures, because it stopped or was not measured."""
    split = manifest.get("reported_split") or next(iter(metrics), "test")
    figures = metrics.get(split)
    if not figures:
        return None
    accuracy, confusion = figures["accuracy"], figures["confusion_matrix"]
    images = figures["images"]
    low, high, largest = number(accuracy["low"]), number(accuracy["high"]), number(figures["baseline_accuracy"])
    decimals = 2 if low is not None and high is not None and high - low < 0.002 else 1
    return Verdict(
        split=split,
        value=percent(accuracy["value"], decimals),
        low=percent(low, decimals),
        high=percent(high, decimals),
        images=images,
        wrong=images - sum(row[n] for n, row in enumerate(confusion)),
        largest_class=percent(largest),
        largest_name=max(figures["per_class"], key=lambda row: row["images"])["class"],
        beats_largest=low is not None and largest is not None and low > largest,
        chose_epoch=split == "val" and manifest.get("keep") != "last",
    )
