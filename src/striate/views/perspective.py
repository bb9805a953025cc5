"""Perspective: the four corners of a frame are moved, and a homography moves all that lies between."""

import torch
from torch import Tensor

__all__ = ["from_corners"]

CORNERS = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0))  # x, y: round the frame from the top left


def from_corners(displacements: Tensor, size: tuple[int, int]) -> Tensor:
    """How far each corner moves, B 4 2 (x, y in pixels; top left, top right, bottom right, bottom left) -> B 3 3 float32.

    The matrix maps the frame of `size` (height, width) onto the new corners: what `View.then` takes. It is solved on the
    CPU in float64. Raises ValueError where the corners no longer span a quadrilateral without a dent.
    Source: Hartley and Zisserman, "Multiple View Geometry", 2nd edition, section 4.1.
    """
    moved = displacements.to("cpu", torch.float64)
    start = torch.tensor(CORNERS, dtype=torch.float64) * torch.tensor([size[1], size[0]], dtype=torch.float64)
    end = start + moved  # B 4 2
    side = end.roll(-1, dims=1) - end
    turn = side[..., 0] * side.roll(-1, dims=1)[..., 1] - side[..., 1] * side.roll(-1, dims=1)[..., 0]  # at each corner
    if not (turn > 0).all():
        raise ValueError("corners that are pulled past one another span no image: displace them less")

    x, y = start.unbind(1)  # 4
    one, nothing = torch.ones_like(x), torch.zeros_like(x)
    linear = torch.stack(  # two equations a corner: those of x, those of y; 4 2 6
        [
            torch.stack([x, y, one, nothing, nothing, nothing], 1),
            torch.stack([nothing, nothing, nothing, x, y, one], 1),
        ],
        1,
    )
    tilt = -end[..., None] * start[:, None]  # B 4 2 2: x' x, x' y; y' x, y' y
    equations = torch.cat([linear.expand(len(end), -1, -1, -1), tilt], 3).flatten(1, 2)  # B 8 8
    solved = torch.linalg.solve(equations, end.flatten(1))
    rows = torch.cat([solved, torch.ones_like(solved[:, :1])], 1)
    return rows.view(-1, 3, 3).to(displacements.device, torch.float32)
