"""Arrays of images and labels: a .npz archive, or a folder of .npy files.

x_train, y_train, x_test, y_test               as Keras has them
train_images, train_labels, val_images ...     as MedMNIST has them
x, y  or  images, labels                       one set, split later
"""

import re
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Final

import numpy as np

from striate.data.names import listed, named, printable
from striate.data.source import Listing, Source
from striate.data.store import ArrayStore, image_store
from striate.data.targets import TaskKind
from striate.errors import DataError
from striate.sources.arrays.array_files import StoredArray, read_npy, read_npz
from striate.sources.arrays.array_labels import read_labels
from striate.sources.arrays.array_pixels import (
    check_scales,
    layout_of,
    read_pixels,
    spans_of,
    stored_values,
)
from striate.sources.splits import PARTS, arranged, origin

__all__ = ["find_arrays", "open_arrays"]

_WHAT: Final = MappingProxyType(
    {
        "x": "x",
        "image": "x",
        "images": "x",
        "data": "x",
        "y": "y",
        "label": "y",
        "labels": "y",
        "target": "y",
        "targets": "y",
    }
)


def find_arrays(path: Path) -> Mapping[str, StoredArray] | None:
    """The arrays in a .npz file, or in a folder that holds one or holds .npy files; None where it does not."""
    if path.is_dir():
        files = sorted(one for one in path.iterdir() if one.suffix.lower() in (".npy", ".npz") and one.is_file())
        archives = [one for one in files if one.suffix.lower() == ".npz"]
        if archives:
            if len(files) > 1:
                raise DataError(f"{printable(path)} holds {len(files)} files of arrays; give the path of one archive")
            return read_npz(archives[0])
        named = [one for one in files if _role(one.stem)]
        return {one.stem: read_npy(one) for one in named} or None
    if path.suffix.lower() == ".npy":
        raise DataError(
            f"{printable(path)} is one array; give the folder that holds it and its labels, as x.npy and y.npy"
        )
    return read_npz(path) if path.suffix.lower() == ".npz" else None


def open_arrays(
    path: Path, arrays: Mapping[str, StoredArray], task: TaskKind | None = None, *, to_learn: bool = True
) -> Source:
    """The source over arrays of images and labels; `task` answers what the labels leave open. Raises DataError.

    Reads labels, and pixels to tell their range; one split of uint8 is read, or mapped, when it is wanted.
    """
    name = printable(path)
    parts = _pairs(arrays, name)
    if to_learn and "train" not in parts and "all" not in parts:
        raise DataError(f"{name} has arrays of {' and '.join(parts)} and none to learn from; add x_train and y_train")
    layouts = {part: layout_of(images) for part, (images, _) in parts.items()}
    learned = layouts["train" if "train" in layouts else next(iter(layouts))]
    first, _ = next(iter(parts.values()))
    for part, (images, _) in parts.items():
        if layouts[part].shape[1:] != learned.shape[1:]:
            raise DataError(f"{images.where} has images of another size than {first.where}; make them alike")
    levels = check_scales(
        layouts,
        {part: images.where for part, (images, _) in parts.items()},
        {part: spans_of(images) for part, (images, _) in parts.items()} if len(parts) > 1 else {},
    )
    labels = read_labels(
        {part: two for part, (_, two) in parts.items()},
        {part: one.shape[0] for part, one in layouts.items()},
        task,
        to_learn=to_learn,
    )
    listings = {}
    for part, (images, _) in parts.items():
        layout = layouts[part]
        stem = printable(images.where.rpartition("/")[2])
        listings[part] = Listing(
            tuple(f"{stem}[{i}]" for i in range(layout.shape[0])),
            labels.targets[part],
            image_store(stored_values(images, layout), levels)
            if any(one.own_range for one in layouts.values())
            else ArrayStore(
                layout.shape,
                partial(read_pixels, images, layout, levels[1]),
                levels[1],
                None if images.dtype == np.uint8 else partial(stored_values, images, layout),
            ),
        )
    ignored = sum(_role(key) is None for key in arrays)
    return Source(
        *named(path),
        f"arrays, {learned.says}, {labels.says}",
        labels.classes,
        arranged(listings),
        MappingProxyType({"arrays of other names": ignored} if ignored else {}),
        notes=labels.notes,
        split_origin=origin("arrays", [images.where.rpartition("/")[2] for images, _ in parts.values()]),
    )


def _pairs(arrays: Mapping[str, StoredArray], name: str) -> dict[str, tuple[StoredArray, StoredArray]]:
    """Images and labels of each part. Raises DataError where one has no other."""
    found: dict[tuple[str, str], str] = {}
    for key in arrays:
        if (role := _role(key)) is not None:
            if role in found:
                raise DataError(f"{name} has {found[role]} and {key}, which mean the same; keep one of them")
            found[role] = key
    for (part, what), key in found.items():
        if (part, "y" if what == "x" else "x") not in found:
            missing = "labels" if what == "x" else "images"
            raise DataError(
                f"{name} has {printable(key)} and no {missing} for it; call arrays x_train, y_train, x_test ..."
            )
    if not found:
        raise DataError(
            f"{name} has the arrays {listed(list(map(printable, arrays)), 8) or 'none'}; "
            "call them x_train, y_train, x_test, y_test, or x and y"
        )
    parts = dict.fromkeys(part for part, _ in found)
    if "all" in parts and len(parts) > 1:
        raise DataError(
            f"{name} has {found['all', 'x']} beside {found[next(p for p in parts if p != 'all'), 'x']}; keep one"
        )
    return {part: (arrays[found[part, "x"]], arrays[found[part, "y"]]) for part in parts}


def _role(key: str) -> tuple[str, str] | None:
    """Part and "x" or "y" by the name of an array: x_train, train_images, images ..."""
    words = re.split(r"[_\-. ]", key.lower())
    if len(words) == 1 and words[0] in _WHAT:
        return "all", _WHAT[words[0]]
    if len(words) != 2:
        return None
    first, second = words if words[0] in PARTS else words[::-1]
    return (PARTS[first], _WHAT[second]) if first in PARTS and second in _WHAT else None
