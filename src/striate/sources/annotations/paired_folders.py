"""A folder of images and beside it one of what is known of them, file by file: masks/, labels/.

images/1.jpg, masks/1.png                       all
images/train/1.jpg, masks/train/1.png           splits inside
train/images/1.jpg, train/masks/1.png           splits around
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Final, final

from striate.data.names import printable
from striate.errors import DataError
from striate.sources.data_path import DataPath
from striate.sources.files.tree import refuse_links
from striate.sources.split_words import splits_of

__all__ = ["Paired", "find_pairs"]

_IMAGES: Final = ("images", "image", "imgs", "img", "jpegimages")  # lower case


@final
@dataclass(frozen=True)
class Paired:
    """Folders relative to the root of the data."""

    images: str
    beside: str

    def __str__(self) -> str:
        return self.images if self.images == self.beside else f"{self.images} with {self.beside}"


def find_pairs(data: DataPath, named: Collection[str], holds: Callable[[str], bool]) -> list[tuple[str, Paired]]:
    """Each split with its two folders, [] if there are none.

    The second folder is called one of `named` (lower case), and a file in it, or in a folder in it, is one that it `holds`.
    """
    here = _pair(data, ".", named, holds)
    if here is None:
        names = splits_of(data.list().folders)
        return [(split, pair) for name, split in names.items() if (pair := _pair(data, name, named, holds))]
    return _splits(data, here) or [("all", here)]


def _splits(data: DataPath, pair: Paired) -> list[tuple[str, Paired]]:
    """Each split with its folder among the images, and that beside them: of the same name, or else of the same split."""
    names, beside = (splits_of(data.list(place).folders) for place in (pair.images, pair.beside))
    found = []
    for name, split in names.items() if beside else ():
        fitting = [name] if name in beside else [other for other, of in beside.items() if of == split]
        if not fitting:
            raise DataError(
                f"{printable(data.root / pair.beside)} has no folder {name}, but {pair.images} has one; add it"
            )
        found += [(split, Paired(f"{pair.images}/{name}", f"{pair.beside}/{other}")) for other in fitting]
    return found


def _pair(data: DataPath, below: str, named: Collection[str], holds: Callable[[str], bool]) -> Paired | None:
    folder, root = data.list(below), data.root
    images = [name for name in folder.folders if name.lower() in _IMAGES]
    beside = [
        name
        for name in folder.folders
        if name.lower() in named and _holds(data, f"{below}/{name}", holds) and name not in images
    ]
    linked = [name for name in folder.folder_links if name.lower() in (*_IMAGES, *named)]
    if linked and (images or beside):
        refuse_links(root / below, folder)
    if not images or not beside:
        return None
    if len(images) > 1 or len(beside) > 1:
        both = ", ".join(map(printable, [*images, *beside]))
        raise DataError(f"{printable(root / below)} has {both}; keep one folder of images and one of labels")
    prefix = "" if below == "." else f"{below}/"
    return Paired(prefix + images[0], prefix + beside[0])


def _holds(data: DataPath, below: str, holds: Callable[[str], bool]) -> bool:
    here = data.list(below)
    return any(map(holds, here.files)) or any(
        any(map(holds, data.list(f"{below}/{name}").files)) for name in here.folders
    )
