"""The arithmetic of `geometry` matrices: composition, inverse, moving points. They are homographies, most of them affine.

A point (x, y) becomes (x', y', w) by the matrix and is then divided by w. What has no positive w lies on the horizon or
behind the eye: it is sent far outside, and never to a NaN.

Elementwise only. A matrix product of float32 may be rounded to 8 or 11 bits by autocast or by TF32, which is half a
pixel in 224; numbers that are multiplied and added one by one never are.
"""

from typing import Final

import torch
from torch import Tensor

__all__ = ["compose", "determinant", "divide", "invert", "is_affine", "move"]

HORIZON: Final = 1e-6  # the least w in front of the eye, where an affine geometry has 1
FAR: Final = 1e6  # pixels


def compose(second: Tensor, first: Tensor) -> Tensor:
    """`first`, then `second`: B N N and B N N (either B may be 1) -> B N N."""
    return (second[..., :, :, None] * first[..., None, :, :]).sum(-2)


def invert(geometry: Tensor) -> Tensor:
    """The way back: B 3 3 -> B 3 3, by cross products of the rows. Raises ValueError where there is none."""
    cofactors = _cofactors(geometry)
    # the determinant along the last row: for an affine geometry exactly that of its linear part, so 0 0 1 stays 0 0 1
    back = cofactors.mT / (cofactors[:, 2] * geometry[:, 2]).sum(1)[:, None, None]
    if not back.isfinite().all():
        raise ValueError("a geometry that flattens the image, or is not finite, has no inverse")
    return back


def determinant(geometry: Tensor) -> Tensor:
    """B 3 3 -> B, below 0 where the view mirrors the image."""
    return (_cofactors(geometry)[:, 2] * geometry[:, 2]).sum(1)


def is_affine(geometry: Tensor) -> bool:
    """Whether the last row of each of B 3 3 is 0 0 1."""
    return bool((geometry[:, 2] == geometry.new_tensor([0.0, 0.0, 1.0])).all())


def move(points: Tensor, geometry: Tensor) -> Tensor:
    """Points B N 2 (x, y) sent through `geometry` B 3 3 -> B N 2 float32."""
    x, y = points.to(torch.float32)[..., None].unbind(-2)  # B N 1
    rows = (
        geometry[:, :2] if geometry.device.type == "cpu" and is_affine(geometry) else geometry
    )  # a GPU would have to be waited for
    sent = rows[:, None, :, 0] * x + rows[:, None, :, 1] * y + rows[:, None, :, 2]  # B N 3, or B N 2
    return sent if sent.shape[2] == 2 else divide(sent[..., :2], sent[..., 2:])


def divide(sent: Tensor, w: Tensor) -> Tensor:
    """(x', y') and w, which broadcast -> (x, y); far outside, on the side they tend to, where w is not positive."""
    return torch.where(w > HORIZON, sent / w.clamp(min=HORIZON), torch.full_like(sent, FAR).copysign(sent))


def _cofactors(geometry: Tensor) -> Tensor:
    return torch.linalg.cross(geometry.roll(-1, dims=1), geometry.roll(-2, dims=1))
