"""The arithmetic of `place` matrices: composition, inverse, moving points.

Elementwise only. A matrix product of float32 may be rounded to 8 or 11 bits by autocast or by TF32, which is half a
pixel in 224; numbers that are multiplied and added one by one never are.
"""

import torch
from torch import Tensor

__all__ = ["compose", "invert", "move"]


def compose(second: Tensor, first: Tensor) -> Tensor:
    """`first`, then `second`: B N N and B N N (either B may be 1) -> B N N."""
    return (second[..., :, :, None] * first[..., None, :, :]).sum(-2)


def invert(place: Tensor) -> Tensor:
    """The way back: B 3 3 -> B 3 3, by cross products of the rows. Raises ValueError where there is none."""
    cofactors = torch.linalg.cross(place.roll(-1, dims=1), place.roll(-2, dims=1))
    back = (
        cofactors.mT / cofactors[:, 2:, 2:]
    )  # over the determinant of the linear part: an affine last row stays 0 0 1
    if not back.isfinite().all():
        raise ValueError("a place that flattens the picture, or is not finite, has no inverse")
    return back


def move(points: Tensor, place: Tensor) -> Tensor:
    """Points B N 2 (x, y) sent through `place` B 3 3 -> B N 2 float32."""
    x, y = points.to(torch.float32)[..., None].unbind(-2)  # B N 1
    return place[:, None, :2, 0] * x + place[:, None, :2, 1] * y + place[:, None, :2, 2]
