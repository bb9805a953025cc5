"""Arrays in .npy files and in .npz archives of them: names and shapes first, then, where they are wanted, the values.

What a header declares is held against the bytes that there are before any memory is taken, and what an archive declares
against the memory. Nothing is unpickled: arrays of Python objects are refused.
"""

import math
import os
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property, reduce
from operator import or_
from pathlib import Path
from typing import Any, Final, final

import numpy as np
import numpy.typing as npt

from striate.data.decoding.regular_file import open_regular_file
from striate.data.decoding.rendering import ValueRange, value_range_of
from striate.data.names import printable
from striate.data.storage import MEMORY_SHARE, available_memory
from striate.errors import DataError
from striate.sources.files.read_errors import read_errors

__all__ = ["StoredArray", "blocks", "read_npy", "read_npz"]

_KINDS: Final = "buifU"  # truth values, whole numbers, fractions, text
_MAX_ARRAYS: Final = 1000
_BLOCK: Final = 2**22  # values that are looked at, or converted, at a time


@final
@dataclass(frozen=True, eq=False)
class StoredArray:
    """An array on disk. `read` gives its values, mapped from the file where they lie there as they are."""

    where: str  # for a person
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    read: Callable[[], npt.NDArray[Any]]

    @cached_property
    def measured(self) -> tuple[ValueRange, tuple[ValueRange, ...]]:
        """The span of the values, and that of each of N. Reads them once; DataError for NaN and infinite ones.

        Whether values are whole is known for a few of N at a time.
        """
        spans: list[ValueRange] = []
        each: list[ValueRange] = []
        for _, block in blocks(self.read()):
            try:
                spans.append(value_range_of(block))
            except ValueError:
                raise DataError(
                    f"{self.where} contains NaN or infinite values; fix them, or save it as uint8"
                ) from None
            flat = block.reshape(len(block), -1)
            least, greatest = (map(float, of_each.tolist()) for of_each in (flat.min(1), flat.max(1)))
            each += (replace(spans[-1], least=low, greatest=high) for low, high in zip(least, greatest, strict=True))
        return reduce(or_, spans), tuple(each)


def blocks(values: npt.NDArray[Any]) -> Iterator[tuple[slice, npt.NDArray[Any]]]:
    """A few of N at a time, so that no copy of all of them is made."""
    step = max(1, _BLOCK // max(1, values[0].size))
    for first in range(0, len(values), step):
        rows = slice(first, first + step)
        yield rows, values[rows]


def read_npy(path: Path) -> StoredArray:
    """The array in a .npy file; its values are mapped, not read. Raises DataError."""
    name = printable(path)
    with read_errors(name, "get a new copy"), open_regular_file(path) as file:
        shape, dtype = _header(file, os.fstat(file.fileno()).st_size, name)
    return StoredArray(name, shape, dtype, lambda: _mapped(path, name))


def read_npz(path: Path) -> Mapping[str, StoredArray]:
    """The arrays in a .npz archive by name; values are unpacked when they are read. Raises DataError."""
    name = printable(path)
    arrays = {}
    with read_errors(name, "get a new copy"), open_regular_file(path) as file, zipfile.ZipFile(file) as archive:
        members = archive.infolist()
        size = sum(member.file_size for member in members)
        room = int(MEMORY_SHARE * available_memory())
        if len(members) > _MAX_ARRAYS or size > room:
            raise DataError(
                f"{name} declares {len(members)} arrays of {size} bytes, and {room} bytes of memory are available; "
                "save the arrays as .npy files, which are read piece by piece"
            )
        for member in members:
            key = member.filename.removesuffix(".npy")
            if key in arrays:
                raise DataError(f"{name} has two arrays with the name {printable(key)}; get a new copy")
            where = f"{name}[{printable(key)}]"
            with archive.open(member) as content:
                shape, dtype = _header(content, member.file_size, where)
            arrays[key] = StoredArray(where, shape, dtype, _reader(path, member.filename, where))
    return arrays


def _header(file: Any, size: int, where: str) -> tuple[tuple[int, ...], np.dtype[Any]]:
    """Shape and kind of the values, which take exactly the rest of the `size` bytes. Raises DataError."""
    version = np.lib.format.read_magic(file)
    read = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}.get(version)
    if read is None:
        raise DataError(
            f"{where} has version {version} of the format, which cannot be read; save it again with numpy.save"
        )
    shape, _, dtype = read(file)
    if dtype.kind not in _KINDS:
        raise DataError(
            f"{where} contains {printable(str(dtype))} and not numbers or text; save it as an array of numbers"
        )
    declared = math.prod(shape) * dtype.itemsize
    if any(one < 0 for one in shape) or declared != size - file.tell():
        raise DataError(
            f"{where} declares {' x '.join(map(str, shape))} values of {dtype}, and there are {size - file.tell()} bytes; "
            "get a new copy"
        )
    return shape, dtype


def _mapped(path: Path, name: str) -> npt.NDArray[Any]:
    with read_errors(name, "get a new copy"):
        return np.load(path, mmap_mode="c", allow_pickle=False)  # copy on write, for torch wants to be able to


def _reader(path: Path, member: str, where: str) -> Callable[[], npt.NDArray[Any]]:
    def read() -> npt.NDArray[Any]:
        with read_errors(where, "get a new copy"), zipfile.ZipFile(path) as archive, archive.open(member) as content:
            return np.lib.format.read_array(content, allow_pickle=False)

    return read
