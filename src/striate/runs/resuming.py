"""Whether a run can be resumed, how, and from which checkpoint."""

from pathlib import Path
from typing import Final

from striate.data import Source
from striate.errors import RunError
from striate.runs.checkpoints import Checkpoint
from striate.runs.folder import RunFolder
from striate.sources import IN_MEMORY

__all__ = ["check_running", "check_unchanged", "checkpoint_to_resume", "how_to_resume"]

_CALLS: Final = {"run": "striate.resume", "cross-validation": "striate.jobs.resume_folds"}


def how_to_resume(path: Path, location: str, what: str = "run", *, has_own_task: bool = False) -> str:
    """The command that resumes a run or a cross-validation, or the call from Python where it needs data in memory or a task."""
    passed = [*(["data=..."] if location == IN_MEMORY else []), *(["task=..."] if has_own_task else [])]
    if passed:
        return f"{_CALLS[what]}({', '.join([repr(str(path)), *passed])}) from Python"
    return f"`striate resume {path}`"


def check_running(folder: RunFolder) -> None:
    """Raise RunError where a run has ended."""
    status = folder.manifest()["status"]
    if status == "diverged":
        raise RunError(f"{folder.path}: the run diverged; findings.json names settings to train again with")
    if status != "running":
        raise RunError(
            f"{folder.path}: the run {status}; `striate evaluate {folder.path}` evaluates it, `striate train` starts a new one"
        )


def check_unchanged(source: Source, digest: str | None, path: Path) -> None:
    """Raise RunError where the data are not those that a run began with; their digest is known once they were read."""
    if digest is not None and source.digest() != digest:
        raise RunError(
            f"{source.location}: the data changed since the run {path} began; train again, or bring them back"
        )


def checkpoint_to_resume(folder: RunFolder) -> Checkpoint | None:
    """The newest valid checkpoint; None where there is none yet. Raises RunError where there are only damaged ones."""
    checkpoint = folder.newest_checkpoint()
    if checkpoint is None and any(folder.checkpoints_path.glob("step-*")):
        raise RunError(f"{folder.checkpoints_path}: has no valid checkpoint; train again with another --out")
    return checkpoint
