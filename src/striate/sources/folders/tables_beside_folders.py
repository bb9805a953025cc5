"""Tables and lists beside class folders: those with labels, and those with splits alone, which --split takes."""

from collections.abc import Iterator, Set
from pathlib import Path
from typing import Final

from striate.data.names import printable
from striate.errors import DataError
from striate.sources.data_path import DataPath
from striate.sources.split_words import split_of
from striate.sources.tables.columns import is_label_name, named_paths
from striate.sources.tables.split_columns import are_split_names
from striate.sources.tables.table import Table
from striate.sources.tables.table_files import TableFiles, read_table

__all__ = ["has_labels", "split_notes", "split_tables"]

_PEEK: Final = 200  # rows
_WAY_OUT: Final = "train --split needs a CSV with the columns id and split, where split is train, val or test"


def has_labels(found: TableFiles, classes: Set[str]) -> bool:
    """Whether any of the tables has a column that is called as labels are, or most of whose cells are class folders."""
    tables = filter(None, map(_peeked, (*found.paths.values(), *found.ambiguous)))
    known = {name.casefold() for name in classes}
    return any(
        is_label_name(name) or 2 * sum(cell.strip().casefold() in known for cell in cells) > len(cells)
        for table in tables
        for name, cells in table.cells.items()
    )


def split_tables(data: DataPath) -> dict[str, bool]:
    """The tables of a folder with the split of each image and nothing else; whether they are as --split takes them."""
    names = [name for name in data.list().files if name.lower().endswith((".csv", ".tsv"))]
    tables = {name: table for name in names if (table := _peeked(data.path / name)) is not None}
    found = {}
    for name, table in tables.items():
        others = [cells for column, cells in table.cells.items() if column not in named_paths(list(table.cells))]
        if others and len(others) < len(table.cells) and all(map(are_split_names, others)):
            splits = set(table.cells.get("split", ()))
            found[name] = "id" in table.cells and splits <= {"train", "val", "test"} and name.lower().endswith(".csv")
    return found


def split_notes(data: DataPath) -> Iterator[str]:
    """Notes on the tables and lists (train.txt, test.txt) with splits alone, beside class folders."""
    for name, is_taken in split_tables(data).items():
        way_out = f"train --split {printable(data.path / name)} takes its splits" if is_taken else _WAY_OUT
        yield f"{printable(name)} has splits and no labels, so the folders are read without it; {way_out}"
    lists = [name for name in data.list().files if name.endswith(".txt") and split_of(Path(name).stem)]
    if len(lists) > 1:
        yield f"{', '.join(map(printable, lists))} lie beside the class folders and are not read; {_WAY_OUT}"


def _peeked(path: Path) -> Table | None:
    try:
        return read_table(path, _PEEK)
    except DataError:
        return None
