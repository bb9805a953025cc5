"""Runs: the folder of a run, its checkpoints, and the bundle that holds the trained network."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from striate.runs.atomic import explained, write_bytes
    from striate.runs.bundle import Bundle, Preprocessing
    from striate.runs.checkpoints import Checkpoint
    from striate.runs.folder import RunFolder, free_path, plain_name
    from striate.runs.folds import FoldsFolder

__all__ = [
    "Bundle",
    "Checkpoint",
    "FoldsFolder",
    "Preprocessing",
    "RunFolder",
    "explained",
    "free_path",
    "plain_name",
    "write_bytes",
]

_HOME = {
    "Bundle": "bundle",
    "Checkpoint": "checkpoints",
    "FoldsFolder": "folds",
    "Preprocessing": "bundle",
    "RunFolder": "folder",
    "explained": "atomic",
    "free_path": "folder",
    "plain_name": "folder",
    "write_bytes": "atomic",
}


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(f"striate.runs.{_HOME[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
