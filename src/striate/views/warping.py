"""The other path: one bilinear warp, after a box reduce by whole factors where the view shrinks a picture below half.

A picture is a function on [0, W] x [0, H] and black beyond: to its border it keeps the colour of its outermost pixels,
as in a resize, and there it falls to black within about one network pixel.
"""

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, grid_sample

from striate.views.geometry import invert

__all__ = ["warp_pictures"]

ROUNDING = 1e-3  # pixels: a frame that ends on the border may, rounded, end a little beyond it
MAGNIFIED = 0.8  # picture pixels to a network pixel: above it, the blend of plain sampling is narrow enough


def warp_pictures(pictures: Tensor, place: Tensor, size: tuple[int, int]) -> Tensor:
    """Resample: B C H W uint8 or float, B 3 3 (or 1 for all) -> B C h w float32, 0..1 from uint8; outside is 0.

    Raises ValueError for a `place` that is not affine or has no inverse.
    """
    if (place[:, 2] != place.new_tensor([0.0, 0.0, 1.0])).any():
        raise ValueError("a warp takes affine places, whose last row is 0 0 1")
    back = invert(place)[:, :2]  # B 2 3: network pixels -> picture pixels
    linear = back[:, :, :2]
    step = linear.square().sum(2).sqrt()  # B 2: picture pixels along x and y from one network pixel to the next
    canvas = place.new_tensor([pictures.shape[-1], pictures.shape[-2]])
    factor = (step + ROUNDING).floor().clamp(min=1).minimum(canvas)
    rim = _needs_rim(back, step, size, canvas)
    if (factor == 1).all():
        return _bilinear(pictures, back, step, rim, size, (1, 1))

    # Samples are grouped by factor, so that what one sees does not depend on its company.
    images = pictures.new_empty((len(pictures), pictures.shape[1], *size), dtype=torch.float32)
    for x, y in torch.unique(factor.long(), dim=0).tolist():
        if len(place) == 1:
            return _bilinear(pictures, back, step, rim, size, (x, y))
        chosen = (factor == factor.new_tensor([x, y])).all(1).nonzero()[:, 0]
        here = chosen.to(pictures.device)
        images[here] = _bilinear(pictures[here], back[chosen], step[chosen], rim[chosen], size, (x, y))
    return images


def _needs_rim(back: Tensor, step: Tensor, size: tuple[int, int], canvas: Tensor) -> Tensor:
    """Which samples B look past the centres of the outermost pixels, and would see them blend into black too early."""
    half = canvas.new_tensor([size[1] / 2, size[0] / 2])
    linear = back[:, :, :2]
    centre = (linear * half).sum(2) + back[:, :, 2] - canvas / 2  # B 2: of the frame, from the centre of the picture
    reach = (linear.abs() * half).sum(2)  # to the ends of the frame
    room = canvas / 2 - centre.abs()
    inside = (reach <= room + ROUNDING).all(1)
    past = (reach - linear.abs().sum(2) / 2 > room - 0.5).any(1)
    return past & (inside | (step < MAGNIFIED).any(1))


def _bilinear(
    pictures: Tensor, back: Tensor, step: Tensor, rim: Tensor, size: tuple[int, int], factor: tuple[int, int]
) -> Tensor:
    values = pictures.to(torch.float32, memory_format=torch.contiguous_format)
    if pictures.dtype == torch.uint8:
        values = values.mul_(1 / 255)
    if factor != (1, 1):
        values = avg_pool2d(values, (factor[1], factor[0]), ceil_mode=True)
    height, width = values.shape[-2:]
    unit = back.new_tensor([2 / (width * factor[0]), 2 / (height * factor[1])])  # of a picture pixel, on the grid
    grid = _grid((back * unit[:, None]).to(values.device), size)
    chosen = rim.nonzero()[:, 0]
    if len(chosen):
        here = chosen.to(values.device)
        pixel = back.new_tensor([2 / width, 2 / height]).to(values.device)
        grid.index_copy_(0, here, _to_the_border(grid[here], pixel, (step * unit)[chosen].to(values.device)))
    grid = grid.permute(0, 2, 3, 1).expand(len(values), -1, -1, -1)
    return grid_sample(values, grid, mode="bilinear", padding_mode="zeros", align_corners=False)


def _grid(back: Tensor, size: tuple[int, int]) -> Tensor:
    """Where the centre of each network pixel lies on the picture, which spans -1..1: B 2 3 -> B 2 h w (x, y)."""
    u = torch.arange(size[1], device=back.device) + 0.5
    v = torch.arange(size[0], device=back.device) + 0.5
    across = back[:, :, 0, None] * u
    down = back[:, :, 1, None] * v + (back[:, :, 2, None] - 1)
    return across[:, :, None, :] + down[:, :, :, None]


def _to_the_border(grid: Tensor, pixel: Tensor, step: Tensor) -> Tensor:
    """Move a grid B 2 h w so that sampling keeps the outermost pixels up to the border and leaves them within a step.

    `pixel` 2 and `step` B 2 are a picture pixel and a network pixel in the grid's units. Sampling blends into black
    from the outermost centre on, over one picture pixel: a grid that is held there and let go at the border, faster,
    does so over one network pixel.
    """
    pixel, step = pixel[:, None, None], step[:, :, None, None]
    beyond = ((grid.abs() - 1) / step + 0.5).relu() * pixel
    return grid.maximum(pixel / 2 - 1).minimum(1 - pixel / 2) + grid.sign() * beyond
