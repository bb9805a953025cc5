"""A table as text: columns of cells, each of a known row. CSV and TSV are read here, Parquet in parquet.py.

Limits come before parsing: the size of the file, the length of a row, the number of columns. Rows are counted as a
spreadsheet counts them: the names of the columns are row 1, blank rows count, a quoted line break does not.
"""

import csv
import io
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final, final

from striate.data.decoding.regular_file import open_regular_file
from striate.data.names import printable
from striate.data.set_aside import Unreadable
from striate.errors import DataError

__all__ = ["MAX_BYTES", "MAX_COLUMNS", "Table", "column_names", "read_csv"]

MAX_BYTES: Final = 2**30  # of a table
MAX_COLUMNS: Final = 10_000
_MAX_ROW: Final = 2**20  # characters; no table of paths and labels comes near
_BLOCK: Final = 4096  # rows
_BYTE_ORDER_MARKS: Final = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))


@final
@dataclass(frozen=True, eq=False)
class Table:
    """Cells by column, in the order of the file. Bytes that are no UTF-8 are in them as `os.fsdecode` writes them."""

    name: str  # printable
    kind: str  # "CSV table"
    cells: Mapping[str, Sequence[str]]  # N each
    rows: Sequence[int]  # N: which row of the file
    blank: int = 0
    lists: frozenset[str] = frozenset()  # columns whose cells are lists, see meaning.py

    def place(self, i: int, column: str) -> str:
        """Where a cell is, for a person."""
        return f"{self.name}, row {self.rows[i]}, column {column}"


def read_csv(path: Path) -> Table:
    """A CSV or TSV file: UTF-8, or what a byte order mark says; commas, or where row 1 has none semicolons or tabs.

    Raises DataError, which names the row, for whatever is no table: rows of unequal length, NUL, a quote without its
    end, two columns of one name.
    """
    name = printable(path)
    try:
        with open_regular_file(path) as file:
            size = file.seek(0, os.SEEK_END)
            if size > MAX_BYTES:
                raise DataError(f"{name} has {size} bytes, more than the {MAX_BYTES} that a table may; split it up")
            file.seek(0)
            start = file.read(4)
            file.seek(0)
            encoding = next((encoding for mark, encoding in _BYTE_ORDER_MARKS if start.startswith(mark)), "utf-8")
            with io.TextIOWrapper(file, encoding, "surrogateescape", newline="") as text:
                return _read(text, path)
    except Unreadable as failure:
        raise DataError(f"cannot read {name}: {failure.detail}; make it readable") from None
    except OSError as error:
        raise DataError(f"cannot read {name}: {error.strerror}; make it readable") from None


def column_names(names: Sequence[str], table: str) -> tuple[str, ...]:
    """The names, each printable and there once; a column without one is called by its position. Raises DataError."""
    if len(names) > MAX_COLUMNS:
        raise DataError(f"{table} has {len(names)} columns, more than the {MAX_COLUMNS} that are read; remove some")
    named = tuple(printable(name.strip()) or f"column {i}" for i, name in enumerate(names, 1))
    if len(set(named)) < len(named):
        twice = next(name for i, name in enumerate(named) if name in named[:i])
        raise DataError(f"{table}, row 1: two columns are called {twice}; rename one of them")
    return named


def _read(file: io.TextIOWrapper, path: Path) -> Table:
    name = printable(path)
    row = 0  # the last that was read
    try:
        separator = "\t" if path.suffix.lower() == ".tsv" else _separator(file.readline(_MAX_ROW))
        file.seek(0)
        taken = [0]  # characters since the last row ended
        reader = csv.reader(_lines(file, taken), delimiter=separator, strict=True)
        names = column_names(next(reader, []), name)
        if not names:
            raise DataError(f"{name} has no names of columns in row 1; add them, such as path,label")
        columns: list[list[str]] = [[] for _ in names]
        numbers: list[int] = []
        block: list[list[str]] = []
        row, taken[0] = 1, 0
        for row, cells in enumerate(reader, 2):
            taken[0] = 0
            if len(cells) == len(names):
                block.append(cells)
                numbers.append(row)
            elif cells:
                raise DataError(
                    f"{name}, row {row}: there are {len(cells)} cells for {len(names)} columns; "
                    "mend the row, or put quotes around a cell that holds a separator"
                )
            if len(block) == _BLOCK:
                _move(block, columns)
        _move(block, columns)
    except csv.Error as error:
        raise DataError(f"{name}, row {row + 1}: {error}; mend the row") from None
    except UnicodeError:
        raise DataError(
            f"{name}, row {row + 1} or below: there are bytes that are no text; save the table as UTF-8"
        ) from None
    if not numbers:
        raise DataError(f"{name} has names of columns and no rows; add a row for each picture")
    return Table(name, "CSV table", dict(zip(names, columns, strict=True)), numbers, row - 1 - len(numbers))


def _lines(file: io.TextIOWrapper, taken: list[int]) -> Iterator[str]:
    """The lines of a file, no row of which may be too long: of a line of 1 GB no more than 1 MB is read."""
    for line in iter(partial(file.readline, _MAX_ROW + 1), ""):
        taken[0] += len(line)
        if taken[0] > _MAX_ROW:
            raise csv.Error(f"it is longer than {_MAX_ROW} characters, perhaps for want of a closing quote")
        if "\0" in line:
            raise csv.Error("it holds a NUL byte, so this is no table or one in UTF-16; save it as UTF-8")
        yield line


def _move(block: list[list[str]], columns: list[list[str]]) -> None:
    """Rows into columns, a few at a time: a list for each of a million rows makes Python slow."""
    for column, cells in zip(columns, zip(*block, strict=True), strict=False):
        column.extend(cells)
    block.clear()


def _separator(line: str) -> str:
    """What parts the names of the columns."""
    return next((mark for mark in ",;\t" if mark in line), ",")
