"""Which files of a folder are images: by name or by content; what cameras, editors and storage put beside them is counted.

A file with the extension of an image format is one to be read, whatever is in it. Of any other the first bytes tell: an
image is used, an image of a format that is not read is skipped, all else is ignored, by kind.
"""

import os
import posixpath
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Final, final

from striate.data.decoding.formats import IMAGE_EXTENSIONS, is_image
from striate.data.decoding.regular_file import open_regular_file
from striate.data.decoding.unsupported_formats import (
    DOCUMENTS,
    START,
    advice,
    is_raw,
    unsupported_extension,
    unsupported_format,
)
from striate.data.names import printable
from striate.data.skipped_files import SkippedFile, Unreadable
from striate.sources.data_path import DataPath
from striate.sources.files.folder_names import MASKS, THUMBNAILS, holds_no_classes
from striate.sources.files.tree import Tree, list_folder

__all__ = ["HIDDEN", "REPEATED", "ImageFiles", "holds_images", "image_files", "images_by_name", "resembles_image"]

HIDDEN: Final = "hidden or left by the system"  # kinds of ignored files
REPEATED: Final = "links to what is there already"
_BACKUPS: Final = "backups by editors"
_NO_IMAGES: Final = "other files that are no images"
_BESIDE: Final = " beside an image of the same name"
_ARRAY: Final = ".npy"
_THUMBNAILS: Final = (".thm",)  # of cameras: small JPEGs beside movies
_LOSSY: Final = (".jpg", ".jpeg", ".jpe", ".jfif", ".jif", ".pjpeg", ".mpo")  # no formats of masks
_THUMBNAIL_ENDING: Final = re.compile(r"([_.-]thumb|_thumbnail)$", re.IGNORECASE)
_MASK_ENDING: Final = re.compile(r"[_-](mask|label|gt|seg)([_-]\d+)?$", re.IGNORECASE)
_SMALLER: Final = "thumbnails beside their images"
_MASKS: Final = "masks beside their images"
_BACKUP_ENDINGS: Final = ("_original", "~", ".bak", ".orig", ".old")


@final
@dataclass(frozen=True)
class ImageFiles:
    """The files of a Tree, each in one place; `ignored` counts by kind, what the walk itself passed over included."""

    files: tuple[str, ...]
    skipped: tuple[SkippedFile, ...]
    ignored: Mapping[str, int]


def image_files(root: str, tree: Tree, *, without_masks: bool = False) -> ImageFiles:
    """The images among the files of a tree below `root`; a few bytes are read of files whose extension is no image's.

    `without_masks`: masks/a.png and a_mask.png are none beside a.png, as thumbnails are none.
    """
    files: list[str] = []
    foreign: list[tuple[str, str]] = []
    ignored = Counter({HIDDEN: tree.ignored, REPEATED: tree.repeated})
    known = frozenset(tree.files)
    whole = _whole(tree.files)
    shown = frozenset(
        stem.lower()
        for stem, extension in map(posixpath.splitext, tree.files)
        if extension.lower() in IMAGE_EXTENSIONS and extension.lower() != _ARRAY
    )
    for file in tree.files:
        extension = posixpath.splitext(file)[1].lower()
        if extension in IMAGE_EXTENSIONS and _is_made_of_another(file, whole, THUMBNAILS, _THUMBNAIL_ENDING):
            ignored[_SMALLER] += 1
        elif (
            without_masks
            and extension in IMAGE_EXTENSIONS
            and _is_made_of_another(file, whole, MASKS, None if extension in _LOSSY else _MASK_ENDING)
        ):
            ignored[_MASKS] += 1
        elif extension == _ARRAY and posixpath.splitext(file)[0].lower() in shown:  # features or a mask of that image
            ignored[f"{_kind(file)}{_BESIDE}"] += 1
        elif extension in IMAGE_EXTENSIONS:
            files.append(file)
        elif any(file.lower().endswith(end) and file[: -len(end)] in known for end in _BACKUP_ENDINGS):
            ignored[_BACKUPS] += 1
        elif extension in _THUMBNAILS:
            ignored[_kind(file)] += 1
        else:
            start = _start(f"{root}/{file}")
            form = unsupported_format(start or b"") or unsupported_extension(file)
            if start is None or (is_image(start) and not _is_camera_tiff(file, start)):
                files.append(file)
            elif form is not None:
                foreign.append((file, form))
            else:
                ignored[_kind(file)] += 1
    stems = {posixpath.splitext(file)[0].lower() for file in files}
    skipped = list(tree.skipped)
    for file, form in foreign:
        if posixpath.splitext(file)[0].lower() in stems:
            ignored[f"{_kind(file)}{_BESIDE}"] += 1
        else:
            skipped.append(SkippedFile(printable(file), "unsupported format", advice(form)))
    return ImageFiles(tuple(files), tuple(sorted(skipped, key=lambda one: one.id)), +ignored)


def _whole(files: Sequence[str]) -> Set[str]:
    """The images that others may be made of, without extension: where they are, and as beside the folder that they are in.

    The latter for folders that are called as those of images are: index/1.jpg and thumb/1.jpg may be two fingers.
    """
    stems = (stem for stem, extension in map(posixpath.splitext, files) if extension.lower() in IMAGE_EXTENSIONS)
    found = set[str]()
    for stem in stems:
        folder, name = posixpath.split(stem)
        around, inner = posixpath.split(folder)
        if inner.lower() not in THUMBNAILS | MASKS:
            found |= {stem, posixpath.join(around, name)} if holds_no_classes(inner) else {stem}
    return found


def _is_made_of_another(file: str, whole: Set[str], folders: Set[str], ending: re.Pattern[str] | None) -> bool:
    """Whether a file is called as what is made of another: thumbs/a.png of a.png or images/a.png, or a_thumb.png."""
    folder, name = posixpath.split(posixpath.splitext(file)[0])
    around, inner = posixpath.split(folder)
    plain = ending.sub("", name) if ending else name
    if inner.lower() in folders and not whole.isdisjoint((posixpath.join(around, name), posixpath.join(around, plain))):
        return True
    return plain != name and posixpath.join(folder, plain) in whole


def _is_camera_tiff(file: str, start: bytes) -> bool:
    """Whether a file with the extension of a raw camera file is the TIFF that such files are inside."""
    return is_raw(file) and start.startswith((b"II", b"MM"))


def _start(path: str) -> bytes | None:
    """The first bytes of a file, None where it cannot be read: the decoder gives the reason."""
    try:
        with open_regular_file(path) as file:
            return file.read(START)
    except (Unreadable, OSError):
        return None


def _kind(file: str) -> str:
    extension = posixpath.splitext(file)[1].lower()
    return f"{extension} files" if 1 < len(extension) < 12 and extension[1:].isalnum() else _NO_IMAGES


def resembles_image(path: str, *, documents: bool = False) -> bool:
    """Whether a file has the extension or the content of an image, of a format that is read or not.

    PDF and SVG count if `documents`.
    """
    extension = posixpath.splitext(path)[1].lower()
    if extension in IMAGE_EXTENSIONS:
        return True
    start = _start(path) if extension not in _THUMBNAILS else b""
    form = unsupported_extension(path) or unsupported_format(start or b"")
    return start is None or is_image(start) or (form is not None and (documents or form not in DOCUMENTS))


def images_by_name(data: DataPath, folders: Iterable[str]) -> Iterator[str]:
    """The files directly in these folders of the data that have the extension of an image and are not made of another."""
    files: list[str] = []
    for folder in folders:
        files += (posixpath.join(folder, name) for name in data.list(folder, follow=data.follow).files)
    files = [file for file in files if posixpath.splitext(file)[1].lower() in IMAGE_EXTENSIONS]
    return iter(image_files(str(data.path), Tree(tuple(files), (), 0), without_masks=True).files)


def holds_images(folder: str, *, follow: bool = False, documents: bool = False) -> bool:
    """Whether there is a file at any depth that looks like an image, or a link that may lead to one; PDF if `documents`."""
    waiting, visited = [folder], {os.path.realpath(folder)}
    while waiting:
        here = waiting.pop()
        content = list_folder(here, follow=follow)
        if content.others or content.folder_links:
            return True
        if any(resembles_image(f"{here}/{name}", documents=documents) for name in content.files):
            return True
        for name in content.folders:
            real = os.path.realpath(f"{here}/{name}")
            if real not in visited:
                visited.add(real)
                waiting.append(f"{here}/{name}")
    return False
