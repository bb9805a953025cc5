"""Opening data as the settings say: which columns of a table are the path, the labels and the part."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from striate.data import Columns, Limits, Source, open_source, split_names
from striate.data.decoding.limits import DEFAULT_LIMITS

__all__ = ["open_data"]


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
    max_pixels = next((layer["max_pixels"] for layer in layers if "max_pixels" in layer), DEFAULT_LIMITS.max_pixels)
    return open_source(data, Limits(max_pixels=max_pixels), columns)
