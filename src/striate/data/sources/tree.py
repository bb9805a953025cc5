"""A walk through a stranger's folder: no link leads out of it, nothing is waited on, everything is accounted for."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final, final

from striate.data.names import printable
from striate.data.set_aside import Reason, SetAside
from striate.errors import DataError

__all__ = ["Folder", "Tree", "list_folder", "refusal", "refuse_links", "walk"]

_LEFT_BEHIND: Final = (
    "thumbs.db",
    "ehthumbs.db",
    "desktop.ini",
    "__macosx",
    "icon\r",
)  # by Windows and macOS; lower case


@final
@dataclass(frozen=True)
class Folder:
    """What lies directly in a folder, in the order of the names' bytes."""

    folders: tuple[str, ...]
    files: tuple[str, ...]
    folder_links: tuple[str, ...]
    others: tuple[str, ...]  # links to files or to nothing, FIFOs, sockets, devices
    ignored: int  # hidden, or left behind by a system


@final
@dataclass(frozen=True)
class Tree:
    """All files below a folder at any depth, as paths relative to the root of the data, in the order of their bytes."""

    files: tuple[str, ...]
    set_aside: tuple[SetAside, ...]
    ignored: int


def list_folder(path: str) -> Folder:
    """The content of one folder. Raises DataError where it may not be read."""
    folders: list[str] = []
    files: list[str] = []
    folder_links: list[str] = []
    others: list[str] = []
    ignored = 0
    try:
        with os.scandir(path) as entries:
            for entry in sorted(entries, key=lambda entry: os.fsencode(entry.name)):
                if entry.name.startswith(".") or entry.name.lower() in _LEFT_BEHIND:
                    ignored += 1
                elif entry.is_dir(follow_symlinks=False):
                    folders.append(entry.name)
                elif entry.is_file(follow_symlinks=False):
                    files.append(entry.name)
                else:
                    (folder_links if entry.is_dir() else others).append(entry.name)
    except OSError as error:
        raise DataError(f"cannot list {printable(path)}: {error.strerror}; make it readable") from None
    return Folder(tuple(folders), tuple(files), tuple(folder_links), tuple(others), ignored)


def refuse_links(where: Path, folder: Folder) -> None:
    """DataError for a link in the place of a class or a part: passing over it would lose a class without a word."""
    if folder.folder_links:
        link = printable(f"{where}/{folder.folder_links[0]}")
        raise DataError(f"{link} is a link to a folder, and those are not followed; put the folder itself there")


def walk(root: str, below: str) -> Tree:
    """All files in the folder `below`, a path relative to `root`. Raises DataError where a folder may not be read."""
    inside = os.path.realpath(root)
    files: list[str] = []
    set_aside: list[SetAside] = []
    ignored = 0
    waiting = [below]
    while waiting:
        parent = waiting.pop()
        folder = list_folder(f"{root}/{parent}")
        ignored += folder.ignored
        waiting.extend(f"{parent}/{name}" for name in folder.folders)
        files.extend(f"{parent}/{name}" for name in folder.files)
        set_aside.extend(
            SetAside(printable(f"{parent}/{name}"), "link out of the folder", "a link to a folder")
            for name in folder.folder_links
        )
        for name in folder.others:
            refused = refusal(f"{root}/{parent}/{name}", inside)
            if refused is None:
                files.append(f"{parent}/{name}")
            else:
                set_aside.append(SetAside(printable(f"{parent}/{name}"), *refused))
    return Tree(tuple(sorted(files, key=os.fsencode)), tuple(sorted(set_aside, key=lambda one: one.id)), ignored)


def refusal(path: str, inside: str) -> tuple[Reason, str] | None:
    """Why something that is no plain file is not even opened; None for a link to a plain file inside the data."""
    target = os.path.realpath(path)
    if not os.path.lexists(target):
        return "vanished", "a link to nothing"
    if os.path.commonpath([inside, target]) != inside:
        return "link out of the folder", "a link to a file outside the data"
    return None if Path(target).is_file() else ("not a regular file", "a FIFO, socket or device, or a link to one")
