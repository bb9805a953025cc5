"""Opening data as the settings say: which columns of a table are the path, the labels and the part."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from striate.data import Columns, Source, open_source, split_names

__all__ = ["open_data", "within_the_data"]


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


def within_the_data(path: Path, data: str | Path, source: Source) -> bool:
    """Whether a path, be it there or not, is the folder `data` or the one that it was found in, or lies in it."""
    if not Path(source.location).is_absolute():  # data that are inside the package, whatever else has their name
        return False
    roots = (Path(data).expanduser(), Path(source.location))
    return any(root.is_dir() and path.resolve().is_relative_to(root.resolve()) for root in roots)
