"""What evaluation, prediction and serving see: the centre of the picture, pixel for pixel."""

import torch
from torch import Tensor

from striate.views.colours import Normalization
from striate.views.view import View

__all__ = ["centre_box", "centre_place", "evaluation_view"]


def evaluation_view(
    count: int,
    *,
    picture: tuple[int, int],
    size: tuple[int, int],
    normalization: Normalization,
    device: torch.device | str = "cpu",
) -> View:
    """The same look at each of `count` pictures: the centre, pixel for pixel; a smaller picture gets a black rim."""
    place = centre_place(picture, size).to(device).expand(count, -1, -1)
    return View(place, normalization.matrix().to(device).expand(count, -1, -1), size)


def centre_place(picture: tuple[int, int], size: tuple[int, int]) -> Tensor:
    """1 3 3: the centre box fills the frame."""
    place = torch.eye(3)
    place[:2, 2] = -centre_box(picture, size)[0, :2]
    return place[None]


def centre_box(picture: tuple[int, int], size: tuple[int, int]) -> Tensor:
    """1 4 (x1, y1, x2, y2) in whole pixels; of an odd margin the greater part is right and below."""
    left, top = (picture[1] - size[1]) // 2, (picture[0] - size[0]) // 2
    return torch.tensor([[left, top, left + size[1], top + size[0]]], dtype=torch.float32)
