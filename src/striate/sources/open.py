"""From what a person types to a source: the name of a built-in set, a folder, or a file."""

import os
from pathlib import Path
from typing import Final

from striate.data.decoding.limits import DEFAULT_LIMITS, Limits
from striate.data.names import expanded, printable
from striate.data.source import Source
from striate.errors import DataError, SettingError, nearest
from striate.settings import declared_settings
from striate.sources.annotations.coco_files import coco_root
from striate.sources.annotations.coco_source import open_coco
from striate.sources.annotations.yolo_source import open_yolo, yolo_folders
from striate.sources.archives.webdataset_source import find_shards, open_shards
from striate.sources.arrays.array_source import find_arrays, open_arrays
from striate.sources.arrays.mnist import open_mnist
from striate.sources.asked_task import with_task
from striate.sources.data_path import DataPath
from striate.sources.format_detection import open_folder
from striate.sources.generated.scene_source import SCENES, open_scenes
from striate.sources.read_options import BY_NAME, OF_FILES, ReadOptions
from striate.sources.settings import AUTO, FORMATS, ReadingSettings
from striate.sources.source_splits import trainable
from striate.sources.tables.columns import Columns
from striate.sources.tables.image_rows_source import find_rows, open_rows
from striate.sources.tables.table_source import TABLES, open_table_file

__all__ = ["BUILT_IN", "open_source"]

BUILT_IN: Final = ("mnist", *SCENES)
_ARCHIVES: Final = (".zip", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar")


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

    A built-in name comes before a folder of that name, which is reached as ./mnist. `limits` bound what is read,
    `columns` names the columns of a table, `source` the format where several fit ("folders", "table" ...), `class_level`
    the folders that are the classes (1 or 2); SettingError where one of them does not exist. `for_training` is False for
    data that are only evaluated: they may have one class, and no split train.
    """
    if source not in FORMATS:
        raise SettingError(f"source = {source!r} is not a format{nearest(source, FORMATS)}")
    declared_settings(ReadingSettings)["class_level"].check(class_level)
    options = ReadOptions(source, columns, class_level, limits, for_training)
    try:
        opened = with_task(_open(data, options), columns.task)
    except OSError as error:  # of a folder on the way, or of a name that is too long to be one
        raise DataError(
            f"cannot read {printable(data)}: {error.strerror}; check the path, or make it readable"
        ) from None
    return trainable(opened) if for_training else opened


def _open(data: str | Path, options: ReadOptions) -> Source:
    """The source with this name or at this path. Raises DataError, SettingError, and OSError where that may not be looked at."""
    typed, path = os.fspath(data), expanded(data)
    name = printable(typed)
    if data == "mnist" or (isinstance(data, str) and data.partition(":")[0] in SCENES):
        if options.is_of_files:
            raise SettingError(f"{name} is built in: {OF_FILES}")
        return open_mnist() if data == "mnist" else open_scenes(str(data))
    if options.class_level is not None and not path.is_dir():
        raise SettingError(
            f"class_level = {options.class_level}: only class folders have levels; "
            "leave it out, or give the folder around them"
        )
    if typed and path.is_dir():
        return open_folder(DataPath(path, options))
    if typed and path.is_file():
        return _open_file(DataPath(path, options))
    if typed and os.path.lexists(path):
        raise DataError(f"{name} is not a folder; give the folder of the class folders")
    if find_shards(DataPath(path, options)):  # a range of files
        return _open_file(DataPath(path, options))
    if "/" in typed or os.sep in typed:
        raise DataError(f"{name} does not exist; check the path")
    raise DataError(
        f"{name!r} is neither a built-in data set nor a folder, table or archive here{nearest(name, BUILT_IN)}"
    )


def _open_file(data: DataPath) -> Source:
    """The source over a file, by its name; where a format is named it must be of that one."""
    path, source, suffix = data.path, data.options.source, data.path.suffix.lower()

    def may_be(name: str) -> bool:
        return source in (AUTO, name)

    if may_be("rows") and path.is_file() and (rows := find_rows(data)):
        return open_rows(data, rows)
    if may_be("table") and suffix in TABLES:
        return open_table_file(data, path)
    if data.options.columns.named:
        raise SettingError(f"only tables have columns, and {data.name} is no table; give the path of a CSV file")
    if may_be("arrays") and (arrays := find_arrays(data)):
        return open_arrays(data, arrays)
    if may_be("webdataset") and (shards := find_shards(data)):
        return open_shards(data, shards)
    if may_be("coco") and suffix == ".json":
        file = path.resolve()
        return open_coco(DataPath(coco_root(file), data.options), [("all", file)])
    if may_be("yolo") and suffix in (".yaml", ".yml"):
        file = path.resolve()
        return open_yolo(DataPath(file.parent, data.options), yolo_folders(file))
    if source != AUTO:
        raise DataError(f"{data.name} cannot be read with --source {source}; leave it out, or give the folder")
    hint = "unpack it and give the folder" if suffix in _ARCHIVES else "give the folder of the class folders"
    raise DataError(f"{data.name} is not a folder; {hint}")
