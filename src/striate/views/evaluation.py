"""What evaluation, prediction and serving see: the center of the image, pixel for pixel."""

import torch
from torch import Tensor

from striate.views.colors import Normalization
from striate.views.view import View

__all__ = ["center_box", "center_place", "evaluation_view"]


def evaluation_view(
    count: int,
    *,
    image: tuple[int, int],
    size: tuple[int, int],
    normalization: Normalization,
    device: torch.device | str = "cpu",
) -> View:
    """The same look at each of `count` images: the center, pixel for pixel; a smaller image gets a black rim."""
    place = center_place(image, size).to(device).expand(count, -1, -1)
    return View(place, normalization.matrix().to(device).expand(count, -1, -1), size)


def center_place(image: tuple[int, int], size: tuple[int, int]) -> Tensor:
    """1 3 3: the center box fills the frame."""
    place = torch.eye(3)
    place[:2, 2] = -center_box(image, size)[0, :2]
    return place[None]


def center_box(image: tuple[int, int], size: tuple[int, int]) -> Tensor:
    """1 4 (x1, y1, x2, y2) in whole pixels; of an odd margin the greater part is right and below."""
    left, top = (image[1] - size[1]) // 2, (image[0] - size[0]) // 2
    return torch.tensor([[left, top, left + size[1], top + size[0]]], dtype=torch.float32)
