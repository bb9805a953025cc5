"""Random operations on pixels that are no matrix: a function each, named by its row of `Policy`, in the order of the rows.

They come after the geometry and before the color matrix. Blur is of the lens and noise of the sensor; then come lookup
tables, and erasing.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, final

import torch
from torch import Tensor
from torch.nn.functional import pad

from striate.views import lookup_tables
from striate.views.lookup_tables import clamp_to_uint8, look_up, to_uint8
from striate.views.random_geometry import random_boxes
from striate.views.randomness import normals, uniforms

__all__ = [
    "PixelFunction",
    "SampleRandomness",
    "add_noise",
    "erase",
    "gaussian_blur",
    "random_blur",
    "random_equalize",
    "random_erase",
    "random_gamma",
    "random_noise",
    "random_posterize",
    "random_rectangles",
    "random_solarize",
]

REACH: Final = 3  # standard deviations after which a blur is cut off
BITS: Final = (4, 7)  # that a posterized image keeps
ERASED_AREA: Final = (0.02, 0.4)  # share of the image: s_l, s_h of the paper
ERASED_ASPECT: Final = (0.3, 1 / 0.3)  # r_1, r_2


@final
@dataclass(frozen=True, eq=False)
class SampleRandomness:
    """The random numbers of an operation for B samples, and the mean color of the data."""

    seed: int
    epoch: int
    ids: Tensor  # B int64
    streams: Sequence[int]  # of the operation
    mean: Sequence[float]  # of each channel, 0..1

    def uniforms(self) -> Tensor:
        """One number in [0, 1) of each stream for each sample: S B float32."""
        return uniforms(self.seed, self.epoch, self.ids, self.streams)


# Images B C h w uint8 or float in 0..1, the setting's value -> the images, uint8 where they changed
PixelFunction = Callable[[Tensor, float, SampleRandomness], Tensor]


def random_blur(images: Tensor, largest: float, draws: SampleRandomness) -> Tensor:
    chance, share = draws.uniforms().to(images.device)

    def blur(some: Tensor, chosen: Tensor) -> Tensor:
        return gaussian_blur(some, (largest * share[chosen]).double(), math.ceil(REACH * largest))

    return _change_some(images, chance < 0.5, blur)


def random_noise(images: Tensor, largest: float, draws: SampleRandomness) -> Tensor:
    chance, share = uniforms(draws.seed, draws.epoch, draws.ids, draws.streams[:2])

    def noise(some: Tensor, chosen: Tensor) -> Tensor:
        here = chosen.to(draws.ids.device)
        stds = 255 * largest * share[here]
        return add_noise(some, stds, draws.seed, draws.epoch, draws.ids[here], draws.streams[2])

    return _change_some(images, chance < 0.5, noise)


def random_equalize(images: Tensor, probability: float, draws: SampleRandomness) -> Tensor:
    (chance,) = draws.uniforms().double()
    return _change_some(images, chance < probability, lambda some, _: look_up(some, lookup_tables.equalize(some)))


def random_gamma(images: Tensor, largest: float, draws: SampleRandomness) -> Tensor:
    (share,) = draws.uniforms().to(images.device).double()
    low, high = math.log(1 - largest), math.log(1 + largest)
    return look_up(to_uint8(images), lookup_tables.gamma((low + (high - low) * share).exp()))


def random_solarize(images: Tensor, probability: float, draws: SampleRandomness) -> Tensor:
    chance, share = draws.uniforms().to(images.device).double()
    tables = lookup_tables.solarize(128 + (128 * share).floor())
    return _change_some(images, chance < probability, lambda some, chosen: look_up(some, tables[chosen]))


def random_posterize(images: Tensor, probability: float, draws: SampleRandomness) -> Tensor:
    chance, share = draws.uniforms().to(images.device).double()
    tables = lookup_tables.posterize(BITS[0] + ((BITS[1] - BITS[0] + 1) * share).floor())
    return _change_some(images, chance < probability, lambda some, chosen: look_up(some, tables[chosen]))


def random_erase(images: Tensor, probability: float, draws: SampleRandomness) -> Tensor:
    size = (images.shape[-2], images.shape[-1])
    return erase(images, random_rectangles(draws.uniforms(), probability, size), draws.mean)


def _change_some(images: Tensor, chosen: Tensor, change: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
    """B C h w -> uint8, changed where `chosen` B bool: `change` takes those images, and their positions on their device."""
    images = to_uint8(images)
    here = chosen.nonzero()[:, 0].to(images.device)
    return images.index_copy(0, here, change(images.index_select(0, here), here)) if len(here) else images


def gaussian_blur(images: Tensor, stds: Tensor, reach: int) -> Tensor:
    """Blur by a Gaussian of each sample's standard deviation in pixels, cut off after `reach` pixels; mirrored at the border.

    `reach` must not depend on the batch, or a sample's blur would depend on the others.
    """
    reach = min(reach, min(images.shape[-2:]) - 1)
    steps = torch.arange(reach + 1.0, dtype=torch.float64)
    weights = (-0.5 * (steps / stds.cpu().clamp(min=1e-3)[:, None]).square()).exp()  # B reach + 1
    weights = (weights / (2 * weights.sum(1, keepdim=True) - 1)).float().to(images.device)[:, :, None, None, None]
    blurred = images.float()
    for axis in (2, 3):
        side = images.shape[axis]
        sides = (reach, reach, 0, 0) if axis == 3 else (0, 0, reach, reach)
        padded = pad(blurred, sides, mode="reflect")
        blurred = padded.narrow(axis, reach, side) * weights[:, 0]
        for step in range(1, reach + 1):
            pair = padded.narrow(axis, reach - step, side) + padded.narrow(axis, reach + step, side)
            blurred += pair.mul_(weights[:, step])  # not fused: fused, the ends of rows might be rounded otherwise
    return clamp_to_uint8(blurred.round_())


def add_noise(images: Tensor, stds: Tensor, seed: int, epoch: int, ids: Tensor, stream: int) -> Tensor:
    """B C h w uint8 plus white Gaussian noise of B standard deviations, of 255; rounded, and clamped to 0..255."""
    noise = normals(seed, epoch, ids, stream, images[0].numel()).to(images.device).view(images.shape)
    noisy = noise.mul_(stds.to(images.device, torch.float32)[:, None, None, None]).add_(images.float())
    return clamp_to_uint8(noisy.round_())


def random_rectangles(draws: Tensor, probability: float, size: tuple[int, int]) -> Tensor:
    """`draws` 5 B in [0, 1) -> B 4 int64 (x1, y1, x2, y2) in pixels; all 0 where nothing is erased.

    Source: Zhong, Zheng, Kang, Li, Yang, "Random Erasing Data Augmentation", arXiv:1708.04896.
    """
    boxes = random_boxes(draws[1:], size, ERASED_AREA, ERASED_ASPECT)
    ends = boxes[:, 2:].ceil().minimum(boxes.new_tensor([size[1], size[0]]))
    return torch.cat([boxes[:, :2].floor(), ends], 1).long() * (draws[0] < probability)[:, None]


def erase(images: Tensor, rectangles: Tensor, fill: Sequence[float]) -> Tensor:
    """B C h w uint8 or float in 0..1, B 4 (x1, y1, x2, y2) -> the same, each rectangle filled with `fill`, 0..1."""
    x1, y1, x2, y2 = rectangles.to(images.device)[:, :, None].unbind(1)  # B 1
    column = torch.arange(images.shape[-1], device=images.device)
    row = torch.arange(images.shape[-2], device=images.device)
    erased = ((row >= y1) & (row < y2))[:, None, :, None] & ((column >= x1) & (column < x2))[:, None, None, :]
    color = torch.tensor(fill, dtype=torch.float32)[:, None, None]
    color = (color * 255).round() if images.dtype == torch.uint8 else color
    return torch.where(erased, color.to(images), images)
