"""Images that keep their own size, of which a network is shown windows: crops of them in training, all of them in evaluation.

Half of the crops are drawn for a class: one of those in the image, each as likely as another, then one of its pixels, and the
crop about that. So a rare class is in as many of them as a frequent one. The others are drawn anywhere in the image.
"""

from dataclasses import dataclass
from typing import Final, final

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from striate.data.decoding.canvas import Canvas
from striate.data.targets import ASKS, LoadedTargets
from striate.errors import SettingError
from striate.views.color import image_means
from striate.views.randomness import Streams, uniforms

__all__ = ["FOR_A_CLASS", "Windows", "windows_of"]

FOR_A_CLASS: Final = 0.5  # of the crops


@final
@dataclass(frozen=True, eq=False)
class Windows:
    """Windows of `size`, height and width, on images that lie at `boxes`, N 4 (left, top, right, bottom), of one canvas."""

    targets: LoadedTargets
    boxes: npt.NDArray[np.int64]
    size: tuple[int, int]

    def whole(self, i: int) -> tuple[int, int, int, int]:
        """What evaluation is shown of an image, and crops are taken of: all of it, with black around where a window is larger.

        The image lies in the window as on a canvas of that size, which `predict` gives it. Left, top, right, bottom on the canvas.
        """
        left, top, right, bottom = self.boxes[i].tolist()
        height, width = max(bottom - top, self.size[0]), max(right - left, self.size[1])
        y, x = top - (height - (bottom - top)) // 2, left - (width - (right - left)) // 2
        return x, y, x + width, y + height

    def crops(self, positions: Tensor, draws: Tensor, *, seed: int, epoch: int) -> Tensor:
        """A crop of each image, a function of (seed, epoch, draw): B int64, B int64 -> B 4 (x1, y1, x2, y2), whole pixels.

        A crop is within the image; of an image that is smaller it is about the middle.
        """
        drawn = uniforms(seed, epoch, draws.cpu(), Streams.CROPS).double().T.tolist()  # B 5 in [0, 1)
        boxes = [self._crop(i, numbers) for i, numbers in zip(positions.tolist(), drawn, strict=True)]
        return torch.tensor(boxes, dtype=torch.float32)

    def means(self, positions: Tensor, images: Tensor) -> Tensor:
        """Mean color of each image without the black around it: B int64, B C H W on the canvas -> B C float32 in 0..1."""
        boxes = self.boxes[positions.numpy()].tolist()
        return torch.cat(
            [image_means(image[None, :, y1:y2, x1:x2]) for image, (x1, y1, x2, y2) in zip(images, boxes, strict=True)]
        )

    def _crop(self, i: int, drawn: list[float]) -> tuple[int, int, int, int]:
        for_a_class, which_class, which_pixel, *where = drawn
        left, top, right, bottom = self.whole(i)
        height, width = self.size
        pixel = None
        if for_a_class < FOR_A_CLASS:
            pixel = self.targets.pixel_of_a_class(i, self.boxes[i].tolist(), (which_class, which_pixel))
        if pixel is not None:
            row, column = pixel
            y, x = min(max(row - height // 2, top), bottom - height), min(max(column - width // 2, left), right - width)
        else:
            y = top + int(where[0] * (bottom - height - top + 1))
            x = left + int(where[1] * (right - width - left + 1))
        return x, y, x + width, y + height


def windows_of(targets: LoadedTargets, canvas: Canvas, size: tuple[int, int]) -> Windows | None:
    """The windows of images that keep their own size on this canvas; None where images are brought to the network's size.

    Raises SettingError for targets that are no pixels.
    """
    if canvas.fit != "window":
        return None
    boxes = targets.image_boxes()
    if boxes is None:
        raise SettingError(
            f"fit = window: is for masks, and these images have {ASKS[targets.task]}; take cover or contain"
        )
    return Windows(targets, boxes, size)
