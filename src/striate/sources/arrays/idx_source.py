"""A folder of idx files: MNIST, Fashion-MNIST, KMNIST, EMNIST and whatever else has their form and their file names."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import final

import numpy as np
import numpy.typing as npt

from striate.data.array_store import ArrayStore
from striate.data.names import named, printable
from striate.data.source import Listing, Source
from striate.data.targets import ClassTargets
from striate.errors import DataError
from striate.sources.arrays.idx_file import read_idx, read_shape
from striate.sources.data_path import DataPath
from striate.sources.source_splits import ordered_splits, origin

__all__ = ["IdxFiles", "find_idx", "open_idx", "open_idx_files"]

# train-images-idx3-ubyte, t10k-labels.idx1-ubyte.gz, emnist-letters-train-images-idx3-ubyte.gz
_NAME = re.compile(r"(?P<set>.*?)(?P<split>train|t10k|test)-(?P<what>images|labels)[-.]idx[13]-ubyte(\.gz)?")
_SPLITS = {"train": "train", "t10k": "test", "test": "test"}


@final
@dataclass(frozen=True)
class IdxFiles:
    """The two files of one split."""

    images: Path
    labels: Path


def find_idx(data: DataPath) -> dict[str, IdxFiles]:
    """The idx files in a folder by split, {} if it holds none; a plain file comes before its gzip. Raises DataError."""
    found: dict[tuple[str, str, str], Path] = {}  # set, split, what
    files = data.files(lambda name: _NAME.fullmatch(name) is not None)
    for path in sorted(files, key=lambda path: path.suffix == ".gz"):
        if match := _NAME.fullmatch(path.name):
            found.setdefault((match["set"], _SPLITS[match["split"]], match["what"]), path)
    sets = sorted({name for name, _, _ in found})
    if len(sets) > 1:
        names = ", ".join(printable(name) or "one without a name" for name in sets)
        raise DataError(f"{data.name} has several idx sets ({names}); put each in a folder of its own")
    pairs = {}
    for name, split, what in found:
        images, labels = found.get((name, split, "images")), found.get((name, split, "labels"))
        if images is None or labels is None:
            missing = "labels-idx1" if what == "images" else "images-idx3"
            raise DataError(
                f"{printable(found[name, split, what])} has no {missing} file beside it; add it to the folder"
            )
        pairs[split] = IdxFiles(images, labels)
    return dict(sorted(pairs.items(), reverse=True))  # train first


def open_idx(data: DataPath, files: Mapping[str, IdxFiles]) -> Source:
    """The source over the idx files of a folder. Raises DataError."""
    return open_idx_files(*named(data.path), files, {}, for_training=data.options.for_training)


def open_idx_files(
    name: str, location: str, files: Mapping[str, IdxFiles], known: Mapping[str, str], *, for_training: bool = True
) -> Source:
    """The source over idx files found: gray images of one size; the classes are the numbers in the training split.

    Where nothing is `for_training`, they are those of all. Reads headers and labels.
    `known`: SHA-256 of the unpacked files by name, checked when they are read; may be empty.
    """
    raw = {split: _read(two.labels, known) for split, two in files.items()}
    values = np.unique(raw["train"] if for_training and "train" in raw else np.concatenate(list(raw.values())))
    height_width: tuple[int, ...] = ()
    splits = {}
    for split, two in files.items():
        shape = read_shape(two.images)
        if len(shape) != 3 or 0 in shape:
            raise DataError(f"{printable(two.images)} declares {shape} and not count x height x width; get a new copy")
        if shape[1:] != (height_width or shape[1:]):
            raise DataError(f"{printable(two.images)} has images of another size than the first split; get a new copy")
        height_width = shape[1:]
        labels = raw[split]
        if labels.shape != shape[:1]:
            raise DataError(
                f"{printable(two.labels)} has {labels.size} labels for {shape[0]} images; get new copies of both files"
            )
        unknown = np.setdiff1d(labels, values)
        if len(unknown):
            raise DataError(
                f"{printable(two.labels)} has the label {unknown[0]}, which the training split does not have; get new copies"
            )
        stem = _stem(two.images)
        splits[split] = Listing(
            tuple(f"{stem}[{i}]" for i in range(shape[0])),
            ClassTargets(np.searchsorted(values, labels).astype(np.int64)),
            ArrayStore((*shape, 1), partial(_pixels, two.images, known), digest=known.get(_stem(two.images), "")),
        )
    classes = tuple(str(value) for value in values)
    return Source(name, location, "idx", classes, ordered_splits(splits), split_origin=origin("files of", list(splits)))


def _pixels(path: Path, known: Mapping[str, str]) -> npt.NDArray[np.uint8]:
    return _read(path, known)[..., None]  # N H W 1


def _read(path: Path, known: Mapping[str, str]) -> npt.NDArray[np.uint8]:
    return read_idx(path, known.get(_stem(path)))


def _stem(path: Path) -> str:
    return printable(path.name.removesuffix(".gz"))
