"""A folder of CIFAR-10 or CIFAR-100, in the binary or in the Python version."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final, final

import numpy as np
import numpy.typing as npt

from striate.data.array_store import ArrayStore
from striate.data.names import named, printable
from striate.data.source import Listing, Source
from striate.data.targets import ClassTargets
from striate.errors import DataError
from striate.sources.arrays.cifar_file import CifarBatch, read_binary, read_names, read_python, read_python_names
from striate.sources.data_path import DataPath
from striate.sources.source_splits import ordered_splits, origin

__all__ = ["CifarFiles", "find_cifar", "open_cifar"]

_BATCH: Final = re.compile(r"data_batch_\d+")
_NAME: Final = re.compile(
    r"(data_batch_\d+|test_batch|train|test)(\.bin)?|(batches\.)?meta(\.txt)?|(fine|coarse)_label_names\.txt"
)


@final
@dataclass(frozen=True)
class CifarFiles:
    """The files of each split, and of the names of the classes."""

    fine: bool  # CIFAR-100
    binary: bool
    train: tuple[Path, ...]
    test: tuple[Path, ...]
    names: Path
    coarse_names: Path


def find_cifar(data: DataPath) -> CifarFiles | None:
    """The files of CIFAR in a folder, None where there are none or the names of the classes are missing."""
    folder = data.path
    names = {path.name for path in data.files(lambda name: _NAME.fullmatch(name) is not None)}
    for end in (".bin", ""):
        batches = tuple(
            folder / name
            for name in sorted(names, key=lambda name: (len(name), name))
            if name.endswith(end) and _BATCH.fullmatch(name.removesuffix(end))
        )
        meta = "batches.meta.txt" if end else "batches.meta"
        test = (folder / f"test_batch{end}",) if f"test_batch{end}" in names else ()
        if (batches or test) and meta in names:
            return CifarFiles(False, bool(end), batches, test, folder / meta, folder / meta)
        meta, coarse = ("fine_label_names.txt", "coarse_label_names.txt") if end else ("meta", "meta")
        train, test = ((folder / name,) if name in names else () for name in (f"train{end}", f"test{end}"))
        if (train or test) and {meta, coarse} <= names:
            return CifarFiles(True, bool(end), train, test, folder / meta, folder / coarse)
    return None


def open_cifar(data: DataPath, files: CifarFiles) -> Source:
    """The source over CIFAR: 32 x 32 in color; of CIFAR-100 the fine classes, the coarse ones in a column. Raises DataError.

    Reads all files for their labels; pixels are read again when they are wanted.
    """
    if files.binary:
        classes, coarse_classes = read_names(files.names), read_names(files.coarse_names)
    else:
        classes = read_python_names(files.names, "fine_label_names" if files.fine else "label_names")
        coarse_classes = read_python_names(files.names, "coarse_label_names") if files.fine else ()
    if len(set(classes)) < max(2, len(classes)):
        raise DataError(f"{printable(files.names)} does not name two or more different classes; get a new copy")
    paths_of = {"train": files.train, "test": files.test}
    return Source(
        *named(data.path),
        f"CIFAR-{100 if files.fine else 10}, {'binary' if files.binary else 'Python'} version",
        classes,
        ordered_splits(
            {split: _listing(paths, files, classes, coarse_classes) for split, paths in paths_of.items() if paths}
        ),
        split_origin=origin("files of", [split for split, paths in paths_of.items() if paths]),
    )


def _listing(
    paths: tuple[Path, ...], files: CifarFiles, classes: Sequence[str], coarse_classes: Sequence[str]
) -> Listing:
    ids: list[str] = []
    labels: list[npt.NDArray[np.int64]] = []
    coarse: list[str] = []
    for path in paths:
        batch = _read(path, files)
        ids.extend(f"{printable(path.name)}[{i}]" for i in range(len(batch.labels)))
        labels.append(_checked(batch.labels, classes, path))
        if batch.coarse is not None:
            coarse.extend(coarse_classes[i] for i in _checked(batch.coarse, coarse_classes, path))
    return Listing(
        tuple(ids),
        ClassTargets(np.concatenate(labels)),
        ArrayStore((len(ids), 32, 32, 3), partial(_pixels, paths, files)),
        columns={"coarse": tuple(coarse)} if coarse else {},
    )


def _checked(labels: npt.NDArray[np.int64], classes: Sequence[str], path: Path) -> npt.NDArray[np.int64]:
    if int(labels.max()) >= len(classes):
        i = int(labels.argmax())
        raise DataError(
            f"{printable(path)}[{i}] has the class {labels[i]}, and there are only {len(classes)} class names; get a new copy"
        )
    return labels


def _read(path: Path, files: CifarFiles) -> CifarBatch:
    return read_binary(path, fine=files.fine) if files.binary else read_python(path)


def _pixels(paths: tuple[Path, ...], files: CifarFiles) -> npt.NDArray[np.uint8]:
    return np.concatenate([_read(path, files).images for path in paths])
