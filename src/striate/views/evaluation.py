"""What evaluation, prediction and serving see: the center of the image, pixel for pixel."""

import torch
from torch import Tensor

from striate.views.colors import Normalization
from striate.views.view import View

__all__ = ["center_box", "center_geometry", "evaluation_view"]


def evaluation_view(
    count: int,
    *,
    image_size: tuple[int, int],
    size: tuple[int, int],
    normalization: Normalization,
    device: torch.device | str = "cpu",
) -> View:
    """The same look at each of `count` images: the center, pixel for pixel; a smaller image gets a black rim."""
    geometry = center_geometry(image_size, size).to(device).expand(count, -1, -1)
    return View(geometry, normalization.matrix().to(device).expand(count, -1, -1), size)


def center_geometry(image_size: tuple[int, int], size: tuple[int, int]) -> Tensor:
    """1 3 3: the center box fills the frame."""
    geometry = torch.eye(3)
    geometry[:2, 2] = -center_box(image_size, size)[0, :2]
    return geometry[None]


def center_box(image_size: tuple[int, int], size: tuple[int, int]) -> Tensor:
    """1 4 (x1, y1, x2, y2) in whole pixels; of an odd margin the greater part is right and below."""
    left, top = (image_size[1] - size[1]) // 2, (image_size[0] - size[0]) // 2
    return torch.tensor([[left, top, left + size[1], top + size[0]]], dtype=torch.float32)
