"""Masks as PNG files: as those of the data are, with their numbers, palette or colors; or else in indexed color.

Indexed color shows the classes by colors of our own, and its pixels are their numbers.
"""

import io
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from PIL import Image

from striate.data.drawing.annotated_images import class_color
from striate.data.mask_encoding import MaskEncoding
from striate.data.targets import IGNORE
from striate.tasks.segment.metrics import BACKGROUND

__all__ = ["IGNORE_IN_FILES", "encoded_png", "mask_colors", "mask_png"]

IGNORE_IN_FILES: Final = 255  # as in PASCAL VOC and Cityscapes
_WHITE: Final = (255, 255, 255)  # of IGNORE, a color that no class has
_MOST_INDEXED: Final = 255  # classes, and IGNORE


def mask_colors(classes: Sequence[str]) -> list[tuple[int, int, int]]:
    """The colors of the classes, R G B, as in all images; "background" as the first class is black."""
    colors = [class_color(k) for k in range(len(classes))]
    return [(0, 0, 0), *colors[1:]] if classes[0] == BACKGROUND else colors


def encoded_png(mask: npt.NDArray[Any], encoding: MaskEncoding) -> bytes:
    """A mask, H W integers, as a PNG that shows the classes as the masks of the data do; 16 bits where numbers need them."""
    codes = np.array([*encoding.codes, encoding.ignored])[mask]  # IGNORE is -1, the last
    file = io.BytesIO()
    if encoding.kind == "color":
        image = Image.fromarray(np.stack([codes >> 16, codes >> 8 & 255, codes & 255], -1).astype(np.uint8))
    else:
        image = Image.fromarray(codes.astype(np.uint8 if max(encoding.codes) < 256 > codes.max() else np.uint16))
    if encoding.kind == "palette":
        missing = [_WHITE] * (int(codes.max()) + 1 - len(encoding.palette))
        colors = b"".join([*(code.to_bytes(3, "big") for code in encoding.palette), *map(bytes, missing)])
        image.putpalette(colors)
    image.save(file, "PNG")
    return file.getvalue()


def mask_png(mask: npt.NDArray[Any], classes: Sequence[str]) -> bytes:
    """A mask, H W integers, as an indexed PNG, whose pixels are the same numbers; IGNORE is 255, white.

    Few classes take few bits a pixel. More than 255 do not fit in a palette: their file is 16-bit grayscale, IGNORE 65535.
    """
    file = io.BytesIO()
    if len(classes) > _MOST_INDEXED:
        Image.fromarray(np.where(mask == IGNORE, 65535, mask).astype(np.uint16)).save(file, "PNG")
        return file.getvalue()
    colors = mask_colors(classes)
    ignored = mask == IGNORE
    if ignored.any():
        colors += [_WHITE] * (IGNORE_IN_FILES + 1 - len(colors))
    image = Image.fromarray(np.where(ignored, IGNORE_IN_FILES, mask).astype(np.uint8))
    image.putpalette([channel for color in colors for channel in color])
    image.save(file, "PNG")
    return file.getvalue()
