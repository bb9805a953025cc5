"""From what a person types to a source: the name of a built-in set, or a folder."""

import os
from pathlib import Path

from striate.data.folders import open_folders
from striate.data.idx_source import find_idx, open_idx
from striate.data.limits import DEFAULT_LIMITS, Limits
from striate.data.mnist import open_mnist
from striate.data.names import printable
from striate.data.scenes import SCENES, open_scenes
from striate.data.source import Source
from striate.errors import DataError, nearest

__all__ = ["BUILT_IN", "open_source"]

BUILT_IN = ("mnist", *SCENES)
_ARCHIVES = (".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar")


def open_source(data: str | Path, limits: Limits = DEFAULT_LIMITS) -> Source:
    """The source for a built-in name, or for a folder of idx files or of class folders. Raises DataError.

    A built-in name comes before a folder of that name, which is reached as ./mnist. `limits` say what may be looked into.
    """
    if data == "mnist":
        return open_mnist()
    if isinstance(data, str) and data.partition(":")[0] in SCENES:
        return open_scenes(data)
    typed = os.fspath(data)
    name, folder = printable(typed), Path(typed).expanduser()
    if typed and folder.is_dir():
        try:
            idx = find_idx(folder)
        except OSError as error:
            raise DataError(f"cannot list {name}: {error.strerror}; make it readable") from None
        where = folder.resolve()
        return (
            open_idx(printable(where.name), printable(where.as_posix()), idx, {})
            if idx
            else open_folders(folder, limits)
        )
    if typed and os.path.lexists(folder):
        hint = (
            "unpack it and give the folder"
            if folder.suffix.lower() in _ARCHIVES
            else "give the folder of class folders"
        )
        raise DataError(f"{name} is no folder; {hint}")
    if "/" in typed or os.sep in typed:
        raise DataError(f"there is no {name}; check the path")
    raise DataError(f"there is no data named {name!r} and no such folder here{nearest(name, BUILT_IN)}")
