"""Images that keep their own size, of which a network is shown windows: crops of them in training, all of them in evaluation.

Half of the crops are drawn for a class: one of those in the image, each as likely as another, then one of its pixels, and the
crop about that. So a rare class is in as many of them as a frequent one. The others are drawn anywhere in the image.
"""

from dataclasses import dataclass
from typing import Final, final

import numpy as np
import torch
from torch import Tensor

from striate.data.decoding.canvas import Canvas
from striate.data.masks import MaskTargets
from striate.data.targets import LoadedTargets
from striate.views.geometry import center_box
from striate.views.randomness import Streams, uniforms

__all__ = ["FOR_A_CLASS", "Windows", "windows_of"]

FOR_A_CLASS: Final = 0.5  # of the crops


@final
@dataclass(frozen=True, eq=False)
class Windows:
    """Windows of `size`, height and width, on the images that these masks are of, which lie in the middle of one canvas."""

    masks: MaskTargets
    size: tuple[int, int]

    def whole(self, i: int) -> tuple[int, int]:
        """Height and width of what evaluation is shown of an image: all of it, with black around where a window is larger."""
        height, width = self.masks.sizes[i].tolist()
        return max(height, self.size[0]), max(width, self.size[1])

    def crops(self, positions: Tensor, draws: Tensor, *, seed: int, epoch: int) -> Tensor:
        """A crop of each image, a function of (seed, epoch, draw): B int64, B int64 -> B 4 (x1, y1, x2, y2), whole pixels.

        A crop is within the image; of an image that is smaller it is about the middle.
        """
        drawn = uniforms(seed, epoch, draws.cpu(), Streams.CROPS).double().T.tolist()  # B 5 in [0, 1)
        boxes = [self._crop(i, numbers) for i, numbers in zip(positions.tolist(), drawn, strict=True)]
        return torch.tensor(boxes, dtype=torch.float32)

    def _crop(self, i: int, drawn: list[float]) -> tuple[int, int, int, int]:
        for_a_class, which_class, which_pixel, *where = drawn
        left, top, right, bottom = self._image(i)
        height, width = self.size
        present = np.flatnonzero(self.masks.presence[i])
        if for_a_class < FOR_A_CLASS and len(present):
            pixels = np.flatnonzero(self.masks.values[i] == present[int(which_class * len(present))])
            row, column = divmod(int(pixels[int(which_pixel * len(pixels))]), self.masks.values.shape[2])
            y, x = min(max(row - height // 2, top), bottom - height), min(max(column - width // 2, left), right - width)
        else:
            y = top + int(where[0] * (bottom - height - top + 1))
            x = left + int(where[1] * (right - width - left + 1))
        return x, y, x + width, y + height

    def _image(self, i: int) -> tuple[int, ...]:
        """Where crops are taken: the image on the canvas, and black around it where the window is larger."""
        _, height, width = self.masks.values.shape
        return tuple(map(int, center_box((height, width), self.whole(i))[0].tolist()))


def windows_of(targets: LoadedTargets, canvas: Canvas, size: tuple[int, int]) -> Windows | None:
    """The windows of images that keep their own size on this canvas; None where images are brought to the network's size."""
    if canvas.fit != "window":
        return None
    assert isinstance(targets, MaskTargets)
    return Windows(targets, size)
