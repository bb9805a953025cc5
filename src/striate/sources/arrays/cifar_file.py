"""The two forms of CIFAR-10 and CIFAR-100 as arrays: the records of the binary version, the dictionaries of the Python one.

    binary   CIFAR-10   a byte for the class, then 3072 of the image: 32 x 32 red, then green, then blue
             CIFAR-100  a byte for the coarse class, one for the fine class, then the image
    Python   a pickled dictionary of data (N 3072), and labels, or coarse_labels and fine_labels

Krizhevsky, "Learning Multiple Layers of Features from Tiny Images", 2009.
"""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final, final

import numpy as np
import numpy.typing as npt

from striate.data.decoding.regular_file import open_regular_file
from striate.data.names import printable
from striate.errors import DataError
from striate.sources.arrays.cifar_pickle import Array, read_pickled
from striate.sources.files.read_errors import readable

__all__ = ["CifarBatch", "read_binary", "read_names", "read_python", "read_python_names"]

PIXELS: Final = 3 * 32 * 32
MAX_BYTES: Final = 2**30  # of a file; the largest of the real ones has 155 MB


@final
@dataclass(frozen=True, eq=False)
class CifarBatch:
    """The content of one file: N 32 32 3 and N; `coarse` for CIFAR-100."""

    images: npt.NDArray[np.uint8]
    labels: npt.NDArray[np.int64]
    coarse: npt.NDArray[np.int64] | None = None


def read_binary(path: Path, *, fine: bool) -> CifarBatch:
    """A file of the binary version; `fine`: with two classes an image, as CIFAR-100 has. Raises DataError."""
    content = _content(path)
    record = PIXELS + 1 + fine
    if not content or len(content) % record:
        raise DataError(
            f"{printable(path)} has {len(content)} bytes, which is not a multiple of {record}; get a new copy"
        )
    records = np.frombuffer(content, np.uint8).reshape(-1, record)
    labels = records[:, int(fine)].astype(np.int64)
    return CifarBatch(_upright(records[:, 1 + fine :]), labels, records[:, 0].astype(np.int64) if fine else None)


def read_python(path: Path) -> CifarBatch:
    """A file of the Python version, read without running it. Raises DataError."""
    record = read_pickled(_content(path), printable(path))
    data = record.get("data")
    if not isinstance(data, Array) or len(data.shape) != 2 or data.shape[1] != PIXELS or data.kind not in ("u1", "|u1"):
        raise DataError(f"{printable(path)} has no data of N x {PIXELS} bytes; get a new copy")
    if len(data.content) != data.shape[0] * PIXELS or not data.shape[0]:
        raise DataError(
            f"{printable(path)} declares {data.shape[0]} images and does not contain as many; get a new copy"
        )
    count = data.shape[0]
    labels = _labels(record, "fine_labels" if "fine_labels" in record else "labels", count, path)
    coarse = _labels(record, "coarse_labels", count, path) if "coarse_labels" in record else None
    values = np.frombuffer(data.content, np.uint8)
    pixels = values.reshape(PIXELS, count).T if data.columns_first else values.reshape(count, PIXELS)
    return CifarBatch(_upright(pixels), labels, coarse)


def read_names(path: Path) -> tuple[str, ...]:
    """The names of the classes, a line each. Raises DataError."""
    try:
        text = _content(path).decode()
    except UnicodeDecodeError:
        raise DataError(f"{printable(path)} is not text; get a new copy") from None
    return tuple(printable(line.strip()) for line in text.splitlines() if line.strip())


def read_python_names(path: Path, key: str) -> tuple[str, ...]:
    """The names of the classes in `meta` or `batches.meta` under a key such as fine_label_names. Raises DataError."""
    names = read_pickled(_content(path), printable(path)).get(key)
    if not isinstance(names, list) or not all(isinstance(name, (bytes, str)) for name in names):
        raise DataError(f"{printable(path)} has no list {key}; get a new copy")
    return tuple(printable(name if isinstance(name, str) else os.fsdecode(name)) for name in names)


def _labels(record: dict[str, object], key: str, count: int, path: Path) -> npt.NDArray[np.int64]:
    values = record.get(key)
    if not isinstance(values, list) or len(values) != count:
        raise DataError(
            f"{printable(path)} has no list {key} with one class for each of its {count} images; get a new copy"
        )
    if not all(type(value) is int and 0 <= value < 256 for value in values):
        raise DataError(f"{printable(path)}: {key} contains something that is not a class; get a new copy")
    return np.array(values, np.int64)


def _upright(pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    return np.ascontiguousarray(pixels.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1))  # N H W C


def _content(path: Path) -> bytes:
    with readable(printable(path)), open_regular_file(path) as file:
        size = os.fstat(file.fileno()).st_size
        if size > MAX_BYTES:
            raise DataError(f"{printable(path)} has {size} bytes, more than any file of CIFAR; get a new copy")
        return file.read()
