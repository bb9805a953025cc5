"""RGB of 16 bits in each channel, which Pillow has no mode for: it keeps the high bytes, or, asked again, the low ones.

Pillow unpacks such pixels by the name of their byte order, and takes the byte that comes first by it. Under the name of the
other order the same decoder gives the other byte. Both together are the 16 bits; the files are decoded twice for it.
"""

import sys
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from PIL import ImageFile
from PIL.TiffImagePlugin import TiffImageFile

__all__ = ["keeps_bits", "sixteen_bits"]

_PLANAR: Final = 284  # tag of TIFF: 2 where each channel has a plane of its own
_OTHER: Final = "B" if sys.byteorder == "little" else "L"
_SWAPPED: Final = {"RGB;16B": "RGB;16L", "RGB;16L": "RGB;16B", "RGB;16N": f"RGB;16{_OTHER}"}


def keeps_bits(image: ImageFile.ImageFile) -> bool:
    """Whether `sixteen_bits` reads an image whose header was read."""
    if isinstance(image, TiffImageFile) and image.tag_v2.get(_PLANAR) == 2:  # whose planes are unpacked by another name
        return False
    return image.mode == "RGB" and bool(image.tile) and all(_raw(tile.args) in _SWAPPED for tile in image.tile)


def sixteen_bits(image: ImageFile.ImageFile, again: ImageFile.ImageFile) -> npt.NDArray[np.uint16]:
    """H W 3, of an image that keeps its bits and whose pixels were loaded; `again` is the same with its header read alone."""
    again.tile = [tile._replace(args=_with_raw(tile.args, _SWAPPED[_raw(tile.args)])) for tile in again.tile]
    again.load()
    return np.asarray(image).astype(np.uint16) << 8 | np.asarray(again)


def _raw(args: Any) -> str:
    """Pillow's name of how pixels are stored, which is all of a tile's arguments, or the first of them."""
    return str(args[0] if isinstance(args, tuple) else args)


def _with_raw(args: Any, raw: str) -> Any:
    return (raw, *args[1:]) if isinstance(args, tuple) else raw
