"""Cross-validation: a run for each fold of the data, and what they say together. Each sample is predicted once, by a network
that never saw it.
"""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

from striate.analysis import of_folds
from striate.data import Source
from striate.errors import RunError, SettingError
from striate.jobs.flipping import images_of_listing, settle_flips
from striate.jobs.interruption import InterruptedRunError
from striate.jobs.manifest import command_line
from striate.jobs.monitor import Monitor, monitor_of
from striate.jobs.opening import open_again
from striate.jobs.policy import policy_of
from striate.jobs.prepare import canvas_of
from striate.jobs.training_run import begin, go_on_with, path_of_run, settled, with_labels
from striate.runs import FoldsFolder, RunFolder
from striate.runs.atomic import DiskFullError
from striate.sources import IN_MEMORY, ImagesInput, LabelsInput, TrainingData
from striate.training import Recipe, ResolvedRecipe, read_toml, to_toml


@final
@dataclass(frozen=True)
class Folds:
    """A finished cross-validation: `summary` is what folds.json says."""

    path: Path
    summary: dict[str, Any]

    def line(self) -> str:
        """The result for a person."""
        found = self.summary["accuracy"]
        mean, std, low, high = (f"{100 * found[name]:.2f}" for name in ("mean", "std", "low", "high"))
        return f"test accuracy: {mean} %, mean of {self.summary['folds']} folds (std {std} %, 95 % interval {low} to {high} %)"


def train_folds(
    data: TrainingData | ImagesInput,
    labels: LabelsInput | None = None,
    *,
    folds: int,
    recipe: str | None = None,
    out: str | Path | None = None,
    progress: bool = True,
    **settings: Any,
) -> Folds:
    """Train `folds` networks, each tested on another part of the data: runs `OUT/fold-1` ..., folds.json, predictions.csv.

    The other arguments are those of `train`.
    """
    source, resolved = settled(with_labels(data, labels), recipe, {**settings, "folds": folds}, progress)
    if not resolved.recipe.data.folds or resolved.recipe.data.fold:
        raise SettingError("folds and fold: all folds are trained here; give folds of 2 or more, and no fold")
    if "all" not in source.splits:
        raise SettingError(
            f"folds = {folds}: {source.location} has a test part of its own, and folds draw theirs; "
            "give the training folder by itself, or leave --folds out"
        )
    path = path_of_run(data, source, resolved, out)
    resolved = _with_flips_decided(source, resolved, monitor_of(progress))
    folder = FoldsFolder.create(path)
    with folder.locked():
        try:
            folder.write_recipe(to_toml(resolved))
            folder.write_summary(_first_summary(folder, source, resolved))
            return _go_on(folder, source, resolved, progress)
        except BaseException as error:
            folder.remove_if_empty()
            if isinstance(error, DiskFullError):
                kept = folder.path.exists()
                raise (error.with_resume_of(folder.path) if kept else error.after_removal_of(folder.path)) from None
            raise


def _with_flips_decided(source: Source, settings: ResolvedRecipe, monitor: Monitor) -> ResolvedRecipe:
    """Flips are decided once for all folds, whose mean is of one method then; each fold says what it thinks of those asked for."""
    recipe = settings.recipe
    flips = settle_flips(
        settings, source.classes, images_of_listing(source, canvas_of(source, recipe, policy_of(recipe)))
    )
    for line in flips.lines:
        monitor.say(line)
    return flips.settings


def _first_summary(folder: FoldsFolder, source: Source, settings: ResolvedRecipe) -> dict[str, Any]:
    """What is known before the first fold."""
    return {
        "command": command_line(source, settings, folder.path),
        "status": "running",
        "folds": settings.recipe.data.folds,
        "data": {"name": source.name, "location": source.location, "digest": source.digest()},
    }


def resume_folds(path: str | Path, *, data: TrainingData | None = None, progress: bool = True) -> Folds:
    """Go on with a cross-validation that was cut off; folds that are finished are kept.

    data: the same data again, where they were given from memory.
    """
    folder = FoldsFolder.open(Path(path))
    said = folder.summary()
    if said["status"] == "finished":
        raise RunError(f"{path}: the run finished; its figures are in folds.json")
    recipe, origin = read_toml(folder.recipe_path)
    source = open_again(
        said["data"]["location"],
        recipe,
        data,
        f"give the same data again: striate.jobs.resume_folds({str(path)!r}, data=...) from Python",
    )
    if source.digest() != said["data"]["digest"]:
        raise RunError(
            f"{source.location}: the data changed since the run {path} began; train anew, or bring them back"
        )
    with folder.locked():
        try:
            return _go_on(folder, source, ResolvedRecipe(Recipe.of(**recipe), origin), progress)
        except DiskFullError as error:
            raise error.with_resume_of(folder.path) from None


def _go_on(folder: FoldsFolder, source: Source, settings: ResolvedRecipe, progress: bool) -> Folds:
    numbers = range(1, settings.recipe.data.folds + 1)
    try:
        for number in numbers:
            _finish_fold(folder.fold_path(number), source, _of_fold(settings, number), progress)
    except InterruptedRunError as stopped:
        whole = (
            f"striate.jobs.resume_folds({str(folder.path)!r}, data=...)"
            if source.location == IN_MEMORY
            else f"`striate resume {folder.path}`"
        )
        raise InterruptedRunError(f"{stopped}, {whole} with all folds", stopped.exit_code - 128) from None
    runs = [RunFolder.open(folder.fold_path(number)) for number in numbers]
    figures = [run.metrics()["test"] for run in runs]
    accuracies = [one["accuracy"]["value"] for one in figures]
    interval = of_folds(accuracies)
    mean = interval.value
    std = math.sqrt(sum((one - mean) ** 2 for one in accuracies) / (len(accuracies) - 1))
    each = [
        {"fold": number, "images": one["images"], "accuracy": accuracy}
        for number, one, accuracy in zip(numbers, figures, accuracies, strict=True)
    ]
    rows = [
        {**row, "fold": number}
        for number, run in zip(numbers, runs, strict=True)
        for row in run.predictions()
        if row["split"] == "test"
    ]
    folder.write_predictions(sorted(rows, key=lambda row: str(row["id"])))
    accuracy = {"mean": mean, "std": std, "low": interval.low, "high": interval.high}
    summary = {**folder.summary(), "status": "finished", "accuracy": accuracy, "runs": each}
    folder.write_summary(summary)
    return Folds(folder.path, summary)


def _finish_fold(path: Path, source: Source, settings: ResolvedRecipe, progress: bool) -> None:
    """Train a fold, go on with it, or leave it as it is."""
    run = RunFolder(path)
    if path.exists() and not run.manifest_path.exists():  # killed before it began; the lock says that nobody is at it
        run.remove()
    if not path.exists():
        begin(source, settings, path, progress)
    elif run.manifest()["status"] != "finished":
        go_on_with(run, source, progress)


def _of_fold(settings: ResolvedRecipe, number: int) -> ResolvedRecipe:
    """The settings of one fold, as if a person had asked for it."""
    return ResolvedRecipe(
        settings.recipe.with_values(fold=number), {**settings.origins, "folds": "user", "fold": "user"}
    )
