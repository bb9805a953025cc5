"""A table of paths and labels: a CSV, TSV, Excel or Parquet file beside the images, or the folder that holds both.

    labels.csv        path,label,split,patient         paths begin in the folder of the table, or in a folder beside it
    images/a.jpg      a.jpg,cat,train,17               what is neither path, label nor split is kept as a column

Every row ends in one place: a sample, a skipped file, or a count of rows that were blank or given twice.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from striate.data.names import named, printable
from striate.data.skipped_files import SkippedFile
from striate.data.source import Listing, Source
from striate.data.store import FileStore
from striate.errors import AmbiguousDataError, DataError
from striate.sources.data_path import DataPath
from striate.sources.files.image_files import images_by_name
from striate.sources.files.tree import FOLLOW
from striate.sources.labels.parsing import ParsedLabels, is_binary, parse_labels
from striate.sources.source_splits import ordered_splits
from striate.sources.split_words import split_of
from striate.sources.tables.columns import Columns, label_columns, named_labels, named_paths, path_column
from striate.sources.tables.image_paths import LocatedPaths, PathLookup
from striate.sources.tables.split_columns import RowSplits, are_split_names, read_splits, splits_of_paths
from striate.sources.tables.table import Table, joined
from striate.sources.tables.table_files import (
    TABLES,
    TableFiles,
    best_named_table,
    find_table,
    image_folder,
    read_table,
)
from striate.sources.tables.written_path import is_address

__all__ = ["TABLES", "TableFiles", "best_named_table", "find_table", "open_table", "open_table_file"]


def open_table_file(data: DataPath, path: Path) -> Source:
    """The source over one table, in the folder or given by itself. Raises DataError, naming row and column."""
    return open_table(data, TableFiles(MappingProxyType({"all": path})))


def open_table(data: DataPath, found: TableFiles) -> Source:
    """The source over the tables of a folder, or over one that was given by itself. Raises DataError, naming row and column.

    SettingError for columns that are not there.
    """
    columns, for_training = data.options.columns, data.options.for_training
    _refuse_ambiguous(found)
    tables = {split: read_table(path) for split, path in found.paths.items()}
    table = joined(list(tables.values())) if len(tables) > 1 else next(iter(tables.values()))
    first = next(iter(found.paths.values()))
    images = image_folder(data if first.parent == data.path else DataPath(first.parent, data.options))
    paths = PathLookup(images)
    by = _path_column(table, next(iter(tables.values())), columns, paths)
    located = _locate(table, by, paths, list(found.paths.values()))
    splits = _splits(table, by, located, columns, tables)
    labels = label_columns(table.cells, [by, *splits.columns], columns, table.name, for_training=for_training)
    learned = np.isin(splits.names, ("all", "train"))
    if for_training:
        _check_training_rows(table, splits, learned)
    task = columns.task or ("multilabel" if len(labels) == 1 and labels[0] in table.lists else None)
    of_labels, numeric = {name: table.cells[name] for name in labels}, table.numeric.issuperset(labels)
    parsed = parse_labels(of_labels, learned, table.place, task, numeric=numeric, for_training=for_training)
    kept_rows = _first_rows(table, by, located, parsed, splits.names)
    if for_training:
        _check_classes(table, labels[0], parsed, learned, located.usable)
    others = {name: table.cells[name] for name in table.cells if name not in (by, *splits.columns, *labels)}
    listings = {
        split: _listing(kept_rows[splits.names[kept_rows] == split], images, located, parsed, others)
        for split in dict.fromkeys(splits.names.tolist())
    }
    ignored = {"blank rows": table.blank, "rows given twice": len(splits.names) - len(kept_rows)}
    return Source(
        *named(first if len(tables) == 1 else first.parent),
        _kind(table, by, parsed, list(others), tables),
        parsed.classes,
        ordered_splits(listings),
        MappingProxyType({what: count for what, count in ignored.items() if count}),
        data.limits,
        split_origin=splits.origin if len(listings) > 1 else "",
        label_files=_file_names(tables) if len(tables) > 1 else (),
        notes=(
            *(*found.notes, *table.notes, *splits.notes, *parsed.notes, *located.notes),
            *_left_out(images, located),
        ),
        has_class_columns=len(labels) > 1,
    )


def _file_names(tables: Mapping[str, Table]) -> tuple[str, ...]:
    return tuple(one.name.rpartition("/")[2] for one in tables.values())


def _refuse_ambiguous(found: TableFiles) -> None:
    """AmbiguousDataError where several tables may have the labels."""
    if found.ambiguous:
        names = " and ".join(printable(path.name) for path in found.ambiguous[:4])
        raise AmbiguousDataError(
            f"{names} name images of this folder, and any may have the labels; give the path of the right one, such as "
            f"{printable(found.ambiguous[0])}"
        )


def _path_column(table: Table, first: Table, columns: Columns, paths: PathLookup) -> str:
    """The column of paths, by the cells of the first table. DataError where the table has no names of columns."""
    cells = {name: column for name, column in first.cells.items() if name in table.cells}
    by = path_column(cells, columns.path, table.name, lambda name: paths.share(cells[name]))
    if columns.path is None and not named_paths([by]) and paths.share([by]):
        raise DataError(
            f"{table.name}, row 1: {by} is an image, not a column name; add a row above it, such as path,label"
        )
    return by


def _listing(
    rows: npt.NDArray[np.int64],
    images: DataPath,
    located: LocatedPaths,
    parsed: ParsedLabels,
    others: Mapping[str, Sequence[str]],
) -> Listing:
    """The samples in these rows; rows whose file cannot be used are skipped."""
    usable = located.usable[rows]
    kept, skipped = rows[usable].tolist(), rows[~usable].tolist()
    return Listing(
        tuple(located.id(i) for i in kept),
        parsed.targets(rows[usable]),
        FileStore(tuple(f"{images.path}/{located.names[i]}" for i in kept), images.limits),
        tuple(SkippedFile(located.id(i), *refused) for i in skipped if (refused := located.refusals[i]) is not None),
        MappingProxyType({name: tuple(map(cells.__getitem__, kept)) for name, cells in others.items()}),
    )


def _splits(table: Table, by: str, located: LocatedPaths, columns: Columns, tables: Mapping[str, Table]) -> RowSplits:
    """The split of each row: that of its table, or by the columns of the one table, or by where its image is."""
    if len(tables) > 1:
        names = np.repeat(list(tables), [len(one.rows) for one in tables.values()])
        return RowSplits(names, origin=f"tables {', '.join(_file_names(tables))}")
    others = [name for name in table.cells if name != by and name not in (columns.label or ())]
    only = others[0] if len(others) == 1 and columns.split is None and columns.label is None else None
    if only is not None and not _is_split_alone(only, table.cells[only]):
        found = read_splits(table, "none", [by], label_is_known=True)  # the only other column is the label
    else:
        label = columns.label or tuple(named_labels(others)[:1])
        is_known = bool(label) or not all(is_binary(table.cells[name]) for name in others)
        found = read_splits(table, columns.split, [by, *label], label_is_known=is_known)
    if found.columns or columns.split is not None:
        return found
    return splits_of_paths(located.names, found.notes) or found


def _is_split_alone(name: str, cells: Sequence[str]) -> bool:
    """Whether the only column beside the paths is the split and no label, by its name or by what it holds."""
    if name.strip().lower() == "split":
        return True
    return not named_labels([name]) and are_split_names(cells) and len(set(cells)) > 1


def _left_out(images: DataPath, located: LocatedPaths) -> Iterator[str]:
    """Notes for images that no row names: beside those that are named, or in a folder that is called as a split, such as test."""
    used = {name.partition("/")[0] for name in located.names}
    for name in images.list().folders:
        if name not in used and split_of(name):
            yield f"the table names no image in the folder {printable(name)}, so it is left out"
    there = (name for name, refused in zip(located.names, located.refusals, strict=True) if refused is None)
    folders = sorted({name.rpartition("/")[0] for name in there})
    named = {os.path.normpath(name) for name in located.names}
    others = [one for one in images_by_name(images, folders) if one not in named]
    if others:
        yield f"images that no row of the table names are left out: {len(others):,}, such as {printable(others[0])}"


def _kind(table: Table, by: str, parsed: ParsedLabels, others: Sequence[str], tables: Mapping[str, Table]) -> str:
    """What was read, in words: the tables, and which columns."""
    names = " and ".join(one.name.rpartition("/")[2] for one in tables.values())
    beside = f"; other columns: {', '.join(others[:5])}{' ...' if len(others) > 5 else ''}" if others else ""
    return f"{table.kind} {names}, paths in the column {by}, {parsed.description}{beside}"


def _locate(table: Table, by: str, paths: PathLookup, files: Sequence[Path]) -> LocatedPaths:
    """All the paths looked up. DataError where one is missing or no text, or where none leads to a file."""
    cells = table.cells[by]
    if not all(map(str.strip, cells)):
        raise DataError(
            f"{table.place(next(i for i, cell in enumerate(cells) if not cell.strip()), by)}: the path is missing; "
            "add it, or remove the row"
        )
    ends = [*(start for start, _ in table.files), len(cells)] if table.files else [0, len(cells)]
    located_in = [
        paths.locate(cells[start:end], partial(_place, table, by, start), file.name)
        for file, start, end in zip(files, ends, ends[1:], strict=False)
    ]
    located = LocatedPaths(
        tuple(name for located in located_in for name in located.names),
        tuple(refused for located in located_in for refused in located.refusals),
        tuple(note for located in located_in for note in located.notes),
    )
    if all(located.refusals):
        reason, detail = located.refusals[0] or ("missing", "")
        way_out = "put the table beside them, or give their folder with --image-root FOLDER"
        if cells[0].startswith("../"):
            way_out = "allow the folder of the images to be read with --image-root .."
        if FOLLOW in detail:
            way_out = "or put the images into the data folder"
        if is_address(cells[0]):
            way_out = "download the images, and write the paths of their files"
        raise DataError(
            f"none of the {len(cells)} images that {table.name} names can be used (row {table.rows[0]}, "
            f"{printable(cells[0])}: {reason}: {detail}); {way_out}"
        )
    for i, (cell, refused) in enumerate(zip(cells, located.refusals, strict=True)):
        if refused is not None and not cell.isascii() and any("\udc80" <= character <= "\udcff" for character in cell):
            raise DataError(
                f"{table.place(i, by)}: {printable(cell)} has bytes that are not UTF-8, and no file has this name; "
                "save the table as UTF-8"
            )
    return located


def _place(table: Table, column: str, start: int, i: int) -> str:
    return table.place(start + i, column)


def _first_rows(
    table: Table, by: str, located: LocatedPaths, parsed: ParsedLabels, splits: npt.NDArray[np.str_]
) -> npt.NDArray[np.int64]:
    """The rows without repeated ones. DataError where two rows of one image differ."""
    first: dict[str, int] = {}
    kept = []
    for i, name in enumerate(located.names):
        earlier = first.setdefault(name, i)
        if earlier == i:
            kept.append(i)
        elif splits[i] != splits[earlier] or not np.array_equal(parsed.values[i], parsed.values[earlier]):
            raise DataError(
                f"{table.place(i, by)}: {located.id(i)} is in row {table.rows[earlier]} too, with another label or split; "
                "remove one of them"
            )
    return np.array(kept, np.int64)


def _check_training_rows(table: Table, splits: RowSplits, learned: npt.NDArray[np.bool_]) -> None:
    """DataError where all rows are held out."""
    if not learned.any():
        held = " and ".join(dict.fromkeys(splits.names.tolist()))
        raise DataError(
            f"{table.name}: by the {splits.origin} there are no training rows, only {held}; write train in some, or ignore "
            "the splits (--split-column none)"
        )


def _check_classes(
    table: Table, label: str, parsed: ParsedLabels, learned: npt.NDArray[np.bool_], usable: npt.NDArray[np.bool_]
) -> None:
    """DataError when none of the images of a class is there."""
    if parsed.task != "classify":
        return
    there = np.bincount(parsed.values[learned & usable].astype(np.int64), minlength=len(parsed.classes))
    if not there.all():
        lost = int(np.flatnonzero(there == 0)[0])
        i = int(np.flatnonzero(learned & (parsed.values == lost))[0])
        raise DataError(
            f"{table.place(i, label)}: all images of the class {parsed.classes[lost]} are missing; add some, or remove its rows"
        )
