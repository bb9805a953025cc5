"""Find a learning rate by a range test: the training that `train` would begin, with a rate that grows until the loss diverges."""

import math
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, final

from striate.data import Source
from striate.errors import DataError, SettingError
from striate.jobs.prepare_training import open_network, prepare_training
from striate.jobs.start_from_weights import fit_head_on_features
from striate.jobs.train_network import own_task_of, resolve_run, with_labels
from striate.number_format import finite
from striate.progress import ProgressDisplay, progress_display
from striate.report.range_test_chart import is_range_test_chart, range_test_svg
from striate.runs import RunFolder
from striate.runs.atomic import DiskFullError, write_text
from striate.runs.folder import plain_name
from striate.runs.manifest import command_line, first_manifest
from striate.runs.output_paths import check_file_path
from striate.sources import ImagesInput, LabelsInput, TrainingData
from striate.tasks import TASKS, Task
from striate.training import ResolvedRecipe, TrainingState, keep_freed_memory
from striate.training.machine import threads_restored
from striate.training.opening import refuse_within_the_data
from striate.training.range_test import LOWEST, STEPS, RangeTest, range_steps

__all__ = ["LearningRateResult", "find_learning_rate"]


@final
@dataclass(frozen=True)
class LearningRateResult:
    """A range test. `path` is the chart, an SVG; `command` trains with the rate that the test proposes.

    It is None where no rate is proposed, or the task is one's own.
    """

    test: RangeTest
    command: str | None
    path: Path

    def __repr__(self) -> str:
        rate = "no learning rate" if self.test.proposed() is None else f"learning rate {self.test.proposed():g}"
        return f"<range test of {len(self.test.rates)} steps: {rate}, {self.path}>"

    def as_json(self) -> dict[str, Any]:
        return {
            "proposed": self.test.proposed(),
            "command": self.command,
            "chart": str(self.path),
            "rates": self.test.rates,
            "losses": [finite(loss) for loss in self.test.losses],
            "smoothed": [finite(loss) for loss in self.test.smoothed()],
        }


def find_learning_rate(
    data: TrainingData | ImagesInput,
    labels: LabelsInput | None = None,
    *,
    recipe: str | None = None,
    from_scratch: bool = False,
    out: str | Path | None = None,
    task: str | type[Task] | None = None,
    progress: bool = True,
    **settings: Any,
) -> LearningRateResult:
    """Train at most 140 steps with a rate that grows from 1e-6 until the loss diverges, and propose a peak learning rate.

    out: the chart, an SVG, `lr-NAME.svg` in the current folder if left out; an earlier chart is replaced, no other file is.
    The other arguments are those of `train`, whose splits, preprocessing, augmentation and initial weights the test has.
    Nothing else is left behind. Raises StriateError for bad input.
    """
    if "lr" in settings:
        raise SettingError(f"lr = {settings['lr']}: is what a range test looks for; leave it out")
    own_task = own_task_of(task)
    settings = {**settings, **({"task": task} if isinstance(task, str) else {})}
    if out is not None:
        _check_path(Path(out))
    source, resolved = resolve_run(with_labels(data, labels), recipe, from_scratch, settings, None, progress)
    if resolved.recipe.data.trains_all_folds:
        raise SettingError(f"folds = {resolved.recipe.data.folds}: a range test trains one network; add fold = 1")
    if resolved.recipe.training.epochs == 0:
        raise SettingError("epochs = 0: a head on frozen features is fitted without a learning rate; leave epochs out")
    # As in the command that comes of it, the rate is typed, which asks for fine-tuning.
    resolved = _with_rate(resolved, LOWEST)
    path = Path(out) if out is not None else Path(f"lr-{plain_name(source.name) or 'data'}.svg")
    _check_path(path)
    refuse_within_the_data(path, data, source)
    display = progress_display(progress)
    keep_freed_memory()
    try:  # beside the chart: images that memory does not hold would fill a temporary folder that lies in memory too
        with tempfile.TemporaryDirectory(prefix=".striate-lr-", dir=path.parent) as room:
            test = _measured(RunFolder.create(Path(room) / "run"), source, resolved, display, own_task)
    except DiskFullError as error:
        raise DiskFullError(path.parent, error.shortage) from None  # the folder that it names is gone
    finally:
        display.close()
    model, optimizer = resolved.recipe.model.name, resolved.recipe.optimizer.name
    write_text(path, range_test_svg(test, f"{source.name}, {model}, {optimizer}"))
    rate = test.proposed()
    command = None if rate is None or own_task else command_line(source, _with_rate(resolved, rate))
    return LearningRateResult(test, command, path)


def _with_rate(settings: ResolvedRecipe, rate: float) -> ResolvedRecipe:
    """The settings with a learning rate as if the user had typed it."""
    return replace(settings, recipe=settings.recipe.with_values(lr=rate)).with_origins("user", ["lr"])


@threads_restored()
def _measured(
    folder: RunFolder,
    source: Source,
    settings: ResolvedRecipe,
    display: ProgressDisplay,
    own_task: type[Task] | None,
) -> RangeTest:
    """The test, in a run folder that is removed after it."""
    model, weights = open_network(source, settings, display)
    with folder.locked():
        manifest = first_manifest(source, settings, model, weights, folder.path, own_task or TASKS[source.task])
        folder.write_manifest(manifest)
        ready = prepare_training(folder, source, settings, model, display, own_task)
        recipe, task = ready.settings.recipe, ready.task
        if (fit := ready.head_fit) is not None:
            fit_head_on_features(folder, model, task, fit, source, ready.prepared, recipe, display)
        state = TrainingState(model, task, recipe)
        test = RangeTest()
        display.start(1, STEPS, 0)
        for record in range_steps(state, task, ready.prepared.training_batches(recipe), recipe):
            test.add(record.learning_rate, record.loss.item())
            display.step(record)
            if test.has_diverged:
                break
    if not math.isfinite(test.first_loss):
        raise DataError(
            f"{source.location}: the loss is no finite number at a learning rate of {test.rates[-1]:.1g}; "
            "look for values that are not finite, or try another loss or --precision float32"
        )
    return test


def _check_path(path: Path) -> None:
    check_file_path(path, "SVG", ".svg", is_range_test_chart, "lr")
