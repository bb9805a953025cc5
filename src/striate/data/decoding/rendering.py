"""What stored values mean: which is black, which is white, and what lies behind what is transparent.

8 bits are taken as they are. Wider values do not say what full scale is, so it is decided once for a data set and kept in the
canvas. Where it is not decided (new 16-bit files for a network that learned from 8-bit ones), it is decided once for
the new data set, in `evaluate`, or for all images that are given together, in `predict`:

    integers      0 to the largest value of the bits in use: 8, 10, 12, 14 or 16
    floats        0 to 1 where all values lie in it, else 0 to 255, else as integers where all are whole
    other ranges  least to greatest: negative values, more than 16 bits, floats without a known scale; of new images only
                  where the network has learned from them, since the range of each new data set would be another brightness to it
    a narrow band least to greatest too, where a data set that is learned from fills less than 1/32 of more than 8 bits:
                  of a scale of 16 bits that would be less than 8 gray levels
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, final

import numpy as np
import numpy.typing as npt

from striate.data.settings import Background, check_choice
from striate.errors import DataError, SettingError

__all__ = [
    "AS_STORED",
    "BACKGROUNDS",
    "Levels",
    "Rendering",
    "ValueRange",
    "bits_in_use",
    "levels_of",
    "levels_of_all",
    "on_no_scale",
    "other_bits",
    "other_black",
    "robust_value_range",
    "value_range_of",
]

BACKGROUNDS: Final[dict[Background, int]] = {"white": 255, "black": 0, "gray": 128}  # of 255
Levels = tuple[float, float]  # the stored values that are black and white
_BITS: Final = (8, 10, 12, 14, 16)
_DIM: Final = 32  # up to which fractions are no longer taken for dark ones of 0 to 255
_BITS_APART: Final = 4  # from which on values are of another scale and not of another light
_FILLED_ALIKE: Final = 2.0  # greatest values as shares of their bits, up to this times each other
_RINGING: Final = 0.1  # of the greatest value, that resampling leaves below 0 at the most
_TELL_BLACK: Final = 3  # images, of which one would show it
_NARROW: Final = 1 / 32  # of the scale
_ROUNDING: Final = 1e-3  # of full scale, that floats may be beyond it


@final
@dataclass(frozen=True, slots=True)
class ValueRange:
    """From the least to the greatest of some values; whether all of them are whole numbers.

    `nearly` are the ends of nearly all values of one image, where they were asked for.
    """

    least: float
    greatest: float
    whole: bool
    floats: bool  # stored as floating point
    robust: Levels | None = None

    def __or__(self, other: "ValueRange") -> "ValueRange":
        return ValueRange(
            min(self.least, other.least),
            max(self.greatest, other.greatest),
            self.whole and other.whole,
            self.floats or other.floats,
        )


@final
@dataclass(frozen=True)
class Rendering:
    """The levels of integers of more than 8 bits and of floats, None where an image decides for itself; the background."""

    integers: Levels | None = None
    floats: Levels | None = None
    background: Background = "white"

    def __post_init__(self) -> None:
        for levels in (self.integers, self.floats):
            if levels is not None and not (len(levels) == 2 and np.isfinite(levels).all() and levels[0] < levels[1]):
                raise SettingError(f"levels of {levels}: black must be below white, and both finite")
        check_choice("background", self.background, Background)

    def with_defaults(self, own: "Rendering") -> "Rendering":
        """These levels, and those of new images where an image would decide for itself.

        DataError where those of new images are on no scale that is known.
        """
        for known, levels in ((self.integers, own.integers), (self.floats, own.floats)):
            if known is None and levels is not None and on_no_scale(levels):
                raise DataError(
                    "the images have values from {:g} to {:g}, and the network was not trained on such a range; "
                    "scale them to 0..1, or save them as uint8".format(*levels)
                )
        return replace(self, integers=self.integers or own.integers, floats=self.floats or own.floats)

    def levels(self, values: npt.NDArray[Any]) -> Levels:
        """Black and white of an image. ValueError for NaN or infinite values."""
        decided = self.floats if values.dtype.kind == "f" else self.integers
        if values.dtype.kind == "b":
            return 0.0, 1.0
        if decided is None:
            return levels_of(value_range_of(values))
        if decided is self.floats:
            _check_finite(float(values.min()), float(values.max()))
        return decided


AS_STORED: Final = Rendering()


def value_range_of(values: npt.NDArray[Any]) -> ValueRange:
    """the value range of an image's values. ValueError for NaN or infinite ones."""
    least, greatest = float(values.min()), float(values.max())
    _check_finite(least, greatest)
    floats = values.dtype.kind == "f"
    return ValueRange(least, greatest, not floats or bool((values == np.rint(values)).all()), floats)


def robust_value_range(values: npt.NDArray[Any]) -> ValueRange:
    """the value range of an image's values, and of all but a thousandth at either end, of small images three."""
    extent, odd = value_range_of(values), max(3, values.size // 1000)
    if values.size <= 2 * odd:
        return replace(extent, robust=(extent.least, extent.greatest))
    ordered = np.partition(values, (odd, values.size - 1 - odd), axis=None)
    return replace(extent, robust=(float(ordered[odd]), float(ordered[-1 - odd])))


def levels_of(extent: ValueRange) -> Levels:
    """Black and white of values of this extent; see above."""
    if extent.floats and _within(extent, 1.0):
        return 0.0, 1.0
    if extent.floats and _within(extent, 255.0) and (extent.whole or extent.greatest > _DIM):
        return 0.0, 255.0
    if extent.whole and extent.least >= 0 and extent.greatest < 2 ** _BITS[-1]:
        return 0.0, float(2 ** next(bits for bits in _BITS if extent.greatest < 2**bits) - 1)
    # where all values are equal they become black
    return (
        extent.least,
        extent.greatest if extent.greatest > extent.least else extent.least + 1 + abs(extent.least),
    )


def levels_of_all(extent: ValueRange) -> Levels:
    """Black and white of all images of a data set that is learned from, whose values may be a narrow band."""
    levels = levels_of(extent)
    narrow = 0 < extent.greatest - extent.least < _NARROW * levels[1]
    return (extent.least, extent.greatest) if narrow and bits_in_use(levels) not in (None, 8) else levels


def _within(extent: ValueRange, white: float) -> bool:
    return extent.least >= -_ROUNDING * white and extent.greatest <= (1 + _ROUNDING) * white


def bits_in_use(levels: Levels) -> int | None:
    """8, 10, 12, 14 or 16 where the levels are those of so many bits; None for other ranges."""
    black, white = levels
    return next((bits for bits in _BITS if black == 0 and white == 2**bits - 1), None)


def on_no_scale(levels: Levels) -> bool:
    """Whether levels are no known scale, 0 to 1 or to the greatest value of some bits, but the range of some values."""
    black, white = levels
    return black != 0 or (white not in (0, 1) and bits_in_use(levels) is None)


def other_bits(small: Sequence[float], large: Sequence[float]) -> bool:
    """Whether the values of one split have four bits or more less than those of another, and fill their bits alike.

    Given are the greatest values of the images of each; up to 1 they are fractions, or masks, of one bit. 12 bits beside 16
    are 1/16 of the same light; a split that is merely darker, down to 1/8, is never meant, and one that is black fills no
    bits alike. Nine of ten images of the first lie within its bits, and half of the second need theirs, so that neither a
    hot pixel nor a few dark images decide.
    """
    least, most = float(np.quantile(small, 0.9, method="inverted_cdf")), float(np.median(large))
    if not 0 < least < most < 2 ** _BITS[-1]:
        return False
    fewer, more = (1 if value <= 1 else next(bits for bits in _BITS if value < 2**bits) for value in (least, most))
    filled, also = least / (2**fewer - 1), most / (2**more - 1)
    return more - fewer >= _BITS_APART and max(filled, also) <= _FILLED_ALIKE * min(filled, also)


def other_black(own: Sequence[ValueRange], others: Sequence[ValueRange]) -> bool:
    """Whether images of one split go far below 0, nine of ten or more, and none of another does: -1 to 1 beside 0 to 1.

    A tenth of the greatest value is far: fractions that were resampled go a little below 0. One or two images may all be
    bright.
    """
    far = np.quantile([max(0.0, -extent.least) / max(extent.greatest, -extent.least, 1e-9) for extent in own], 0.1)
    return bool(far > _RINGING) and len(others) >= _TELL_BLACK and min(extent.least for extent in others) >= 0


def _check_finite(least: float, greatest: float) -> None:
    if not np.isfinite(greatest - least):  # NaN is carried through min and max
        raise ValueError("the image holds NaN or infinite values")
