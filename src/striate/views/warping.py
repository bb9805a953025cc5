"""Warping: one bilinear sampling, after a box reduce by whole factors where the view shrinks an image below half.

An image is a function on [0, W] x [0, H]: to its border it keeps the color of its outermost pixels, as in a resize.
Beyond, it falls to black within about one network pixel, or is extended by its nearest pixel or its mirror image.
"""

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, grid_sample

from striate.views.chunks import chunks
from striate.views.displacement import displacement_field, undo_displacement
from striate.views.geometry import divide, invert, is_affine, move
from striate.views.settings import Border

__all__ = ["pick_classes", "warp_back", "warp_images"]

ROUNDING = 1e-3  # pixels: a frame that ends on the border may, rounded, end a little beyond it
MAGNIFIED = 0.8  # image pixels to a network pixel: above it, the blend of plain sampling is narrow enough


def warp_images(
    images: Tensor,
    geometry: Tensor,
    size: tuple[int, int],
    border: Border = "black",
    displacement: Tensor | None = None,
    out: Tensor | None = None,
) -> Tensor:
    """Resample: B C H W uint8 or float, B 3 3 (or 1 for all), B 2 gh gw -> B C h w float32, 0..1 from uint8.

    It is written to `out`, unless gradients flow through it. Raises ValueError for a `geometry` that has no inverse.
    """
    if displacement is not None:
        geometry = geometry.expand(max(len(geometry), len(displacement)), -1, -1)
    back = invert(geometry)
    step = _steps(back, size)
    edge = _needs_edge(back, step, size, images.shape[-2:])
    if out is None or images.requires_grad:
        out = images.new_empty((len(images), *size, images.shape[1]), dtype=torch.float32).permute(0, 3, 1, 2)
    for chunk in chunks(out):
        here = chunk if len(back) > 1 else slice(None)
        field = displacement if displacement is None or len(displacement) == 1 else displacement[chunk]
        coordinates = _coordinates(back[here], size, field, images.device)
        out[chunk] = _sample(images[chunk], coordinates, step[here], edge[here], border)
    return out


def warp_back(
    maps: Tensor, geometry: Tensor, size: tuple[int, int], image_size: tuple[int, int], displacement: Tensor
) -> Tensor:
    """Lay what a displaced frame of `size` holds, B C h w, on an image of (height, width): B C H W float32, outside is 0."""
    geometry = geometry.expand(max(len(geometry), len(displacement)), -1, -1)
    scale = geometry.new_tensor([maps.shape[-1] / size[1], maps.shape[-2] / size[0]])
    points = _coordinates(geometry, image_size, None, maps.device).flatten(2).mT  # B H*W 2
    points = undo_displacement(points, displacement.to(maps.device), size)
    step = _steps(geometry, image_size) * scale
    coordinates = points.mT.unflatten(2, image_size) * scale.to(maps.device)[:, None, None]
    return _sample(maps, coordinates, step, torch.ones_like(step[:, 0], dtype=torch.bool), "black")


def pick_classes(
    masks: Tensor, geometry: Tensor, size: tuple[int, int], outside: int, displacement: Tensor | None = None
) -> Tensor:
    """The nearest class: B H W int64, B 3 3 (or 1 for all) -> B h w int64."""
    height, width = masks.shape[1:]
    x, y = (
        _coordinates(invert(geometry), size, displacement, masks.device)
        .floor()
        .expand(len(masks), -1, -1, -1)
        .unbind(1)
    )
    inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)
    pixel = (y * inside).long() * width + (x * inside).long()
    return masks.flatten(1).gather(1, pixel.flatten(1)).view(pixel.shape).where(inside, outside)


def _steps(back: Tensor, size: tuple[int, int]) -> Tensor:
    """Image pixels along x and y from one network pixel to the next: B 2, the median of the corners and the center."""
    if is_affine(back):  # everywhere the same
        return back[:, :2, :2].square().sum(2).sqrt()
    x, y = size[1] / 2, size[0] / 2
    points = back.new_tensor([[0, 0], [2 * x, 0], [x, y], [0, 2 * y], [2 * x, 2 * y]])[None]  # 1 5 2
    w = (back[:, None, 2, :2] * points).sum(2) + back[:, None, 2, 2]
    jacobian = back[:, None, :2, :2] - move(points, back)[..., None] * back[:, None, 2:, :2]
    jacobian = divide(jacobian, w[..., None, None])  # B 5 2 2
    return jacobian.square().sum(3).sqrt().median(1).values


def _needs_edge(back: Tensor, step: Tensor, size: tuple[int, int], image_size: torch.Size) -> Tensor:
    """Which samples B reach past the centers of the outermost pixels, where plain sampling blends into black too early."""
    height, width = size
    canvas = back.new_tensor([image_size[1], image_size[0]])
    ends = back.new_tensor([[[0, 0], [width, 0], [0, height], [width, height]]])
    low, high = move(ends, back).aminmax(dim=1)  # B 2: where the frame ends
    inside = ((low >= -ROUNDING) & (high <= canvas + ROUNDING)).all(1)
    centers = ends.clamp(min=0.5).minimum(ends.amax(1, keepdim=True) - 0.5)
    low, high = move(centers, back).aminmax(dim=1)  # where its outermost pixels lie on the image
    past = ((low < 0.5) | (high > canvas - 0.5)).any(1)
    return past & (inside | (step < MAGNIFIED).any(1))


def _coordinates(back: Tensor, size: tuple[int, int], displacement: Tensor | None, device: torch.device) -> Tensor:
    """Where the center of each network pixel lies on the image: B 3 3 -> B 2 h w (x, y) in image pixels."""
    rows = back[:, :2] if is_affine(back) else back
    rows = rows.to(device)
    u = torch.arange(size[1], device=device) + 0.5
    v = torch.arange(size[0], device=device)[:, None] + 0.5
    if displacement is not None:
        across, down = displacement_field(displacement.to(device), size)[:, :, None].unbind(1)  # B 1 h w
        u, v = u + across, v + down
    sent = rows[:, :, 0, None, None] * u + (rows[:, :, 1, None, None] * v + rows[:, :, 2, None, None])
    return sent if rows.shape[1] == 2 else divide(sent[:, :2], sent[:, 2:])


def _sample(images: Tensor, coordinates: Tensor, step: Tensor, edge: Tensor, border: Border) -> Tensor:
    """B C H W at B 2 h w (or 1 for all). Grouped by factor, so that a sample does not depend on the others of its batch."""
    canvas = step.new_tensor([images.shape[-1], images.shape[-2]])
    factor = (step + ROUNDING).floor().clamp(min=1).minimum(canvas)
    groups = [[1, 1]] if (factor == 1).all() else torch.unique(factor.long(), dim=0).tolist()
    if len(groups) == 1:
        return _bilinear(images, coordinates, step, edge, groups[0], border)
    sampled = images.new_empty((len(images), images.shape[1], *coordinates.shape[2:]), dtype=torch.float32)
    for group in groups:
        chosen = (factor == factor.new_tensor(group)).all(1).nonzero()[:, 0]
        here = chosen.to(images.device)
        sampled[here] = _bilinear(images[here], coordinates[here], step[chosen], edge[chosen], group, border)
    return sampled


def _bilinear(
    images: Tensor, coordinates: Tensor, step: Tensor, edge: Tensor, factor: list[int], border: Border
) -> Tensor:
    values = images.to(torch.float32)  # channels stay last: sampling takes either, and to move them takes longer
    if images.dtype == torch.uint8:
        values = values.mul_(1 / 255)
    canvas = step.new_tensor([images.shape[-1], images.shape[-2]])
    if factor != [1, 1]:
        values = avg_pool2d(values, (factor[1], factor[0]), ceil_mode=True)
    # on the grid, the reduced image spans -1..1; its last box may reach beyond the border
    unit = 2 / (step.new_tensor([values.shape[-1], values.shape[-2]]) * step.new_tensor(factor))
    if border == "reflect":
        coordinates = _reflect(coordinates, canvas)
    grid = coordinates * unit.to(values.device)[:, None, None] - 1
    chosen = edge.nonzero()[:, 0]
    if len(chosen):
        here = chosen.to(values.device)
        pixel = step.new_tensor(factor) * unit
        grid[here] = _to_the_border(grid[here], pixel.to(values.device), (step * unit)[chosen].to(values.device))
    grid = grid.permute(0, 2, 3, 1).expand(len(values), -1, -1, -1)
    beyond = "zeros" if border == "black" else "border"
    return grid_sample(values, grid, mode="bilinear", padding_mode=beyond, align_corners=False)


def _reflect(coordinates: Tensor, canvas: Tensor) -> Tensor:
    """Fold B 2 h w at the image's borders, so that it is extended by its own mirror image."""
    canvas = canvas.to(coordinates.device)[:, None, None]
    return canvas - (coordinates.remainder(2 * canvas) - canvas).abs()


def _to_the_border(grid: Tensor, pixel: Tensor, step: Tensor) -> Tensor:
    """Move a grid B 2 h w so that sampling keeps the outermost pixels up to the border and leaves them within a step.

    `pixel` 2 and `step` B 2 are an image pixel and a network pixel in the grid's units. Sampling blends into black
    from the outermost center on, over one image pixel: a grid that is held there and let go at the border, faster,
    does so over one network pixel.
    """
    pixel, step = pixel[:, None, None], step[:, :, None, None]
    beyond = ((grid.abs() - 1) / step + 0.5).relu() * pixel
    return grid.maximum(pixel / 2 - 1).minimum(1 - pixel / 2) + grid.sign() * beyond
