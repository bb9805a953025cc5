"""An array of images as N H W C, uint8 or uint16: which axis is which, and what full scale is.

    N H W              gray
    N H W C            the last axis has 1, 3 or 4 entries, and the second has not
    N C H W            the second axis has 1, 3 or 4 entries, and the last has not; where both have, nobody can tell
    other channels     up to 64 on the last or the second axis, whichever is shorter than the two others

    uint8              as it is
    other whole        as 8 bits where all values lie in 0..255, else from 0 to the largest value of the bits in use (10, 12,
                       14 or 16), on 16 bits
    fractions          value x 255, rounded, where all values lie in 0..1; rounded where they lie in 0..255

    other ranges       from the least to the greatest value of all splits: negative values, more than 16 bits

Full scale is one for all splits, of whatever types: 1, 255, or that of the most bits in use. Splits on different ones of
the three, splits of which one has a 16th of the values of the other or less, 0 and 1 alone, or none below 0 where the
other goes far below it (see `check_scales`), NaN
and infinite values are refused.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations
from typing import Any, Final, final

import numpy as np
import numpy.typing as npt

from striate.data.decoding.canvas import MAX_CHANNELS
from striate.data.decoding.rendering import Levels, ValueRange, levels_of, on_no_scale, other_bits, other_black
from striate.data.decoding.resize import Pixels
from striate.errors import DataError
from striate.sources.arrays.array_files import StoredArray, blocks

__all__ = [
    "ArrayLayout",
    "check_scales",
    "check_shape",
    "common_levels",
    "images_of",
    "layout_of",
    "read_pixels",
    "spans_of",
    "stored_values",
]

_CHANNELS: Final = (1, 3, 4)
_BEYOND: Final = 256.0  # stands for all scales above 255: a split that is darker may use fewer bits


@final
@dataclass(frozen=True)
class ArrayLayout:
    """The images as N H W C, and the values that are black and white; both 0 where all values are black."""

    shape: tuple[int, int, int, int]
    channels_first: bool
    levels: Levels
    axes: str

    @property
    def own_range(self) -> bool:
        """Whether the values are on no known scale: 0 to 1, or to the greatest value of some bits."""
        return on_no_scale(self.levels)

    @property
    def scale(self) -> float:
        """1, 255 or more; 0 where all values are 0."""
        white = max(-self.levels[0], self.levels[1])
        if self.own_range:
            return 1.0 if white <= 1 else _BEYOND
        return min(white, _BEYOND)


def check_shape(where: str, shape: tuple[int, ...]) -> None:
    """Raise DataError for a shape that is not of N images."""
    if len(shape) not in (3, 4) or 0 in shape:
        sizes = " x ".join(map(str, shape)) if len(shape) > 1 else f"a row of {shape[0]} values"
        raise DataError(f"{where} is {sizes}, which is not an array of images; reshape it to N x H x W x C")


def layout_of(images: StoredArray) -> ArrayLayout:
    """The layout of an array; its values are looked at where they are no uint8. Raises DataError."""
    shape = images.shape
    check_shape(images.where, shape)
    sizes = " x ".join(map(str, shape))
    if len(shape) == 3:
        return ArrayLayout((shape[0], shape[1], shape[2], 1), False, _levels(images), "N H W")
    last, second = shape[3] in _CHANNELS, shape[1] in _CHANNELS
    if last and second:
        raise DataError(
            f"{images.where} is {sizes}, and channels may be the second or the last axis; save it as N x H x W x C with H over 4"
        )
    if not last and not second:
        last = shape[3] <= MAX_CHANNELS and shape[3] < min(shape[1:3])
        second = shape[1] <= MAX_CHANNELS and shape[1] < min(shape[2:])
    if not last and not second:
        raise DataError(
            f"{images.where} is {sizes}, and it is unclear which axis is that of the channels; save it as N x H x W x C, "
            "with fewer channels than rows and columns"
        )
    count, one, two, three = shape
    if last:
        return ArrayLayout((count, one, two, three), False, _levels(images), "N H W C")
    return ArrayLayout((count, two, three, one), True, _levels(images), "N C H W")


def spans_of(images: StoredArray) -> tuple[ValueRange, ...]:
    """From the least to the greatest value of each image."""
    return images.measured[1]


def check_scales(
    layouts: Mapping[str, ArrayLayout], where: Mapping[str, str], spans: Mapping[str, Sequence[ValueRange]]
) -> Levels:
    """The values that are black and white in all splits.

    `where` names their arrays, `spans` gives that of each image; it is not looked at where there is one split. DataError
    where they differ in scale: fractions beside 0..255 or more, whole numbers of which one split has 0 and 1 alone, bits in
    use as in `other_bits`, and black as in `other_black`.
    """
    greatest = {split: [span.greatest for span in of_split] for split, of_split in spans.items()}
    scales = {split: layout.scale for split, layout in layouts.items() if layout.scale > 0}
    for other, one in permutations(scales, 2):  # the first is learned from, and named last
        bits = min(scales[one], scales[other]) > 1 and (
            max(greatest[one]) == 1 < max(greatest[other]) or other_bits(greatest[one], greatest[other])
        )
        if scales[one] != scales[other] or bits:
            same = max(greatest[one]) == max(greatest[other])  # as 1 of fractions and of bytes
            range_of_one, range_of_other = (
                f"up to {max(greatest[split]):g}" + (f" where {scales[split]:g} is white" if same else "")
                for split in (one, other)
            )
            raise DataError(
                f"{where[one]} has values {range_of_one} and {where[other]} {range_of_other}, so one number has two brightnesses; "
                "scale them alike"
            )
        if other_black(spans[other], spans[one]):
            raise DataError(
                f"{where[other]} has values down to {layouts[other].levels[0]:g} and {where[one]} none below 0, so one "
                "number has two brightnesses; scale them alike"
            )
    return common_levels([layout.levels for layout in layouts.values()])


def common_levels(levels: Sequence[Levels]) -> Levels:
    """Black and white of all of these; 0 to 255 where none has a white."""
    black, white = min((one[0] for one in levels), default=0.0), max((one[1] for one in levels), default=0.0)
    return (black, white) if black < white else (0.0, 255.0)


def images_of(values: npt.NDArray[Any], layout: ArrayLayout) -> npt.NDArray[Any]:
    """The values as N H W C."""
    return (values.transpose(0, 2, 3, 1) if layout.channels_first else values).reshape(layout.shape)


def stored_values(images: StoredArray, layout: ArrayLayout) -> npt.NDArray[Any]:
    """The values that are stored, N H W C."""
    return images_of(images.read(), layout)


def read_pixels(images: StoredArray, layout: ArrayLayout, white: float) -> Pixels:
    """The images, N H W C, 0 black and `white` white: uint8, or uint16 where that is above 255."""
    values = images.read()
    kind, most = (np.uint8, 255) if white <= 255 else (np.uint16, 65535)
    if values.dtype != kind or white not in (255, 65535):
        scaled = np.empty(values.shape, kind)
        for rows, block in blocks(values):
            scaled[rows] = np.rint(block.astype(np.float64) * (most / white))
        values = scaled
    return images_of(values, layout)


def _levels(images: StoredArray) -> Levels:
    """The values that are black and white, both 0 where all are 0."""
    if images.dtype == np.uint8:
        return 0.0, 255.0
    if images.dtype.kind not in "buif":
        raise DataError(f"{images.where} contains {images.dtype} and not pixels; save it as uint8")
    if images.dtype.kind == "b":
        return 0.0, 1.0
    span, _ = images.measured
    if span.greatest == span.least == 0:
        return 0.0, 0.0
    return levels_of(span)
