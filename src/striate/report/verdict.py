"""The first lines of the page: the main figure, its confidence interval, and the baseline to compare it with."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, final

from striate.number_format import finite
from striate.tasks.figure import SHARE, Figure, main_figure

SPLITS = {"train": "training", "val": "validation", "test": "test"}


@final
@dataclass(frozen=True)
class Verdict:
    """The main figure of one split, with its 95 % interval and the baseline as text."""

    split: str
    name: str
    value: str
    interval: str
    images: int
    baseline: str
    baseline_prediction: str  # the same for every image, in words
    beats_baseline: bool  # the whole interval is better than the baseline
    chose: str  # what these images also chose, such as the epoch, so that the figure is optimistic; empty for nothing

    def line(self) -> str:
        """The result in one line: the figure, its interval, and the baseline of one prediction for all images."""
        line = (
            f"{SPLITS[self.split]} {self.name}: {self.value} (95 % interval {self.interval}, {self.images:,} images); "
            f"baseline: {self.baseline} ({self.baseline_prediction})"
        )
        return line + (f"; optimistic, as these images also chose {self.chose}" if self.chose else "")


def read_verdict(manifest: Mapping[str, Any], metrics: Mapping[str, Any]) -> Verdict | None:
    """None where the run has no final metrics, because it stopped early or held out no images."""
    split = manifest.get("reported_split") or next(iter(metrics), "test")
    of_split = metrics.get(split)
    if not of_split:
        return None
    main, baseline = main_figure(of_split), of_split["baseline"]
    low, high, of_baseline = finite(main.low), finite(main.high), finite(baseline["value"])
    decimals = decimals_of(main)
    better = False
    if low is not None and high is not None and of_baseline is not None:
        better = low > of_baseline if main.higher_is_better else high < of_baseline
    return Verdict(
        split=split,
        name=main.name,
        value=main.text(decimals),
        interval=main.interval_text(decimals),
        images=of_split["images"],
        baseline=replace(main, value=baseline["value"]).text(),
        baseline_prediction=baseline["prediction"],
        beats_baseline=better,
        chose=validation_chose(manifest) if split == "val" else "",
    )


def decimals_of(figure: Figure) -> int:
    """Those that a share and its interval are shown with: two where the interval is narrow."""
    low, high = finite(figure.low), finite(figure.high)
    return 2 if figure.unit == SHARE and low is not None and high is not None and high - low < 0.002 else 1


def validation_chose(manifest: Mapping[str, Any]) -> str:
    """What the validation images chose: one of the epochs, or of these and a head on features; thresholds; or nothing."""
    keep = manifest.get("keep")
    among_epochs = manifest.get("epochs") != 0 and keep != "last" and (keep != "auto" or bool(manifest.get("head")))
    chosen = ["the epoch"] if among_epochs else []
    chosen += ["thresholds or intervals"] if manifest.get("calibrated") else []
    return " and ".join(chosen)


def verdict_line(manifest: Mapping[str, Any], metrics: Mapping[str, Any]) -> str:
    """The verdict in one line, or why there is none."""
    verdict = read_verdict(manifest, metrics)
    if verdict is None:
        return "result: not measured, as no image was held out; set --val or --test above 0"
    return verdict.line()
