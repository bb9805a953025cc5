"""One mask file: a whole number for each pixel, as it is stored.

Read are palettes (their numbers, never their colors), gray of 1, 8, 16 and 32 bits, whole numbers in .npy, and colors,
which are packed into one number, 0xRRGGBB; transparency is passed over. A JPEG is refused: it blurs classes into others.
"""

from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from PIL import Image

from striate.data.decoding.decode import read_stored
from striate.data.decoding.limits import Limits
from striate.data.skipped_files import Unreadable

__all__ = ["MASK_SUFFIXES", "read_mask", "read_palette"]

# what a mask file may be called, so that its folder is recognized; its format is detected by its first bytes
MASK_SUFFIXES: Final = (".png", ".npy", ".tif", ".tiff", ".bmp", ".gif", ".webp", ".jpg", ".jpeg")
_COLORS: Final = ("RGB", "RGBA", "RGBX")


def read_mask(path: str | Path, limits: Limits) -> tuple[npt.NDArray[Any], bool]:
    """The numbers, H W, and whether they are packed colors. Raises Unreadable."""
    stored = read_stored(path, limits)
    if not isinstance(stored, Image.Image):
        return _numbers(stored), False
    if stored.format == "JPEG":
        raise Unreadable("unreadable", "a JPEG mask: compression changes its classes; save it as PNG")
    if stored.mode in _COLORS:
        red, green, blue = (np.asarray(stored.getchannel(i)).astype(np.int32) for i in range(3))
        return red << 16 | green << 8 | blue, True
    if stored.mode == "LA":
        stored = stored.getchannel(0)
    if stored.mode not in ("1", "L", "P", "I") and not stored.mode.startswith("I;16"):
        raise Unreadable("unreadable", f"a mask of mode {stored.mode}; palettes, gray and RGB are read")
    return np.asarray(stored).astype(_kind(stored)), False


def read_palette(path: str | Path, limits: Limits) -> tuple[int, ...]:
    """The packed colors of the numbers 0, 1, 2 ... of a mask with a palette; () of any other. Raises Unreadable."""
    stored = read_stored(path, limits)
    if not isinstance(stored, Image.Image) or stored.mode != "P":
        return ()
    colors = iter(stored.getpalette("RGB") or ())
    return tuple(red << 16 | green << 8 | blue for red, green, blue in zip(colors, colors, colors, strict=True))


def _kind(stored: Image.Image) -> type[np.integer[Any]]:
    if stored.mode == "I":
        return np.int32
    return np.uint16 if stored.mode.startswith("I") else np.uint8


def _numbers(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """H W 1 of a .npy file -> H W of whole numbers."""
    if values.shape[2] != 1 or values.dtype.kind not in "bui":
        raise Unreadable("unreadable", f"an array of {values.shape} {values.dtype}; H x W whole numbers are a mask")
    return values[..., 0].astype(np.uint8) if values.dtype.kind == "b" else values[..., 0]
