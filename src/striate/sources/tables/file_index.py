"""All files below a folder by their names, so that a path that a table writes in another way is found without guessing.

Upper and lower case and the form of Unicode do not matter where only one file fits, and the extension of an image may lack.
"""

import os
import posixpath
import unicodedata
from collections import defaultdict
from collections.abc import Sequence
from functools import cached_property
from typing import Final, final

from striate.data.decoding.formats import IMAGE_EXTENSIONS
from striate.errors import DataError
from striate.sources.files.tree import list_folder, refusal

__all__ = ["FileIndex", "same_form"]

_EXTENSIONS: Final = IMAGE_EXTENSIONS.union((".ppm", ".pgm", ".pbm", ".jp2", ".heic", ".heif", ".avif", ".dcm", ".nii"))
_MOST_FILES: Final = 5_000_000
_MOST_FOLDERS: Final = 1000


@final
class FileIndex:
    """The files below `root` that may be used; `follow`: those that links lead to, too.

    A folder or file is a path relative to it, "" for the folder itself.
    """

    def __init__(self, root: str, *, follow: bool = False) -> None:
        self._files = _files_below(root, follow=follow)
        self._exact = set(self._files)
        self._by_path: dict[str, list[str]] = defaultdict(list)  # by _key
        self._by_stem: dict[str, list[str]] = defaultdict(list)
        for file in self._files:
            self._by_path[_key(file)].append(file)
            if _is_image(file):
                self._by_stem[_key(posixpath.splitext(file)[0])].append(file)

    @cached_property
    def folders(self) -> Sequence[str]:
        """The folders that images lie in or below, the outermost first."""
        found = {""}
        for stem in self._by_stem.values():
            folder = posixpath.dirname(stem[0])
            while folder not in found:
                found.add(folder)
                folder = posixpath.dirname(folder)
        return sorted(found, key=_depth)[:_MOST_FOLDERS]

    def find(self, folder: str, path: str) -> Sequence[str]:
        """The files that `path` in `folder` may mean: the one itself, else in another case, else with an extension."""
        whole = f"{folder}/{path}" if folder else path
        if whole in self._exact:
            return [whole]
        key = _key(whole)
        return _as_written(whole, self._by_path.get(key, ())) or _as_written(whole, self._by_stem.get(key, ()))

    def holding(self, folders: Sequence[str], paths: Sequence[str]) -> dict[str, set[int]]:
        """Those of the folders that hold files at these paths as they are written, and which of the paths in each."""
        found = {
            folder: {i for i, path in enumerate(paths) if (f"{folder}/{path}" if folder else path) in self._exact}
            for folder in folders
        }
        return {folder: which for folder, which in found.items() if which}

    def spread(self, names: Sequence[str]) -> dict[str, set[int]]:
        """The folders that files of these names lie in, the outermost first, and which of the names in each.

        A name means a file as in `find`, in whichever folder.
        """
        found: dict[str, set[int]] = defaultdict(set)
        for i, name in enumerate(names):
            there = self._by_name.get(_key(name), ()) if name else ()
            exact = [file for file in there if posixpath.basename(file) == name]
            alike = exact or [file for file in there if _key(posixpath.basename(file)) == _key(name)]
            for file in alike or filter(_is_image, there):
                found[posixpath.dirname(file)].add(i)
        return {folder: found[folder] for folder in sorted(found, key=_depth)}

    def elsewhere(self, path: str) -> Sequence[str]:
        """The files of this name in any folder, else those with another extension, images first."""
        name = _key(posixpath.basename(path))
        found = self._by_name.get(name) or self._by_name.get(posixpath.splitext(name)[0]) or ()
        return sorted(found, key=lambda file: not _is_image(file))

    @cached_property
    def _by_name(self) -> dict[str, list[str]]:
        """By the name, and by that without the extension."""
        found: dict[str, list[str]] = defaultdict(list)
        for file in self._files:
            name = _key(posixpath.basename(file))
            for one in {name, posixpath.splitext(name)[0]}:
                found[one].append(file)
        return dict(found)


def _is_image(file: str) -> bool:
    return posixpath.splitext(file)[1].lower() in _EXTENSIONS


def _depth(folder: str) -> tuple[int, bytes]:
    return folder.count("/") + bool(folder), os.fsencode(folder)


def _files_below(root: str, *, follow: bool) -> list[str]:
    """The files below a folder that may be used, each folder once; those that may not be read are passed over."""
    inside = os.path.realpath(root)
    files: list[str] = []
    waiting, visited = [""], set[str]()
    while waiting and len(files) < _MOST_FILES:
        parent = waiting.pop()
        start = f"{parent}/" if parent else ""
        path = f"{root}/{parent}" if parent else root
        if follow and (real := os.path.realpath(path)) in visited:
            continue
        visited.add(real if follow else path)
        try:
            folder = list_folder(path, follow=follow)
        except DataError:
            continue
        files += (start + name for name in folder.files)
        files += (
            start + name for name in folder.others if refusal(f"{root}/{start}{name}", inside, follow=follow) is None
        )
        waiting += (start + name for name in folder.folders)
    return files


def same_form(path: str) -> str:
    """The path in the one form of Unicode (NFC) that macOS does not write, and most others do."""
    return path if path.isascii() else unicodedata.normalize("NFC", path)


def _key(path: str) -> str:
    return same_form(path).lower()


def _as_written(whole: str, found: Sequence[str]) -> Sequence[str]:
    """Of several files those in the case that was written, where there are any."""
    written = same_form(whole)
    return [file for file in found if same_form(file).startswith(written)] or found
