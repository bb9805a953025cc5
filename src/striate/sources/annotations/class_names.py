"""The names of classes in a text file beside the data, one a line."""

from pathlib import Path
from typing import Final

from striate.data.names import printable
from striate.errors import DataError
from striate.sources.files.text_file import read_text
from striate.sources.files.tree import list_folder

__all__ = ["read_class_names"]

_NAMES: Final = ("classes.txt", "labels.txt", "obj.names")
_MAX_BYTES: Final = 2**20


def read_class_names(root: Path) -> tuple[str, ...]:
    """The names in classes.txt (or labels.txt, obj.names) in a folder or in labels/ in it; () without such a file."""
    top = list_folder(str(root))
    for folder in (root, *(root / name for name in top.folders if name.lower() in ("labels", "masks"))):
        for file in list_folder(str(folder)).files:
            if file.lower() in _NAMES:
                return _read(folder / file)
    return ()


def _read(path: Path) -> tuple[str, ...]:
    names = [printable(line.strip()) for line in read_text(path, _MAX_BYTES).splitlines()]
    while names and not names[-1]:
        names.pop()
    twice = next((name for i, name in enumerate(names) if name in names[:i]), None)
    if not names or "" in names or twice is not None:
        wrong = "is empty" if not names else "has an empty line" if "" in names else f"has {twice} twice"
        raise DataError(f"{printable(path)} {wrong}; write the name of each class on a line of its own")
    return tuple(names)
