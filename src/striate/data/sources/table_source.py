"""A table of paths and labels: a CSV, TSV or Parquet file beside the pictures, or the folder that holds both.

    labels.csv        path,label,split,patient         paths begin in the folder of the table, or in a folder beside it
    images/a.jpg      a.jpg,cat,train,17               what is neither path, label nor split is kept as a column

Every row ends in one place: a sample, a file set aside, or a count of rows that were blank or given twice.
"""

from pathlib import Path
from types import MappingProxyType
from typing import Final

import numpy as np
import numpy.typing as npt

from striate.data.decoding.limits import Limits
from striate.data.names import named, printable
from striate.data.set_aside import SetAside
from striate.data.source import Listing, Source
from striate.data.sources.columns import Columns, label_columns, path_column, split_column
from striate.data.sources.meaning import Meaning, read_meaning
from striate.data.sources.parquet import read_parquet
from striate.data.sources.parts import PARTS, arranged
from striate.data.sources.table import Table, read_csv
from striate.data.sources.table_paths import Located, base_of, locate
from striate.data.sources.tree import list_folder
from striate.data.store import FileStore
from striate.errors import DataError

__all__ = ["TABLES", "find_table", "open_table"]

TABLES: Final = (".csv", ".tsv", ".parquet")


def find_table(folder: Path) -> Path | None:
    """The one table that a folder holds beside pictures: there are at most two folders, or its paths lead to files."""
    content = list_folder(str(folder))
    tables = [name for name in content.files if Path(name).suffix.lower() in TABLES]
    if len(tables) != 1:
        return None
    path = folder / tables[0]
    if len(content.folders) <= 1:
        return path
    try:
        cells = _read(path).cells
        by = path_column(list(cells), None, printable(path), lambda name: base_of(str(folder), cells[name]) is not None)
    except DataError:
        return None
    return path if base_of(str(folder), cells[by]) is not None else None


def open_table(path: Path, limits: Limits, columns: Columns) -> Source:
    """The source over a table. Raises DataError, naming row and column; SettingError for columns that are not there."""
    table = _read(path)
    folder = str(path.parent / columns.folder if columns.folder else path.parent)
    names = list(table.cells)
    by = path_column(names, columns.path, table.name, lambda name: base_of(folder, table.cells[name]) is not None)
    split = split_column(names, columns.split, table.name)
    labels = label_columns(table.cells, [by, *([split] if split else [])], columns, table.name)
    parts = _parts(table, split)
    learned = np.isin(parts, ("all", "train"))
    task = columns.task or ("multilabel" if len(labels) == 1 and labels[0] in table.lists else None)
    meaning = read_meaning({name: table.cells[name] for name in labels}, learned, table.place, task)
    located = _locate(table, by, folder, limits)
    usable = np.array([refused is None for refused in located.refusals])
    first = _first_rows(table, by, located, meaning, parts)
    _check_classes(table, labels[0], meaning, learned, usable)
    others = {name: table.cells[name] for name in names if name not in (by, split, *labels)}
    listings = {}
    for part in dict.fromkeys(parts.tolist()):
        rows = first[parts[first] == part]
        kept, aside = rows[usable[rows]].tolist(), rows[~usable[rows]].tolist()
        listings[part] = Listing(
            tuple(located.id(i) for i in kept),
            meaning.targets(rows[usable[rows]]),
            FileStore(tuple(f"{located.base}/{located.names[i]}" for i in kept)),
            tuple(SetAside(located.id(i), *refused) for i in aside if (refused := located.refusals[i]) is not None),
            MappingProxyType({name: tuple(map(cells.__getitem__, kept)) for name, cells in others.items()}),
        )
    ignored = {"blank rows": table.blank, "rows given twice": len(parts) - len(first)}
    return Source(
        *named(path),
        f"{table.kind}, {meaning.says}",
        meaning.classes,
        arranged(listings, table.name),
        MappingProxyType({what: count for what, count in ignored.items() if count}),
        limits,
    )


def _read(path: Path) -> Table:
    return read_parquet(path) if path.suffix.lower() == ".parquet" else read_csv(path)


def _parts(table: Table, split: str | None) -> npt.NDArray[np.str_]:
    """The part of each row: N."""
    if split is None:
        return np.full(len(table.rows), "all")
    cells = [cell.strip().lower() for cell in table.cells[split]]
    for wrong in set(cells) - PARTS.keys():
        where = table.place(cells.index(wrong), split)
        raise DataError(f"{where}: '{printable(wrong)}' is no part; write train, val or test")
    return np.array([PARTS[cell] for cell in cells])


def _locate(table: Table, by: str, folder: str, limits: Limits) -> Located:
    """All the paths looked up. DataError where one is missing or no text, or where none leads to a file."""
    cells = table.cells[by]
    if not all(cells):
        raise DataError(f"{table.place(cells.index(''), by)}: there is no path; add it, or remove the row")
    base = base_of(folder, cells) or folder
    located = locate(base, folder, cells, follow=limits.follow_links)
    if all(located.refusals):
        reason, detail = located.refusals[0] or ("vanished", "")
        raise DataError(
            f"none of the {len(cells)} pictures that {table.name} names can be used (row {table.rows[0]}, "
            f"{printable(cells[0])}: {reason}: {detail}); put the table beside them, or say where paths begin (--pictures FOLDER)"
        )
    for i, (cell, refused) in enumerate(zip(cells, located.refusals, strict=True)):
        if refused is not None and not cell.isascii() and any("\udc80" <= character <= "\udcff" for character in cell):
            raise DataError(
                f"{table.place(i, by)}: {printable(cell)} holds bytes that are no UTF-8, and no file is called that; "
                "save the table as UTF-8"
            )
    return located


def _first_rows(
    table: Table, by: str, located: Located, meaning: Meaning, parts: npt.NDArray[np.str_]
) -> npt.NDArray[np.int64]:
    """The rows without those that say again what an earlier one says. DataError where two say different things."""
    first: dict[str, int] = {}
    kept = []
    for i, name in enumerate(located.names):
        earlier = first.setdefault(name, i)
        if earlier == i:
            kept.append(i)
        elif parts[i] != parts[earlier] or not np.array_equal(meaning.values[i], meaning.values[earlier]):
            raise DataError(
                f"{table.place(i, by)}: {located.id(i)} is in row {table.rows[earlier]} too, with another label or part; "
                "remove one of them"
            )
    return np.array(kept, np.int64)


def _check_classes(
    table: Table, label: str, meaning: Meaning, learned: npt.NDArray[np.bool_], usable: npt.NDArray[np.bool_]
) -> None:
    """DataError when none of the pictures of a class is there."""
    if meaning.task != "classify":
        return
    there = np.bincount(meaning.values[learned & usable].astype(np.int64), minlength=len(meaning.classes))
    if not there.all():
        lost = int(np.flatnonzero(there == 0)[0])
        i = int(np.flatnonzero(learned & (meaning.values == lost))[0])
        raise DataError(
            f"{table.place(i, label)}: no picture of the class {meaning.classes[lost]} is there; add some, or remove its rows"
        )
