"""Where the pictures are that a table names: which folder the paths begin in, and which of them may be opened."""

import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, final

from striate.data.names import printable
from striate.data.set_aside import Reason
from striate.data.sources.tree import list_folder, refusal

__all__ = ["Located", "base_of", "locate"]

_LOOKED_AT: Final = 100  # rows, spread over the table, that tell where the paths begin


@final
@dataclass(frozen=True)
class Located:
    """Paths relative to `base`, and why a file may not be used, in the order of the cells."""

    base: str
    prefix: str  # from the folder of the data to where the paths begin: "", or "images/"
    names: tuple[str, ...]
    refusals: tuple[tuple[Reason, str] | None, ...]

    def id(self, i: int) -> str:
        """The path of row `i` from the folder of the data, printable."""
        return printable(self.prefix + self.names[i])


def base_of(folder: str, cells: Sequence[str]) -> str | None:
    """Where the paths begin: the folder of the table, or a folder in it; None if there is no file of any row that is looked at."""
    few = [cell for cell in cells[:: max(1, len(cells) // _LOOKED_AT)] if cell]
    for base in (folder, *(f"{folder}/{name}" for name in list_folder(folder).folders)):
        if any(_is_file(Path(base, cell)) for cell in few):
            return base
    return None


def locate(base: str, inside: str, cells: Sequence[str], *, follow: bool = False) -> Located:
    """Each path looked up once; nothing is opened, and nothing outside the folder `inside` is used.

    A path may be absolute, or go up and down again, as long as it ends inside, links followed. `follow`: a link may lead
    elsewhere.
    """
    real = os.path.realpath(inside)
    parents: dict[str, bool] = {}  # whether a folder is inside
    names, refusals = [], []
    for cell in cells:
        name = _normal(cell, base)
        path = f"{base}/{name}"
        parent = path.rpartition("/")[0]
        if parent not in parents:
            parents[parent] = _is_inside(parent, real) or (follow and _is_below(parent, inside))
        names.append(name)
        if parents[parent]:
            refusals.append(_look(path, real, follow=follow))
        else:
            refusals.append(("link out of the folder", "a path out of the folder of the data"))
    prefix = "" if base == inside else os.path.relpath(base, inside) + "/"
    return Located(base, prefix, tuple(names), tuple(refusals))


def _look(path: str, inside: str, *, follow: bool) -> tuple[Reason, str] | None:
    try:
        mode = os.lstat(path).st_mode
    except (OSError, ValueError) as error:  # not there; too long; characters that no name can hold
        return "vanished", (error.strerror if isinstance(error, OSError) else None) or "no such file"
    if stat.S_ISREG(mode):
        return None
    if stat.S_ISLNK(mode):
        return refusal(path, inside, follow=follow)
    return "not a regular file", "a folder, FIFO, socket or device"


def _normal(cell: str, base: str) -> str:
    """The path relative to base, without detours: two ways to write it become one."""
    if os.path.isabs(cell):  # noqa: PTH117 - asked for each of up to a million cells, and a Path takes ten times as long
        return os.path.relpath(cell, os.path.realpath(base))
    return os.path.normpath(cell) if "//" in cell or "./" in cell or cell.endswith(("/", "/.", "/..")) else cell


def _is_inside(parent: str, real: str) -> bool:
    try:
        return os.path.commonpath([real, os.path.realpath(parent)]) == real
    except (OSError, ValueError):
        return False


def _is_below(parent: str, folder: str) -> bool:
    """Whether a path leads down from a folder by its names, wherever links on the way go."""
    top = os.path.normpath(Path(folder).absolute())
    try:
        return os.path.commonpath([top, os.path.normpath(Path(parent).absolute())]) == top
    except ValueError:
        return False


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False
