"""Boxes that move with an image: the outline of each is moved, and an upright box is drawn round it.

A box becomes larger by this wherever the view is turned: by 1.4 at 10 degrees, for a box twice as wide as high.
"""

from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor

__all__ = ["MovedBoxes", "clip", "keep_visible", "outline", "upright"]


@final
@dataclass(frozen=True, eq=False)
class MovedBoxes:
    """Boxes as the network sees them. Of those that were valid, each is either kept or dropped."""

    boxes: Tensor  # B N 4 float32 (x1, y1, x2, y2) in network pixels, within the frame; 0 where not kept
    kept: Tensor  # B N bool
    dropped: Tensor  # B N bool: too little was left within the frame


def outline(boxes: Tensor, steps: int) -> Tensor:
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
    seen = (after >= 1).all(-1) & (after.prod(-1) >= least * before.prod(-1))
    return MovedBoxes(clipped.where((valid & seen)[..., None], 0), valid & seen, valid & ~seen)
