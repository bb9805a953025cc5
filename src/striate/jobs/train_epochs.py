"""Drive the training loop: show progress, save checkpoints, keep the best weights, stop early or on a signal."""

from striate.analysis.split_evaluation import evaluation_batches
from striate.errors import RunError
from striate.findings import Finding
from striate.jobs.prepare_data import PreparedData
from striate.jobs.progress_display import ProgressDisplay
from striate.runs import RunFolder
from striate.sources import IN_MEMORY
from striate.tasks import Task
from striate.training import Diverged, Epoch, Recipe, TrainingState, is_best, stops_early, train
from striate.training.interruption import InterruptedRunError, interruptible


def train_epochs(
    folder: RunFolder,
    state: TrainingState,
    task: Task,
    prepared: PreparedData,
    recipe: Recipe,
    display: ProgressDisplay,
) -> None:
    """Train to the last epoch, from the newest checkpoint if there is one; then `state.best` holds the weights to keep."""
    batches = prepared.training_batches(recipe)
    validation = None
    if prepared.splits.val:
        validation = evaluation_batches(
            prepared.splits.val, prepared.preprocessing, batches.device, batch_size=recipe.training.batch_size
        )
    restore_checkpoint(folder, state, display)
    display.start(recipe.training.epochs, len(batches), state.step)
    saved = state.step
    with interruptible() as interruption:
        if stops_early(state.history, recipe.training.patience):
            return
        for record in train(state, task, batches, validation, recipe):
            if isinstance(record, Diverged):
                raise diverged(folder, record, recipe)
            due = isinstance(record, Epoch) or interruption.requested
            due = due or (
                recipe.training.checkpoint_every > 0 and state.step - saved >= recipe.training.checkpoint_every
            )
            if isinstance(record, Epoch):
                best = is_best(state.history)
                if best or recipe.training.keep == "last":
                    state.keep_as_best()
                folder.write_history(state.history_rows())
                display.epoch(record, best)
            else:
                display.step(record)
            if due:
                # A batch norm's variance can overflow while the loss is still finite.
                if not state.is_finite():
                    raise diverged(folder, Diverged(state.epoch, state.step, record.learning_rate), recipe)
                folder.save_checkpoint(state.step, state.tensors(), state.scalars())
                saved = state.step
            if interruption.requested:
                raise InterruptedRunError(
                    f"stopped after step {state.step}; {how_to_resume(folder)} continues the run", interruption.number
                )
            if isinstance(record, Epoch) and stops_early(state.history, recipe.training.patience):
                display.message(
                    f"no progress for {recipe.training.patience} epochs, stopping early; epoch {state.best_epoch} is kept"
                )
                return


def how_to_resume(folder: RunFolder) -> str:
    """The command that resumes a run, or the call from Python where the data were in memory."""
    if folder.manifest()["data"]["location"] == IN_MEMORY:
        return f"striate.resume({str(folder.path)!r}, data=...) from Python"
    return f"`striate resume {folder.path}`"


def restore_checkpoint(folder: RunFolder, state: TrainingState, display: ProgressDisplay) -> None:
    """Load the newest valid checkpoint into the state and name those that were skipped; without any, start afresh."""
    checkpoint = folder.newest_checkpoint()
    if checkpoint is None:
        if any(folder.checkpoints_path.glob("step-*")):
            raise RunError(f"{folder.checkpoints_path}: has no valid checkpoint; train again with another --out")
        return
    for skipped in checkpoint.skipped:
        display.message(f"skipped a damaged checkpoint, {skipped}")
    state.load(checkpoint.tensors, checkpoint.scalars)
    display.message(f"resuming at step {state.step} (epoch {state.epoch + 1})")


def diverged(folder: RunFolder, record: Diverged, recipe: Recipe) -> RunError:
    """Write a finding, and mark the run so that it is not resumed."""
    fix = (
        f"--lr {recipe.optimizer.lr / 10:g}"
        if recipe.training.clip_grad_norm
        else f"--lr {recipe.optimizer.lr / 10:g} or --clip-grad-norm 1"
    )
    finding = Finding(
        "training-diverged",
        "stop",
        f"The loss or the weights became infinite or NaN in epoch {record.epoch}.",
        {"epoch": record.epoch, "step": record.step, "learning_rate": record.learning_rate},
        fix,
    )
    folder.write_findings([finding])
    folder.write_manifest({**folder.manifest(), "status": "diverged"})
    return RunError(
        f"loss or weights are not finite at step {record.step} (epoch {record.epoch}, lr {record.learning_rate:.3g}); "
        f"train again with {fix}; the checkpoints are in {folder.path}"
    )
