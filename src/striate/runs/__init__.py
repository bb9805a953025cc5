"""Runs: the folder of a run, its checkpoints, and the bundle that holds the trained network."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from striate.runs.bundle import Bundle, Preprocessing
    from striate.runs.checkpoints import Checkpoint
    from striate.runs.folder import RunFolder, free_path
    from striate.runs.folds import FoldsFolder

__all__ = ["Bundle", "Checkpoint", "FoldsFolder", "Preprocessing", "RunFolder", "free_path"]

_HOME = {
    "Bundle": "bundle",
    "Checkpoint": "checkpoints",
    "FoldsFolder": "folds",
    "Preprocessing": "bundle",
    "RunFolder": "folder",
    "free_path": "folder",
}


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(f"striate.runs.{_HOME[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
