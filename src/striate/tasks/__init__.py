"""Tasks: what a network is asked. Each gives a head, losses, predictions, metrics and a drawing."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from striate.tasks.classify import Classify, class_weights
    from striate.tasks.confusion import Confusion
    from striate.tasks.task import Score, Task

__all__ = ["Classify", "Confusion", "Score", "Task", "class_weights"]

_HOME = {
    "Classify": "classify",
    "Confusion": "confusion",
    "Score": "task",
    "Task": "task",
    "class_weights": "classify",
}


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(f"striate.tasks.{_HOME[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
