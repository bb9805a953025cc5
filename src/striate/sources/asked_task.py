"""A source for the task that a person named: as it is, or with the outlines of its objects drawn into masks."""

from dataclasses import replace

from striate.data.source import Source
from striate.data.targets import TaskKind
from striate.errors import SettingError

__all__ = ["with_task"]

_BACKGROUND = "background"


def with_task(source: Source, task: TaskKind | None) -> Source:
    """The source for the task. SettingError where its labels are of another, and have no outlines that can become masks."""
    if task in (None, source.task):
        return source
    if task == "segment" and source.has_outlines:
        return _with_masks(source)
    others = "objects without outlines" if (task, source.task) == ("segment", "detect") else f"labels for {source.task}"
    raise SettingError(f"task = {task!r}: {source.location} ({source.kind}) has {others}; leave --task out")


def _with_masks(source: Source) -> Source:
    """Class 0 is the background; a category of this name is it."""
    names = [name for name in source.classes if name.lower() != _BACKGROUND]
    classes = (_BACKGROUND, *names)
    positions = [0 if name not in classes[1:] else classes.index(name, 1) for name in source.classes]
    masks = {split: listing.targets.as_masks(positions) for split, listing in source.splits.items()}
    drawn = {split: one for split, one in masks.items() if one is not None}
    return replace(
        source,
        classes=classes,
        splits={split: replace(one, targets=drawn.get(split, one.targets)) for split, one in source.splits.items()},
        skeleton=None,
        notes=(
            *source.notes,
            "outlines are drawn into masks: of overlapping objects the smaller one is on top, crowds are of no class",
        ),
    )
