"""From what a person types to a source: the name of a built-in set, a folder, or a file."""

import os
from pathlib import Path
from typing import Final

from striate.data.decoding.limits import DEFAULT_LIMITS, Limits
from striate.data.names import printable
from striate.data.source import Source
from striate.data.sources.array_source import find_arrays, open_arrays
from striate.data.sources.cifar_source import find_cifar, open_cifar
from striate.data.sources.coco import open_coco
from striate.data.sources.coco_files import coco_root, find_coco
from striate.data.sources.columns import Columns, with_task
from striate.data.sources.folders import open_folders
from striate.data.sources.idx_source import find_idx, open_idx
from striate.data.sources.mask_folders import find_masks, open_masks
from striate.data.sources.mnist import open_mnist
from striate.data.sources.rows_source import find_rows, open_rows
from striate.data.sources.scenes import SCENES, open_scenes
from striate.data.sources.table_source import TABLES, find_table, open_table
from striate.data.sources.voc import find_voc, open_voc
from striate.data.sources.webdataset import find_shards, open_shards
from striate.data.sources.yolo import find_yolo, open_yolo, yolo_folders
from striate.errors import DataError, SettingError, nearest

__all__ = ["BUILT_IN", "open_source"]

BUILT_IN = ("mnist", *SCENES)
_BY_NAME: Final = Columns()  # all told by names and contents
_ARCHIVES = (".zip", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar")


def open_source(data: str | Path, limits: Limits = DEFAULT_LIMITS, columns: Columns = _BY_NAME) -> Source:
    """The source for a built-in name, or for the folder or file that is at this path. Raises DataError.

    A built-in name comes before a folder of that name, which is reached as ./mnist. `limits` say what may be looked into,
    `columns` what to take from a table; SettingError where they name what is not there.
    """
    if data == "mnist":
        return open_mnist()
    if isinstance(data, str) and data.partition(":")[0] in SCENES:
        return open_scenes(data)
    typed = os.fspath(data)
    name, path = printable(typed), Path(typed).expanduser()
    if typed and path.is_dir():
        try:
            return with_task(_open_folder(path, limits, columns), columns.task)
        except OSError as error:
            raise DataError(f"cannot list {name}: {error.strerror}; make it readable") from None
    if typed and path.is_file():
        return with_task(_open_file(path, limits, columns), columns.task)
    if typed and os.path.lexists(path):
        raise DataError(f"{name} is no folder; give the folder of class folders")
    if shards := find_shards(path):
        return open_shards(path, shards, limits, columns.task)
    if "/" in typed or os.sep in typed:
        raise DataError(f"there is no {name}; check the path")
    raise DataError(f"there is no data named {name!r} and no such folder here{nearest(name, BUILT_IN)}")


def _open_folder(folder: Path, limits: Limits, columns: Columns) -> Source:
    """What a folder holds, the most particular kind first; columns that were named ask for a table."""
    where = folder.resolve()
    if not columns.named:
        if idx := find_idx(folder):
            return open_idx(printable(where.name), printable(where.as_posix()), idx, {})
        if cifar := find_cifar(folder):
            return open_cifar(folder, cifar)
        if arrays := find_arrays(folder):
            return open_arrays(folder, arrays, columns.task)
        if shards := find_shards(folder):
            return open_shards(folder, shards, limits, columns.task)
        if coco := find_coco(where):
            return open_coco(where, coco, limits)
        if voc := find_voc(where):
            return open_voc(where, voc, limits)
        if yolo := find_yolo(where):
            return open_yolo(where, yolo, limits)
        if masks := find_masks(where):
            return open_masks(where, masks, limits)
    if rows := find_rows(folder):
        return open_rows(folder, rows, limits, columns)
    if table := find_table(folder, columns):
        return open_table(table, limits, columns)
    _refuse_columns(folder, columns)
    return open_folders(folder, limits)


def _open_file(path: Path, limits: Limits, columns: Columns) -> Source:
    name, suffix = printable(path), path.suffix.lower()
    if rows := find_rows(path):
        return open_rows(path, rows, limits, columns)
    if suffix in TABLES:
        return open_table(path, limits, columns)
    _refuse_columns(path, columns)
    if arrays := find_arrays(path):
        return open_arrays(path, arrays, columns.task)
    if shards := find_shards(path):
        return open_shards(path, shards, limits, columns.task)
    if suffix == ".json":
        where = path.resolve()
        return open_coco(coco_root(where), {"all": where}, limits)
    if suffix in (".yaml", ".yml"):
        where = path.resolve()
        return open_yolo(where.parent, yolo_folders(where), limits)
    hint = "unpack it and give the folder" if suffix in _ARCHIVES else "give the folder of class folders"
    raise DataError(f"{name} is no folder; {hint}")


def _refuse_columns(path: Path, columns: Columns) -> None:
    if columns.named:
        raise SettingError(
            f"columns are those of a table, and {printable(path)} holds none; give the path of a CSV file"
        )
