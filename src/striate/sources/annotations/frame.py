"""The frame that an annotation counts its pixels in, and the turn from there to the upright image.

Most tools annotate what they show, which is the upright image; some the pixels as they are stored, whatever the EXIF
orientation is. The size that an annotation gives tells the two apart where the turn exchanges height and width; where
it does not (no size, a square, a half turn or a mirror) the annotation is taken as that of the upright image.
"""

from dataclasses import dataclass
from typing import Any, final

import numpy as np
import numpy.typing as npt

from striate.data.decoding.decode import Header
from striate.data.decoding.orientation import SIDEWAYS, upright_grid, upright_points

__all__ = ["Frame", "frame_of"]


@final
@dataclass(frozen=True)
class Frame:
    """Height and width in pixels, and the EXIF orientation `held` in which the image lies there; 1 is upright."""

    height: int
    width: int
    held: int = 1

    def boxes(self, boxes: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Boxes x1, y1, x2, y2 (M 4) of the frame in the upright image."""
        if self.held == 1:
            return boxes
        corners = self.points(boxes.reshape(-1, 2, 2))
        return np.concatenate([corners.min(1), corners.max(1)], -1)

    def points(self, points: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Points x, y (... 2) of the frame in the upright image."""
        return upright_points(points, self.height, self.width, self.held)

    def grid(self, grid: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """A number for each pixel of the frame, H W, in the upright image."""
        return upright_grid(grid, self.held)


def frame_of(header: Header, declared: tuple[int, int] | None) -> Frame | None:
    """The frame of an annotation of `declared` height and width, None if it is for pixels that the image has not."""
    size = header.height, header.width
    if declared is None or declared == size:
        return Frame(*size)
    return Frame(*declared, header.held) if header.held in SIDEWAYS and declared == size[::-1] else None
