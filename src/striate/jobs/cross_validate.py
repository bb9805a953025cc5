"""Cross-validate: a run for each fold of the data. Each sample is predicted once, by a network not trained on it."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, final

from striate.analysis.fold_summary import summarize_folds
from striate.audit import resolve_flips
from striate.audit.mirrored_labels import sample_of_listing
from striate.data import Source
from striate.errors import RunError, SettingError
from striate.jobs.resume_run import resume, resume_run
from striate.jobs.run import Run
from striate.jobs.train_network import folder_maker, own_task_of, resolve_run, start_run, with_labels
from striate.progress import ProgressDisplay, progress_display
from striate.runs import CrossValidationFolder, RunFolder
from striate.runs.atomic import DiskFullError
from striate.runs.manifest import command_line
from striate.runs.resuming import check_unchanged, how_to_resume
from striate.runs.starting_weights import find_starting_weights, find_weights_again
from striate.runs.timings import PhaseTimer
from striate.sources import ImagesInput, LabelsInput, TrainingData
from striate.tasks import Figure, Task
from striate.training import Recipe, ResolvedRecipe, read_toml, to_toml
from striate.training.data_defaults import canvas_of
from striate.training.interruption import InterruptedRunError
from striate.training.opening import open_again


@final
@dataclass(frozen=True)
class CrossValidationResult:
    """A finished cross-validation: `summary` is the content of folds.json."""

    path: Path
    summary: dict[str, Any]

    @property
    def runs(self) -> list[Run]:
        """Those of the folds, in order."""
        folder = CrossValidationFolder.open(self.path)
        return [Run(folder.fold_path(number)) for number in range(1, self.summary["folds"] + 1)]

    def line(self) -> str:
        """The result in one line."""
        kind = Figure(**self.summary["metric"], value=math.nan)
        of_folds = self.summary[kind.key]
        mean = replace(kind, value=of_folds["mean"], low=of_folds["low"], high=of_folds["high"])
        std = replace(kind, value=of_folds["std"]).text(2)
        return (
            f"test {mean.name}: {mean.text(2)}, mean of {self.summary['folds']} folds "
            f"(std {std}, 95 % interval {mean.interval_text(2)})"
        )


def train_folds(
    data: TrainingData | ImagesInput,
    labels: LabelsInput | None = None,
    *,
    folds: int,
    recipe: str | None = None,
    from_scratch: bool = False,
    out: str | Path | None = None,
    task: str | type[Task] | None = None,
    progress: bool = True,
    **settings: Any,
) -> CrossValidationResult:
    """Train `folds` networks, each tested on another fold of the data: runs `OUT/fold-1` ..., folds.json, predictions.csv.

    The other arguments are those of `train`.
    """
    own_task = own_task_of(task)
    settings = {**settings, "folds": folds, **({"task": task} if isinstance(task, str) else {})}
    source, resolved = resolve_run(with_labels(data, labels), recipe, from_scratch, settings, out, progress)
    if not resolved.recipe.data.trains_all_folds:
        raise SettingError("folds and fold: a cross-validation trains all folds; give folds of 2 or more, and no fold")
    return _start_folds(source, resolved, folder_maker(data, source, resolved, out), progress, own_task)


def train_run_or_folds(
    data: str, *, recipe: str | None, from_scratch: bool = False, out: str | None, progress: bool, **settings: Any
) -> Run | CrossValidationResult:
    """What the settings ask for: one run as `train` trains it, or a run for each fold as `train_folds` does."""
    timer = PhaseTimer()
    source, resolved = resolve_run(data, recipe, from_scratch, settings, out, progress)
    make_folder = folder_maker(data, source, resolved, out)
    if resolved.recipe.data.trains_all_folds:
        return _start_folds(source, resolved, make_folder, progress)
    return start_run(source, resolved, make_folder, progress, timer)


def _start_folds(
    source: Source,
    resolved: ResolvedRecipe,
    make_folder: Callable[[], RunFolder],
    progress: bool,
    own_task: type[Task] | None = None,
) -> CrossValidationResult:
    if "all" not in source.splits:
        raise SettingError(
            f"folds = {resolved.recipe.data.folds}: {source.location} has a test split, and cross-validation makes its own; "
            "give the training folder alone, or leave --folds out"
        )
    resolved = _with_resolved_flips(source, resolved, progress_display(progress))
    folder = CrossValidationFolder(make_folder())
    with folder.locked():
        try:
            folder.write_recipe(to_toml(resolved))
            folder.write_summary(_first_summary(folder, source, resolved))
            return _run_folds(folder, source, resolved, progress, own_task)
        except BaseException as error:
            folder.remove_if_empty()
            if isinstance(error, DiskFullError):
                kept = folder.path.exists()
                raise (error.with_resume_of(folder.path) if kept else error.after_removal_of(folder.path)) from None
            raise


def _with_resolved_flips(source: Source, settings: ResolvedRecipe, display: ProgressDisplay) -> ResolvedRecipe:
    """Flips are resolved once for all folds, so that all use one method; each fold has its own findings on flips that are set."""
    recipe = settings.recipe
    canvas = canvas_of(source, recipe)
    flips = resolve_flips(settings, source.classes, sample_of_listing(source, canvas))
    display.messages(flips.messages)
    return flips.settings


def _first_summary(folder: CrossValidationFolder, source: Source, settings: ResolvedRecipe) -> dict[str, Any]:
    """The summary before the first fold."""
    recipe = settings.recipe
    weights = find_starting_weights(recipe.transfer.weights, recipe.model.name, recipe.transfer.download)
    return {
        "command": command_line(source, settings, folder.path),
        "status": "running",
        "reasons": list(settings.reasons),
        "folds": recipe.data.folds,
        "data": {"name": source.name, "location": source.location, "digest": source.digest()},
        "initial_weights": None if weights is None else weights.as_json(),
    }


def resume_folds(
    path: str | Path,
    *,
    data: TrainingData | None = None,
    task: type[Task] | None = None,
    progress: bool = True,
) -> CrossValidationResult:
    """Resume a cross-validation that was interrupted; finished folds are kept.

    data: the same data again, where they were passed from memory. task: the class of its task, where that is your own.
    """
    folder = CrossValidationFolder.open(Path(path))
    summary = folder.summary()
    if summary["status"] == "finished":
        raise RunError(f"{path}: the run finished; its metrics are in folds.json")
    recipe, origin = read_toml(folder.recipe_path)
    source = open_again(
        summary["data"]["location"],
        recipe,
        data,
        f"pass the same data again: striate.jobs.resume_folds({str(path)!r}, data=...) from Python",
    )
    check_unchanged(source, summary["data"]["digest"], Path(path))
    with folder.locked():
        try:
            settings = ResolvedRecipe(Recipe.of(**recipe), origin, tuple(summary.get("reasons", ())))
            return _run_folds(folder, source, settings, progress, task)
        except DiskFullError as error:
            raise error.with_resume_of(folder.path) from None


def resume_run_or_folds(path: str | Path, *, progress: bool) -> Run | CrossValidationResult:
    """Resume what is in the folder: a run, or a cross-validation."""
    if CrossValidationFolder.is_at(Path(path)):
        return resume_folds(path, progress=progress)
    return resume(path, progress=progress)


def _run_folds(
    folder: CrossValidationFolder,
    source: Source,
    settings: ResolvedRecipe,
    progress: bool,
    own_task: type[Task] | None,
) -> CrossValidationResult:
    numbers = range(1, settings.recipe.data.folds + 1)
    try:
        for number in numbers:
            _run_fold(folder, number, source, _settings_of_fold(settings, number), progress, own_task)
    except InterruptedRunError as stopped:
        whole = how_to_resume(folder.path, source.location, "cross-validation", has_own_task=own_task is not None)
        raise InterruptedRunError(f"{stopped}, {whole} with all folds", stopped.exit_code - 128) from None
    return _summarize(folder, [RunFolder.open(folder.fold_path(number)) for number in numbers])


def _summarize(folder: CrossValidationFolder, runs: Sequence[RunFolder]) -> CrossValidationResult:
    """Write folds.json and the test predictions of all folds."""
    rows = [
        {**row, "fold": number}
        for number, run in enumerate(runs, start=1)
        for row in run.predictions()
        if row["split"] == "test"
    ]
    folder.write_predictions(sorted(rows, key=lambda row: str(row["id"])))
    figures = [run.metrics()["test"] for run in runs]
    summary = {**folder.summary(), "status": "finished", **summarize_folds(figures)}
    folder.write_summary(summary)
    return CrossValidationResult(folder.path, summary)


def _run_fold(
    folder: CrossValidationFolder,
    number: int,
    source: Source,
    settings: ResolvedRecipe,
    progress: bool,
    own_task: type[Task] | None,
) -> None:
    """Start a fold, resume it, or leave it where it is finished. Raises RunError where the initial weights changed."""
    path = folder.fold_path(number)
    run = RunFolder(path)
    if path.exists() and not run.manifest_path.exists():  # killed before it began; the lock excludes other processes
        run.remove()
    if not path.exists():
        find_weights_again(folder.path, folder.summary().get("initial_weights"), settings.recipe)
        start_run(source, settings, partial(RunFolder.create, path), progress, PhaseTimer(), own_task)
    elif run.manifest()["status"] != "finished":
        resume_run(run, source, progress, own_task)


def _settings_of_fold(settings: ResolvedRecipe, number: int) -> ResolvedRecipe:
    """The settings of one fold, as if the user had asked for it."""
    recipe = settings.recipe.with_values(fold=number)
    return replace(settings, recipe=recipe, origins={**settings.origins, "folds": "user", "fold": "user"})
