"""Arrays of images and labels: a .npz archive, or a folder of .npy files.

x_train, y_train, x_test, y_test               as Keras has them
train_images, train_labels, val_images ...     as MedMNIST has them
x, y  or  images, labels                       one set, split later
"""

import re
from collections.abc import Mapping
from functools import partial
from types import MappingProxyType
from typing import Final

import numpy as np

from striate.data.array_store import ArrayStore, image_store
from striate.data.names import listed, named, printable
from striate.data.source import Listing, Source
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
from striate.sources.data_path import DataPath
from striate.sources.source_splits import ordered_splits, origin
from striate.sources.split_words import SPLIT_WORDS

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


def find_arrays(data: DataPath) -> Mapping[str, StoredArray] | None:
    """The arrays in a .npz file, or in a folder that holds one or holds .npy files; None where it does not."""
    path = data.path
    if path.is_dir():
        files = data.files(lambda name: name.lower().endswith((".npy", ".npz")))
        archives = [one for one in files if one.suffix.lower() == ".npz"]
        if archives:
            if len(files) > 1:
                raise DataError(f"{data.name} has {len(files)} files of arrays; give the path of one archive")
            return read_npz(archives[0])
        named = [one for one in files if _role(one.stem)]
        return {one.stem: read_npy(one) for one in named} or None
    if path.suffix.lower() == ".npy":
        raise DataError(f"{data.name} is one array; give the folder that holds it and its labels, as x.npy and y.npy")
    return read_npz(path) if path.suffix.lower() == ".npz" else None


def open_arrays(data: DataPath, arrays: Mapping[str, StoredArray]) -> Source:
    """The source over arrays of images and labels. Raises DataError.

    Reads labels, and pixels to tell their range; one split of uint8 is read, or mapped, when it is wanted.
    """
    name, for_training = data.name, data.options.for_training
    splits = _pairs(arrays, name)
    if for_training and "train" not in splits and "all" not in splits:
        raise DataError(f"{name} has arrays of {' and '.join(splits)} and no training arrays; add x_train and y_train")
    layouts = {split: layout_of(images) for split, (images, _) in splits.items()}
    learned = layouts["train" if "train" in layouts else next(iter(layouts))]
    first, _ = next(iter(splits.values()))
    for split, (images, _) in splits.items():
        if layouts[split].shape[1:] != learned.shape[1:]:
            raise DataError(f"{images.where} has images of another size than {first.where}; resize them")
    levels = check_scales(
        layouts,
        {split: images.where for split, (images, _) in splits.items()},
        {split: spans_of(images) for split, (images, _) in splits.items()} if len(splits) > 1 else {},
    )
    labels = read_labels(
        {split: two for split, (_, two) in splits.items()},
        {split: one.shape[0] for split, one in layouts.items()},
        data.options.columns.task,
        for_training=for_training,
    )
    listings = {}
    for split, (images, _) in splits.items():
        layout = layouts[split]
        stem = printable(images.where.rpartition("/")[2])
        listings[split] = Listing(
            tuple(f"{stem}[{i}]" for i in range(layout.shape[0])),
            labels.targets[split],
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
        *named(data.path),
        f"arrays, {learned.axes}, {labels.description}",
        labels.classes,
        ordered_splits(listings),
        MappingProxyType({"arrays of other names": ignored} if ignored else {}),
        notes=labels.notes,
        has_class_columns=labels.has_columns,
        split_origin=origin("arrays", [images.where.rpartition("/")[2] for images, _ in splits.values()]),
    )


def _pairs(arrays: Mapping[str, StoredArray], name: str) -> dict[str, tuple[StoredArray, StoredArray]]:
    """Images and labels of each split. Raises DataError where one has no other."""
    found: dict[tuple[str, str], str] = {}
    for key in arrays:
        if (role := _role(key)) is not None:
            if role in found:
                raise DataError(f"{name} has {found[role]} and {key}, which are the same array; keep one of them")
            found[role] = key
    for (split, what), key in found.items():
        if (split, "y" if what == "x" else "x") not in found:
            missing = "labels" if what == "x" else "images"
            raise DataError(
                f"{name} has {printable(key)} and no {missing} for it; name the arrays x_train, y_train, x_test ..."
            )
    if not found:
        raise DataError(
            f"{name} has the arrays {listed(list(map(printable, arrays)), 8) or 'none'}; "
            "name them x_train, y_train, x_test, y_test, or x and y"
        )
    splits = dict.fromkeys(split for split, _ in found)
    if "all" in splits and len(splits) > 1:
        raise DataError(
            f"{name} has {found['all', 'x']} beside {found[next(p for p in splits if p != 'all'), 'x']}; keep one"
        )
    return {split: (arrays[found[split, "x"]], arrays[found[split, "y"]]) for split in splits}


def _role(key: str) -> tuple[str, str] | None:
    """Split and "x" or "y" by the name of an array: x_train, train_images, images ..."""
    words = re.split(r"[_\-. ]", key.lower())
    if len(words) == 1 and words[0] in _WHAT:
        return "all", _WHAT[words[0]]
    if len(words) != 2:
        return None
    first, second = words if words[0] in SPLIT_WORDS else words[::-1]
    return (SPLIT_WORDS[first], _WHAT[second]) if first in SPLIT_WORDS and second in _WHAT else None
