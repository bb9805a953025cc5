"""The tasks by name."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from striate.data import LoadedTargets, Source, TaskKind
from striate.data.targets import ASKS
from striate.errors import DataError, SettingError
from striate.tasks.classify.classify import Classify
from striate.tasks.multilabel.multilabel import MultiLabel
from striate.tasks.regress.regress import Regress
from striate.tasks.segment.segment import Segment
from striate.tasks.settings import LossSettings
from striate.tasks.task import Task

__all__ = ["TASKS", "open_task", "require_task", "task_for_training"]

TASKS: Final[Mapping[str, type[Task]]] = MappingProxyType(
    {"classify": Classify, "multilabel": MultiLabel, "regress": Regress, "segment": Segment}
)


def task_for_training(
    kind: TaskKind,
    classes: tuple[str, ...],
    loss: LossSettings,
    targets: LoadedTargets,
    own: type[Task] | None = None,
) -> Task:
    """The task that a network is trained for: that of the data, or the user's own."""
    return (own or TASKS[kind]).for_training(classes, loss, targets)


def open_task(name: str, classes: tuple[str, ...], arguments: Mapping[str, Any], own: type[Task] | None = None) -> Task:
    """The task of a bundle. Raises SettingError for one that must be passed, and KeyError, TypeError or ValueError for what
    no task wrote."""
    known = {**TASKS, **({own.name: own} if own else {})}
    if name not in known:
        raise SettingError(
            f"the task {name!r} is none of striate's: pass its class, striate.load(run, task=...) from Python"
        )
    return known[name].from_arguments(classes, arguments)


def require_task(source: Source) -> None:
    """DataError for data of a task that no network can be trained for yet."""
    if source.task in TASKS:
        return
    known = " or ".join(", ".join(asks for name, asks in ASKS.items() if name in TASKS).rsplit(", ", 1))
    way_out = (
        "train on the outlines of the objects, drawn into masks, with --task segment"
        if source.has_outlines
        else "give each image one class, as a folder, a number or text"
    )
    raise DataError(
        f"{source.location} has {ASKS[source.task]}: `striate check` and `striate augment` read them, "
        f"and training takes {known} so far; {way_out}"
    )
