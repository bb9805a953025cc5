"""From what a person types to a source: the name of a built-in set, a folder, or the file that describes the data."""

import os
from pathlib import Path

from striate.data.coco import open_coco
from striate.data.coco_files import coco_root, find_coco
from striate.data.folders import open_folders
from striate.data.idx_source import find_idx, open_idx
from striate.data.limits import DEFAULT_LIMITS, Limits
from striate.data.mask_folders import find_masks, open_masks
from striate.data.mnist import open_mnist
from striate.data.names import printable
from striate.data.scenes import SCENES, open_scenes
from striate.data.source import Source
from striate.data.voc import find_voc, open_voc
from striate.data.yolo import find_yolo, open_yolo, yolo_folders
from striate.errors import DataError, nearest

__all__ = ["BUILT_IN", "open_source"]

BUILT_IN = ("mnist", *SCENES)
_ARCHIVES = (".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar")


def open_source(data: str | Path, limits: Limits = DEFAULT_LIMITS) -> Source:
    """The source for a built-in name, a folder (idx, COCO, VOC, YOLO, masks, classes), or a COCO or YOLO file. Raises DataError.

    A built-in name comes before a folder of that name, which is reached as ./mnist. `limits` say what may be looked into.
    """
    if data == "mnist":
        return open_mnist()
    if isinstance(data, str) and data.partition(":")[0] in SCENES:
        return open_scenes(data)
    typed = os.fspath(data)
    name, path = printable(typed), Path(typed).expanduser()
    if typed and path.is_dir():
        return _open_folder(path, limits)
    if typed and path.is_file():
        return _open_file(path, limits)
    if typed and os.path.lexists(path):
        raise DataError(f"{name} is no folder; give the folder of class folders")
    if "/" in typed or os.sep in typed:
        raise DataError(f"there is no {name}; check the path")
    raise DataError(f"there is no data named {name!r} and no such folder here{nearest(name, BUILT_IN)}")


def _open_folder(folder: Path, limits: Limits) -> Source:
    """The first kind that answers for the folder: what is described by a file comes before what is named by folders."""
    where = folder.resolve()
    try:
        if idx := find_idx(folder):
            return open_idx(printable(where.name), printable(where.as_posix()), idx, {})
    except OSError as error:
        raise DataError(f"cannot list {printable(folder)}: {error.strerror}; make it readable") from None
    if coco := find_coco(where):
        return open_coco(where, coco, limits)
    if voc := find_voc(where):
        return open_voc(where, voc, limits)
    if yolo := find_yolo(where):
        return open_yolo(where, yolo, limits)
    if masks := find_masks(where):
        return open_masks(where, masks, limits)
    return open_folders(folder, limits)


def _open_file(file: Path, limits: Limits) -> Source:
    where, kind = file.resolve(), file.suffix.lower()
    if kind == ".json":
        return open_coco(coco_root(where), {"all": where}, limits)
    if kind in (".yaml", ".yml"):
        return open_yolo(where.parent, yolo_folders(where), limits)
    hint = "unpack it and give the folder" if kind in _ARCHIVES else "give the folder of class folders"
    raise DataError(f"{printable(file)} is no folder; {hint}")
