"""An array of pictures as N H W C, uint8 or uint16: which axis is which, and what full scale is.

    N H W              grey
    N H W C            the last axis has 1, 3 or 4 entries, and the second has not
    N C H W            the second axis has 1, 3 or 4 entries, and the last has not; where both have, nobody can tell
    other channels     up to 64 on the last or the second axis, whichever is shorter than the two others

    uint8              as it is
    other whole        as 8 bits where all values lie in 0..255, as 16 bits where they lie in 0..65535
    fractions          value x 255, rounded, where all values lie in 0..1; rounded where they lie in 0..255

Full scale is that of what is learned from, and holds for every part. Other ranges, NaN and infinite values are refused.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, Literal, final

import numpy as np
import numpy.typing as npt

from striate.data.decoding.canvas import MAX_CHANNELS
from striate.data.decoding.fit import Pixels
from striate.data.sources.array_files import StoredArray
from striate.errors import DataError

__all__ = ["Layout", "layout_of", "read_pixels"]

_CHANNELS: Final = (1, 3, 4)
_BLOCK: Final = 2**22  # values that are converted at a time


@final
@dataclass(frozen=True)
class Layout:
    """The pictures as N H W C, and the value that is white."""

    shape: tuple[int, int, int, int]
    channels_first: bool
    full_scale: float
    says: str

    @property
    def bits(self) -> Literal[8, 16]:
        return 16 if self.full_scale > 255 else 8


def layout_of(images: StoredArray) -> Layout:
    """The layout of an array; its values are looked at where they are no uint8. Raises DataError."""
    shape = images.shape
    sizes = " x ".join(map(str, shape))
    if len(shape) not in (3, 4) or 0 in shape:
        raise DataError(f"{images.where} is {sizes} and no array of pictures; reshape it to N x H x W x C")
    if len(shape) == 3:
        return Layout((shape[0], shape[1], shape[2], 1), False, _full_scale(images), "N H W")
    last, second = shape[3] in _CHANNELS, shape[1] in _CHANNELS
    if last and second:
        raise DataError(
            f"{images.where} is {sizes}, and channels may be second or last; save it as N x H x W x C with H over 4"
        )
    if not last and not second:
        last = shape[3] <= MAX_CHANNELS and shape[3] < min(shape[1:3])
        second = shape[1] <= MAX_CHANNELS and shape[1] < min(shape[2:])
    if not last and not second:
        raise DataError(
            f"{images.where} is {sizes}, and no axis is told for that of the channels; save it as N x H x W x C, "
            "with fewer channels than rows and columns"
        )
    count, one, two, three = shape
    if last:
        return Layout((count, one, two, three), False, _full_scale(images), "N H W C")
    return Layout((count, two, three, one), True, _full_scale(images), "N C H W")


def read_pixels(images: StoredArray, layout: Layout, learned: Layout) -> Pixels:
    """The pictures, N H W C, with the full scale of what is `learned` from. Raises DataError."""
    values = images.read()
    if layout.full_scale > learned.full_scale:
        raise DataError(
            f"{images.where} has values up to {layout.full_scale:g} and the training part up to {learned.full_scale:g}; "
            "bring them to one scale"
        )
    kind, white = (np.uint8, 255) if learned.bits == 8 else (np.uint16, 65535)
    if values.dtype != kind:
        scaled = np.empty(values.shape, kind)
        for rows, block in _blocks(values):
            scaled[rows] = np.rint(block.astype(np.float64) * (white / learned.full_scale))
        values = scaled
    if layout.channels_first:
        values = values.transpose(0, 2, 3, 1)
    return values.reshape(layout.shape)


def _full_scale(images: StoredArray) -> float:
    if images.dtype == np.uint8:
        return 255.0
    if images.dtype.kind not in "buif":
        raise DataError(f"{images.where} holds {images.dtype} and no pixels; save it as uint8")
    if images.dtype.kind == "b":
        return 1.0
    values = images.read()
    bounds = [(float(block.min()), float(block.max())) for _, block in _blocks(values)]
    low, high = np.min(bounds), np.max(bounds)  # NaN is carried through
    if not np.isfinite(low) or not np.isfinite(high):
        raise DataError(f"{images.where} holds NaN or infinite values; mend them, or save it as uint8")
    for full_scale in (1.0, 255.0) if images.dtype.kind == "f" else (255.0, 65535.0):
        if low >= 0 and high <= full_scale:
            return full_scale
    raise DataError(
        f"{images.where} has values from {low:g} to {high:g}, so nobody knows what is black and white; "
        "scale it to 0..1, or save it as uint8"
    )


def _blocks(values: npt.NDArray[Any]) -> Iterator[tuple[slice, npt.NDArray[Any]]]:
    """A few pictures at a time, so that no copy of all of them is made."""
    step = max(1, _BLOCK // max(1, values[0].size))
    for first in range(0, len(values), step):
        rows = slice(first, first + step)
        yield rows, values[rows]
