"""Resume a run that was interrupted: open its data again, restore the newest checkpoint, and train on."""

from pathlib import Path

from striate.data import Source
from striate.jobs.run import Run
from striate.jobs.train_network import run_phases
from striate.progress import progress_display
from striate.runs import RunFolder
from striate.runs.atomic import DiskFullError
from striate.runs.resuming import check_running
from striate.runs.starting_weights import find_weights_again, load_starting_weights
from striate.runs.timings import PhaseTimer
from striate.sources import TrainingData
from striate.training import Recipe, ResolvedRecipe, read_toml
from striate.training.build_network import build_network
from striate.training.opening import open_again


def resume(run: str | Path, *, data: TrainingData | None = None, progress: bool = True) -> Run:
    """Resume a run from its newest valid checkpoint; it ends with the weights of an uninterrupted run.

    data: the same data again, where they were passed from memory.
    """
    folder = RunFolder.open(Path(run))
    recipe, _ = read_toml(folder.recipe_path)
    way_out = f"pass the same data again: striate.resume({str(run)!r}, data=...) from Python"
    check_running(folder)
    return resume_run(folder, open_again(folder.manifest()["data"]["location"], recipe, data, way_out), progress)


def resume_run(folder: RunFolder, source: Source, progress: bool) -> Run:
    """Resume a run whose data are open."""
    timer = PhaseTimer()
    check_running(folder)
    recipe, origin = read_toml(folder.recipe_path)
    settings = ResolvedRecipe(Recipe.of(**recipe), origin)
    with folder.locked():
        try:
            model = build_network(settings.recipe, source.classes)
            if not folder.has_checkpoint():
                began = folder.manifest().get("initial_weights")
                load_starting_weights(model, find_weights_again(folder.path, began, settings.recipe), settings)
            run_phases(folder, source, settings, model, progress_display(progress), timer)
        except DiskFullError as error:
            raise error.with_resume_of(folder.path) from None
    return Run(folder.path)
