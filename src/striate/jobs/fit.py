"""Driving the training loop: show what happens, save it, keep the best, stop when asked or when it is enough."""

from striate.errors import RunError
from striate.findings import Finding
from striate.jobs.interruption import InterruptedRunError, interruptible
from striate.jobs.monitor import Monitor
from striate.jobs.prepare import Prepared
from striate.runs import RunFolder
from striate.sources import IN_MEMORY
from striate.tasks import Task
from striate.training import Diverged, Epoch, Recipe, TrainingState, is_best, stops_early, train


def fit(
    folder: RunFolder, state: TrainingState, task: Task, prepared: Prepared, recipe: Recipe, monitor: Monitor
) -> None:
    """Train to the last epoch, from the newest checkpoint if there is one; afterwards `state.best` holds the weights to keep."""
    batches = prepared.training_batches(recipe)
    validation = prepared.plain_batches(prepared.splits.val, recipe) if prepared.splits.val else None
    go_on(folder, state, monitor)
    monitor.start(recipe.training.epochs, len(batches), state.step)
    saved = state.step
    with interruptible() as interruption:
        if stops_early(state.history, recipe.training.patience):
            return
        for record in train(state, task, batches, validation, recipe):
            if isinstance(record, Diverged):
                raise diverged(folder, record, recipe)
            due = isinstance(record, Epoch) or interruption.asked
            due = due or (
                recipe.training.checkpoint_every > 0 and state.step - saved >= recipe.training.checkpoint_every
            )
            if isinstance(record, Epoch):
                best = is_best(state.history)
                if best or recipe.training.keep == "last":
                    state.keep_as_best()
                folder.write_history(state.history_rows())
                monitor.epoch(record, best)
            else:
                monitor.step(record)
            if due:
                # A batch norm's variance can overflow while the loss still looks well.
                if not state.is_finite():
                    raise diverged(folder, Diverged(state.epoch, state.step, record.learning_rate), recipe)
                folder.save_checkpoint(state.step, state.tensors(), state.scalars())
                saved = state.step
            if interruption.asked:
                raise InterruptedRunError(
                    f"stopped after step {state.step}; {how_to_go_on(folder)} goes on", interruption.number
                )
            if isinstance(record, Epoch) and stops_early(state.history, recipe.training.patience):
                monitor.say(
                    f"no progress for {recipe.training.patience} epochs, stopping early; epoch {state.best_epoch} is kept"
                )
                return


def how_to_go_on(folder: RunFolder) -> str:
    """What continues a run that was cut off: a command, or from Python where only the caller has the data."""
    if folder.manifest()["data"]["location"] == IN_MEMORY:
        return f"striate.resume({str(folder.path)!r}, data=...) from Python"
    return f"`striate resume {folder.path}`"


def go_on(folder: RunFolder, state: TrainingState, monitor: Monitor) -> None:
    """Take back the newest valid checkpoint, saying what was skipped; none at all is a fresh start."""
    checkpoint = folder.newest_checkpoint()
    if checkpoint is None:
        if any(folder.checkpoints_path.glob("step-*")):
            raise RunError(f"{folder.checkpoints_path}: no checkpoint there is whole; train anew with another --out")
        return
    for skipped in checkpoint.skipped:
        monitor.say(f"skipped a damaged checkpoint, {skipped}")
    state.load(checkpoint.tensors, checkpoint.scalars)
    monitor.say(f"going on from step {state.step} (epoch {state.epoch + 1})")


def diverged(folder: RunFolder, record: Diverged, recipe: Recipe) -> RunError:
    """Leave a finding that says what happened, and mark the run so that nobody goes on with it."""
    fix = (
        f"--lr {recipe.optimizer.lr / 10:g}"
        if recipe.training.clip_grad_norm
        else f"--lr {recipe.optimizer.lr / 10:g} or --clip-grad-norm 1"
    )
    finding = Finding(
        id="training-diverged",
        severity="stop",
        message=f"The loss or the weights stopped being finite numbers in epoch {record.epoch}: the network is lost.",
        evidence={"epoch": record.epoch, "step": record.step, "learning_rate": record.learning_rate},
        fix=fix,
    )
    folder.write_findings([finding])
    folder.write_manifest({**folder.manifest(), "status": "diverged"})
    return RunError(
        f"loss or weights are not finite numbers at step {record.step} (epoch {record.epoch}, lr {record.learning_rate:.3g}); "
        f"train again with {fix}; what is left is in {folder.path}"
    )
