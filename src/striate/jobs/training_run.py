"""Training from start to finish: read, split, train, keep the best, evaluate, report; and going on with a run that was cut off."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from striate.data import Batches, Source, describe_source, require_classes
from striate.errors import RunError, SettingError
from striate.jobs.clock import Clock
from striate.jobs.finish import finish
from striate.jobs.fit import fit
from striate.jobs.manifest import first_manifest
from striate.jobs.monitor import Monitor, monitor_of
from striate.jobs.opening import open_again, open_data, refuse_within_the_data
from striate.jobs.prepare import default_recipe, prepare, settle
from striate.jobs.run import Run
from striate.jobs.splitting import how_drawn
from striate.models import Network, create_model
from striate.runs import RunFolder, free_path
from striate.runs.atomic import DiskFullError
from striate.sources import ImagesInput, LabelsInput, TrainingData
from striate.tasks import Classify, class_weights
from striate.training import (
    Recipe,
    ResolvedRecipe,
    TrainingState,
    choose_device,
    choose_precision,
    choose_threads,
    find_recipe,
    keep_freed_memory,
    read_toml,
    to_toml,
)

RUNS = Path("runs")


def train(
    data: TrainingData | ImagesInput,
    labels: LabelsInput | None = None,
    *,
    recipe: str | None = None,
    out: str | Path | None = None,
    progress: bool = True,
    **settings: Any,
) -> Run:
    """Train a network on `data` and leave a run folder: weights, figures, predictions and a report.

    data: "mnist", or a folder of class folders or idx files; or, from memory, (images, labels), a dictionary of such splits
    {"train": ..., "val": ..., "test": ...}, or images, with their labels after them. Images: an array or tensor N H W,
    N H W C or N C H W; or a list of paths, of Pillow's images, of arrays or of bytes. Labels: numbers, text, or one-hot rows.
    recipe: a name (`mnist-fast`, `mnist`, `mnist-best`, `photos`,
    `cifar10`) or the path of a TOML file. out: the run folder, `runs/DATA-MODEL` if left out. settings: any setting of a
    Recipe; what is given here wins over the recipe. Bad input is a StriateError, and leaves nothing behind.
    """
    source, resolved = settled(with_labels(data, labels), recipe, settings, progress)
    if resolved.recipe.data.folds and not resolved.recipe.data.fold:
        raise SettingError(
            f"folds = {resolved.recipe.data.folds}: call train_folds, or give --folds on the command line; "
            "fold = 1 trains the first of them"
        )
    return begin(source, resolved, path_of_run(data, source, resolved, out), progress)


def with_labels(data: Any, labels: LabelsInput | None) -> TrainingData:
    """Images and labels that were given side by side, as one."""
    if labels is None:
        return data
    if isinstance(data, str | Path | Mapping):
        raise SettingError("labels: are given with images; a path or a dictionary of splits brings its own")
    return data, labels


def settled(
    data: TrainingData, recipe: str | None, said: dict[str, Any], progress: bool
) -> tuple[Source, ResolvedRecipe]:
    """The source, and every setting that data and machine decide. Raises StriateError for whatever cannot be trained."""
    named = find_recipe(recipe) if recipe else None
    source = open_data(data, said, named.settings if named else {})
    require_classes(source)
    monitor = monitor_of(progress and sys.stdout.isatty())  # a log begins with what was understood of the data
    try:
        source.take_survey(monitor.reading)
    finally:
        monitor.close()
    resolved = settle(source, named or default_recipe(source), said)
    device = choose_device(resolved.recipe.machine.device)
    precision = choose_precision(resolved.recipe.machine.precision, device)
    return source, resolved.with_defaults("machine", device=str(device), precision=precision)


def path_of_run(
    data: TrainingData | ImagesInput, source: Source, settings: ResolvedRecipe, out: str | Path | None
) -> Path:
    """The run folder: `out`, or one below runs/ that does not exist yet. SettingError where it would lie within the data."""
    path = Path(out) if out else free_path(RUNS, f"{source.name}-{settings.recipe.model.name}")
    refuse_within_the_data(path, data, source)
    return path


def begin(source: Source, settings: ResolvedRecipe, path: Path, progress: bool) -> Run:
    """A new run in a new folder; bad input leaves nothing behind."""
    clock = Clock()
    monitor = monitor_of(progress)
    for line in describe_source(source, how_drawn(source.splits, settings.recipe)):
        monitor.say(line)
    model = build(settings.recipe, source.classes)
    folder = RunFolder.create(path)
    with folder.locked():
        try:
            folder.write_manifest(first_manifest(source, settings, model, path))
            folder.write_recipe(to_toml(settings))
            _work(folder, source, settings, model, monitor, clock)
        except BaseException as error:
            # Input that cannot be trained on leaves nothing behind; a run that has begun to learn is kept.
            begun = folder.is_worth_keeping()
            if not begun:
                folder.remove()
            if isinstance(error, DiskFullError):
                raise (error.with_resume_of(path) if begun else error.after_removal_of(path)) from None
            raise
    return Run(path)


def resume(run: str | Path, *, data: TrainingData | None = None, progress: bool = True) -> Run:
    """Go on with a run that was cut off, from its newest valid checkpoint, to the same weights as if it had not been.

    data: the same data again, where they were given from memory.
    """
    folder = RunFolder.open(Path(run))
    said, _ = read_toml(folder.recipe_path)
    way_out = f"give the same data again: striate.resume({str(run)!r}, data=...) from Python"
    _check_running(folder)
    return go_on_with(folder, open_again(folder.manifest()["data"]["location"], said, data, way_out), progress)


def go_on_with(folder: RunFolder, source: Source, progress: bool) -> Run:
    """Go on with a run whose data are open."""
    clock = Clock()
    _check_running(folder)
    said, origin = read_toml(folder.recipe_path)
    settings = ResolvedRecipe(Recipe.of(**said), origin)
    digest = folder.manifest()["data"].get("digest")  # that is known once the images were read
    if digest is not None and source.digest() != digest:
        raise RunError(
            f"{source.location}: the data changed since the run {folder.path} began; train anew, or bring them back"
        )
    with folder.locked():
        try:
            _work(folder, source, settings, build(settings.recipe, source.classes), monitor_of(progress), clock)
        except DiskFullError as error:
            raise error.with_resume_of(folder.path) from None
    return Run(folder.path)


def _check_running(folder: RunFolder) -> None:
    status = folder.manifest()["status"]
    if status == "diverged":
        raise RunError(f"{folder.path}: the run diverged; findings.json says how to train again")
    if status != "running":
        raise RunError(
            f"{folder.path}: the run {status}; `striate evaluate {folder.path}` measures it, `striate train` begins anew"
        )


def _work(
    folder: RunFolder, source: Source, settings: ResolvedRecipe, model: Network, monitor: Monitor, clock: Clock
) -> None:
    """All that lies between the settings and the report; a run that was cut off anywhere goes through it again."""
    keep_freed_memory()
    try:
        prepared = prepare(source, settings, folder, monitor)
        settings = prepared.settings
        weights = class_weights(prepared.splits.train.counts()) if settings.recipe.loss.balance == "weights" else None
        task = Classify(source.classes, settings.recipe.loss.label_smoothing, weights)
        clock.lap("data")
        settings = _with_threads(settings, model, prepared.training_batches(settings.recipe))
        folder.write_recipe(to_toml(settings))
        state = TrainingState(model, task, settings.recipe)
        fit(folder, state, task, prepared, settings.recipe, monitor)
        clock.lap("training")
        finish(folder, source, model, state, task, prepared, settings, clock)
    finally:
        monitor.close()
        if folder.manifest()["status"] != "running":  # one that was cut off goes on with what it has decoded
            folder.remove_cache()


def _with_threads(settings: ResolvedRecipe, model: Network, batches: Batches) -> ResolvedRecipe:
    """Compute on the threads that were asked for, or on as many as a probe finds fastest; the setting records which."""
    recipe = settings.recipe
    if recipe.machine.threads is None:
        example = next(batches.epoch(0)).images
        bfloat16 = recipe.machine.precision == "bfloat16"
        on_cpu = example.device.type == "cpu"
        settings = settings.with_defaults("machine", threads=choose_threads(model, example, bfloat16) if on_cpu else 1)
    assert settings.recipe.machine.threads is not None
    torch.set_num_threads(settings.recipe.machine.threads)
    return settings


def build(recipe: Recipe, classes: tuple[str, ...]) -> Network:
    """The recipe's network, freshly initialized from its seed."""
    assert recipe.model.channels is not None
    torch.manual_seed(recipe.training.seed)
    model = create_model(
        recipe.model.name,
        classes=len(classes),
        channels=recipe.model.channels,
        size=recipe.model.size,
        dropout=recipe.model.dropout,
    )
    if recipe.model.size is not None and recipe.model.size < model.min_size:
        raise SettingError(
            f"size = {recipe.model.size}: too small for {recipe.model.name}, the smallest that fits is {model.min_size}"
        )
    return model
