"""Evaluate a run: on a split of its own data, or on other data with the same classes.

Images of other data are recognized by content, so that a run's training images are not measured unless requested.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, final

import torch

from striate.analysis.held_out import SplitOverlap, select_images
from striate.analysis.new_images import findings_on_new
from striate.analysis.split_evaluation import evaluate_split
from striate.data import LabeledImages, Source, describe_source, load_images, read_known_images
from striate.data.known_images import known_in
from striate.errors import DataError, RunError, SettingError
from striate.findings import Finding
from striate.runs import Bundle, RunFolder
from striate.runs.run_splits import check_written_splits, split_of_run
from striate.sources import TrainingData
from striate.training import Recipe, available_cores, choose_device, keep_freed_memory, read_toml
from striate.training.opening import check_reading, open_again, open_data_like

WAY_OUT = "pass data to evaluate on: run.evaluate((images, labels)) from Python, or --data"


@final
@dataclass(frozen=True)
class EvaluationResult:
    """The metrics of one split, as in metrics.json.

    For other data also how they were read, which images were measured and left out, and findings. For a run's own data
    `overlap` is None, unless they are its training images.
    """

    data: str
    split: str
    metrics: dict[str, Any]
    overlap: SplitOverlap | None = None
    findings: tuple[Finding, ...] = ()
    description: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """The metrics, and beside them `overlap` and `findings` for other data."""
        if self.overlap is None:
            return self.metrics
        findings = [finding.as_json() for finding in self.findings]
        return {**self.metrics, "overlap": self.overlap.as_json(), "findings": findings}

    def warnings(self) -> list[str]:
        """Images that were left out, training images that were measured, and findings."""
        lines = [finding.line() for finding in self.findings]
        if self.overlap is not None and (self.overlap.excluded or "train" in self.overlap.measured):
            lines.insert(0, self.overlap.line())
        return lines


def evaluate(
    folder: RunFolder,
    data: TrainingData | None = None,
    split: str | None = None,
    *,
    max_bad: float | None = None,
    device: str = "auto",
    **reading: Any,
) -> EvaluationResult:
    """Evaluate a run's network on `device` ("auto": the first GPU, or else the CPU).

    Without `data`, its own data are split as in the run's splits.csv; `split` is then "test" if there is one. Other data are
    taken whole if they have no splits, except images that the run was trained on or that chose its epoch; `split` "train" or
    "val" includes those. `reading`: settings for reading other data (source, class_level, task ...), where the run's own do
    not fit; `max_bad`: the largest share of their files that may be unreadable. Raises RunError where the classes differ,
    where no image is left, or where the run's own data changed.
    """
    check_reading(reading)
    if data is None and (given := [*reading, *([] if max_bad is None else ["max_bad"])]):
        raise SettingError(f"{', '.join(given)}: for reading other data; name them with --data")
    chosen = choose_device(device)
    bundle = folder.bundle()
    check_written_splits(folder)
    keep_freed_memory()
    if data is None:
        return _evaluate_own(folder, bundle, split, chosen)
    source = open_data_like(data, read_toml(folder.recipe_path)[0], reading)
    limits = source.limits if max_bad is None else replace(source.limits, max_bad=max_bad)
    if not reading.get("max_pixels"):
        limits = replace(limits, max_pixels=bundle.preprocessing.limits.max_pixels)
    return _evaluate_other(folder, bundle, source.with_limits(limits), split, chosen)


def _evaluate_own(folder: RunFolder, bundle: Bundle, split: str | None, device: torch.device) -> EvaluationResult:
    source = _own_source(folder, folder.manifest()["data"])
    _check_classes(bundle, source, folder)
    images = _own_splits(folder, source, bundle)
    name = split or next((name for name in ("test", "val") if name in images), None)
    if name is None:
        raise RunError(
            f"{folder.path}: was trained on all of its data and held out no images; give new images with --data, "
            "or `--split train` to measure how well it remembers its training images"
        )
    if name not in images:
        raise SettingError(f"split = {name!r}: {source.location} has {', '.join(sorted(images))}")
    overlap = SplitOverlap({"train": len(images[name])}, {}) if name == "train" else None
    return EvaluationResult(source.name, name, evaluate_split(bundle, images[name], device), overlap)


def _evaluate_other(
    folder: RunFolder, bundle: Bundle, source: Source, split: str | None, device: torch.device
) -> EvaluationResult:
    _check_classes(bundle, source, folder)
    known = read_known_images(folder.splits_path)
    if known is None and source.digest() == folder.manifest()["data"]["digest"]:  # its own data, known by their names
        known = known_in(_own_splits(folder, source, bundle))
    contents, source = source.contents, source.as_stored()
    name, samples, overlap = select_images(
        source.splits,
        partial(_other_split, source, bundle),
        known,
        contents,
        requested=split,
        location=source.location,
        run=str(folder.path),
    )
    findings = findings_on_new(bundle, source.survey, samples.pixels.measurements.statistics, samples.ids)
    metrics = evaluate_split(bundle, samples, device)
    return EvaluationResult(source.name, name, metrics, overlap, tuple(findings), describe_source(source))


def _own_source(folder: RunFolder, trained_on: Mapping[str, Any]) -> Source:
    """The data of a run, opened again. Raises RunError where they moved."""
    try:
        return open_again(trained_on["location"], read_toml(folder.recipe_path)[0], None, WAY_OUT)
    except DataError as error:
        raise RunError(f"{error}; if the data of {folder.path} were moved, name them with --data") from None


def _check_classes(bundle: Bundle, source: Source, folder: RunFolder) -> None:
    unknown = sorted(set(source.classes) - set(bundle.classes))
    if unknown:
        raise RunError(
            f"{source.location}: has classes that the run {folder.path} was not trained on: {', '.join(unknown[:5])}; "
            f"it was trained on {', '.join(bundle.classes[:5])}{' ...' if len(bundle.classes) > 5 else ''}"
        )


def _own_splits(folder: RunFolder, source: Source, bundle: Bundle) -> dict[str, LabeledImages]:
    """The data of a run, split as they were. Raises RunError where they changed."""
    recipe = Recipe.of(**read_toml(folder.recipe_path)[0])
    limits = replace(source.limits, max_pixels=recipe.reading.max_pixels, max_bad=recipe.data.max_bad)
    source = source.with_limits(limits)
    decoded = decode_for(bundle, source)
    if source.digest() != folder.manifest()["data"]["digest"]:  # decoding takes the digest too: one read for both
        raise RunError(
            f"{source.location}: changed since {folder.path} was trained; name the data to evaluate on with --data"
        )
    return split_of_run(folder, source, recipe, decoded).by_name()


def _other_split(source: Source, bundle: Bundle, name: str) -> LabeledImages:
    """One of the source's splits, its labels as positions in the bundle's classes."""
    positions = torch.tensor([bundle.classes.index(name) for name in source.classes])
    samples = decode_for(bundle, source, only=name)[name]
    return replace(samples, labels=positions[samples.labels], classes=bundle.classes)


def decode_for(bundle: Bundle, source: Source, only: str | None = None) -> dict[str, LabeledImages]:
    """The source's images on the bundle's canvas.

    A run on 8-bit images has no scale for wider values: they get one scale for all images of the data set, as in training,
    and as `predict` does for all images of one call. Raises DataError where their scale is unknown.
    """
    canvas = bundle.preprocessing.canvas
    rendering = canvas.rendering.with_defaults(source.survey.rendering_of_new_images())
    return load_images(source, replace(canvas, rendering=rendering), threads=available_cores(), only=only)
