"""One mask file: a whole number for each pixel, as it is stored.

Read are palettes (their numbers, never their colours), grey of 1, 8, 16 and 32 bits, whole numbers in .npy, and colours,
which are packed into one number, 0xRRGGBB; transparency is passed over. A JPEG is refused: it blurs classes into others.
"""

import os
from pathlib import Path
from typing import Any, BinaryIO, Final

import numpy as np
import numpy.typing as npt
from numpy.lib import format as npy
from PIL import Image

from striate.data.decode import read_stored
from striate.data.limits import Limits
from striate.data.regular_file import open_regular_file
from striate.data.set_aside import Unreadable

__all__ = ["MASK_SUFFIXES", "read_mask"]

# what a mask file may be called, so that its folder is recognised; what it is, its first bytes say
MASK_SUFFIXES: Final = (".png", ".npy", ".tif", ".tiff", ".bmp", ".gif", ".webp", ".jpg", ".jpeg")
_COLOURS: Final = ("RGB", "RGBA", "RGBX")


def read_mask(path: str | Path, limits: Limits) -> tuple[npt.NDArray[Any], bool]:
    """The numbers, H W, and whether they are packed colours. Raises Unreadable."""
    with open_regular_file(path) as file:
        if file.read(6) == npy.MAGIC_PREFIX:
            return _read_npy(file, limits), False
    stored = read_stored(path, limits)
    if stored.format == "JPEG":
        raise Unreadable("unreadable", "a mask as JPEG, which blurs classes into others; save it as PNG")
    if stored.mode in _COLOURS:
        red, green, blue = (np.asarray(stored.getchannel(i)).astype(np.int32) for i in range(3))
        return red << 16 | green << 8 | blue, True
    if stored.mode == "LA":
        stored = stored.getchannel(0)
    if stored.mode not in ("1", "L", "P", "I") and not stored.mode.startswith("I;16"):
        raise Unreadable("unreadable", f"a mask of mode {stored.mode}; palettes, grey and RGB are read")
    return np.asarray(stored).astype(_kind(stored)), False


def _kind(stored: Image.Image) -> type[np.integer[Any]]:
    if stored.mode == "I":
        return np.int32
    return np.uint16 if stored.mode.startswith("I") else np.uint8


def _read_npy(file: BinaryIO, limits: Limits) -> npt.NDArray[Any]:
    size = os.fstat(file.fileno()).st_size
    file.seek(0)
    try:
        version = npy.read_magic(file)
        read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
        shape, columns_first, dtype = read(file)
    except ValueError as error:
        raise Unreadable("unreadable", " ".join(str(error).split())[:160]) from None
    if len(shape) == 3 and shape[2] == 1:
        shape = shape[:2]
    if len(shape) != 2 or min(shape) < 1 or dtype.kind not in "bui":
        raise Unreadable("unreadable", f"an array of {shape} {dtype}; height x width whole numbers are a mask")
    if shape[0] * shape[1] > limits.max_pixels:
        raise Unreadable(
            "decompression bomb", f"declares {shape[1]} x {shape[0]} pixels, the limit is {limits.max_pixels}"
        )
    declared = shape[0] * shape[1] * dtype.itemsize
    if size - file.tell() != declared:
        raise Unreadable("truncated", f"{size - file.tell()} bytes of numbers where the header declares {declared}")
    values = np.frombuffer(file.read(), dtype).reshape(shape, order="F" if columns_first else "C")
    return values.astype(np.uint8) if dtype.kind == "b" else values
