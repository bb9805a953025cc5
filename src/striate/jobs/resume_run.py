"""Resume a run that was interrupted: open its data again, restore the newest checkpoint, and train on."""

from pathlib import Path

from striate.data import Source
from striate.errors import RunError
from striate.jobs.run import Run
from striate.jobs.train_network import run_phases
from striate.progress import progress_display
from striate.runs import RunFolder
from striate.runs.atomic import DiskFullError
from striate.runs.resuming import check_running
from striate.runs.starting_weights import find_weights_again, load_starting_weights
from striate.runs.timings import PhaseTimer
from striate.sources import TrainingData
from striate.tasks import TASKS, Task
from striate.training import Recipe, ResolvedRecipe, read_toml
from striate.training.build_network import build_network
from striate.training.opening import open_again


def resume(
    run: str | Path,
    *,
    data: TrainingData | None = None,
    task: type[Task] | None = None,
    progress: bool = True,
) -> Run:
    """Resume a run from its newest valid checkpoint; it ends with the weights of an uninterrupted run.

    data: the same data again, where they were passed from memory. task: the class of its task, where that is your own.
    """
    folder = RunFolder.open(Path(run))
    recipe, _ = read_toml(folder.recipe_path)
    way_out = f"pass the same data again: striate.resume({str(run)!r}, data=...) from Python"
    check_running(folder)
    return resume_run(folder, open_again(folder.manifest()["data"]["location"], recipe, data, way_out), progress, task)


def resume_run(folder: RunFolder, source: Source, progress: bool, own_task: type[Task] | None = None) -> Run:
    """Resume a run whose data are open. Raises RunError where its task is the user's own, and not passed."""
    timer = PhaseTimer()
    check_running(folder)
    name = folder.manifest()["task"]
    if name not in TASKS and (own_task is None or own_task.name != name):
        raise RunError(
            f"{folder.path}: its task {name!r} is your own; pass its class, striate.resume(run, task=...) from Python"
        )
    recipe, origin = read_toml(folder.recipe_path)
    settings = ResolvedRecipe(Recipe.of(**recipe), origin)
    with folder.locked():
        try:
            model = build_network(settings.recipe, source.classes)
            if not folder.has_checkpoint():
                began = folder.manifest().get("initial_weights")
                load_starting_weights(model, find_weights_again(folder.path, began, settings.recipe), settings)
            run_phases(folder, source, settings, model, progress_display(progress), timer, own_task)
        except DiskFullError as error:
            raise error.with_resume_of(folder.path) from None
    return Run(folder.path, own_task)
