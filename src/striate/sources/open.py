"""From what a person types to a source: the name of a built-in set, a folder, or a file."""

import os
from pathlib import Path
from typing import Final

from striate.data.decoding.limits import DEFAULT_LIMITS, Limits
from striate.data.names import expanded, printable
from striate.data.source import Source
from striate.errors import DataError, SettingError, nearest
from striate.sources.annotations.coco_files import coco_root
from striate.sources.annotations.coco_source import open_coco
from striate.sources.annotations.yolo_source import open_yolo, yolo_folders
from striate.sources.archives.webdataset_source import find_shards, open_shards
from striate.sources.arrays.array_source import find_arrays, open_arrays
from striate.sources.arrays.mnist import open_mnist
from striate.sources.folder_choice import open_folder
from striate.sources.folder_formats import FOLDER_FORMATS
from striate.sources.generated.scene_source import SCENES, open_scenes
from striate.sources.read_options import AUTO, BY_NAME, OF_FILES, ReadOptions
from striate.sources.splits import trainable
from striate.sources.tables.columns import Columns, with_task
from striate.sources.tables.image_rows_source import find_rows, open_rows
from striate.sources.tables.table_source import TABLES, open_table

__all__ = ["BUILT_IN", "SOURCES", "open_source"]

BUILT_IN = ("mnist", *SCENES)
SOURCES: Final = (AUTO, "folders", *(reading.name for reading in FOLDER_FORMATS))
_ARCHIVES = (".zip", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar")


def open_source(
    data: str | Path,
    limits: Limits = DEFAULT_LIMITS,
    columns: Columns = BY_NAME,
    *,
    source: str = AUTO,
    class_level: int | None = None,
    for_training: bool = True,
) -> Source:
    """The source for a built-in name, or for the folder or file that is at this path. Raises DataError.

    A built-in name comes before a folder of that name, which is reached as ./mnist. `limits` say what may be looked into,
    `columns` what to take from a table, `source` which reading is meant where several fit ("folders", "table" ...),
    `class_level` which folders are the classes (1 or 2); SettingError where these name what is not there. `for_training` is
    False for data that are only measured: they may have one class, and no split train.
    """
    if source not in SOURCES:
        raise SettingError(f"source = {source!r} is no way to read data{nearest(source, SOURCES)}")
    if class_level not in (None, 1, 2):
        raise SettingError(f"class_level = {class_level}: takes 1 (the folders at the top) or 2 (those in them)")
    how = ReadOptions(source, columns, class_level, limits, for_training)
    try:
        opened = with_task(_open(data, how), columns.task)
    except OSError as error:  # of a folder on the way, or of a name that is too long to be one
        raise DataError(
            f"cannot read {printable(data)}: {error.strerror}; check the path, or make it readable"
        ) from None
    return trainable(opened) if for_training else opened


def _open(data: str | Path, how: ReadOptions) -> Source:
    """What has this name, or is at this path. Raises DataError, SettingError, and OSError where that may not be looked at."""
    typed, path = os.fspath(data), expanded(data)
    name = printable(typed)
    if data == "mnist" or (isinstance(data, str) and data.partition(":")[0] in SCENES):
        if how.is_of_files:
            raise SettingError(f"{name} is built in: {OF_FILES}")
        return open_mnist() if data == "mnist" else open_scenes(str(data))
    if how.class_level is not None and not path.is_dir():
        raise SettingError(f"class_level = {how.class_level}: only class folders have levels; leave it out, or give the folder around them")
    if typed and path.is_dir():
        return open_folder(path, how)
    if typed and path.is_file():
        return _open_file(path, how)
    if typed and os.path.lexists(path):
        raise DataError(f"{name} is no folder; give the folder of class folders")
    if find_shards(path):  # a range of files
        return _open_file(path, how)
    if "/" in typed or os.sep in typed:
        raise DataError(f"there is no {name}; check the path")
    raise DataError(f"there is no data named {name!r} and no such folder here{nearest(name, BUILT_IN)}")


def _open_file(path: Path, how: ReadOptions) -> Source:
    """What a file holds by its name; a reading that was named must be its own."""
    name, suffix = printable(path), path.suffix.lower()

    def may_be(source: str) -> bool:
        return how.source in (AUTO, source)

    if may_be("rows") and path.is_file() and (rows := find_rows(path)):
        return open_rows(path, rows, how.limits, how.columns, for_training=how.for_training)
    if may_be("table") and suffix in TABLES:
        return open_table(path, how.limits, how.columns, for_training=how.for_training)
    if how.columns.named:
        raise SettingError(f"only tables have columns, and {name} is no table; give the path of a CSV file")
    if may_be("arrays") and (arrays := find_arrays(path)):
        return open_arrays(path, arrays, how.columns.task, for_training=how.for_training)
    if may_be("webdataset") and (shards := find_shards(path)):
        return open_shards(path, shards, how.limits, how.columns.task, for_training=how.for_training)
    if may_be("coco") and suffix == ".json":
        where = path.resolve()
        return open_coco(coco_root(where), [("all", where)], how.limits)
    if may_be("yolo") and suffix in (".yaml", ".yml"):
        where = path.resolve()
        return open_yolo(where.parent, yolo_folders(where), how.limits)
    if how.source != AUTO:
        raise DataError(f"{name} cannot be read with --source {how.source}; leave it out, or give the folder")
    hint = "unpack it and give the folder" if suffix in _ARCHIVES else "give the folder of class folders"
    raise DataError(f"{name} is no folder; {hint}")
