"""Random erasing: a rectangle of the image is painted over, so that no single part of a thing is relied on.

Source: Zhong, Zheng, Kang, Li, Yang, "Random Erasing Data Augmentation", arXiv:1708.04896. A pixel operation: it comes
after the geometry and before the color. The paint is the mean color, which the normalization turns into about 0.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from striate.views.boxes import random_boxes

__all__ = ["draw_rectangles", "erase"]

AREA = (0.02, 0.4)  # share of what the network sees: s_l, s_h of the paper
ASPECT = (0.3, 1 / 0.3)  # r_1, r_2


def draw_rectangles(draws: Tensor, probability: float, size: tuple[int, int]) -> Tensor:
    """`draws` 5 B in [0, 1) -> B 4 int64 (x1, y1, x2, y2) in what the network sees; all 0 where nothing is erased."""
    boxes = random_boxes(draws[1:], size, AREA, ASPECT)
    ends = boxes[:, 2:].ceil().minimum(boxes.new_tensor([size[1], size[0]]))
    return torch.cat([boxes[:, :2].floor(), ends], 1).long() * (draws[0] < probability)[:, None]


def erase(images: Tensor, rectangles: Tensor, paint: Sequence[float]) -> Tensor:
    """B C h w uint8 or float in 0..1, B 4 (x1, y1, x2, y2) -> the same, each rectangle painted; `paint` is in 0..1."""
    x1, y1, x2, y2 = rectangles.to(images.device)[:, :, None].unbind(1)  # B 1
    column = torch.arange(images.shape[-1], device=images.device)
    row = torch.arange(images.shape[-2], device=images.device)
    erased = ((row >= y1) & (row < y2))[:, None, :, None] & ((column >= x1) & (column < x2))[:, None, None, :]
    color = torch.tensor(paint, dtype=torch.float32)[:, None, None]
    color = (color * 255).round() if images.dtype == torch.uint8 else color
    return torch.where(erased, color.to(images), images)
