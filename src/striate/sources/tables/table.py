"""A table as text: columns of cells, each of a known row. csv_file.py, excel_file.py and parquet_file.py read it from files.

Rows are counted as a spreadsheet counts them: the names of the columns are row 1, or the first that is not blank; blank rows
count, a quoted line break does not.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Final, final

from striate.data.names import listed, printable
from striate.errors import DataError

__all__ = ["MAX_BYTES", "MAX_COLUMNS", "Table", "column_names", "joined", "table_of"]

MAX_BYTES: Final = 2**30  # of a table
MAX_COLUMNS: Final = 10_000
_BLOCK: Final = 4096  # rows


@final
@dataclass(frozen=True, eq=False)
class Table:
    """Cells by column, in the order of the file. Bytes that are no UTF-8 are in them as `os.fsdecode` writes them."""

    name: str  # printable
    kind: str  # "CSV table"
    cells: Mapping[str, Sequence[str]]  # N each
    rows: Sequence[int]  # N: which row of the file
    blank: int = 0
    lists: frozenset[str] = frozenset()  # columns whose cells are lists, see labels/parsing.py
    numeric: frozenset[str] = frozenset()  # columns that the file holds as numbers, not as text
    files: tuple[tuple[int, str], ...] = ()  # of a table out of several files: where each begins, and its name
    notes: tuple[str, ...] = ()

    def place(self, i: int, column: str) -> str:
        """Where a cell is, for a person."""
        name = self.name
        if self.files:
            name = self.files[bisect_right(self.files, i, key=lambda one: one[0]) - 1][1]
        return f"{name}, row {self.rows[i]}, column {column}"


def column_names(names: Sequence[str], table: str, row: int = 1) -> tuple[str, ...]:
    """The names, each printable and there once; a column without one is called by its position. Raises DataError."""
    if len(names) > MAX_COLUMNS:
        raise DataError(f"{table} has {len(names)} columns, more than the limit of {MAX_COLUMNS}; remove some")
    named = tuple(printable(name.strip()) or f"column {i}" for i, name in enumerate(names, 1))
    if len(set(named)) < len(named):
        twice = next(name for i, name in enumerate(named) if name in named[:i])
        raise DataError(f"{table}, row {row}: two columns have the name {twice}; rename one of them")
    return named


def table_of(
    name: str,
    kind: str,
    rows: Iterator[tuple[int, Sequence[str]]],
    *,
    most: int | None = None,
    notes: Sequence[str] = (),
) -> Table:
    """A table out of numbered rows, the names of the columns first; of the others at most `most`. Raises DataError."""
    first, head = next((one for one in rows if any(map(str.strip, one[1]))), (1, ()))
    names = column_names(head, name, first)
    if not names:
        raise DataError(f"{name} has no column names in row 1; add them, such as path,label")
    columns: list[list[str]] = [[] for _ in names]
    numbers: list[int] = []
    block: list[Sequence[str]] = []
    row = first
    for row, cells in rows:
        if not any(map(str.strip, cells)):  # as Excel ends a CSV file
            continue
        if len(cells) == len(names):
            block.append(cells)
            numbers.append(row)
        else:
            raise DataError(
                f"{name}, row {row}: it has {len(cells)} cells for {len(names)} columns; "
                "fix the row, or put quotes around cells that contain a separator"
            )
        if len(block) == _BLOCK:
            _move(block, columns)
        if len(numbers) == most:
            break
    _move(block, columns)
    if not numbers:
        raise DataError(f"{name} has column names and no rows; add a row for each image")
    cells_of = dict(zip(names, columns, strict=True))
    return Table(name, kind, cells_of, numbers, row - first - len(numbers), notes=tuple(notes))


def joined(tables: Sequence[Table]) -> Table:
    """The rows of all tables below each other, with the columns that all of them have; a note names the others."""
    first = tables[0]
    names = [name for name in first.cells if all(name in table.cells for table in tables)]
    others = list(dict.fromkeys(name for table in tables for name in table.cells if name not in names))
    left_out = [f"columns that only some of the tables have are left out: {listed(others, 8)}"] if others else []
    starts = [0, *accumulate(len(table.rows) for table in tables)]
    return Table(
        " and ".join(table.name.rpartition("/")[2] if i else table.name for i, table in enumerate(tables)),
        f"{first.kind}s",
        {name: [cell for table in tables for cell in table.cells[name]] for name in names},
        [row for table in tables for row in table.rows],
        sum(table.blank for table in tables),
        _everywhere(table.lists for table in tables),
        _everywhere(table.numeric for table in tables),
        tuple((start, table.name) for start, table in zip(starts, tables, strict=False)),
        (*(note for table in tables for note in table.notes), *left_out),
    )


def _everywhere(sets: Iterable[frozenset[str]]) -> frozenset[str]:
    return frozenset.intersection(*sets)


def _move(block: list[Sequence[str]], columns: list[list[str]]) -> None:
    """Rows into columns, a few at a time: a list for each of a million rows makes Python slow."""
    for column, cells in zip(columns, zip(*block, strict=True), strict=False):
        column.extend(cells)
    block.clear()
