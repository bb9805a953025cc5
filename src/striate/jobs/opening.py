"""Opening data as the settings say: a path with which columns of a table are what, or what Python code holds in memory."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from striate.data import IN_MEMORY, Columns, Limits, Source, TrainingData, open_in_memory, open_source, split_names
from striate.data.decoding.limits import DEFAULT_LIMITS
from striate.errors import RunError, SettingError

__all__ = ["open_again", "open_data", "open_given"]


def open_given(data: TrainingData, limits: Limits = DEFAULT_LIMITS, columns: Columns | None = None) -> Source:
    """The source of a path or of a built-in name, or of images and labels in memory."""
    if isinstance(data, str | Path):
        return open_source(data, limits, columns or Columns())
    if columns not in (None, Columns()):
        raise SettingError("columns are those of a table, and the data are in memory; leave the columns out")
    return open_in_memory(data, limits)


def open_data(data: TrainingData, *layers: Mapping[str, Any]) -> Source:
    """The source of `data`; of the settings in `layers`, as typed or as a recipe has them, the first that says something counts."""

    def said(name: str) -> str | None:
        return next((str(layer[name]) for layer in layers if layer.get(name)), None)

    columns = Columns(
        path=said("path_column"),
        label=split_names(said("label_column")),
        split=said("split_column"),
        folder=said("pictures"),
    )
    return open_given(data, columns=columns)


def open_again(location: str, recipe: Mapping[str, Any], data: TrainingData | None, way_out: str) -> Source:
    """The source that a run was made from, by its location, or by `data`, the same data given again.

    RunError, which ends with the way out, where they were in memory and are not given.
    """
    if data is not None:
        return open_data(data, recipe)
    if location == IN_MEMORY:
        raise RunError(f"the data of this run were in the memory of a Python program and are on no disk; {way_out}")
    return open_data(location, recipe)
