"""The data that a run is evaluated on: its own, split as they were, or other data with classes that it knows."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final, cast

from striate.data import LabeledImages, Source, TaskKind, load_images
from striate.data.targets import ASKS
from striate.data.threads import Progress
from striate.errors import DataError, RunError, SettingError
from striate.runs import Bundle, RunFolder
from striate.runs.run_splits import split_of_run
from striate.sources import TrainingData
from striate.sources.asked_task import with_task
from striate.tasks import TASKS
from striate.training import Recipe, available_cores, read_toml
from striate.training.opening import open_again, open_data_like

__all__ = ["load_for_network", "load_split", "open_other_data", "open_own_data", "own_splits"]

_WAY_OUT: Final = "pass data to evaluate on: run.evaluate((images, labels)) from Python, or --data"


def open_own_data(folder: RunFolder, bundle: Bundle) -> Source:
    """The data of a run, opened again. Raises RunError where they moved, or where their classes are others now."""
    try:
        source = open_again(folder.manifest()["data"]["location"], read_toml(folder.recipe_path)[0], None, _WAY_OUT)
    except DataError as error:
        raise RunError(f"{error}; if the data of {folder.path} were moved, name them with --data") from None
    _check_classes(bundle, source, folder)
    return source


def open_other_data(
    folder: RunFolder, bundle: Bundle, data: TrainingData, reading: Mapping[str, Any], max_bad: float | None
) -> Source:
    """Other data, read by the settings `reading`, and else as the run's own. Raises RunError for classes that it does not know.

    max_bad: the largest share of unreadable files that is tolerated, its default where it is None.
    """
    source = _with_task_of(bundle, open_data_like(data, read_toml(folder.recipe_path)[0], reading), folder)
    limits = source.limits if max_bad is None else replace(source.limits, max_bad=max_bad)
    if not reading.get("max_pixels"):
        limits = replace(limits, max_pixels=bundle.preprocessing.limits.max_pixels)
    _check_classes(bundle, source, folder)
    return source.with_limits(limits)


def own_splits(
    folder: RunFolder, bundle: Bundle, source: Source, progress: Progress | None = None
) -> dict[str, LabeledImages]:
    """The data of a run, split as they were. Raises RunError where they changed."""
    recipe = Recipe.of(**read_toml(folder.recipe_path)[0])
    limits = replace(source.limits, max_pixels=recipe.reading.max_pixels, max_bad=recipe.data.max_bad)
    source = source.with_limits(limits)
    decoded = load_for_network(bundle, source, progress=progress)
    if source.digest() != folder.manifest()["data"]["digest"]:  # decoding takes the digest too: one read for both
        raise RunError(
            f"{source.location}: changed since {folder.path} was trained; name the data to evaluate on with --data"
        )
    return split_of_run(folder, source, recipe, decoded).by_name()


def load_split(source: Source, bundle: Bundle, progress: Progress, name: str) -> LabeledImages:
    """One of the source's splits, its labels as positions in the bundle's classes."""
    positions = [bundle.classes.index(name) for name in source.classes]
    samples = load_for_network(bundle, source, only=name, progress=progress)[name]
    return replace(samples, targets=samples.targets.reordered(positions, len(bundle.classes)), classes=bundle.classes)


def load_for_network(
    bundle: Bundle, source: Source, *, only: str | None = None, progress: Progress | None = None
) -> dict[str, LabeledImages]:
    """The source's images on the bundle's canvas.

    A run on 8-bit images has no scale for wider values: they get one scale for all images of the data set, as in training,
    and as `predict` does for all images of one call. Raises DataError where their scale is unknown.
    """
    canvas = bundle.preprocessing.canvas
    rendering = canvas.rendering.with_defaults(source.survey.rendering_of_new_images())
    canvas = replace(canvas, rendering=rendering)
    if canvas.fit == "window":
        canvas = canvas.holding(source.largest_size)
    return load_images(source, canvas, threads=available_cores(), progress=progress, only=only)


def _with_task_of(bundle: Bundle, source: Source, folder: RunFolder) -> Source:
    """The source, its outlines drawn into masks where the run takes masks. Raises RunError where its labels are of another task.

    A task that is none of striate's may read any.
    """
    name = bundle.task.name
    if name not in TASKS or name == source.task:
        return source
    try:
        return with_task(source, cast(TaskKind, name))
    except SettingError:
        raise RunError(
            f"{source.location}: has {ASKS[source.task]}, and the run {folder.path} was trained on "
            f"{ASKS[cast(TaskKind, name)]}; give such data, or set what its labels are with --task"
        ) from None


def _check_classes(bundle: Bundle, source: Source, folder: RunFolder) -> None:
    unknown = sorted(set(source.classes) - set(bundle.classes))
    if unknown:
        raise RunError(
            f"{source.location}: has classes that the run {folder.path} was not trained on: {', '.join(unknown[:5])}; "
            f"it was trained on {', '.join(bundle.classes[:5])}{' ...' if len(bundle.classes) > 5 else ''}"
        )
    missing = sorted(set(bundle.classes) - set(source.classes))
    if missing and source.needs_all_classes:
        raise RunError(
            f"{source.location}: lacks {', '.join(missing[:5])}, which the run {folder.path} predicts; add the columns, "
            "or name all of them with --label-column"
        )
