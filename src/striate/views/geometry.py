"""Geometry as 3x3 matrices: composition, inverse, moved points, center crop, perspective. Most are affine.

A point (x, y) becomes (x', y', w) by the matrix and is then divided by w. What has no positive w lies on the horizon or
behind the camera: it is sent far outside, and never to a NaN.

Elementwise only. A matrix product of float32 may be rounded to 8 or 11 bits by autocast or by TF32, which is half a
pixel in 224; numbers that are multiplied and added one by one never are.
"""

from typing import Final

import torch
from torch import Tensor

__all__ = [
    "center_box",
    "center_geometry",
    "compose",
    "determinant",
    "divide",
    "from_corners",
    "invert",
    "is_affine",
    "move",
    "start_geometry",
]

HORIZON: Final = 1e-6  # the least w in front of the camera, where an affine geometry has 1
FAR: Final = 1e6  # pixels
CORNERS: Final = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0))  # x, y: round the frame from the top left


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


def center_geometry(image_size: tuple[int, int], size: tuple[int, int]) -> Tensor:
    """1 3 3: the center box fills the frame."""
    left, top = center_box(image_size, size)[0, :2].tolist()
    return start_geometry((left, top))


def start_geometry(start: tuple[float, float]) -> Tensor:
    """1 3 3: the frame begins at a left and a top."""
    geometry = torch.eye(3)
    geometry[:2, 2] = -torch.tensor(start)
    return geometry[None]


def center_box(image_size: tuple[int, int], size: tuple[int, int]) -> Tensor:
    """1 4 (x1, y1, x2, y2) in whole pixels; of an odd margin the greater part is right and below."""
    left, top = (image_size[1] - size[1]) // 2, (image_size[0] - size[0]) // 2
    return torch.tensor([[left, top, left + size[1], top + size[0]]], dtype=torch.float32)


def from_corners(displacements: Tensor, size: tuple[int, int]) -> Tensor:
    """How far each corner moves, B 4 2 (x, y in pixels; top left, top right, bottom right, bottom left) -> B 3 3 float32.

    The matrix maps the frame of `size` (height, width) onto the new corners: what `View.then` takes. It is solved on the
    CPU in float64. Raises ValueError where the moved corners are no convex quadrilateral.
    Source: Hartley and Zisserman, "Multiple View Geometry", 2nd edition, section 4.1.
    """
    moved = displacements.to("cpu", torch.float64)
    start = torch.tensor(CORNERS, dtype=torch.float64) * torch.tensor([size[1], size[0]], dtype=torch.float64)
    end = start + moved  # B 4 2
    side = end.roll(-1, dims=1) - end
    cross = (
        side[..., 0] * side.roll(-1, dims=1)[..., 1] - side[..., 1] * side.roll(-1, dims=1)[..., 0]
    )  # at each corner
    if not (cross > 0).all():
        raise ValueError("the moved corners cross or form a concave shape, which no perspective gives; move them less")

    x, y = start.unbind(1)  # 4
    one, zero = torch.ones_like(x), torch.zeros_like(x)
    linear = torch.stack(  # two equations a corner: those of x, those of y; 4 2 6
        [
            torch.stack([x, y, one, zero, zero, zero], 1),
            torch.stack([zero, zero, zero, x, y, one], 1),
        ],
        1,
    )
    tilt = -end[..., None] * start[:, None]  # B 4 2 2: x' x, x' y; y' x, y' y
    equations = torch.cat([linear.expand(len(end), -1, -1, -1), tilt], 3).flatten(1, 2)  # B 8 8
    solved = torch.linalg.solve(equations, end.flatten(1))
    rows = torch.cat([solved, torch.ones_like(solved[:, :1])], 1)
    return rows.view(-1, 3, 3).to(displacements.device, torch.float32)


def _cofactors(geometry: Tensor) -> Tensor:
    return torch.linalg.cross(geometry.roll(-1, dims=1), geometry.roll(-2, dims=1))
