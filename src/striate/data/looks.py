"""What an image looks like in 8 x 8 gray values, which saving it anew with loss, or in another size, hardly changes.

Two looks are as far apart as their values differ (root mean square), relative to how much each of them varies. Copies of
photographs, saved with JPEG quality 50 or at half their size, are 0.01 apart and at most 0.1; other images of MNIST
are 0.05 apart at least, other photographs 0.3. But images by a camera that never moves are all alike, so what is near is
decided by the data at hand (`nearness`).
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

Looks = npt.NDArray[np.uint8]  # N 64


def looks(pictures: Tensor) -> Looks:
    """N H W C, uint8 or uint16 -> N 64: means of all channels over 8 x 8 fields, in 255 levels."""
    fields = F.adaptive_avg_pool2d(pictures.float().mean(3)[:, None], SIDE).flatten(1)
    levels = fields if pictures.dtype == torch.uint8 else fields / 257
    return levels.round().to(torch.uint8).numpy()


def nearest(
    these: Looks, those: Looks, *, but_themselves: bool = False
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
    """For each of `these` the position of the nearest of `those`, and how far it is; infinitely far where either is flat.

    `but_themselves`: the two are the same images, and each is compared with all others.
    """
    position, distance = np.zeros(len(these), np.int64), np.full(len(these), np.inf, np.float32)
    if not len(those):
        return position, distance
    known = torch.from_numpy(those).float()
    varies = _variation(known)
    block = max(1, COMPARED // len(known))
    for first in range(0, len(these), block):
        some = torch.from_numpy(these[first : first + block]).float()
        own = _variation(some)
        apart = torch.cdist(some, known) / SIDE / (own[:, None] * varies).sqrt()
        apart[(own < FLAT)[:, None] | (varies < FLAT)] = torch.inf
        if but_themselves:
            apart[torch.arange(len(some)), first + torch.arange(len(some))] = torch.inf
        least, at = apart.min(1)
        distance[first : first + block], position[first : first + block] = least.numpy(), at.numpy()
    return position, distance


def nearness(trained: Looks, others: Looks) -> float:
    """How far apart copies of one image are at most: half as far as the nearest of a hundred other images is from any.

    `others` are images that were held out; where there are none, what was trained on is compared with itself.
    """
    if len(others):
        _, apart = nearest(others[:: max(1, len(others) // SAMPLE)], trained)
    else:
        few = trained[:: max(1, len(trained) // (2 * SAMPLE))]
        _, apart = nearest(few, few, but_themselves=True)
    apart = apart[np.isfinite(apart)]
    return min(NEAR, float(np.quantile(apart, 0.01)) / 2) if len(apart) else NEAR


def _variation(levels: Tensor) -> Tensor:
    return levels.std(1, correction=0)
