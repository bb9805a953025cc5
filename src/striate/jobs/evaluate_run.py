"""Evaluate a run: on a split of its own data, or on other data with the same classes.

Images of other data are recognized by content, so that a run's training images are not measured unless requested.
"""

from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, final

import torch

from striate.analysis.evaluation_data import load_split, open_other_data, open_own_data, own_splits
from striate.analysis.held_out import SplitOverlap, select_images, select_own_images
from striate.analysis.new_images import findings_on_new
from striate.analysis.split_evaluation import evaluate_split
from striate.data import Source, describe_source
from striate.errors import SettingError
from striate.findings import Finding
from striate.progress import ProgressDisplay, progress_display
from striate.runs import Bundle, RunFolder
from striate.runs.run_splits import check_written_splits
from striate.runs.weights_splits import read_images_of_chain
from striate.sources import TrainingData
from striate.tasks import Task
from striate.training import choose_device, keep_freed_memory
from striate.training.opening import check_reading


@final
@dataclass(frozen=True)
class EvaluationResult:
    """The metrics of one split, as in metrics.json.

    For other data also which images were measured and left out, and findings. For a run's own data
    `overlap` is None, unless they are its training images. `tta`: the test-time augmentation, where it is not that of the run.
    """

    data: str
    split: str
    metrics: dict[str, Any]
    overlap: SplitOverlap | None = None
    findings: tuple[Finding, ...] = ()
    tta: str | None = None

    def as_json(self) -> dict[str, Any]:
        """The metrics, and beside them `tta` where it is not the run's, and `overlap` and `findings` for other data."""
        metrics = self.metrics if self.tta is None else {**self.metrics, "tta": self.tta}
        if self.overlap is None:
            return metrics
        findings = [finding.as_json() for finding in self.findings]
        return {**metrics, "overlap": self.overlap.as_json(), "findings": findings}

    def warnings(self) -> list[str]:
        """Images that were left out, training images that were measured, and findings."""
        lines = [finding.line() for finding in self.findings]
        if self.overlap is not None and (self.overlap.excluded or self.overlap.measures_memory):
            lines.insert(0, self.overlap.line())
        return lines


def evaluate(
    run: str | Path,
    data: TrainingData | None = None,
    split: str | None = None,
    *,
    max_bad: float | None = None,
    device: str = "auto",
    tta: str | None = None,
    progress: bool = False,
    own_task: type[Task] | None = None,
    **reading: Any,
) -> EvaluationResult:
    """Evaluate a run's network on `device` ("auto": the first GPU, or else the CPU).

    Without `data`, its own data are split as in the run's splits.csv; `split` is then "test" if there is one. Other data are
    taken whole if they have no splits, except images that the run, or a run before it by its weights, was trained on, or that
    chose its epoch; `split` "train" or "val" includes those. `reading`: settings for reading other data (source, class_level,
    task ...), where the run's own do not fit; `max_bad`: the largest share of their files that may be unreadable; `tta`: test-time
    augmentation, that of the run if left out, for which its thresholds and intervals were chosen; `progress`: print how they are
    read. Raises RunError where the classes differ, where no image is left, or where the run's own data changed.
    """
    folder = RunFolder.open(Path(run))
    check_reading(reading)
    if data is None and (given := [*reading, *([] if max_bad is None else ["max_bad"])]):
        raise SettingError(
            f"{', '.join(given)}: the data of the run are read as in training; give this only with --data"
        )
    chosen = choose_device(device)
    stored = folder.bundle(own_task)
    bundle = stored.with_tta(tta)
    other_tta = tta if bundle.preprocessing != stored.preprocessing else None
    check_written_splits(folder)
    keep_freed_memory()
    display = progress_display(progress)
    try:
        if data is None:
            return replace(_evaluate_own(folder, bundle, split, chosen, display), tta=other_tta)
        source = open_other_data(folder, bundle, data, reading, max_bad)
        return replace(_evaluate_other(folder, bundle, source, split, chosen, display), tta=other_tta)
    finally:
        display.close()


def _evaluate_own(
    folder: RunFolder, bundle: Bundle, split: str | None, device: torch.device, display: ProgressDisplay
) -> EvaluationResult:
    source = open_own_data(folder, bundle)
    name, samples, overlap = select_own_images(
        own_splits(folder, bundle, source, display.reading),
        requested=split,
        location=source.location,
        run=str(folder.path),
    )
    return EvaluationResult(source.name, name, evaluate_split(bundle, samples, device), overlap)


def _evaluate_other(
    folder: RunFolder,
    bundle: Bundle,
    source: Source,
    split: str | None,
    device: torch.device,
    display: ProgressDisplay,
) -> EvaluationResult:
    display.messages(describe_source(source.as_stored()))
    contents, source = source.contents, source.as_stored()
    name, samples, overlap = select_images(
        source.splits,
        partial(load_split, source, bundle, display.reading),
        read_images_of_chain(folder),
        contents,
        requested=split,
        location=source.location,
        run=str(folder.path),
    )
    findings = findings_on_new(bundle, source.survey, samples.pixels.measurements.statistics, samples.ids)
    metrics = evaluate_split(bundle, samples, device)
    return EvaluationResult(source.name, name, metrics, overlap, tuple(findings))
