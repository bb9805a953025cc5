"""Evaluation of a finished run: on a split of its own data, just as it was, or on other data with the same classes.

Images of other data are known by content, so that what the run was trained on is not measured unasked, wherever it lies.
"""

from dataclasses import dataclass, replace
from functools import partial
from typing import Any, final

import torch

from striate.analysis import classification_metrics, predict_batches
from striate.data import Batches, LabeledImages, Source, describe_source, load_images, read_known_images
from striate.data.known_images import known_in
from striate.errors import DataError, RunError, SettingError
from striate.findings import Finding
from striate.jobs.held_out import Account, held_out
from striate.jobs.new_images import findings_on_new
from striate.jobs.opening import check_reading, open_again, open_data_like
from striate.jobs.splitting import check_written_split, split_of_run
from striate.runs import Bundle, RunFolder
from striate.sources import TrainingData
from striate.tasks import Classify
from striate.training import Recipe, available_cores, keep_freed_memory, read_toml

BATCH = 128
WAY_OUT = "give data to measure on: run.evaluate((images, labels)) from Python, or --data"


@final
@dataclass(frozen=True)
class Evaluated:
    """The metrics of one split, as in metrics.json.

    Of other data also how they were understood, what was measured and left out, and what was found; `account` is None for a
    run's own data, but for those that it was trained on.
    """

    data: str
    split: str
    metrics: dict[str, Any]
    account: Account | None = None
    findings: tuple[Finding, ...] = ()
    understood: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """The metrics, and beside them `overlap` and `findings` where there is an account."""
        if self.account is None:
            return self.metrics
        findings = [finding.as_json() for finding in self.findings]
        return {**self.metrics, "overlap": self.account.as_json(), "findings": findings}

    def warnings(self) -> list[str]:
        """What a person should not miss: images that were left out or learned from, and what was found."""
        lines = [finding.line() for finding in self.findings]
        if self.account is not None and (self.account.left_out or "train" in self.account.measured):
            lines.insert(0, self.account.line())
        return lines


def evaluate(
    folder: RunFolder,
    data: TrainingData | None = None,
    split: str | None = None,
    *,
    max_bad: float | None = None,
    **reading: Any,
) -> Evaluated:
    """Measure a run's network.

    Without `data`, its own are split as the run wrote it down; `split` is then "test" if there is one. Other data are
    taken whole if they have no splits, but for images that the run was trained on or that chose its epoch; `split`
    "train" or "val" measures those too. `reading` are settings that say how other data are read (source, class_level, task
    ...), where the run's own do not fit; `max_bad` is the share of their files that may be unreadable. Raises RunError where
    the classes differ, where no image is left, or where the run's own data changed.
    """
    check_reading(reading)
    if data is None and (given := [*reading, *([] if max_bad is None else ["max_bad"])]):
        raise SettingError(f"{', '.join(given)}: say how other data are read; name them with --data")
    bundle = folder.bundle()
    check_written_split(folder)
    keep_freed_memory()
    if data is None:
        return _evaluate_own(folder, bundle, split)
    source = open_data_like(data, read_toml(folder.recipe_path)[0], reading)
    limits = source.limits if max_bad is None else replace(source.limits, max_bad=max_bad)
    if not reading.get("max_pixels"):
        limits = replace(limits, max_pixels=bundle.preprocessing.limits.max_pixels)
    return _evaluate_other(folder, bundle, source.with_limits(limits), split)


def _evaluate_own(folder: RunFolder, bundle: Bundle, split: str | None) -> Evaluated:
    said = folder.manifest()["data"]
    try:
        source = open_again(said["location"], read_toml(folder.recipe_path)[0], None, WAY_OUT)
    except DataError as error:
        raise RunError(f"{error}; where the data of {folder.path} were moved to, say with --data") from None
    _check_classes(bundle, source, folder)
    images = _own_splits(folder, source, bundle)
    name = split or next((name for name in ("test", "val") if name in images), None)
    if name is None:
        raise RunError(
            f"{folder.path}: was trained on all of its data and held out none to measure it on; give images that it has never "
            "seen with --data, or `--split train` to measure how well it remembers"
        )
    if name not in images:
        raise SettingError(f"split = {name!r}: {source.location} has {', '.join(sorted(images))}")
    account = Account({"train": len(images[name])}, {}) if name == "train" else None
    return Evaluated(source.name, name, _metrics(bundle, images[name]), account)


def _evaluate_other(folder: RunFolder, bundle: Bundle, source: Source, split: str | None) -> Evaluated:
    _check_classes(bundle, source, folder)
    known = read_known_images(folder.splits_path)
    if known is None and source.digest() == folder.manifest()["data"]["digest"]:  # its own data, told by their names
        known = known_in(_own_splits(folder, source, bundle))
    contents, source = source.contents, source.as_stored()
    name, samples, account = held_out(
        source.splits,
        partial(_other_split, source, bundle),
        known,
        contents,
        asked=split,
        location=source.location,
        run=str(folder.path),
    )
    measured = samples.pixels.measurements.statistics
    findings = findings_on_new(bundle, source.survey, measured, samples.ids)
    return Evaluated(source.name, name, _metrics(bundle, samples), account, tuple(findings), describe_source(source))


def _metrics(bundle: Bundle, samples: LabeledImages) -> dict[str, Any]:
    preprocessing = bundle.preprocessing
    batches = Batches(
        samples,
        batch_size=BATCH,
        size=preprocessing.size,
        normalization=preprocessing.normalization,
        policy=None,
        seed=0,
        device=torch.device("cpu"),
    )
    return classification_metrics(predict_batches(bundle.model, Classify(bundle.classes), batches), bundle.classes)


def _check_classes(bundle: Bundle, source: Source, folder: RunFolder) -> None:
    unknown = sorted(set(source.classes) - set(bundle.classes))
    if unknown:
        raise RunError(
            f"{folder.path}: was made for other classes ({', '.join(bundle.classes[:5])} ...); "
            f"it does not know {', '.join(unknown[:5])} of {source.location}"
        )


def _own_splits(folder: RunFolder, source: Source, bundle: Bundle) -> dict[str, LabeledImages]:
    """The data of a run, split as it was. RunError where they changed."""
    recipe = Recipe.of(**read_toml(folder.recipe_path)[0])
    source = source.with_limits(
        replace(source.limits, max_pixels=recipe.reading.max_pixels, max_bad=recipe.data.max_bad)
    )
    decoded = _decoded(source, bundle)
    if (
        source.digest() != folder.manifest()["data"]["digest"]
    ):  # after decoding, by which it is known: one read for both
        raise RunError(
            f"{source.location}: changed since {folder.path} was trained; give the data to measure on with --data"
        )
    return split_of_run(folder, source, recipe, decoded).by_name()


def _other_split(source: Source, bundle: Bundle, name: str) -> LabeledImages:
    """One of the source's own splits, its labels counted in the order of the bundle's classes."""
    place = torch.tensor([bundle.classes.index(name) for name in source.classes])
    split = _decoded(source, bundle, only=name)[name]
    return replace(split, labels=place[split.labels], classes=bundle.classes)


def _decoded(source: Source, bundle: Bundle, only: str | None = None) -> dict[str, LabeledImages]:
    """The source on the canvas of the bundle.

    A run on 8-bit images knows no levels of wider values. They are then one for all images of the data set, as in training,
    and as `predict` has it for all images that are given together. DataError where they are on no known scale.
    """
    canvas = bundle.preprocessing.canvas
    rendering = canvas.rendering.with_defaults(source.survey.rendering_of_new_images())
    return load_images(source, replace(canvas, rendering=rendering), threads=available_cores(), only=only)
