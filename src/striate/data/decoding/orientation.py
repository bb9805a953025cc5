"""How a camera was held: the EXIF orientation, read by hand, and the turn that brings the image upright.

Pillow's EXIF reader raises a dozen kinds of errors on broken blocks, and all that is needed is one number. A block that
cannot be read counts as upright: the pixels are used as they are.
"""

import struct
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from PIL import Image

from striate.data.decoding.resize import Box

__all__ = ["SIDEWAYS", "orientation", "upright", "upright_grid", "upright_points"]

# EXIF 2.32, tag 0x0112; 1, and anything that is not here, is upright
_TURNS: Final = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
SIDEWAYS: Final = (5, 6, 7, 8)  # these exchange height and width
_MIRRORS_X: Final = (2, 3, 6, 7)  # what is left comes to the right, after the exchange
_MIRRORS_Y: Final = (3, 4, 7, 8)
_TAG: Final = 0x0112


def orientation(image: Image.Image) -> int:
    """1 to 8; 1 is upright, and so is every TIFF, since Pillow turns those itself and keeps no such block of them."""
    exif = image.info.get("exif")
    if not isinstance(exif, bytes):
        return 1
    block = exif.removeprefix(b"Exif\0\0")
    order = {b"II": "<", b"MM": ">"}.get(block[:2])
    if order is None:
        return 1
    try:
        (directory,) = struct.unpack_from(order + "I", block, 4)
        (entries,) = struct.unpack_from(order + "H", block, directory)
        for entry in range(directory + 2, directory + 2 + 12 * entries, 12):
            tag, _, _, value = struct.unpack_from(order + "HHIH", block, entry)
            if tag == _TAG:
                return value if value in _TURNS else 1
    except struct.error:
        pass
    return 1


def upright(image: Image.Image, content: Box, held: int) -> tuple[Image.Image, Box]:
    """The image and the box of its content, both turned from orientation `held` to upright."""
    if held == 1:
        return image, content
    turned = image.transpose(_TURNS[held])
    left, top, right, bottom = content
    if held in SIDEWAYS:
        left, top, right, bottom = top, left, bottom, right
    if held in _MIRRORS_X:
        left, right = turned.width - right, turned.width - left
    if held in _MIRRORS_Y:
        top, bottom = turned.height - bottom, turned.height - top
    return turned, (left, top, right, bottom)


def upright_grid(grid: npt.NDArray[Any], held: int) -> npt.NDArray[Any]:
    """A number for each pixel, H W or H W C, turned along with the image."""
    turned = grid.swapaxes(0, 1) if held in SIDEWAYS else grid
    return turned[:: -1 if held in _MIRRORS_Y else 1, :: -1 if held in _MIRRORS_X else 1]


def upright_points(points: npt.NDArray[np.float64], height: int, width: int, held: int) -> npt.NDArray[np.float64]:
    """Points x, y (... 2) in an image stored with `height` x `width`, turned along with it."""
    if held in SIDEWAYS:
        points, height, width = points[..., ::-1], width, height
    if held in _MIRRORS_X:
        points = np.stack([width - points[..., 0], points[..., 1]], -1)
    if held in _MIRRORS_Y:
        points = np.stack([points[..., 0], height - points[..., 1]], -1)
    return points
