"""Images as NumPy arrays in a file (.npy): the only ones with any number of channels. Nothing is ever unpickled.

The header is text that NumPy parses as a literal. It is believed only when it declares H W or H W C of plain numbers,
in just as many bytes as the file goes on to have; either order of axes in memory will do. Then the pixels are read.
"""

from dataclasses import dataclass
from typing import Any, BinaryIO, Final, final

import numpy as np
import numpy.typing as npt
from numpy.lib import format as npy_format

from striate.data.decoding.canvas import MAX_CHANNELS
from striate.data.skipped_files import Unreadable

__all__ = ["MAGIC", "ArrayFile", "open_array"]

MAGIC: Final = b"\x93NUMPY"
_KINDS: Final = "buif"  # bool, unsigned, signed, floating point


@final
@dataclass(frozen=True)
class ArrayFile:
    """The header of an array file, and where its numbers begin."""

    file: BinaryIO
    height: int
    width: int
    channels: int
    dtype: np.dtype[Any]
    columns_first: bool  # Fortran order

    def check_length(self, there: int) -> None:
        """Raises Unreadable where the header does not declare just the `there` bytes that follow it."""
        declared = self.height * self.width * self.channels * self.dtype.itemsize
        if there < declared:
            raise Unreadable("truncated", f"{there} bytes of values where the header declares {declared}")
        if there > declared:
            raise Unreadable("unreadable", f"{there} bytes of values where the header declares only {declared}")

    def load(self) -> npt.NDArray[Any]:
        """The values, H W C, which must not be changed."""
        shape = (self.height, self.width, self.channels)
        values = np.frombuffer(self.file.read(), self.dtype)
        return values.reshape(shape, order="F" if self.columns_first else "C")


def open_array(file: BinaryIO) -> ArrayFile:
    """The header of an array file; the numbers are not touched. Raises Unreadable, ValueError."""
    version = npy_format.read_magic(file)
    if version == (1, 0):
        shape, columns_first, dtype = npy_format.read_array_header_1_0(file)
    elif version == (2, 0):
        shape, columns_first, dtype = npy_format.read_array_header_2_0(file)
    else:  # 3.0 differs for records alone
        raise Unreadable("unreadable", f"version {version[0]}.{version[1]} of .npy; 1.0 and 2.0 are read")
    if dtype.kind not in _KINDS or dtype.itemsize > 8:
        raise Unreadable("unreadable", f"an array of {dtype}; integers and floats of up to 64 bits are read")
    if len(shape) not in (2, 3) or min(shape) < 1 or (len(shape) == 3 and shape[2] > MAX_CHANNELS):
        raise Unreadable(
            "unreadable", f"an array of {shape}; height x width, or that x up to {MAX_CHANNELS} channels, is an image"
        )
    height, width, channels = (*shape, 1)[:3]
    return ArrayFile(file, height, width, channels, dtype, columns_first)
