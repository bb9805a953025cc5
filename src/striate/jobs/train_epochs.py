"""Drive the training loop: show progress, save checkpoints, keep the best weights, stop early or on a signal."""

from striate.analysis.split_evaluation import evaluation_batches
from striate.progress import ProgressDisplay
from striate.runs import RunFolder
from striate.runs.divergence import mark_diverged
from striate.runs.prepared_data import PreparedData
from striate.runs.resuming import checkpoint_to_resume, how_to_resume
from striate.tasks import TASKS, Task
from striate.training import Diverged, Epoch, Recipe, TrainingState, is_best, is_kept, stops_early, train
from striate.training.initial_head import InitialHead, initial_epoch
from striate.training.interruption import InterruptedRunError, interruptible


def train_epochs(
    folder: RunFolder,
    state: TrainingState,
    task: Task,
    prepared: PreparedData,
    recipe: Recipe,
    display: ProgressDisplay,
    head: InitialHead | None = None,
) -> None:
    """Train to the last epoch, from the newest checkpoint if there is one; then `state.best` holds the weights to keep.

    head: what was fitted on the features of the frozen network, which is epoch 0.
    """
    batches = prepared.training_batches(recipe)
    validation = None
    if prepared.splits.val:
        validation = evaluation_batches(prepared.splits.val, prepared.preprocessing, batches.device)
    restore_checkpoint(folder, state, display)
    if recipe.training.epochs:
        display.start(recipe.training.epochs, len(batches), state.step)
    if head is not None and not state.history:
        display.epoch(initial_epoch(state, task, validation, head, recipe), best=recipe.training.epochs > 0)
        folder.write_history(state.history_rows())
        folder.save_checkpoint(state.step, state.tensors(), state.scalars())
    saved = state.step
    with interruptible() as interruption:
        if stops_early(state.history, recipe.training.patience):
            return
        for record in train(state, task, batches, validation, recipe):
            if isinstance(record, Diverged):
                raise mark_diverged(folder, record, recipe)
            due = isinstance(record, Epoch) or interruption.requested
            due = due or (
                recipe.training.checkpoint_every > 0 and state.step - saved >= recipe.training.checkpoint_every
            )
            if isinstance(record, Epoch):
                if is_kept(state.history, recipe.training, prepared.validation_images):
                    state.keep_as_best()
                folder.write_history(state.history_rows())
                display.epoch(record, is_best(state.history))
            else:
                display.step(record)
            if due:
                # A batch norm's variance can overflow while the loss is still finite.
                if not state.is_finite():
                    raise mark_diverged(folder, Diverged(state.epoch, state.step, record.learning_rate), recipe)
                folder.save_checkpoint(state.step, state.tensors(), state.scalars())
                saved = state.step
            if interruption.requested:
                location, has_own_task = folder.manifest()["data"]["location"], task.name not in TASKS
                how = how_to_resume(folder.path, location, has_own_task=has_own_task)
                raise InterruptedRunError(
                    f"stopped after step {state.step}; {how} continues the run", interruption.number
                )
            if isinstance(record, Epoch) and stops_early(state.history, recipe.training.patience):
                display.message(
                    f"no progress for {recipe.training.patience} epochs, stopping early; epoch {state.best_epoch} is kept"
                )
                return


def restore_checkpoint(folder: RunFolder, state: TrainingState, display: ProgressDisplay) -> None:
    """Load the newest valid checkpoint into the state and name those that were skipped; without any, start afresh."""
    checkpoint = checkpoint_to_resume(folder)
    if checkpoint is None:
        return
    for skipped in checkpoint.skipped:
        display.message(f"skipped a damaged checkpoint, {skipped}")
    state.load(checkpoint.tensors, checkpoint.scalars)
    where = f"at step {state.step} (epoch {state.epoch + 1})" if state.step else "with the fitted head"
    display.message(f"resuming {where}")
