"""Masks as PNG files: indexed color, so that the file shows the classes and its pixels are their numbers."""

import io
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from PIL import Image

from striate.data.drawing.annotated_images import class_color
from striate.data.targets import IGNORE
from striate.tasks.segment.metrics import BACKGROUND

__all__ = ["IGNORE_IN_FILES", "mask_colors", "mask_png"]

IGNORE_IN_FILES: Final = 255  # as in PASCAL VOC and Cityscapes
_WHITE: Final = (255, 255, 255)  # of IGNORE, a color that no class has
_MOST_INDEXED: Final = 255  # classes, and IGNORE


def mask_colors(classes: Sequence[str]) -> list[tuple[int, int, int]]:
    """The colors of the classes, R G B, as in all images; "background" as the first class is black."""
    colors = [class_color(k) for k in range(len(classes))]
    return [(0, 0, 0), *colors[1:]] if classes[0] == BACKGROUND else colors


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
