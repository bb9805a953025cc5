"""Opening data as the settings say: a path, with which reading, columns, classes and links; or what Python holds in memory."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

from striate.data import (
    IN_MEMORY,
    Columns,
    ImagesInput,
    Limits,
    Source,
    TaskKind,
    TrainingData,
    open_in_memory,
    open_source,
    split_names,
)
from striate.data.decoding.limits import DEFAULT_LIMITS
from striate.data.sources.choice import HowToRead
from striate.errors import RunError, SettingError, StriateError

__all__ = ["open_again", "open_data", "open_data_like", "open_given", "within_the_data"]


def open_given(data: TrainingData, how: HowToRead) -> Source:
    """The source of a path or of a built-in name, or of images and labels in memory."""
    if isinstance(data, str | Path):
        return open_source(data, how.limits, how.columns, source=how.source, class_level=how.class_level)
    if (replace(how.columns, task=None), how.source, how.class_level) != (Columns(), "auto", None):
        raise SettingError(
            "the data are in memory: columns, a source and a class level say how files are read; leave them out"
        )
    return open_in_memory(data, how.limits, how.columns.task)


def open_data(data: TrainingData, *layers: Mapping[str, Any]) -> Source:
    """The source of `data`; of the settings in `layers`, as typed or as a recipe has them, the first that says something counts."""

    def said(name: str) -> str | None:
        return next((str(layer[name]) for layer in layers if layer.get(name)), None)

    task = said("task")
    columns = Columns(
        path=said("path_column"),
        label=split_names(said("label_column")),
        split=said("split_column"),
        task=None if task in (None, "auto") else cast(TaskKind, task),
        folder=said("pictures"),
    )

    def limit(name: str, default: Any) -> Any:
        return next((layer[name] for layer in layers if layer.get(name) is not None), default)

    level = said("class_level")
    limits = Limits(
        max_pixels=limit("max_pixels", DEFAULT_LIMITS.max_pixels), follow_links=said("follow_links") is not None
    )
    return open_given(
        data, HowToRead(said("source") or "auto", columns, int(level) if level and level.isdecimal() else None, limits)
    )


def open_again(location: str, recipe: Mapping[str, Any], data: TrainingData | None, way_out: str) -> Source:
    """The source that a run was made from, by its location, or by `data`, the same data given again.

    RunError, which ends with the way out, where they were in memory and are not given.
    """
    if data is not None:
        return open_data(data, recipe)
    if location == IN_MEMORY:
        raise RunError(f"the data of this run were in the memory of a Python program and are on no disk; {way_out}")
    return open_data(location, recipe)


def open_data_like(data: TrainingData, recipe: Mapping[str, Any]) -> Source:
    """Other data, read as a recipe says its own are, or by themselves where they do not fit what it says."""
    try:
        return open_data(data, recipe)
    except StriateError as error:
        try:
            return open_given(data, HowToRead())
        except StriateError:
            raise error from None


def within_the_data(path: Path, data: TrainingData | ImagesInput, source: Source) -> bool:
    """Whether a path, be it there or not, is the folder `data` or the one that it was found in, or lies in it."""
    if not Path(source.location).is_absolute():  # inside the package, whatever else has their name, or in memory
        return False
    roots = [Path(source.location), *([Path(data).expanduser()] if isinstance(data, str | Path) else [])]
    return any(root.is_dir() and path.resolve().is_relative_to(root.resolve()) for root in roots)
