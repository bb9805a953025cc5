"""Random geometry as one matrix a sample: crop, then shear, zoom, rotation, flips and shift, then perspective.

A crop that nothing follows but flips is one of whole pixels: those are resized, faster than they are warped.
"""

import math
from functools import cache
from typing import Final

import torch
from torch import Tensor

from striate.settings import annotations
from striate.views.geometry import center_box, center_geometry, compose, from_corners
from striate.views.randomness import Streams, uniforms
from striate.views.settings import Geometry, Policy, Step

__all__ = ["random_boxes", "random_geometry", "signed", "to_whole_pixels"]

ASPECT: Final = (3 / 4, 4 / 3)  # width / height of a random resized crop, relative to the network's input


def random_geometry(
    policy: Policy,
    ids: Tensor,
    seed: int,
    epoch: int,
    image_size: tuple[int, int],
    size: tuple[int, int],
    boxes: Tensor | None = None,
) -> Tensor:
    """`ids` B int64 -> geometry B 3 3, expanded from one where nothing is random; `image_size` and `size` are height, width.

    boxes: what of each image fills the frame, B 4 of `size`, in place of its center or of a random resized crop.
    What is left at nothing gives exact zeros and ones: the exact path recognizes those.
    """
    if not any(map(policy.is_on, _factors())):
        if boxes is None:
            return center_geometry(image_size, size).expand(len(ids), -1, -1)
        geometry = torch.eye(3).repeat(len(boxes), 1, 1)
        geometry[:, :2, 2] = -boxes[:, :2]
        return geometry
    draws = uniforms(seed, epoch, ids, (*Streams.GEOMETRY, Streams.FLIP_VERTICAL))
    height, width = size
    a, b, c, d = _about_center(policy, draws)
    x1, y1, x2, y2 = (_box(policy, draws, image_size, size) if boxes is None else boxes).unbind(1)
    zoom_x, zoom_y = width / (x2 - x1), height / (y2 - y1)

    # the box fills the frame; about its center all the rest happens; then the shift
    left, top = zoom_x * x1 + width / 2, zoom_y * y1 + height / 2
    right, down = _shift(policy, draws[3], width) + width / 2, _shift(policy, draws[4], height) + height / 2
    rows = [a * zoom_x, b * zoom_y, right - a * left - b * top, c * zoom_x, d * zoom_y, down - c * left - d * top]
    geometry = torch.stack(rows, 1).view(-1, 2, 3)
    geometry = torch.cat([geometry, geometry.new_tensor([[[0.0, 0.0, 1.0]]]).expand(len(geometry), -1, -1)], 1)
    if policy.perspective:
        moves = signed(uniforms(seed, epoch, ids, Streams.PERSPECTIVE)).mT.reshape(-1, 4, 2)
        geometry = compose(from_corners(policy.perspective * moves * moves.new_tensor([width, height]), size), geometry)
    return geometry


def _box(policy: Policy, draws: Tensor, image_size: tuple[int, int], size: tuple[int, int]) -> Tensor:
    """What of the image fills the frame, B 4 (or 1 4 for all)."""
    if policy.crop == 1:
        return center_box(image_size, size).to(draws.device)
    shape = size[1] / size[0]
    boxes = random_boxes(draws[6:10], image_size, (policy.crop, 1.0), (shape * ASPECT[0], shape * ASPECT[1]))
    return boxes if _warps(policy) or policy.shift else to_whole_pixels(boxes, image_size)


def _about_center(policy: Policy, draws: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """11 B draws -> the linear part (a b; c d), B each: shear, zoom and rotation, then the flips."""
    flip_x = torch.where(draws[5] < policy.flip / 2, -1.0, 1.0)
    flip_y = torch.where(draws[10] < policy.flip_vertical / 2, -1.0, 1.0)
    if not _warps(policy):
        return flip_x, torch.zeros_like(flip_x), torch.zeros_like(flip_x), flip_y
    angle = math.radians(policy.rotate) * signed(draws[0])
    slope = (math.radians(policy.shear) * signed(draws[2])).tan()
    # exp and not a power: torch's power may round the last samples of a batch otherwise than the first
    growth = (1 - policy.zoom) * (math.log((1 + policy.zoom) / (1 - policy.zoom)) * draws[1]).exp()
    cos, sin = growth * angle.cos(), growth * angle.sin()
    return flip_x * cos, flip_x * (cos * slope - sin), flip_y * sin, flip_y * (sin * slope + cos)


@cache
def _factors() -> tuple[str, ...]:
    """The settings that are factors of the matrix."""
    kinds = annotations(Policy, Geometry)
    steps = annotations(Policy, Step).items()
    return tuple(name for name, step in steps if step.stage == "geometry" and kinds.get(name) != Geometry("no factor"))


def _warps(policy: Policy) -> bool:
    """Whether a factor needs interpolation."""
    return any(policy.is_on(name) for name in _factors() if name not in annotations(Policy, Geometry))


def _shift(policy: Policy, draws: Tensor, side: int) -> Tensor:
    """Pixels: B in [0, 1) -> B within shift * side either way, whole where nothing else needs interpolation."""
    if _warps(policy) or policy.crop < 1:
        return policy.shift * side * signed(draws)
    reach = round(policy.shift * side)
    return ((2 * reach + 1) * draws).floor() - reach


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


def signed(draws: Tensor) -> Tensor:
    """[0, 1) -> [-1, 1)."""
    return 2 * draws - 1
