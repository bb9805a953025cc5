"""What an image looks like in 8 x 8 gray values, which saving it anew with loss, or in another size, hardly changes.

Looks are compared without their brightness and contrast, and mirrored too: two are as far apart as their values differ
(root mean square) once each has a mean of 0 and a standard deviation of 1. Copies of photographs, saved with JPEG quality
50 or at half their size, are 0.01 apart and at most 0.1; other photographs 0.3 at least. But images by a camera that
never moves are all alike, and so are simple drawings, so what is near is decided by the data at hand (`nearness`).
"""

from typing import Final

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

__all__ = ["Looks", "looks", "nearest", "nearness"]

SIDE: Final = 8
NEAR: Final = 0.12  # the farthest that counts as near, where other images are far apart
FLAT: Final = 4.0  # of 255 levels: an image that varies less shows too little to be told from others
COMPARED: Final = 1 << 24  # pairs of looks that are compared in one go
SAMPLE: Final = 500  # images by which nearness is decided
ENOUGH: Final = 100  # held-out images that tell by themselves
LUMA: Final = (0.299, 0.587, 0.114)  # ITU-R 601, by which decoding makes gray of color

Looks = npt.NDArray[np.uint8]  # N 64


def looks(pictures: Tensor) -> Looks:
    """N H W C, uint8 or uint16 -> N 64: means of the gray image over 8 x 8 fields, in 255 levels; behind it is white."""
    fields = F.adaptive_avg_pool2d(_gray(pictures)[:, None], SIDE).flatten(1)
    return fields.round().to(torch.uint8).numpy()


def _gray(pictures: Tensor) -> Tensor:
    """N H W C -> N H W, in 255 levels; of other numbers of channels than 1, 3 and 4 it is their mean."""
    levels = pictures.float() / (1 if pictures.dtype == torch.uint8 else 257)
    if levels.shape[3] not in (3, 4):
        return levels.mean(3)
    gray = levels[..., :3] @ torch.tensor(LUMA)
    return gray if levels.shape[3] == 3 else 255 + (gray - 255) * levels[..., 3] / 255


def nearest(
    these: Looks, those: Looks, *, but_themselves: bool = False
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
    """For each of `these` the position of the nearest of `those`, and how far it is; infinitely far where either is flat.

    `but_themselves`: the two are the same images, and each is compared with all others.
    """
    position, distance = np.zeros(len(these), np.int64), np.full(len(these), np.inf, np.float32)
    if not len(those):
        return position, distance
    known, is_flat = _standardized(those)
    block = max(1, COMPARED // len(known))
    for first in range(0, len(these), block):
        some, own_flat = _standardized(these[first : first + block])
        mirrored = some.unflatten(1, (SIDE, SIDE)).flip(2).flatten(1)
        alike = torch.maximum(some @ known.T, mirrored @ known.T) / SIDE**2  # correlations
        alike[own_flat[:, None] | is_flat] = -torch.inf
        if but_themselves:
            alike[torch.arange(len(some)), first + torch.arange(len(some))] = -torch.inf
        most, at = alike.max(1)
        apart = (2 - 2 * most).clamp(min=0).sqrt()
        distance[first : first + block], position[first : first + block] = apart.numpy(), at.numpy()
    return position, distance


def nearness(trained: Looks, others: Looks) -> float:
    """How far apart copies of one image are at most: half as far as the nearest of a hundred other images is from any.

    `others` are images that were held out; where these are few, what was trained on is compared with itself as well.
    """
    _, apart = nearest(others[:: max(1, len(others) // SAMPLE)], trained)
    if len(others) < ENOUGH:
        few = trained[:: max(1, len(trained) // (2 * SAMPLE))]
        apart = np.concatenate([apart, nearest(few, few, but_themselves=True)[1]])
    apart = apart[np.isfinite(apart)]
    return min(NEAR, float(np.quantile(apart, 0.01)) / 2) if len(apart) else NEAR


def _standardized(levels: Looks) -> tuple[Tensor, Tensor]:
    """N 64 of mean 0 and standard deviation 1, and which of the N are flat."""
    values = torch.from_numpy(levels).float()
    deviation = values.std(1, correction=0)
    return (values - values.mean(1, keepdim=True)) / deviation.clamp(min=1)[:, None], deviation < FLAT
