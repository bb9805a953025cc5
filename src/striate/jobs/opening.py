"""Opening data as the settings say: which columns of a table are the path, the labels and the part."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from striate.data import Columns, Source, open_source, split_names
from striate.errors import StriateError

__all__ = ["open_data", "open_data_like"]


def open_data(data: str | Path, *layers: Mapping[str, Any]) -> Source:
    """The source of `data`; of the settings in `layers`, as typed or as a recipe has them, the first that says something counts."""

    def said(name: str) -> str | None:
        return next((str(layer[name]) for layer in layers if layer.get(name)), None)

    columns = Columns(
        path=said("path_column"),
        label=split_names(said("label_column")),
        split=said("split_column"),
        folder=said("pictures"),
    )
    return open_source(data, columns=columns)


def open_data_like(data: str | Path, recipe: Mapping[str, Any]) -> Source:
    """Other data, read as a recipe says its own are, or by themselves where they do not fit what it says."""
    try:
        return open_data(data, recipe)
    except StriateError as error:
        try:
            return open_source(data)
        except StriateError:
            raise error from None
