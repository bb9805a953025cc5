"""The first lines of the page: the accuracy, its confidence interval, and the baseline to compare it with."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, final

from striate.number_format import finite, percent, percent_range

SPLITS = {"train": "training", "val": "validation", "test": "test"}


@final
@dataclass(frozen=True)
class Verdict:
    """The accuracy of one split, with its 95 % interval; shares are text."""

    split: str
    value: str
    interval: str
    images: int
    misclassified: int
    baseline: str  # accuracy of always predicting the largest class
    largest_class: str
    beats_baseline: bool  # the whole interval lies above the baseline
    chose_epoch: bool  # this split also chose the epoch, so its accuracy is optimistic

    def line(self) -> str:
        """The result in one line: the accuracy, its interval, and the baseline of always predicting the largest class."""
        line = (
            f"{SPLITS[self.split]} accuracy: {self.value} (95 % interval {self.interval}, {self.images:,} images); "
            f"baseline: {self.baseline} (always {self.largest_class!r})"
        )
        return line + ("; optimistic, as these images also chose the epoch" if self.chose_epoch else "")


def read_verdict(manifest: Mapping[str, Any], metrics: Mapping[str, Any]) -> Verdict | None:
    """None where the run has no final metrics, because it stopped early or held out no images."""
    split = manifest.get("reported_split") or next(iter(metrics), "test")
    of_split = metrics.get(split)
    if not of_split:
        return None
    accuracy, confusion = of_split["accuracy"], of_split["confusion_matrix"]
    images = of_split["images"]
    low, high, baseline = finite(accuracy["low"]), finite(accuracy["high"]), finite(of_split["baseline_accuracy"])
    decimals = 2 if low is not None and high is not None and high - low < 0.002 else 1
    return Verdict(
        split=split,
        value=percent(accuracy["value"], decimals),
        interval=percent_range(low, high, decimals),
        images=images,
        misclassified=images - sum(row[n] for n, row in enumerate(confusion)),
        baseline=percent(baseline),
        largest_class=max(of_split["per_class"], key=lambda row: row["images"])["class"],
        beats_baseline=low is not None and baseline is not None and low > baseline,
        chose_epoch=split == "val" and validation_chose(manifest),
    )


def validation_chose(manifest: Mapping[str, Any]) -> bool:
    """Whether the validation images chose among epochs, of which a head fitted on features is one."""
    keep = manifest.get("keep")
    return manifest.get("epochs") != 0 and keep != "last" and (keep != "auto" or bool(manifest.get("head")))


def verdict_line(manifest: Mapping[str, Any], metrics: Mapping[str, Any]) -> str:
    """The verdict in one line, or why there is none."""
    verdict = read_verdict(manifest, metrics)
    if verdict is None:
        return "accuracy: not measured, as no image was held out; set --val or --test above 0"
    return verdict.line()
