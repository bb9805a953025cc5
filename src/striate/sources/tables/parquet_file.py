"""A Parquet file as a table of text, the same as a CSV with those cells would be."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from striate.data.names import printable
from striate.errors import DataError
from striate.sources.files.read_errors import read_errors
from striate.sources.labels.word_sets import LIST
from striate.sources.tables.pyarrow_modules import arrow
from striate.sources.tables.table import MAX_BYTES, Table, column_names

__all__ = ["as_cells", "is_numeric", "read_parquet"]


def read_parquet(path: Path) -> Table:
    """The columns of text, numbers, truth values and lists of these. Raises DataError, also where pyarrow is missing.

    Rows are counted as if the names of the columns were row 1. Lists of text are sets of classes.
    """
    name = printable(path)
    parquet, types = arrow("pyarrow.parquet", name), arrow("pyarrow.types", name)
    with read_errors(name, "get a new copy"), parquet.ParquetFile(path) as file:
        schema = file.schema_arrow
        names = column_names(schema.names, name)
        groups = (file.metadata.row_group(i) for i in range(file.metadata.num_row_groups))
        size = sum(group.total_byte_size for group in groups)
        if size > MAX_BYTES:
            raise DataError(f"{name} has {size} bytes, more than the limit of {MAX_BYTES}; split the table")
        lists = {one for one, field in zip(names, schema, strict=True) if types.is_list(field.type)}
        for one, field in zip(names, schema, strict=True):
            inner = field.type.value_type if one in lists else field.type
            if types.is_nested(inner) or types.is_binary(inner) or types.is_large_binary(inner):
                raise DataError(
                    f"{name}, column {one}: its type is {field.type}, which is neither text nor number; remove it"
                )
        cells = {one: as_cells(column.to_pylist()) for one, column in zip(names, file.read().columns, strict=True)}
    if not cells or not cells[names[0]]:
        raise DataError(f"{name} has no rows; add a row for each image")
    numeric = frozenset(one for one, field in zip(names, schema, strict=True) if is_numeric(types, field.type))
    rows = range(2, 2 + len(cells[names[0]]))
    return Table(name, "Parquet table", cells, rows, lists=frozenset(lists), numeric=numeric)


def is_numeric(types: Any, kind: Any) -> bool:
    """Whether a type of pyarrow is one of numbers; `types` is its module of that name."""
    return bool(types.is_integer(kind) or types.is_floating(kind))


def as_cells(values: Sequence[Any]) -> list[str]:
    """Values as the text that a CSV would have; what is missing is empty, the parts of a list are each ended by LIST."""
    return [
        "".join(_cell(one) + LIST for one in value) if isinstance(value, list) else _cell(value) for value in values
    ]


def _cell(value: Any) -> str:
    return "" if value is None else str(value)
