"""Operations in which a pixel depends on its neighbors or on its other channels, on uint8, B C h w.

Each sample has its own strength, B float64. Saturation and sharpness of the published policies follow torchvision to
the bit: the result is rounded once, as by a fused multiply-add, cut off at 0 and 255, and rounded down. Types are changed
by hand, because torch takes ten times as long for a product of two types.
"""

import torch
from torch import Tensor
from torch.nn.functional import pad

from striate.views.levels import cut_off
from striate.views.tones import gray

__all__ = ["gaussian_blur", "saturate", "sharpen"]


def saturate(images: Tensor, factors: Tensor) -> Tensor:
    """Each pixel's distance from its own gray times a factor; images that are not RGB stay as they are."""
    if images.shape[1] != 3:
        return images
    factors = factors.to(images.device)[:, None, None, None]
    rest = (1 - factors).float().double()
    scaled = images.float().mul_(factors.float()).double()
    return cut_off(scaled.add_(gray(images).double().mul_(rest)))


def sharpen(images: Tensor, factors: Tensor) -> Tensor:
    """Each pixel's distance from a smoothed image times a factor: below 1 it blurs; the outermost pixels stay.

    Smooth is the mean of a pixel, five times, and its eight neighbors.
    """
    if min(images.shape[-2:]) <= 2:
        return images
    values = images.float()
    rows = values[:, :, :-2] + values[:, :, 1:-1] + values[:, :, 2:]
    sums = rows[..., :-2] + rows[..., 1:-1] + rows[..., 2:]
    inner = values[:, :, 1:-1, 1:-1]
    smooth = sums.add_(inner, alpha=4).add_(6.5).div_(13).floor_()  # a thirteenth is never half: rounding is certain
    rest = (1 - factors.to(images.device)[:, None, None, None]).float().double()
    sharpened = images.clone()
    sharpened[:, :, 1:-1, 1:-1] = cut_off((smooth - inner).double().mul_(rest).add_(inner.double()))
    return sharpened


def gaussian_blur(images: Tensor, deviations: Tensor, reach: int) -> Tensor:
    """Blur by a Gaussian of each sample's standard deviation in pixels, cut off after `reach` pixels; mirrored at the rim.

    `reach` must not depend on the batch, or a sample's blur would depend on its company.
    """
    reach = min(reach, min(images.shape[-2:]) - 1)
    steps = torch.arange(reach + 1.0, dtype=torch.float64)
    weights = (-0.5 * (steps / deviations.cpu().clamp(min=1e-3)[:, None]).square()).exp()  # B reach + 1
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
    return cut_off(blurred.round_())
