"""Random boxes of a given share of the area that fit their canvas: what random resized crops and random erasing cut."""

import torch
from torch import Tensor

__all__ = ["random_boxes", "to_whole_pixels"]


def random_boxes(
    draws: Tensor, canvas: tuple[int, int], area: tuple[float, float], aspect: tuple[float, float]
) -> Tensor:
    """`draws` 4 B in [0, 1) -> B 4 float32 (x1, y1, x2, y2) within a canvas of (height, width) pixels.

    The share of the canvas's area is uniform in `area`; width / height is log-uniform in that part of `aspect` at which
    such a share fits, so nothing is drawn twice. Where none fits (a panorama), the box is the largest of the nearest
    aspect. Positions are uniform.
    """
    height, width = canvas
    share = area[0] + (area[1] - area[0]) * draws[0]
    narrowest = (share * width / height).clamp(*aspect)
    widest = (width / height / share).clamp(*aspect)
    # logarithm and exp and not a power: torch's power may round the last samples of a batch otherwise than the first
    ratio = narrowest * ((widest / narrowest).log() * draws[1]).exp()
    box_width = (share * width * height * ratio).sqrt().minimum(height * ratio).clamp(max=width)
    box_height = (box_width / ratio).clamp(max=height)
    x, y = draws[2] * (width - box_width), draws[3] * (height - box_height)
    return torch.stack([x, y, x + box_width, y + box_height], 1)


def to_whole_pixels(boxes: Tensor, canvas: tuple[int, int]) -> Tensor:
    """B 4 within a canvas of (height, width) -> the same rounded, a pixel wide at least, and still within.

    A crop of whole pixels is resized as it stands, several times faster than it is warped.
    """
    frame = boxes.new_tensor([canvas[1], canvas[0]])
    sides = (boxes[:, 2:] - boxes[:, :2]).round().clamp(min=1).minimum(frame)
    start = boxes[:, :2].round().clamp(min=0).minimum(frame - sides)
    return torch.cat([start, start + sides], 1)
