"""The moves of published policies: shear, translation and rotation of uint8 images, with black beyond the border.

Their arithmetic is torchvision's to the bit, down to the order of the sums: a shear by a fifth of a pixel a row meets
pixels halfway between two others, and rounding decides which of them it takes.
"""

from typing import Literal

import torch
from torch import Tensor
from torch.nn.functional import grid_sample

from striate.views.geometry import invert
from striate.views.levels import cut_off

__all__ = ["MOVES", "Interpolation", "back_matrices", "geometry_of", "move_images"]

MOVES = ("ShearX", "ShearY", "TranslateX", "TranslateY", "Rotate")
Interpolation = Literal["nearest", "bilinear"]


def back_matrices(moves: Tensor, strengths: Tensor, size: tuple[int, int]) -> Tensor:
    """Where each pixel comes from, measured from the center: B 2 3 float64.

    `moves` B int64 are positions in MOVES, `strengths` B float64: the tangent of a shear about the upper left corner,
    whole pixels of a translation to the right or down, degrees of a rotation anticlockwise.
    """
    height, width = size
    back = torch.eye(2, 3, dtype=torch.float64).repeat(len(moves), 1, 1)
    x_shear, y_shear, x_shift, y_shift, turn = (strengths * (moves == move) for move in range(len(MOVES)))
    turn = turn.deg2rad()
    back[:, 0, 0] = back[:, 1, 1] = turn.cos()
    back[:, 0, 1] = x_shear - turn.sin()
    back[:, 1, 0] = y_shear + turn.sin()
    back[:, 0, 2] = x_shear * height / 2 - x_shift.trunc()
    back[:, 1, 2] = y_shear * width / 2 - y_shift.trunc()
    return back


def geometry_of(back: Tensor, size: tuple[int, int]) -> Tensor:
    """The same move as a `geometry`, from pixels to pixels, corners at 0 and W: B 2 3 -> B 3 3 float32."""
    center = back.new_tensor([size[1] / 2, size[0] / 2])
    shift = back[:, :, 2] + center - (back[:, :, :2] * center).sum(2)
    rows = torch.cat([back[:, :, :2], shift[:, :, None]], 2)
    last = back.new_tensor([[[0.0, 0.0, 1.0]]]).expand(len(back), -1, -1)
    return invert(torch.cat([rows, last], 1)).float()


def move_images(images: Tensor, back: Tensor, interpolation: Interpolation) -> Tensor:
    """B C h w uint8, B 2 3 -> B C h w uint8."""
    height, width = images.shape[-2:]
    half = torch.tensor([0.5 * width, 0.5 * height])
    back = (back.float() / half[:, None]).to(images.device)
    x = torch.linspace((1.0 - width) * 0.5, (width - 1.0) * 0.5, width, device=images.device)
    y = torch.linspace((1.0 - height) * 0.5, (height - 1.0) * 0.5, height, device=images.device)
    across, down = back[:, :, 0, None] * x, back[:, :, 1, None] * y  # B 2 w, B 2 h
    grid = (across[:, :, None, :] + down[:, :, :, None]).add_(back[:, :, 2, None, None])  # B 2 h w
    values = images.to(torch.float32, memory_format=torch.contiguous_format)
    moved = grid_sample(values, grid.permute(0, 2, 3, 1), mode=interpolation, padding_mode="zeros", align_corners=False)
    return cut_off(moved.round_())
