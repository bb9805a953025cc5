"""Which tables in a folder hold the labels of its images: one, or one for each split, as Kaggle and others lay them out.

    labels.csv, images/                              one table, called as it may be
    train.csv, train/, test.csv, test/               test.csv without the column of labels is left out; so is a submission,
                                                     and what is called predictions beside another
    train.csv, val.csv, test.csv, images/            with labels in each, they are the splits

A table fits where a column of it leads to images and another can be the label. A list of classes is none, although the
numbers in it may be the names of images: 0,cat and 1,dog.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final, final

from striate.data.decoding.regular_file import open_regular_file
from striate.data.names import listed, printable
from striate.data.skipped_files import Unreadable
from striate.errors import DataError, SettingError, nearest
from striate.sources.data_path import DataPath
from striate.sources.folders.layout import class_folder_names
from striate.sources.labels.quantities import is_number
from striate.sources.split_words import split_of, splits_of
from striate.sources.tables.columns import Columns, named_labels, path_column
from striate.sources.tables.csv_file import read_csv
from striate.sources.tables.excel_file import is_workbook, read_excel
from striate.sources.tables.image_paths import PathLookup
from striate.sources.tables.image_roots import table_stem
from striate.sources.tables.parquet_file import read_parquet
from striate.sources.tables.split_columns import snake_case
from striate.sources.tables.table import Table

__all__ = ["TABLES", "TableFiles", "best_named_table", "find_table", "image_folder", "read_table"]

_READ: Final = (".csv", ".tsv", ".tab", ".psv", ".parquet", ".xlsx", ".xlsm")
_NOT_READ: Final = (".xls", ".ods", ".numbers", ".jsonl", ".ndjson")  # opening one raises an error with the way out
TABLES: Final = (*_READ, ".txt", *_NOT_READ)
_ZIP: Final = b"PK\3\4"  # how files begin, whatever they are called
_GZIP: Final = b"\x1f\x8b"
_OLD_EXCEL: Final = b"\xd0\xcf\x11\xe0"
_PEEK: Final = 200  # rows that tell whether a table fits


@final
@dataclass(frozen=True)
class TableFiles:
    """The table of each split, or that of "all", and what a person should see of the choice.

    `ambiguous` are tables of which any may be meant: then none is chosen, and `open_table` raises an error.
    """

    paths: Mapping[str, Path]
    notes: tuple[str, ...] = ()
    ambiguous: tuple[Path, ...] = ()

    def __post_init__(self) -> None:
        assert self.paths or self.ambiguous

    @property
    def are_predictions(self) -> bool:
        """Whether their names are those of predictions of a network, not of labels."""
        return all(_is_predicted(path.name) for path in (*self.paths.values(), *self.ambiguous))


@final
@dataclass(frozen=True)
class _ColumnRoles:
    """The columns of a table beside that of the paths, those that are the label, or may be, and whether it lists classes."""

    others: frozenset[str]
    labels: frozenset[str]
    lists_classes: bool = False


def read_table(path: Path, most: int | None = None) -> Table:
    """A table of any kind, of most kinds at most `most` of its rows. Raises DataError."""
    suffix = path.suffix.lower()
    if suffix in _NOT_READ:
        raise DataError(f"{printable(path)} has a format that cannot be read; save it as .xlsx or as CSV")
    if suffix == ".parquet":
        return read_parquet(path)
    if suffix in (".xlsx", ".xlsm"):
        return read_excel(path, most)
    with suppress(OSError, Unreadable), open_regular_file(path) as file:
        start = file.read(len(_ZIP))
        if start == _ZIP and is_workbook(file):
            return read_excel(path, most)
        if start in (_ZIP, _OLD_EXCEL) or start.startswith(_GZIP):
            raise DataError(
                f"{printable(path)} is compressed, or an old Excel file; unpack it, or save it as .xlsx or as CSV"
            )
    return read_csv(path, most)


def find_table(data: DataPath) -> TableFiles | None:
    """The tables that a folder holds for its images; None where it holds none that fits.

    A split has every column of train that may be the label; else train alone is read, and asks which it is.
    """
    folder, columns, content = data.path, data.options.columns, data.list()
    tables = _tables(content.files)
    plain = [name for name in tables if Path(name).suffix.lower() in _READ and not _is_submission(name)]
    plain = plain or [name for name in tables if Path(name).suffix.lower() in _NOT_READ]
    classes = class_folder_names(data)
    paths = PathLookup(image_folder(data))
    fits = {
        name: roles
        for name in tables
        if not _is_submission(name)
        and (roles := _column_roles(folder / name, paths, columns, len(classes))) is not None
    }
    lists = [name for name, roles in fits.items() if roles.lists_classes]
    if len(plain) == 1 and len(content.folders) <= 1 and not lists:  # its errors are then what a person needs
        return TableFiles(MappingProxyType({"all": folder / plain[0]}))
    fits = {name: roles for name, roles in fits.items() if name not in lists}
    fits = {name: roles for name, roles in fits.items() if not _is_predicted(name)} or fits
    fits = {name: roles for name, roles in fits.items() if roles.labels <= roles.others} or fits
    if not fits and lists:
        raise DataError(
            f"{printable(lists[0])} lists classes, not images; write the path of an image and its label in each row"
        )
    if not fits:
        return None
    if len(fits) == 1:
        chosen = {"all": next(iter(fits))}
    else:
        splits = splits_of([table_stem(name) for name in fits])
        names = {splits.get(table_stem(name), ""): name for name in fits}
        if len(names) < len(fits) or "" in names or "train" not in names:
            return TableFiles(MappingProxyType({}), ambiguous=tuple(folder / name for name in fits))
        wanted = fits[names["train"]].labels
        same = {split: name for split, name in names.items() if split == "train" or wanted <= fits[name].others}
        chosen = {split: same[split] for split in ("train", "val", "test") if split in same}
        chosen = chosen if len(chosen) > 1 else {"all": names["train"]}
    others = [name for name in tables if name not in chosen.values() and Path(name).suffix.lower() != ".txt"]
    notes: tuple[str, ...] = ()
    if others:
        notes = (
            f"labels are read from {listed(list(map(printable, chosen.values())), 4)}; "
            f"{listed(list(map(printable, others)), 4)} {'is' if len(others) == 1 else 'are'} left out",
        )
    return TableFiles(MappingProxyType({split: folder / name for split, name in chosen.items()}), notes)


def image_folder(data: DataPath) -> DataPath:
    """The folder that the paths of a table in this folder begin in. SettingError where a person names no folder."""
    root = data.options.columns.folder
    if root is None:
        return data
    if not (data.path / root).is_dir():
        raise SettingError(
            f"image_root = {root!r}: there is no such folder in {data.name}{nearest(root, data.list().folders)}"
        )
    return DataPath(data.path / root, data.options)


def best_named_table(data: DataPath) -> Path | None:
    """The table whose name fits labels best, whether it can be read or not."""
    names = [name for name in _tables(data.list().files) if Path(name).suffix.lower() in _READ]
    names = [name for name in names if not _is_submission(name) and not _is_predicted(name)]
    return (
        data.path / max(names, key=lambda name: (split_of(table_stem(name)) == "train", "label" in name.lower()))
        if names
        else None
    )


def _tables(names: Sequence[str]) -> list[str]:
    """Those of tables, without ~$name, as Excel calls a file while it is open."""
    return [name for name in names if Path(name).suffix.lower() in TABLES and not name.startswith("~$")]


def _column_roles(path: Path, paths: PathLookup, columns: Columns, classes: int) -> _ColumnRoles | None:
    """The columns of a table that fits, beside so many class folders; None for one that does not."""
    try:
        table = read_table(path, _PEEK)
        by = path_column(table.cells, columns.path, table.name, lambda name: paths.share(table.cells[name]))
    except (DataError, SettingError):
        return None
    others = frozenset(table.cells) - {by}
    if not others or not paths.share(table.cells[by]):
        return None
    if columns.label is not None:
        return _ColumnRoles(others, frozenset(columns.label))
    named = named_labels(sorted(others))
    labels = frozenset(named) if len(named) == 1 else others
    return _ColumnRoles(others, labels, columns.path is None and _lists_classes(table, by, classes))


def _lists_classes(table: Table, by: str, classes: int) -> bool:
    """Whether what leads to images are the numbers of classes: no more rows than class folders, or other words in each."""
    if not all(map(str.isdecimal, table.cells[by])):
        return False
    others = [set(cells) for name, cells in table.cells.items() if name != by]
    return len(table.rows) <= classes or all(
        len(one) == len(table.rows) and not any(map(is_number, one)) for one in others
    )


def _is_submission(name: str) -> bool:
    return "submission" in name.lower() or not _words(name).isdisjoint(("sub", "subs", "submit"))


def _is_predicted(name: str) -> bool:
    return not _words(name).isdisjoint(("prediction", "predictions", "predicted", "preds", "pred", "results"))


def _words(name: str) -> set[str]:
    return set(snake_case(Path(name).stem).split("_"))
