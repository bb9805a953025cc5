"""Whether two images whose hashes are near are copies of one another, by their pixels.

Two rules, because copies of a photograph share something that no two photographs do: the same noise and texture, at the
same places. Images that are mostly flat, or small, have too little of that.

rich images    one is moved and scaled onto the other (Lucas, Kanade 1981; four numbers, up to a quarter of the side), so
                 that a crop is recognized; then the fine detail of both, at 128 x 128, must correlate by DETAIL
all others       compared as they lie; the images must correlate by 0.996, and their fine detail by 0.985 (the two most
                 alike of all digits of MNIST reach 0.995 and 0.966)

In both, colors must agree once brightness is skipped. On 181 cuttings of 19 photographs DETAIL separates copies (2 % of
them are below 0.80) from different cuttings of the same wall, lawn or street (at most 0.59).
"""

from typing import Final

import torch
import torch.nn.functional as F
from torch import Tensor

__all__ = ["alike", "nearly_equal", "roughly_alike", "same_colors"]

DETAIL: Final = 0.75
STRICT_WHOLE: Final = 0.996
STRICT_DETAIL: Final = 0.985
CLOSE: Final = 0.75  # correlation of the aligned thumbnails, below which a pair is not looked at again
_LIMIT: Final = 0.25  # of the side: the largest move and change of scale
_BLOCKS: Final = 8
_TEXTURE: Final = 1.5  # levels: a block with less fine detail is flat


def roughly_alike(one: Tensor, other: Tensor) -> tuple[Tensor, Tensor]:
    """Thumbnails, B n n of 0 to 255 -> whether a pair may be one image (B bool), and the move that aligns it (B 4)."""
    whole = torch.ones_like(one)
    move = _moved_onto(one, other, torch.zeros(len(one), 4), steps=10, blur=1.0)
    move = _moved_onto(one, other, move, steps=5)
    aligned, inside = _moved(one, move)
    return torch.maximum(_correlation(aligned, other, inside), _correlation(one, other, whole)) >= CLOSE, move


def alike(one: Tensor, other: Tensor, move: Tensor) -> Tensor:
    """Images, B n n of 0 to 255, by the rule of rich ones where one of the two is, else by the strict one -> B bool."""
    move = _moved_onto(one, other, move, steps=4, blur=1.0)
    either = _rich(one) | _rich(other)
    return torch.where(either, _detail(one, other, move) >= DETAIL, nearly_equal(one, other))


def nearly_equal(one: Tensor, other: Tensor) -> Tensor:
    """The strict rule: B n n -> B bool."""
    equal = _correlation(one, other, torch.ones_like(one)) >= STRICT_WHOLE
    at = equal.nonzero()[:, 0]  # few: the detail of the others need not be asked for
    if len(at):
        equal[at] = _detail(one[at], other[at], None) >= STRICT_DETAIL
    return equal


def same_colors(one: Tensor, other: Tensor) -> Tensor:
    """Chroma, B C n n, around 0: whether it differs by less than half of its strength, or hardly at all -> B bool."""
    strength = torch.maximum(one.abs().mean((1, 2, 3)), other.abs().mean((1, 2, 3)))
    return (one - other).abs().mean((1, 2, 3)) <= 4 + 0.5 * strength


def _moved_onto(one: Tensor, other: Tensor, move: Tensor, *, steps: int, blur: float = 0.0) -> Tensor:
    """The move (B 4: growth and shift in x, in y, in half sides) after which `one` looks most like `other`, from a start."""
    if blur:
        one, other = _blurred(one, blur), _blurred(other, blur)
    side = one.shape[-1]
    middle = torch.linspace(-1 + 1 / side, 1 - 1 / side, side)
    for _ in range(steps):
        aligned, inside = _moved(one, move)
        a, b = _standard(aligned, inside), _standard(other, inside)
        across, down = torch.zeros_like(a), torch.zeros_like(a)
        across[:, :, 1:-1] = (a[:, :, 2:] - a[:, :, :-2]) * (side / 4)
        down[:, 1:-1] = (a[:, 2:] - a[:, :-2]) * (side / 4)
        slopes = torch.stack([across * middle, across, down * middle[:, None], down], -1) * inside[..., None]
        slopes = slopes.flatten(1, 2)  # B pixels 4
        normal = slopes.mT @ slopes + 1e-4 * side * side * torch.eye(4)
        change = torch.linalg.solve(normal, slopes.mT @ (b - a).flatten(1)[..., None])[..., 0]
        move = (move + change.clamp(-0.1, 0.1)).clamp(-_LIMIT, _LIMIT)
    return move


def _detail(one: Tensor, other: Tensor, move: Tensor | None) -> Tensor:
    """Correlation of the fine detail of images, B n n, where both have content; `one` is moved first, if at all."""
    inside = torch.ones_like(one)
    if move is not None:
        one, inside = _moved(one, move)
        inside = (_blurred(inside, 2.0) > 0.99).float()
    return _correlation(_fine(one), _fine(other), inside)


def _rich(images: Tensor) -> Tensor:
    """Whether half of an image's blocks have texture: B n n -> B bool."""
    energy = F.avg_pool2d(_fine(images)[:, None] ** 2, images.shape[-1] // _BLOCKS).sqrt()
    return (energy > _TEXTURE).float().mean((1, 2, 3)) >= 0.5


def _correlation(one: Tensor, other: Tensor, inside: Tensor) -> Tensor:
    """Of the pixels where `inside` is 1; 0 where one of the two is constant. B n n -> B"""
    return (_standard(one, inside) * _standard(other, inside)).sum((1, 2)) / inside.sum((1, 2)).clamp(min=1)


def _standard(images: Tensor, inside: Tensor) -> Tensor:
    """Mean 0 and standard deviation 1 where `inside` is 1, and 0 elsewhere."""
    count = inside.sum((1, 2), keepdim=True).clamp(min=1)
    centered = (images - (images * inside).sum((1, 2), keepdim=True) / count) * inside
    return centered / (centered.square().sum((1, 2), keepdim=True) / count).sqrt().clamp(min=1e-3)


def _moved(images: Tensor, move: Tensor) -> tuple[Tensor, Tensor]:
    """The images scaled and shifted, and 1 where that shows a part of them."""
    side = images.shape[-1]
    middle = torch.linspace(-1 + 1 / side, 1 - 1 / side, side)
    x, y = (middle * (1 + move[:, n, None]) + move[:, n + 1, None] for n in (0, 2))  # B n
    grid = torch.stack(torch.broadcast_tensors(x[:, None, :], y[:, :, None]), -1)  # B n n 2
    sampled = F.grid_sample(images[:, None], grid, align_corners=False, padding_mode="border")[:, 0]
    return sampled, ((x.abs() <= 1)[:, None, :] & (y.abs() <= 1)[:, :, None]).float()


def _fine(images: Tensor) -> Tensor:
    """What lies between a blur of 0.7 and one of 3 pixels."""
    return _blurred(images, 0.7) - _blurred(images, 3.0)


def _blurred(images: Tensor, sigma: float) -> Tensor:
    """A Gaussian blur as two matrix products, which for images this small is five times as fast as a convolution."""
    at = torch.arange(images.shape[-1])
    weights = torch.exp(-((at - at[:, None]) ** 2) / (2 * sigma * sigma))
    weights = weights / weights.sum(1, keepdim=True)
    return weights @ images @ weights.T
