"""Boxes and keypoints that move with an image. Of a box the outline is moved and enclosed by an upright box again.

A box becomes larger by this wherever the view is rotated: by 1.4 at 10 degrees, for a box twice as wide as high.
Keypoints may mean a side: in a mirrored image the left hand is a right one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor

__all__ = ["MovedBoxes", "box_borders", "clip", "hide_outside", "keep_visible", "swap_sides", "upright"]


@final
@dataclass(frozen=True, eq=False)
class MovedBoxes:
    """Boxes in the network's input. Of those that were valid, each is either kept or dropped."""

    boxes: Tensor  # B N 4 float32 (x1, y1, x2, y2) in network pixels, within the frame; 0 where not kept
    kept: Tensor  # B N bool
    dropped: Tensor  # B N bool: too little was left within the frame


def box_borders(boxes: Tensor, steps: int) -> Tensor:
    """Points round each box, `steps` to a side: B N 4 -> B N*4*steps 2."""
    x1, y1, x2, y2 = boxes.to(torch.float32)[..., None].unbind(-2)  # B N 1
    along = torch.arange(steps, device=boxes.device) / steps
    rise, fall, low, high = along, 1 - along, torch.zeros_like(along), torch.ones_like(along)
    right, down = torch.cat([rise, high, fall, low]), torch.cat([low, rise, high, fall])
    # lerp and not a sum: its ends are exact
    x, y = torch.lerp(x1, x2, right), torch.lerp(y1, y2, down)  # B N 4*steps
    return torch.stack([x, y], -1).flatten(1, 2)


def upright(points: Tensor, steps: int) -> Tensor:
    """The smallest box round each outline of `steps` to a side: B N*4*steps 2 -> B N 4."""
    low, high = points.unflatten(1, (-1, 4 * steps)).aminmax(dim=2)
    return torch.cat([low, high], -1)


def clip(boxes: Tensor, size: tuple[int, int]) -> Tensor:
    """B N 4 -> the same within a frame of (height, width)."""
    height, width = size
    return boxes.clamp(min=0).minimum(boxes.new_tensor([width, height, width, height]))


def keep_visible(moved: Tensor, valid: Tensor, size: tuple[int, int], least: float) -> MovedBoxes:
    """Clip B N 4 to the frame; what keeps less than `least` of its area, or a side under a pixel, is dropped."""
    clipped = clip(moved, size)
    before, after = moved[..., 2:] - moved[..., :2], clipped[..., 2:] - clipped[..., :2]
    visible = (after >= 1).all(-1) & (after.prod(-1) >= least * before.prod(-1))
    return MovedBoxes(clipped.where((valid & visible)[..., None], 0), valid & visible, valid & ~visible)


def swap_sides(
    points: Tensor, visible: Tensor, mirrored: Tensor, pairs: Sequence[tuple[int, int]]
) -> tuple[Tensor, Tensor]:
    """Exchange the `pairs` of B N P 2 and B N P in the samples that are `mirrored`, B bool."""
    order = list(range(points.shape[2]))
    for left, right in pairs:
        order[left], order[right] = order[right], order[left]
    mirrored = mirrored.to(points.device)[:, None, None]
    swapped, swapped_visible = points[:, :, order], visible[:, :, order]
    return torch.where(mirrored[..., None], swapped, points), torch.where(mirrored, swapped_visible, visible)


def hide_outside(points: Tensor, visible: Tensor, size: tuple[int, int]) -> Tensor:
    """`visible` B N P, bool or COCO's 0, 1, 2 -> the same dtype, 0 where a point of B N P 2 is not within the frame."""
    inside = (points >= 0) & (points <= points.new_tensor([size[1], size[0]]))
    return visible.where(inside.all(-1), 0)
