"""A walk through a stranger's folder: no link leads out of it unasked, nothing is waited on, everything is accounted for."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final, final

from striate.data.names import printable
from striate.data.skipped_files import Reason, SkippedFile
from striate.errors import DataError

__all__ = ["FOLLOW", "Folder", "Tree", "list_folder", "refusal", "refuse_links", "walk"]

# what systems, network storage and editors leave behind; lower case
_LEFT_BEHIND: Final = frozenset(
    (
        *("thumbs.db", "ehthumbs.db", "ehthumbs_vista.db", "desktop.ini", "picasa.ini", "zbthumbnail.info", "icon\r"),
        *("__macosx", "system volume information", "$recycle.bin", "recycler", "recycled", "lost+found", "found.000"),
        *("@eadir", "@tmp", "@__thumb", "@recycle", "#recycle", "#snapshot", "captureone", "__pycache__"),
    )
)
_LEFT_ENDINGS: Final = ("@synoeastream", "@synoresource", ":zone.identifier", ".lrdata", ".lrcat", ".lrcat-data")
FOLLOW: Final = "--follow-links follows them"


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
    """All files below a folder at any depth, as paths relative to the root of the data, in the order of their bytes.

    `repeated` counts links that lead to what was listed already.
    """

    files: tuple[str, ...]
    skipped: tuple[SkippedFile, ...]
    ignored: int
    repeated: int = 0


def list_folder(path: str, *, follow: bool = False) -> Folder:
    """The content of one folder; `follow`: a link to a folder counts as one. Raises DataError where it may not be read."""
    folders: list[str] = []
    files: list[str] = []
    folder_links: list[str] = []
    others: list[str] = []
    ignored = 0
    try:
        with os.scandir(path) as entries:
            for entry in sorted(entries, key=lambda entry: os.fsencode(entry.name)):
                if _is_left_behind(entry.name):
                    ignored += 1
                elif _is_folder(entry, follow=follow):
                    folders.append(entry.name)
                elif entry.is_file(follow_symlinks=False):
                    files.append(entry.name)
                else:
                    (folder_links if _is_folder(entry, follow=True) else others).append(entry.name)
    except OSError as error:
        raise DataError(f"cannot list {printable(path)}: {error.strerror}; make it readable") from None
    return Folder(tuple(folders), tuple(files), tuple(folder_links), tuple(others), ignored)


def refuse_links(where: Path, folder: Folder) -> None:
    """DataError for a link in the place of a class or a split: passing over it would lose a class without a word."""
    if folder.folder_links:
        link = printable(f"{where}/{folder.folder_links[0]}")
        raise DataError(
            f"{link} is a link to a folder, and such links are not followed; {FOLLOW}, or put the folder there"
        )


def walk(root: str, below: str, *, follow: bool = False) -> Tree:
    """All files in the folder `below`, a path relative to `root`. Raises DataError where a folder may not be read.

    Links to files inside `root` are listed. `follow`: links to folders and to files elsewhere are too, each folder and
    each file once, however many links lead there, and none that is found without the link.
    """
    inside = os.path.realpath(root)
    files: list[str] = []
    linked: list[str] = []
    skipped: list[SkippedFile] = []
    ignored = repeated = 0
    waiting, visited = [below], {os.path.realpath(f"{root}/{below}")}
    while waiting:
        parent = waiting.pop()
        folder = list_folder(f"{root}/{parent}", follow=follow)
        ignored += folder.ignored
        for name in folder.folders:
            path = f"{root}/{parent}/{name}"
            real = os.path.realpath(path) if follow else ""
            if real and (real in visited or (Path(path).is_symlink() and _is_read_elsewhere(real, inside))):
                repeated += 1
            else:
                visited.add(real)
                waiting.append(f"{parent}/{name}")
        files.extend(f"{parent}/{name}" for name in folder.files)
        skipped.extend(
            SkippedFile(printable(f"{parent}/{name}"), "link out of the folder", f"a link to a folder; {FOLLOW}")
            for name in folder.folder_links
        )
        for name in folder.others:
            refused = refusal(f"{root}/{parent}/{name}", inside, follow=follow)
            if refused is None:
                linked.append(f"{parent}/{name}")
            else:
                skipped.append(SkippedFile(printable(f"{parent}/{name}"), *refused))
    if follow:
        known = {os.path.realpath(f"{root}/{file}") for file in files}
        for link in sorted(linked, key=os.fsencode):
            real = os.path.realpath(f"{root}/{link}")
            if real in known:
                repeated += 1
            else:
                known.add(real)
                files.append(link)
    else:
        files += linked
    by_id = sorted(skipped, key=lambda one: one.id)
    return Tree(tuple(sorted(files, key=os.fsencode)), tuple(by_id), ignored, repeated)


def refusal(path: str, inside: str, *, follow: bool = False) -> tuple[Reason, str] | None:
    """Why something that is no plain file is not even opened; None for a link to a plain file inside the data.

    `follow`: or to one anywhere else.
    """
    target = os.path.realpath(path)
    if not os.path.lexists(target):
        return "missing", "a link to nothing"
    if Path(target).is_symlink():
        return "missing", "a link to itself"
    if not follow and os.path.commonpath([inside, target]) != inside:
        return "link out of the folder", f"a link to a file outside the data; {FOLLOW}"
    return None if Path(target).is_file() else ("not a regular file", "a FIFO, socket or device, or a link to one")


def _is_folder(entry: os.DirEntry[str], *, follow: bool) -> bool:
    try:
        return entry.is_dir(follow_symlinks=follow)
    except OSError:  # a link to itself
        return False


def _is_read_elsewhere(real: str, inside: str) -> bool:
    """Whether a folder that a link leads to is around the data, or in them where it is found without the link."""
    shared = os.path.commonpath([real, inside])
    within = Path(os.path.relpath(real, inside)).parts
    return shared == real or (shared == inside and not any(map(_is_left_behind, within)))


def _is_left_behind(name: str) -> bool:
    lower = name.lower()
    return name.startswith(".") or lower in _LEFT_BEHIND or lower.endswith(_LEFT_ENDINGS)
