"""The rows of one Arrow or Parquet file that has a column of images: their other columns as text, and each image."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, Final, final

import numpy as np

from striate.data.names import printable
from striate.data.skipped_files import Unreadable
from striate.data.storage import MEMORY_SHARE, available_memory
from striate.errors import DataError
from striate.sources.files.read_errors import read_errors
from striate.sources.tables.parquet_file import as_cells, is_numeric
from striate.sources.tables.pyarrow_modules import arrow
from striate.sources.tables.table import column_names

__all__ = ["ImageRows", "has_images", "read_arrow", "read_parquet_rows"]

_GROUPS: Final = 4  # groups of rows of a Parquet file that are kept in memory


@final
@dataclass(frozen=True, eq=False)
class ImageRows:
    """`image` gives the content of a row's image, or raises Unreadable; any thread may call it."""

    path: Path
    kind: str
    count: int
    cells: Mapping[str, Sequence[str]]  # by column, N each
    classes: Mapping[str, tuple[str, ...]]  # the names of the classes in a column, where the file has them
    lists: frozenset[str]
    numeric: frozenset[str]
    image: Callable[[int], bytes]

    @property
    def name(self) -> str:
        return printable(self.path)


def has_images(path: Path) -> bool:
    """Whether a Parquet file has a column of images. Raises DataError, also where pyarrow is missing."""
    name = printable(path)
    parquet = arrow("pyarrow.parquet", name)
    with read_errors(name, "get a new copy"), parquet.ParquetFile(path) as file:
        return bool(_image_columns(file.schema_arrow, name))


def read_arrow(path: Path, image: str | None) -> ImageRows:
    """An Arrow file as `datasets` saves it, mapped. Raises DataError."""
    name = printable(path)
    pyarrow, ipc = arrow("pyarrow", name), arrow("pyarrow.ipc", name)
    if not path.is_file():
        raise DataError(f"{name} is not a file; get a new copy of the data set")
    with read_errors(name, "get a new copy"):
        table = ipc.open_stream(pyarrow.memory_map(str(path))).read_all()
        table.validate(full=True)  # so that no offset leads out of the file
    column = _image_column(table.schema, image, name)
    return _rows(path, "Arrow", table.drop_columns([column]), partial(_from, table.column(column)))


def read_parquet_rows(path: Path, image: str | None) -> ImageRows:
    """A Parquet file; the groups of rows whose images were last wanted stay in memory. Raises DataError."""
    name = printable(path)
    parquet = arrow("pyarrow.parquet", name)
    with read_errors(name, "get a new copy"), parquet.ParquetFile(path) as file:
        column = _image_column(file.schema_arrow, image, name)
        groups = [file.metadata.row_group(i) for i in range(file.metadata.num_row_groups)]
        largest = max((group.total_byte_size for group in groups), default=0)
        if largest * _GROUPS > MEMORY_SHARE * available_memory():
            raise DataError(
                f"{name} has a row group of {largest} bytes, too large for the memory; write it with smaller row groups"
            )
        rest = file.read([one for one in file.schema_arrow.names if one != column])
        ends = np.cumsum([group.num_rows for group in groups])

    @lru_cache(_GROUPS)
    def images_of(group: int) -> Any:
        with read_errors(name, "get a new copy"), parquet.ParquetFile(path) as file:
            return file.read_row_group(group, [column]).column(0)

    def read(i: int) -> bytes:
        group = int(np.searchsorted(ends, i, "right"))
        try:
            images = images_of(group)
        except DataError as error:
            raise Unreadable("unreadable", str(error)[:160]) from None
        return _from(images, i - int(ends[group] - groups[group].num_rows))

    return _rows(path, "Parquet", rest, read, count=int(ends[-1]) if len(ends) else 0, schema=file.schema_arrow)


def _rows(
    path: Path, kind: str, rest: Any, image: Callable[[int], bytes], count: int | None = None, schema: Any = None
) -> ImageRows:
    """The columns that are text, numbers, truth values, or lists of these; what else there is is passed over."""
    name = printable(path)
    types = arrow("pyarrow.types", name)
    count = rest.num_rows if count is None else count
    if not count:
        raise DataError(f"{name} has no rows; get a new copy of the data set")
    features = _features((schema or rest.schema).metadata)
    cells, classes, lists, numeric = {}, {}, set(), set()
    for one, column in zip(column_names(rest.schema.names, name), rest.columns, strict=True):
        is_list = types.is_list(column.type) or types.is_large_list(column.type)
        inner = column.type.value_type if is_list else column.type
        if types.is_nested(inner) or types.is_binary(inner) or types.is_large_binary(inner):
            continue
        values = column.to_pylist()
        if is_list:
            lists.add(one)
        elif is_numeric(types, inner):
            numeric.add(one)
        if names := _class_names(features.get(one), is_list=is_list):
            classes[one] = names
            values = [_called(names, value, f"{name}, row {i}, column {one}") for i, value in enumerate(values, 1)]
        cells[one] = as_cells(values)
    return ImageRows(path, kind, count, cells, classes, frozenset(lists), frozenset(numeric), image)


def _from(images: Any, i: int) -> bytes:
    """The bytes of an image in a column of images, or of structs of bytes and path."""
    value = images[i].as_py()
    content = value.get("bytes") if isinstance(value, dict) else value
    if not isinstance(content, bytes):
        raise Unreadable("missing", "the row holds no bytes of an image")
    return content


def _image_column(schema: Any, wanted: str | None, name: str) -> str:
    found = _image_columns(schema, name)
    if len(found) == 1 or wanted in found:
        return wanted if wanted in found else found[0]
    if not found:
        raise DataError(f"{name} has no column of images, a struct of bytes and path; save it with the feature Image")
    raise DataError(
        f"{name} has several columns of images, {', '.join(map(printable, found))}; choose one with --path-column NAME"
    )


def _image_columns(schema: Any, name: str) -> list[str]:
    types = arrow("pyarrow.types", name)
    found = []
    for one in schema:
        kind = one.type
        if types.is_struct(kind):
            kind = next(
                (inner.type for inner in (kind.field(i) for i in range(kind.num_fields)) if inner.name == "bytes"), kind
            )
        if types.is_binary(kind) or types.is_large_binary(kind):
            found.append(one.name)
    return found


def _features(metadata: Mapping[bytes, bytes] | None) -> Mapping[str, Any]:
    """The descriptions of columns that `datasets` writes into the schema of a file; empty where they cannot be read."""
    try:
        features = json.loads((metadata or {})[b"huggingface"])["info"]["features"]
    except (KeyError, ValueError, TypeError, RecursionError):
        return {}
    return features if isinstance(features, dict) else {}


def _class_names(feature: Any, *, is_list: bool) -> tuple[str, ...]:
    if is_list and isinstance(feature, dict):
        feature = feature.get("feature")
    if (
        not isinstance(feature, dict)
        or feature.get("_type") != "ClassLabel"
        or not isinstance(feature.get("names"), list)
    ):
        return ()
    return tuple(printable(str(one)) for one in feature["names"])


def _called(names: Sequence[str], value: Any, where: str) -> Any:
    """The name of a class, or of each in a list; None for -1, which stands for no label. DataError for another number."""
    if isinstance(value, list):
        return [_called(names, one, where) for one in value]
    if value is None or value == -1:
        return None
    if not isinstance(value, int) or not 0 <= value < len(names):
        raise DataError(f"{where}: the class {printable(str(value))[:40]} has no name; get a new copy of the data set")
    return names[value]
