"""Train a network: open the data, resolve the settings, prepare the data, train, evaluate, report."""

import signal
import sys
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from striate.data import Source
from striate.errors import SettingError
from striate.jobs.finish_run import finish_run
from striate.jobs.prepare_training import open_network, prepare_training
from striate.jobs.run import Run
from striate.jobs.start_from_weights import fit_head_on_features, plan_training
from striate.jobs.train_epochs import train_epochs
from striate.models import Network
from striate.progress import ProgressDisplay, progress_display
from striate.runs import RunFolder
from striate.runs.atomic import DiskFullError
from striate.runs.folder import plain_name
from striate.runs.manifest import first_manifest
from striate.runs.recorded_head import restore_head
from striate.runs.resuming import how_to_resume
from striate.runs.run_splits import resolve_split
from striate.runs.timings import PhaseTimer
from striate.runs.weights_settings import check_starting_weights, resolve_with_weights, with_model_of_weights
from striate.sources import ImagesInput, LabelsInput, TrainingData
from striate.tasks import TASKS, Task, require_task
from striate.training import (
    ResolvedRecipe,
    TrainingState,
    keep_freed_memory,
    kept_message,
    to_toml,
)
from striate.training.build_network import (
    check_output,
    check_settings,
    resolve_machine,
)
from striate.training.interruption import InterruptedRunError
from striate.training.machine import threads_restored
from striate.training.opening import is_within, open_data, refuse_within_the_data
from striate.training.recipe_choice import (
    RecipeChoice,
    choose_recipe,
    named_recipe,
    possible_recipes,
    recipe_by_weights,
)

RUNS = Path("runs")


def train(
    data: TrainingData | ImagesInput,
    labels: LabelsInput | None = None,
    *,
    recipe: str | None = None,
    from_scratch: bool = False,
    out: str | Path | None = None,
    task: str | type[Task] | None = None,
    progress: bool = True,
    **settings: Any,
) -> Run:
    """Train a network on `data` and write a run folder: weights, metrics, predictions and a report.

    data: "mnist", or the path of a folder, a table or an archive; or, from memory, (images, labels), a dictionary of such
    splits {"train": ..., "val": ..., "test": ...}, or images, with their labels after them. Images: an array or tensor N H W,
    N H W C or N C H W; or a list of paths, of Pillow's images, of arrays or of bytes. Labels: numbers, text, or one-hot rows.
    recipe: a name (`mnist-fast`, `mnist`, `mnist-best`, `fashion`, `fashion-best`, `photos`, `photos-from-scratch`, `masks` ...) or
    the path of a TOML file; left out, the data choose it: `mnist` for digits, `photos` for color images, from ImageNet weights,
    else `photos-from-scratch`. from_scratch: start from random weights whatever the images are. out: the run folder,
    `runs/DATA-MODEL` if left out. task: what the labels are read as (classify, multilabel, regress; segment for outlines), which
    they tell if left out; or a class of your own that holds the contract of striate.check_task.
    settings: any setting of a Recipe; they override the recipe. Raises StriateError for bad input, and leaves nothing behind.
    """
    timer = PhaseTimer()
    own_task = own_task_of(task)
    settings |= {"task": task} if isinstance(task, str) else {}
    source, resolved = resolve_run(with_labels(data, labels), recipe, from_scratch, settings, out, progress)
    if resolved.recipe.data.trains_all_folds:
        raise SettingError(
            f"folds = {resolved.recipe.data.folds}: call train_folds to train all of them; fold = 1 trains the first"
        )
    return start_run(source, resolved, folder_maker(data, source, resolved, out), progress, timer, own_task)


def own_task_of(task: str | type[Task] | None) -> type[Task] | None:
    """The user's own task, if it is one. Raises SettingError for what is no class of tasks, or has the name of another."""
    if task is None or isinstance(task, str):
        return None
    if not (isinstance(task, type) and issubclass(task, Task)):
        given = f"an instance of {type(task).__name__}" if isinstance(task, Task) else f"{task!r}"
        raise SettingError(
            f"task: {given} is no class of tasks; give the class itself, which is made for the classes of the data"
        )
    if TASKS.get(task.name, task) is not task:
        raise SettingError(
            f"task: {task.__name__} has the name {task.name!r} of one of striate's tasks; give it another"
        )
    return task


def with_labels(data: Any, labels: LabelsInput | None) -> TrainingData:
    """Images and labels that were passed as two arguments, as one."""
    if labels is None:
        return data
    if isinstance(data, str | Path | Mapping):
        raise SettingError("labels: are passed with images; a path or a dictionary of splits has its own")
    return data, labels


def resolve_run(
    data: TrainingData,
    recipe: str | None,
    from_scratch: bool,
    user: dict[str, Any],
    out: str | Path | None,
    progress: bool,
) -> tuple[Source, ResolvedRecipe]:
    """The source, and every setting that the data and the machine decide. Raises StriateError for unusable data.

    What is wrong whatever the data are is refused before any are read.
    """
    user = _as_text(user)
    named = named_recipe(recipe, user, from_scratch)
    typed = with_model_of_weights(user, named)
    check_settings(typed, [named] if named else possible_recipes(user, from_scratch))
    if out and not is_within(Path(out), data):  # which is refused too, once the data are open
        RunFolder.check_new(Path(out))
    weights = check_starting_weights(typed, named)
    source = open_data(data, user, named.settings if named else {})
    require_task(source)
    display = progress_display(progress and sys.stdout.isatty())  # a log begins with the description of the data
    try:
        source.take_survey(display.reading)
    finally:
        display.close()
    if named is not None and (other := recipe_by_weights(source, named, recipe)) is not named:
        named, weights = other, None
    choice = RecipeChoice(named) if named else choose_recipe(source, user, from_scratch)
    settings = resolve_with_weights(source, choice.named, typed, weights).with_reason(choice.reason)
    settings = settings.with_origins("weights", typed.keys() - user.keys())
    check_output(settings.recipe, source)
    return source, resolve_machine(resolve_split(source, settings))


def _as_text(user: Mapping[str, Any]) -> dict[str, Any]:
    """What was passed from Python: paths as text, and `weights=None` as "none", which it means for torchvision's networks."""
    values = {setting: str(value) if isinstance(value, Path) else value for setting, value in user.items()}
    if "weights" not in values:
        return values
    weights = "none" if values["weights"] is None else values["weights"]
    if not isinstance(weights, str):
        raise SettingError(
            f'weights: is of type {type(weights).__name__}; give "imagenet", or the path of a weights file or a run'
        )
    return {**values, "weights": weights}


def folder_maker(
    data: TrainingData | ImagesInput, source: Source, settings: ResolvedRecipe, out: str | Path | None
) -> Callable[[], RunFolder]:
    """What makes the run folder: `out`, or a new one below runs/. Raises SettingError where it would be inside the data."""
    path = Path(out) if out else RUNS / plain_name(f"{source.name}-{settings.recipe.model.name}")
    refuse_within_the_data(path, data, source)
    return partial(RunFolder.create if out else RunFolder.create_free, path)


def start_run(
    source: Source,
    settings: ResolvedRecipe,
    make_folder: Callable[[], RunFolder],
    progress: bool,
    timer: PhaseTimer,
    own_task: type[Task] | None = None,
) -> Run:
    """Train in a new run folder; bad input leaves nothing behind. timer: begun when the data were opened."""
    display = progress_display(progress)
    model, weights = open_network(source, settings, display)
    folder = make_folder()
    path = folder.path
    with folder.locked():
        try:
            folder.write_manifest(
                first_manifest(source, settings, model, weights, path, own_task or TASKS[source.task])
            )
            folder.write_recipe(to_toml(settings))
            run_phases(folder, source, settings, model, display, timer, own_task)
        except BaseException as error:
            # Data that cannot be trained on leave nothing behind; a run with a checkpoint is kept.
            is_kept = folder.is_worth_keeping()
            if isinstance(error, KeyboardInterrupt) and not is_kept and folder.has_embeddings():
                how = how_to_resume(path, source.location, has_own_task=own_task is not None)
                raise InterruptedRunError(f"stopped before the first epoch; {how} continues", signal.SIGINT) from None
            if not is_kept:
                folder.remove()
            if isinstance(error, DiskFullError):
                raise (error.with_resume_of(path) if is_kept else error.after_removal_of(path)) from None
            raise
    return Run(path, own_task)


@threads_restored()
def run_phases(
    folder: RunFolder,
    source: Source,
    settings: ResolvedRecipe,
    model: Network,
    display: ProgressDisplay,
    timer: PhaseTimer,
    own_task: type[Task] | None = None,
) -> None:
    """Prepare the data, train, evaluate and report; a resumed run goes through all of it again."""
    keep_freed_memory()
    try:
        ready = prepare_training(folder, source, settings, model, display, own_task)
        task, prepared, settings = ready.task, ready.prepared, ready.settings
        timer.end_phase("data")
        head = None
        if (fit := ready.head_fit) is not None:
            if folder.has_checkpoint():
                restore_head(folder, model)
            else:
                display.messages(plan_training(model, prepared, settings.recipe, timer).messages)
                head = fit_head_on_features(folder, model, task, fit, source, prepared, settings.recipe, display)
            timer.end_phase("features")
        state = TrainingState(model, task, settings.recipe)
        train_epochs(folder, state, task, prepared, settings.recipe, display, head)
        keep = settings.recipe.training.keep
        if message := kept_message(state.history, state.best_epoch, keep, prepared.validation_images):
            display.message(message)
            folder.add_reasons([message])
        timer.end_phase("training" if settings.recipe.training.epochs else "validation")
        finish_run(folder, source, model, state, task, prepared, settings, timer)
    finally:
        display.close()
        if folder.manifest()["status"] != "running":  # a run that was interrupted resumes with its decoded images
            folder.remove_cache()
