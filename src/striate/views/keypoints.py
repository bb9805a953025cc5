"""Keypoints that mean a side: in a mirrored image the left hand is a right one."""

from collections.abc import Sequence

import torch
from torch import Tensor

__all__ = ["hide_outside", "swap_sides"]


def swap_sides(
    points: Tensor, visible: Tensor, mirrored: Tensor, pairs: Sequence[tuple[int, int]]
) -> tuple[Tensor, Tensor]:
    """Exchange the `pairs` of B N P 2 and B N P in the samples that are `mirrored`, B bool."""
    order = list(range(points.shape[2]))
    for left, right in pairs:
        order[left], order[right] = order[right], order[left]
    mirrored = mirrored.to(points.device)[:, None, None]
    swapped, seen = points[:, :, order], visible[:, :, order]
    return torch.where(mirrored[..., None], swapped, points), torch.where(mirrored, seen, visible)


def hide_outside(points: Tensor, visible: Tensor, size: tuple[int, int]) -> Tensor:
    """`visible` B N P, bool or COCO's 0, 1, 2 -> the same dtype, 0 where a point of B N P 2 is not within the frame."""
    inside = (points >= 0) & (points <= points.new_tensor([size[1], size[0]]))
    return visible.where(inside.all(-1), 0)
