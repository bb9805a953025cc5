"""Where the images are that a table names: which folder the paths begin in, and which file each of them is.

Most paths are there as they are written, and are looked up once. The others are looked for among all files below the folder
of the data, and notes tell what was done:

    as people write them      spaces or quotes around, a backslash for "/", file:///..., a "/" or "./" in front
    in another case           IMG_1.JPG for img_1.jpg; and in the other form of Unicode, as macOS has it
    without an extension      a0001 for a0001.png, where one image fits
    of another machine        C:/Users/me/data/a.png or data/a.png, where what all paths begin with can be left out

Nothing outside the folder of the data is used, and nothing is downloaded.
"""

import os
import posixpath
import stat
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Final, TypeVar, final

import numpy as np
import numpy.typing as npt

from striate.data.names import printable
from striate.data.skipped_files import Reason
from striate.errors import DataError
from striate.sources.data_path import DataPath
from striate.sources.files.tree import FOLLOW, refusal
from striate.sources.tables.file_index import FileIndex
from striate.sources.tables.image_roots import chosen_folders, is_of_another_split
from striate.sources.tables.written_path import WrittenPath, is_address, parse_path, what_was_done

__all__ = ["LocatedPaths", "PathLookup"]

_LOOKED_AT: Final = 100  # rows, spread over the table, that tell where the paths begin
_EXPLAINED: Final = 20  # missing files whose likely cause is looked for
_NOTES: Final = 4
_NEAR: Final = 20  # folders; in more it takes long to ask for each file
_ESCAPED: Final = "\\\\"  # a backslash as it is printed

_BY_LINK: Final = f"a path through a link to a folder outside the data; {FOLLOW}"

Refused = tuple[Reason, str]
_Item = TypeVar("_Item")


@final
@dataclass(frozen=True)
class LocatedPaths:
    """Paths relative to the folder of the data, and why a file may not be used, in the order of the cells."""

    names: tuple[str, ...]
    refusals: tuple[Refused | None, ...]
    notes: tuple[str, ...] = ()

    def id(self, i: int) -> str:
        """The path of row `i` from the folder of the data, printable."""
        return printable(self.names[i])

    @cached_property
    def usable(self) -> npt.NDArray[np.bool_]:
        """Whether the file of each row may be used."""
        return np.array([refused is None for refused in self.refusals])


@final
@dataclass(frozen=True)
class _Roots:
    """The folders that paths begin in, and of which of them each path is, where that is known of each."""

    bases: tuple[str, ...]
    of: Mapping[int, str]

    def __getitem__(self, i: int) -> tuple[str, ...]:
        return (self.of[i],) if i in self.of else self.bases


@final
@dataclass(frozen=True)
class _Plan:
    """Where paths are looked for: what they begin with is left out, and then they begin in one of these folders."""

    left_out: int  # folders
    found: Mapping[str, set[int]]  # folder -> which of a few paths are there
    of_all: bool = False  # or which of all

    def roots(self, table: str) -> _Roots:
        bases = chosen_folders(self.found, table)
        if not self.of_all:
            return _Roots(bases, {})
        return _Roots(bases[:1], {i: base for base in bases for i in self.found[base]})


@final
class PathLookup:
    """The files of one folder of data, asked for by the cells of tables."""

    def __init__(self, data: DataPath) -> None:
        self._data = data
        self._folder = str(data.path)
        self._follow = data.follow
        self._real = os.path.realpath(data.path)
        self._parents: dict[str, bool] = {}  # whether a folder is inside

    @cached_property
    def _index(self) -> FileIndex:
        return FileIndex(self._folder, follow=self._follow)

    def share(self, cells: Sequence[str]) -> float:
        """Which share of the cells are paths of files, by a few of them."""
        few = _few(cells)
        if literal := self._literal(few):
            return len(set.union(*literal.values())) / len(few)
        written = list(map(parse_path, few))
        plans = [self._plan([one for one in written if one.root == root]) for root in {one.root for one in written}]
        return sum(len(set.union(*plan.found.values())) for plan in plans if plan) / len(few)

    def locate(self, cells: Sequence[str], place: Callable[[int], str], table: str) -> LocatedPaths:
        """Each path looked up; nothing is opened. `place` names a row in messages, `table` is the name of the file.

        DataError where a path may be two files, or where the paths may begin in two folders.
        """
        begin = self._as_written(cells, table).roots(table)
        names: list[str] = []
        refusals: list[Refused | None] = []
        lost: dict[str, list[tuple[int, WrittenPath]]] = {}  # rows by what their paths begin with, that leads elsewhere
        for i, cell in enumerate(cells):
            name, refused = self._look(begin[i] or ("",), cell)
            names.append(name)
            refusals.append(refused)
            if refused is not None and ((written := parse_path(cell)).root or refused[0] == "missing"):
                lost.setdefault(written.root, []).append((i, written))
        done: dict[tuple[str, ...], list[int]] = {}
        for root, rows in lost.items():
            within = [begin[i] for i, _ in rows]
            left_out = 0
            if root or not begin.bases:  # none is there as it is written
                there = (parse_path(cell) for cell, refused in zip(cells, refusals, strict=True) if refused is None)
                plan = self._plan([*(one for _, one in rows), *(one for one in there if one.root == root)])
                planned, left_out = (plan.roots(table), plan.left_out) if plan else (_Roots((), {}), 0)
                within = [planned[n] for n in range(len(rows))]
            for n, (i, written) in enumerate(rows):
                found = self._search(written.parts[left_out:], within[n], cells[i], partial(place, i))
                if found is not None:
                    names[i], refusals[i] = found, None
                    done.setdefault(what_was_done(written, left_out, found), []).append(i)
                elif n < _EXPLAINED and (cause := self._cause(cells[i], written, begin[i] or ("",))):
                    refusals[i] = "missing", cause
        return LocatedPaths(tuple(names), tuple(refusals), tuple(_notes(done, cells, names)))

    def _as_written(self, cells: Sequence[str], table: str) -> _Plan:
        """Where the paths are as they are written; each of the names that lie in several folders is looked up."""
        found = self._bases(_few(cells), table)
        if len(found) < 2 or any("/" in cell for cell in cells):
            return _Plan(0, found)
        near = found if any(base not in self._near for base in found) else self._near
        return _Plan(0, {base: which for base, which in self._index.spread(cells).items() if base in near}, of_all=True)

    def _literal(self, few: Sequence[str]) -> dict[str, set[int]]:
        """The folders, this one and those in it, that hold files as they are written; and which of them."""
        if len(self._near) > _NEAR:
            return self._index.holding(self._near, few)
        found = {base: {i for i, cell in enumerate(few) if self._is_file(base, cell)} for base in self._near}
        return {base: which for base, which in found.items() if which}

    def _bases(self, few: Sequence[str], table: str) -> dict[str, set[int]]:
        """The same; in all folders where those near are of splits that the table does not name: other files may fit better."""
        found = self._literal(few)
        if "" in found or not any(is_of_another_split(base, table) for base in found):
            return found
        return self._index.holding(self._index.folders, few)

    @cached_property
    def _near(self) -> tuple[str, ...]:
        return ("", *self._data.list(follow=self._follow).folders)

    def _look(self, bases: Sequence[str], cell: str) -> tuple[str, Refused | None]:
        """The path of a cell from the folder of the data, as it is written, and why it may not be used."""
        first = None
        for base in bases:
            start = f"{self._folder}/{base}" if base else self._folder
            name = _normal(cell, start)
            parent = f"{start}/{name}".rpartition("/")[0]
            if parent not in self._parents:
                self._parents[parent] = _is_inside(parent, self._real) or (
                    self._follow and _is_below(parent, self._folder)
                )
            if self._parents[parent]:
                refused = _refusal(f"{start}/{name}", self._real, follow=self._follow)
            else:
                is_link = _is_below(parent, self._folder)
                refused = "link out of the folder", _BY_LINK if is_link else "a path out of the data folder"
            looked = _joined(base, name), refused
            if refused is None:
                return looked
            first = first or looked
        assert first is not None
        return first

    def _is_file(self, base: str, cell: str) -> bool:
        try:
            return bool(cell) and Path(self._folder, base, cell).is_file()
        except (OSError, ValueError):
            return False

    def _plan(self, group: Sequence[WrittenPath]) -> _Plan | None:
        """Where paths are that are not there as they are written: as little as possible is left out in front.

        What is left out, all paths of the group begin with: else a class that is not here would be taken for another.
        """
        common = posixpath.commonprefix([written.parts[:-1] for written in group])
        for left_out in range(len(common) + 1):
            paths = ["/".join(one.parts[left_out:]) for one in group]
            if are_names := not any("/" in path for path in paths):
                found = self._index.spread(paths)
            else:
                few = list(enumerate(_few(paths)))
                there = {
                    base: {i for i, path in few if path and self._index.find(base, path)}
                    for base in self._index.folders
                }
                found = {base: which for base, which in there.items() if which}
            if found:
                return _Plan(left_out, found, are_names)
        return None

    def _search(self, parts: Sequence[str], bases: Sequence[str], cell: str, place: Callable[[], str]) -> str | None:
        """The file that a path means, from the folder of the data. DataError where it may be two."""
        for base in bases:
            found = self._index.find(base, "/".join(parts)) if parts and ".." not in parts else ()
            if len(found) > 1:
                raise DataError(
                    f"{place()}: {printable(cell)[:80]} may be {printable(found[0])} or {printable(found[1])}; write one of them"
                )
            if found and self._look(("",), found[0])[1] is None:
                return found[0]
        return None

    def _cause(self, cell: str, written: WrittenPath, bases: Sequence[str]) -> str | None:
        """Why a path leads to nothing, as far as the files that are there tell."""
        if os.path.lexists(cell):  # outside of the data
            return None
        if is_address(cell):
            return "a web address, and nothing is downloaded; write the path of the file"
        path = "/".join(written.parts)
        for link in self._data.list(follow=self._follow).folder_links:
            if path and not written.root and self._is_file(link, path):
                return f"no such file, but one behind the link {printable(link)}; {FOLLOW}"
        others = self._index.elsewhere(path) if path else ()
        here = {posixpath.dirname(_joined(base, path)).lower() for base in bases}
        if other := next((one for one in others if posixpath.dirname(one).lower() in here), None):
            return f"no such file, but {printable(other)} exists; write its extension"
        return f"no such file, but {printable(others[0])} exists; write its folder" if others else None


def _few(items: Sequence[_Item]) -> Sequence[_Item]:
    return items[:: max(1, len(items) // _LOOKED_AT)]


def _notes(done: Mapping[tuple[str, ...], Sequence[int]], cells: Sequence[str], names: Sequence[str]) -> Iterator[str]:
    """What was done for most rows, with an example."""
    for how, rows in sorted(done.items(), key=lambda one: -len(one[1]))[:_NOTES]:
        if how:
            example = (
                f"{printable(cells[rows[0]])[:80].replace(_ESCAPED, _ESCAPED[0])} is {printable(names[rows[0]])[:80]}"
            )
            yield f"{len(rows):,} of {len(cells):,} paths are found {' and '.join(how)}: {example}"


def _refusal(path: str, inside: str, *, follow: bool) -> Refused | None:
    try:
        mode = os.lstat(path).st_mode
    except (OSError, ValueError) as error:  # not there; too long; characters that no name can hold
        return "missing", (error.strerror if isinstance(error, OSError) else None) or "no such file"
    if stat.S_ISREG(mode):
        return None
    if stat.S_ISLNK(mode):
        return refusal(path, inside, follow=follow)
    return "not a regular file", "a folder, FIFO, socket or device"


def _normal(cell: str, base: str) -> str:
    """The path relative to base, without detours: two ways to write it become one."""
    if os.path.isabs(cell):  # noqa: PTH117 - asked for each of up to a million cells, and a Path takes ten times as long
        return os.path.relpath(cell, os.path.realpath(base))
    if cell.startswith("../"):  # may lead out and in again
        return os.path.relpath(f"{base}/{cell}", base)
    return os.path.normpath(cell) if "//" in cell or "./" in cell or cell.endswith(("/", "/.", "/..")) else cell


def _joined(base: str, name: str) -> str:
    if not base:
        return name
    return posixpath.normpath(f"{base}/{name}") if name.startswith("../") else f"{base}/{name}"


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
