"""A folder of pictures and beside it one of what is known of them, file by file: masks/, labels/.

images/1.jpg, masks/1.png                       all
images/train/1.jpg, masks/train/1.png           parts inside
train/images/1.jpg, train/masks/1.png           parts around
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Final, final

from striate.data.names import printable
from striate.data.sources.parts import splits_of
from striate.data.sources.tree import list_folder, refuse_links
from striate.errors import DataError

__all__ = ["Paired", "find_pairs"]

_PICTURES: Final = ("images", "image", "imgs", "img", "jpegimages")  # lower case


@final
@dataclass(frozen=True)
class Paired:
    """Folders relative to the root of the data."""

    pictures: str
    beside: str


def find_pairs(root: Path, named: Collection[str], holds: Callable[[str], bool]) -> dict[str, Paired]:
    """The two folders of each part, {} if there are none.

    The second folder is called one of `named` (lower case), and a file in it, or in a folder in it, is one that it `holds`.
    """
    here = _pair(root, ".", named, holds)
    if here is None:
        found: dict[str, Paired] = {}
        for name, split in splits_of(list_folder(str(root)).folders).items():
            pair = _pair(root, name, named, holds)
            if pair is not None:
                _add(found, split, pair, root)
        return found
    inside = {part: (name, name_) for part, name, name_ in _parts(root, here)}
    if not inside:
        return {"all": here}
    return {part: Paired(f"{here.pictures}/{one}", f"{here.beside}/{two}") for part, (one, two) in inside.items()}


def _add(found: dict[str, Paired], part: str, pair: Paired, root: Path) -> None:
    if part in found:
        both = f"{printable(found[part].pictures)} and {printable(pair.pictures)}"
        raise DataError(f"{printable(root)} has {both}, which mean the same part; keep one of them")
    found[part] = pair


def _parts(root: Path, pair: Paired) -> list[tuple[str, str, str]]:
    """Part, its folder among the pictures, and that beside them."""
    names = splits_of(list_folder(f"{root}/{pair.pictures}").folders)
    beside = {split: name for name, split in splits_of(list_folder(f"{root}/{pair.beside}").folders).items()}
    missing = [name for name, split in names.items() if split not in beside]
    if names and beside and missing:
        raise DataError(f"{printable(root / pair.beside)} has no folder {missing[0]}, but {pair.pictures} has; add it")
    return [(split, name, beside[split]) for name, split in names.items() if beside]


def _pair(root: Path, below: str, named: Collection[str], holds: Callable[[str], bool]) -> Paired | None:
    folder = list_folder(f"{root}/{below}")
    pictures = [name for name in folder.folders if name.lower() in _PICTURES]
    beside = [
        name
        for name in folder.folders
        if name.lower() in named and _holds(f"{root}/{below}/{name}", holds) and name not in pictures
    ]
    linked = [name for name in folder.folder_links if name.lower() in (*_PICTURES, *named)]
    if linked and (pictures or beside):
        refuse_links(root / below, folder)
    if not pictures or not beside:
        return None
    if len(pictures) > 1 or len(beside) > 1:
        both = ", ".join(map(printable, [*pictures, *beside]))
        raise DataError(f"{printable(root / below)} has {both}; keep one folder of pictures, and one beside it")
    prefix = "" if below == "." else f"{below}/"
    return Paired(prefix + pictures[0], prefix + beside[0])


def _holds(folder: str, holds: Callable[[str], bool]) -> bool:
    here = list_folder(folder)
    return any(map(holds, here.files)) or any(
        any(map(holds, list_folder(f"{folder}/{name}").files)) for name in here.folders
    )
