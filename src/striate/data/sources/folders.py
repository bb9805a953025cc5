"""Class folders: one folder for each class, with or without a folder for each part of the data around them.

    photos/cat/1.jpg                  one set, split later
    photos/train/cat/1.jpg            parts: train, val (or valid, validation) and test, in any case of letters;
    photos/Validation/cat/9.jpg       val and test may lack classes that train has, not the other way round

Within a class folder files are found at any depth. What a file is called says nothing; its first bytes do (decode.py).
Hidden files and what Windows and macOS leave behind are ignored by name and counted. Links are followed to files inside
the data only. The order is that of the names' bytes, the same on every machine.
"""

import os
from collections import Counter
from pathlib import Path
from types import MappingProxyType

import numpy as np

from striate.data.decoding.decode import Header, read_header
from striate.data.decoding.limits import Limits
from striate.data.names import named, printable
from striate.data.set_aside import Unreadable
from striate.data.source import Listing, Source
from striate.data.sources.parts import PARTS
from striate.data.sources.tree import Folder, Tree, list_folder, refuse_links, walk
from striate.data.store import FileStore
from striate.data.targets import Labels
from striate.errors import DataError, nearest

__all__ = ["open_folders"]

_HIDDEN, _LOOSE = "hidden or left by the system", "outside the class folders"  # kinds of ignored files


def open_folders(root: Path, limits: Limits) -> Source:
    """The source over a folder of class folders. Raises DataError for whatever cannot be learned from."""
    top = list_folder(str(root))
    refuse_links(root, top)
    parts = _parts(root, top)
    folders = {split: list_folder(f"{root}/{part}") for split, part in parts.items()}
    names = next(iter(folders.values())).folders  # of what is learned: "all" or "train"
    for split, folder in folders.items():
        _check_names(root / parts[split], folder, names, learned=split in ("all", "train"))

    splits = {}
    label_of = {name: label for label, name in enumerate(names)}
    ignored = Counter({_HIDDEN: top.ignored, _LOOSE: len(top.files) + len(top.others)})
    for split, folder in folders.items():
        trees = [walk(str(root), os.path.normpath(f"{parts[split]}/{name}")) for name in folder.folders]
        if split in ("all", "train"):
            for name, tree in zip(folder.folders, trees, strict=True):
                _check_class(root, name, tree, limits)
        files = tuple(file for tree in trees for file in tree.files)
        labels = [label_of[name] for name in folder.folders]
        splits[split] = Listing(
            tuple(map(printable, files)),
            Labels(np.repeat(np.array(labels, np.int64), [len(tree.files) for tree in trees])),
            FileStore(tuple(f"{root}/{file}" for file in files)),
            tuple(one for tree in trees for one in tree.set_aside),
        )
        ignored[_HIDDEN] += sum(tree.ignored for tree in trees)
        if parts[split] != ".":
            ignored.update({_HIDDEN: folder.ignored, _LOOSE: len(folder.files) + len(folder.others)})
    return Source(
        *named(root),
        "class folders",
        tuple(map(printable, names)),
        MappingProxyType(splits),
        MappingProxyType(dict(+ignored)),  # without zeros
        limits,
    )


def _parts(root: Path, top: Folder) -> dict[str, str]:
    """The folder of each split relative to root, what is learned first; {"all": "."} where the folders are classes."""
    where = printable(root)
    named = [name for name in top.folders if name.lower() in PARTS]
    holding = [name for name in named if list_folder(f"{root}/{name}").folders]  # class folders, at last
    others = [name for name in top.folders if name not in named]
    if not named or (others and not holding):
        return {"all": "."}
    if others:
        raise DataError(
            f"{where} has {printable(holding[0])} with folders in it, and {printable(others[0])} beside it; "
            "keep only train, val and test there, or only classes"
        )
    parts: dict[str, str] = {}
    for split in ("train", "val", "test"):
        same = [name for name in named if PARTS[name.lower()] == split]
        if len(same) > 1:
            raise DataError(f"{where} has {same[0]} and {same[1]}, which mean the same; keep one of them")
        if same and same[0] not in holding:
            raise DataError(
                f"{where}/{same[0]} has no class folders; sort its pictures into folders, or move it elsewhere"
            )
        if same:
            parts[split] = same[0]
    if "train" not in parts:
        raise DataError(f"{where} has {' and '.join(parts.values())} but nothing to learn from; add a folder train")
    return parts if len(parts) > 1 else {"all": parts["train"]}


def _check_names(where: Path, folder: Folder, names: tuple[str, ...], *, learned: bool) -> None:
    """DataError when the folders in `where` are no classes, or not those that are learned."""
    here = printable(where)
    refuse_links(where, folder)
    unknown = [printable(name) for name in folder.folders if name not in names]
    if unknown:
        raise DataError(
            f"{here} has the class {unknown[0]}, which the training part does not have"
            f"{nearest(unknown[0], map(printable, names))}; rename it, move it away, or add it to the training part"
        )
    if not learned or len(names) > 1:
        return
    if names:
        inner = list_folder(str(where / names[0])).folders
        hint = f"; did you mean {here}/{printable(names[0])}?" if len(inner) > 1 else "; add a folder for another class"
        raise DataError(f"{here} has one class only, {printable(names[0])}{hint}")
    if folder.files:
        raise DataError(f"{here} holds files but no folders; put the pictures of each class in a folder with its name")
    raise DataError(f"{here} is empty; put the pictures of each class in a folder with its name")


def _check_class(root: Path, name: str, tree: Tree, limits: Limits) -> None:
    """DataError when no file of a class has the header of a picture."""
    failure = None
    for file in tree.files:
        header = _header(f"{root}/{file}", limits)
        if isinstance(header, Header):
            return
        failure = failure or f"{printable(file)}: {header}"
    failure = failure or next((f"{one.id}: {one.reason}: {one.detail}" for one in tree.set_aside), "it is empty")
    raise DataError(
        f"the class folder {printable(root / name)} has no readable picture ({failure}); add some, or remove it"
    )


def _header(path: str, limits: Limits) -> Header | Unreadable:
    try:
        return read_header(path, limits)
    except Unreadable as failure:
        return failure
