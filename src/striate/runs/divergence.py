"""A run whose loss or weights stopped being finite numbers: marked, so that it is not resumed, with what to change."""

from striate.errors import RunError
from striate.findings import Finding
from striate.runs.folder import RunFolder
from striate.training import Diverged, Recipe

__all__ = ["mark_diverged"]


def mark_diverged(folder: RunFolder, record: Diverged, recipe: Recipe) -> RunError:
    """Write the finding training-diverged and the status; the error to raise."""
    lower = f"--lr {recipe.optimizer.lr / 10:g}"
    fix = lower if recipe.training.clip_grad_norm else f"{lower} or --clip-grad-norm 1"
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
