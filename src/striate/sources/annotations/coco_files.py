"""Which JSON files of a folder are COCO's, and of which split of the data.

Looked into are the folder itself, annotations/ in it, and then train/, val/ and test/. A file is COCO's when it begins
with one of COCO's lists, whatever it is called. Of files of several kinds (instances, captions, person_keypoints) for
the same splits the instances are taken; another kind is opened by its own name.
"""

import re
from pathlib import Path
from typing import Final

from striate.data.decoding.regular_file import open_regular_file
from striate.data.names import listed, printable
from striate.data.skipped_files import Unreadable
from striate.errors import DataError
from striate.sources.data_path import DataPath
from striate.sources.split_words import SPLIT_WORDS, splits_of

__all__ = ["coco_root", "find_coco"]

_START: Final = re.compile(rb'(\xef\xbb\xbf)?\s*\{\s*"(images|annotations|categories|info|licenses)"\s*:')
_SPLIT: Final = re.compile(rf"(?<![a-z])({'|'.join(sorted(SPLIT_WORDS, key=len, reverse=True))})(?![a-z])")
_INSTANCES: Final = "instances"


def find_coco(data: DataPath) -> list[tuple[str, Path]]:
    """The COCO files in a folder, each with its split, "all" where there are no splits. Raises DataError."""
    folders = data.list().folders
    annotations = [name for name in folders if name.lower() == "annotations"]
    files = [path for below in (".", *annotations) for path in _files_in(data, below)]
    if files:
        return _by_name(files, data.root)
    return [(split, path) for name, split in splits_of(folders).items() for path in _files_in(data, name)]


def coco_root(file: Path) -> Path:
    """The folder of the data, by one of its COCO files."""
    return file.parent.parent if file.parent.name.lower() == "annotations" else file.parent


def _files_in(data: DataPath, below: str) -> list[Path]:
    folder = data.root / below
    return [folder / name for name in data.list(below).files if _is_coco(folder / name)]


def _is_coco(path: Path) -> bool:
    if path.suffix.lower() != ".json":
        return False
    try:
        with open_regular_file(path) as file:
            return _START.match(file.read(4096)) is not None
    except (Unreadable, OSError):
        return False


def _by_name(files: list[Path], folder: Path) -> list[tuple[str, Path]]:
    if len(files) == 1:
        return [("all", files[0])]
    kinds: dict[str, list[tuple[str, Path]]] = {}
    for path in files:
        stem = path.stem.lower()
        split = _SPLIT.search(stem)
        kind = stem[: split.start()].strip("_-.") if split else stem
        kinds.setdefault(kind, []).append((SPLIT_WORDS[split[1]] if split else "all", path))
    chosen = kinds.get(_INSTANCES) or (next(iter(kinds.values())) if len(kinds) == 1 else [])
    found = dict(chosen)
    if not chosen or len(found) < len(chosen) or ("all" in found and len(found) > 1):
        names = listed([printable(path.name) for path in files], 6)
        raise DataError(f"{printable(folder)} has several COCO files ({names}); give the path of the right one")
    return chosen
