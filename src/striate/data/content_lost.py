"""What a square cuts off of wide and tall images, and whether it holds content."""

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from striate.data.decoding.resize import Pixels

__all__ = ["CUT", "area_cut", "content_lost", "contrast"]

CUT: Final = 0.4  # area of an image that a square does not show, above which its ends are compared
FLAT: Final = 4.0  # standard deviation, of 255 levels, of what is empty but for noise and compression
_ENDS: Final = 0.5  # contrast of an end as a share of that of the middle, from which on it holds content
_SHORT: Final = 16  # pixels of the shorter side at which ends are compared: fine noise is averaged away


def area_cut(height: int, width: int) -> float:
    """The area that a square in the middle does not show."""
    return 1 - min(height, width) / max(height, width)


def content_lost(pixels: Pixels) -> float:
    """The area that a square in the middle does not show, where it is above CUT and more than an even background, else 0."""
    factor = max(1, min(pixels.shape[:2]) // _SHORT)
    height, width = (side // factor for side in pixels.shape[:2])
    blocks = pixels[: height * factor, : width * factor].reshape(height, factor, width, factor, -1)
    small = blocks.mean((1, 3), dtype=np.float32) / (257 if pixels.dtype == np.uint16 else 1)  # height width C
    if height > width:
        small, height, width = small.swapaxes(0, 1), width, height
    end = (width - height) // 2
    lost = area_cut(*pixels.shape[:2])
    if end < 1 or lost <= CUT:
        return 0.0
    ends = max(contrast(small[:, :end]), contrast(small[:, width - end :]))
    return lost if ends > max(FLAT, _ENDS * contrast(small[:, end : width - end])) else 0.0


def contrast(pixels: npt.NDArray[Any]) -> float:
    """Standard deviation over the pixels, the mean square over the channels: H W C."""
    return float(np.sqrt(pixels.astype(np.float32).var((0, 1)).mean()))
