"""JPEGs by simplejpeg where it is installed (the extra `fast`): the same pixels as Pillow's, bit for bit, sooner.

Both are libjpeg-turbo. What simplejpeg will not take, be it strange or damaged (its strict mode stops at every warning
of the library), is left to Pillow, so that which files are refused, and why, never depends on what is installed.

A scan of a few bytes makes either library pass over the whole image once more, so they are counted first.
"""

import re
from functools import cache
from importlib import import_module
from types import MappingProxyType, ModuleType
from typing import BinaryIO, Final

import numpy as np
import numpy.typing as npt
from PIL.JpegImagePlugin import JpegImageFile

from striate.data.decoding.modes import Decoded, as_image
from striate.data.decoding.orientation import SIDEWAYS, upright
from striate.data.decoding.resize import Box
from striate.data.skipped_files import Unreadable

__all__ = ["decode_jpeg"]

_COLORS: Final = MappingProxyType({"L": "GRAY", "RGB": "RGB"})  # CMYK is left to Pillow
_MOST_SCANS: Final = 100  # encoders write 1 to about 20
_MARKER: Final = re.compile(rb"\xff[^\x00\x01\xd0-\xd8\xff]")  # of those that stand between segments and scans
_SCAN: Final = b"\xff\xda"
_END: Final = b"\xff\xd9"
_SHORTEST: Final = 16  # below, n/8 of a side is no longer another number of pixels for each n


def decode_jpeg(
    file: BinaryIO, image: JpegImageFile, held: int, at_least: tuple[int, int] | None
) -> tuple[Decoded, Box]:
    """A JPEG whose header was read from `file`, turned upright, and the box of it that is image.

    Decoded at 1/2, 1/4 or 1/8, in which the last row and column are image only in part, if that covers `at_least`.
    """
    file.seek(0)
    content = file.read()
    if _count_pairs(content, _SCAN) > _MOST_SCANS and (scans := _scans(content)) > _MOST_SCANS:
        raise Unreadable(
            "unreadable", f"{scans} scans, each of which costs as much as an image; up to {_MOST_SCANS} are read"
        )
    height, width = at_least or (image.height, image.width)
    if at_least is not None and held in SIDEWAYS:
        height, width = width, height
    least = min(image.height // height, image.width // width)
    factor = next((factor for factor in (8, 4, 2) if least >= factor), 1)
    box: Box = (0, 0, image.width / factor, image.height / factor)
    pixels = _by_simplejpeg(content, image, factor)
    if pixels is not None:
        return (pixels, box) if held == 1 else upright(as_image(pixels), box, held)
    image.draft(None, (width, height))  # takes the same factor
    image.load()
    return upright(image, box, held)


def _by_simplejpeg(content: bytes, image: JpegImageFile, factor: int) -> npt.NDArray[np.uint8] | None:
    """H W C; None leaves it to Pillow."""
    simplejpeg = _simplejpeg()
    if simplejpeg is None or image.mode not in _COLORS or min(image.size) < _SHORTEST:
        return None
    least = {} if factor == 1 else {"min_height": -(-image.height // factor), "min_width": -(-image.width // factor)}
    try:
        # two headers in one file: each library may believe another one, and only Pillow's was held against the limits
        if simplejpeg.decode_jpeg_header(content)[:2] != (image.height, image.width):
            return None
        pixels: npt.NDArray[np.uint8] = simplejpeg.decode_jpeg(content, _COLORS[image.mode], **least)
    except ValueError:
        return None
    return pixels


def _count_pairs(content: bytes, pair: bytes) -> int:
    """How often two bytes follow each other: NumPy takes a fifth of the time of bytes.count."""
    values = np.frombuffer(content, np.uint8)
    return int(np.count_nonzero((values[:-1] == pair[0]) & (values[1:] == pair[1])))


def _scans(content: bytes) -> int:
    scans, at = 0, 0
    while (marker := _MARKER.search(content, at)) and marker[0] != _END:
        scans += marker[0] == _SCAN
        at = marker.end() + int.from_bytes(content[marker.end() : marker.end() + 2])  # a segment begins with its length
    return scans


@cache
def _simplejpeg() -> ModuleType | None:
    try:
        return import_module("simplejpeg")
    except ImportError:
        return None
