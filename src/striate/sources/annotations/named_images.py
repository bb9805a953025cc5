"""The images that an annotation names, looked up in what really lies in the folder: no name leads out of it."""

import posixpath
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Final, final

from striate.data.names import printable
from striate.data.skipped_files import SkippedFile
from striate.errors import DataError
from striate.sources.files.tree import walk

__all__ = ["NamedImages"]

_LOOKED_AT: Final = 100  # names that tell where the names begin


@final
class NamedImages:
    """All files below a folder, listed once. Links are followed to files inside it only, or anywhere if asked to."""

    def __init__(self, root: Path, *, follow: bool = False) -> None:
        tree = walk(str(root), ".", follow=follow)
        self._root = root
        self._files = frozenset(file.removeprefix("./") for file in tree.files)
        self._refused = {one.id.removeprefix("./"): one for one in tree.skipped}
        self._folders = sorted({folder for file in self._files for folder in _parents(file)})

    def base(self, names: Sequence[str], described_in: Path) -> str:
        """The folder, relative to the root, where most of the names are files; of several that nearest to the annotation.

        Nearest: a folder of its path occurs in the annotation's name (train2017), else it is the annotation's own folder.
        Raises DataError where no name is a file anywhere.
        """
        few = names[:: max(1, len(names) // _LOOKED_AT)]
        there = Counter({folder: sum(_join(folder, name) in self._files for name in few) for folder in self._folders})
        most = max(there.values(), default=0)
        if most == 0:
            first = f", such as {printable(names[0])}" if names else ""
            raise DataError(
                f"{printable(self._root)} has none of the images that {printable(described_in)} names{first}; "
                "put them there"
            )
        own = described_in.parent.relative_to(self._root).as_posix()
        best = [folder for folder in self._folders if there[folder] == most]
        return min(
            best, key=lambda folder: (not _mentioned(folder, described_in.stem), folder != own, len(folder), folder)
        )

    def find(self, base: str, name: str) -> str | SkippedFile:
        """The file relative to the root, or why there is none."""
        path = _join(base, name)
        if path in self._files:
            return path
        shown = printable(path)
        refused = self._refused.get(shown)
        return refused or SkippedFile(shown, "missing", "the annotation names it, and the file does not exist")


def _mentioned(folder: str, stem: str) -> bool:
    return any(name and name.lower() in stem.lower() for name in folder.split("/") if name != ".")


def _join(folder: str, name: str) -> str:
    return posixpath.normpath(f"{folder}/{name}")


def _parents(file: str) -> list[str]:
    parents = []
    while "/" in file:
        file = file.rpartition("/")[0]
        parents.append(file)
    return [*parents, "."]
