"""Opening data as the settings say: which reading, which columns of a table, which folders are classes, which links."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from striate.data import Columns, Limits, Source, TaskKind, open_source, split_names

__all__ = ["open_data"]


def open_data(data: str | Path, *layers: Mapping[str, Any]) -> Source:
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
    level = said("class_level")
    return open_source(
        data,
        Limits(follow_links=said("follow_links") is not None),
        columns,
        source=said("source") or "auto",
        class_level=int(level) if level and level.isdecimal() else None,
    )
