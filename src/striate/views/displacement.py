"""Elastic distortion: a smooth field of displacements after `geometry`, so that strokes and tissue bend as if on rubber.

A `displacement` is B 2 gh gw: displacements (x, y) in network pixels at the centers of a gh x gw grid over the frame,
bilinear between them and constant beyond. The network pixel u shows what would be at u + d(u) without it. Where the
displacements of two points differ by less than the points are apart, nothing folds, and the way from u + d(u) back to u
is a fixed point.
Source: Simard, Steinkraus, Platt, "Best Practices for Convolutional Neural Networks", ICDAR 2003.
"""

from typing import Final

import torch
from torch import Tensor
from torch.nn.functional import grid_sample, interpolate, pad

__all__ = ["displace", "displacement_field", "random_displacement", "steepness", "undo_displacement"]

STEEPEST: Final = 0.5  # of a random displacement; each step of the fixed point halves the error
STEPS: Final = 30
SMOOTHED: Final = (1 / 3) ** 0.5 * 3 / 8  # std of uniform noise in -1..1, and of its sums by 1 2 1 / 4
FINER: Final = 4  # times as fine a grid as that of the noise, which is enough for no crease to show


def displacement_field(displacement: Tensor, size: tuple[int, int]) -> Tensor:
    """The displacement of each network pixel: B 2 gh gw -> B 2 h w."""
    return interpolate(displacement, size, mode="bilinear")


def displace(points: Tensor, displacement: Tensor, size: tuple[int, int]) -> Tensor:
    """u -> u + d(u): B N 2 (x, y in network pixels) -> B N 2 float32."""
    points = points.to(torch.float32)
    frame = points.new_tensor([size[1], size[0]])
    grid = (2 / frame * points - 1)[:, None]  # B 1 N 2
    moved = grid_sample(displacement.expand(len(points), -1, -1, -1), grid, padding_mode="border", align_corners=False)
    return points + moved[:, :, 0].mT


def undo_displacement(points: Tensor, displacement: Tensor, size: tuple[int, int]) -> Tensor:
    """u + d(u) -> u: B N 2 -> B N 2 float32. Raises ValueError where the displacement folds and there are several."""
    goal = points.to(torch.float32)
    found = goal
    for _ in range(STEPS):
        found = found + (goal - displace(found, displacement, size))
    # what is far away is rounded by more than a hundredth of a pixel, and nothing is shown there
    off = (displace(found, displacement, size) - goal).abs() - 1e-6 * goal.abs()
    if (off > 0.01).any():
        raise ValueError("a displacement that folds the image has no way back: make it weaker or smoother")
    return found


def steepness(displacement: Tensor, size: tuple[int, int]) -> Tensor:
    """The most by which a step of one pixel changes a displacement: B. Nothing folds below 1."""
    # between four centers, a slope lies between those of two opposite sides
    across = displacement.diff(dim=3, prepend=displacement[..., :1]).abs() * (displacement.shape[3] / size[1])
    down = displacement.diff(dim=2, prepend=displacement[..., :1, :]).abs() * (displacement.shape[2] / size[0])
    return (across.amax((2, 3)) + down.amax((2, 3))).amax(1)


def random_displacement(draws: Tensor, size: tuple[int, int], strength: float) -> Tensor:
    """`draws` 2 * g * g B in [0, 1) -> B 2 4g 4g for a frame of `size`, g being 2 or more.

    Noise is smoothed over neighbors in a g x g grid; `strength` is its std in network pixels.
    Where a field would be steeper than STEEPEST, it is made weaker as a whole, so that nothing ever folds.
    """
    count = round((len(draws) / 2) ** 0.5)
    if 2 * count * count != len(draws) or count < 2:
        raise ValueError(f"a displacement takes 2 * g * g draws, not {len(draws)}")
    noise = (2 * draws - 1).mT.reshape(-1, 2, count, count)
    smooth = _smooth(_smooth(pad(noise, (1, 1, 1, 1), mode="replicate")))
    displacement = interpolate(smooth * (strength / SMOOTHED), scale_factor=FINER, mode="bicubic")
    return displacement * (STEEPEST / steepness(displacement, size).clamp(min=STEEPEST))[:, None, None, None]


def _smooth(field: Tensor) -> Tensor:
    """The mean of each four neighbors: B 2 g g -> B 2 g-1 g-1. Additions only, which autocast leaves alone."""
    field = (field[..., 1:] + field[..., :-1]) / 2
    return (field[..., 1:, :] + field[..., :-1, :]) / 2
