"""Noise: to every number of an image its own Gaussian draw, a function of (seed, epoch, sample, position)."""

import torch
from torch import Tensor

from striate.views.draws import words
from striate.views.levels import cut_off

__all__ = ["add_noise", "normals"]

BITS = 12  # of a word for one number: five numbers a word, and nothing beyond 3.7 standard deviations
WORD = 60 // BITS


def add_noise(images: Tensor, deviations: Tensor, seed: int, epoch: int, ids: Tensor, stream: int) -> Tensor:
    """B C h w uint8 plus noise of B standard deviations, in levels; rounded, cut off at 0 and 255."""
    drawn = normals(seed, epoch, ids, stream, images[0].numel()).to(images.device).view(images.shape)
    noisy = drawn.mul_(deviations.to(images.device, torch.float32)[:, None, None, None]).add_(images.float())
    return cut_off(noisy.round_())


def normals(seed: int, epoch: int, ids: Tensor, stream: int, count: int) -> Tensor:
    """`count` standard normal numbers for each sample: `ids` B int64 -> B count float32.

    Equally likely quantiles from a table, so no logarithm or sine is rounded: the same bits on every device.
    """
    middle = (torch.arange(1 << BITS, dtype=torch.float64) + 0.5) / (1 << BITS)
    quantiles = torch.special.ndtri(middle).float().to(ids.device)
    drawn = words(seed, epoch, ids, stream, -(-count // WORD))
    shifts = BITS * torch.arange(WORD, device=ids.device)
    index = ((drawn[:, None] >> shifts[:, None]) & ((1 << BITS) - 1)).to(torch.int32)  # B WORD count / WORD
    return quantiles.index_select(0, index.view(-1)).view(len(ids), -1)[:, :count]
