"""Thumbnail signatures: 8 x 8 gray values that tell an image from others, but hardly from its copies.

Saving an image anew with loss, or in another size, hardly changes its signature. The distance of two signatures, one of
them as it is or mirrored, is the root mean square of their difference, divided by how much each of them varies. Copies of
photographs, saved with JPEG quality 50 or at half their size, have distances of 0.01 and at most 0.1; other photographs 0.3
at least. `any_light` compares without brightness and contrast, by which simple drawings come close to one another. Images of
a fixed camera are all alike, so the threshold follows from the data at hand, for either comparison (`copy_threshold`).
"""

import math
from typing import Final

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

from striate.data.decoding.modes import LUMA

__all__ = ["Signatures", "copy_threshold", "nearest", "thumbnail_signatures", "within"]

SIDE: Final = 8
NEAR: Final = 0.12  # the farthest that counts as near, where other images are far apart
FLAT: Final = 4.0  # of 255 levels: an image that varies less shows too little to be recognized
COMPARED: Final = 1 << 24  # pairs of signatures that are compared at once
TOGETHER: Final = 32  # similar signatures that share one search
SAMPLE: Final = 500  # images by which copy_threshold is decided
CHANCE: Final = 1e-6  # that another image is taken for a copy in another light

Signatures = npt.NDArray[np.uint8]  # N 64


def thumbnail_signatures(images: Tensor) -> Signatures:
    """N H W C, uint8 or uint16 -> N 64: means of the gray image over 8 x 8 fields, in 255 levels; behind it is white."""
    fields = F.adaptive_avg_pool2d(_gray(images)[:, None], SIDE).flatten(1)
    return fields.round().to(torch.uint8).numpy()


def _gray(images: Tensor) -> Tensor:
    """N H W C -> N H W, in 255 levels; of other numbers of channels than 1, 3 and 4 it is their mean."""
    levels = images.float() / (1 if images.dtype == torch.uint8 else 257)
    if levels.shape[3] not in (3, 4):
        return levels.mean(3)
    gray = levels[..., :3] @ torch.tensor(LUMA)
    return gray if levels.shape[3] == 3 else 255 + (gray - 255) * levels[..., 3] / 255


def nearest(
    these: Signatures, those: Signatures, *, any_light: bool = False, but_themselves: bool = False
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
    """For each of `these` the position of the nearest of `those`, and how far it is; infinitely far where either is flat.

    `but_themselves`: the two are the same images, and each is compared with all others.
    """
    position, distance = np.zeros(len(these), np.int64), np.full(len(these), np.inf, np.float32)
    if not len(those):
        return position, distance
    block = max(1, COMPARED // len(those))
    for first in range(0, len(these), block):
        apart = _apart(these[first : first + block], those, any_light)
        if but_themselves:
            apart[torch.arange(len(apart)), first + torch.arange(len(apart))] = torch.inf
        least, at = apart.min(1)
        distance[first : first + block], position[first : first + block] = least.numpy(), at.numpy()
    return position, distance


def within(these: Signatures, those: Signatures, near: float, *, any_light: bool = False) -> npt.NDArray[np.bool_]:
    """For each of `these` whether one of `those` is nearer: as `nearest`, without comparing what is surely farther.

    Means over fields differ by no more than the signatures themselves, and so do standard deviations. `those` are sorted by the
    direction in which such means vary most.
    """
    found = np.zeros(len(these), np.bool_)
    if near <= 0 or not len(these) or not len(those):
        return found
    (means, own), (known, _) = _fields(these, any_light), _fields(those, any_light)
    _, axes = torch.linalg.eigh(torch.cov(known.T, correction=0))  # in ascending order of variance
    means, known = means @ axes, known @ axes
    order = known[:, -1].argsort()
    known, sorted_signatures = known[order], those[order.numpy()]
    along = known[:, -1].contiguous()
    widest = (near + math.sqrt(near * near + 4)) / 2  # root of the largest ratio of stds that are near each other
    reach = near * widest * own * (1 + 1e-4) + 1e-3  # a little farther, for rounding
    by_mean = means[:, -1].argsort()
    for block in by_mean.split(TOGETHER):
        middle, far = means[block], reach[block]
        first = int(torch.searchsorted(along, (middle[:, -1] - far).min()))
        last = int(torch.searchsorted(along, (middle[:, -1] + far).max(), right=True))
        may_be = (torch.cdist(middle, known[first:last]) < far[:, None]).any(0).nonzero().flatten() + first
        if len(may_be):
            least = _apart(these[block.numpy()], sorted_signatures[may_be.numpy()], any_light).amin(1)
            found[block.numpy()] = (least < near).numpy()
    return found


def _fields(levels: Signatures, any_light: bool) -> tuple[Tensor, Tensor]:
    """Means over 4 x 2 fields, each with its mirror image, N 8, as far apart as the signatures at most; and their stds."""
    values, std = _compared(levels, any_light)
    half = values.unflatten(1, (SIDE, SIDE))
    half = (half + half.flip(2))[:, :, : SIDE // 2] / 2
    means = F.avg_pool2d(half[:, None], 2).flatten(1)
    return means / math.sqrt(means.shape[1]), std


def copy_threshold(trained: Signatures, others: Signatures, *, any_light: bool = False) -> float:
    """How far apart copies of one image are at most: half as far as the nearest of a hundred other images is from any.

    `others` are images that were held out. Where there are none, what was trained on is compared with itself. In any light
    a copy is moreover what is too near for another image (`_no_accident`).
    """
    few = trained[:: max(1, len(trained) // (2 * SAMPLE))]
    if len(others):
        _, apart = nearest(others[:: max(1, len(others) // SAMPLE)], trained, any_light=any_light)
    else:
        _, apart = nearest(few, few, any_light=any_light, but_themselves=True)
    apart = apart[np.isfinite(apart)]
    near = min(NEAR, float(np.quantile(apart, 0.01)) / 2) if len(apart) else NEAR
    return min(near, _no_accident(few, CHANCE * len(few) / max(1, len(trained)))) if any_light else near


def _no_accident(images: Signatures, chance: float) -> float:
    """How near one of these images, in any light, another image comes no more often than by this chance.

    Of images that differ in d ways, such as place and size of a disc, the share within a distance grows with its d-th
    power: half as far is a small chance among photographs, and none at all among discs. d is estimated from how much farther the
    second nearest is than the nearest (Facco et al. 2017, "Estimating the intrinsic dimension of datasets").
    """
    if len(images) < 3:
        return 0.0
    apart = _apart(images, images, any_light=True).fill_diagonal_(torch.inf)
    first, second = apart.topk(2, largest=False).values.T
    first, second = (
        one[(first > 0) & second.isfinite()] for one in (first, second)
    )  # without those that are twice there
    if not len(first):
        return 0.0
    inverse = (
        float((second / first).log().median()) / math.log(2) * (1 + 2 / math.sqrt(len(first)))
    )  # of d; few say little
    return float(first.median()) * chance**inverse


def _apart(these: Signatures, those: Signatures, any_light: bool) -> Tensor:
    """How far apart they are, as they are or mirrored, N M; infinitely far where either is flat."""
    some, own = _compared(these, any_light)
    known, varies = _compared(those, any_light)
    (even, odd), (known_even, known_odd) = _halves(some), _halves(known)
    alike = (odd @ known_odd.T).abs_().addmm_(even, known_even.T)  # twice the product, as they are or mirrored
    square = alike.neg_().add_(some.square().sum(1)[:, None]).add_(known.square().sum(1)).clamp_(min=0)
    apart = square.div_((own * SIDE * SIDE)[:, None]).div_(varies).sqrt_()
    return apart.nan_to_num_(torch.inf, torch.inf)  # 0 / 0 of two that are flat


def _halves(values: Tensor) -> tuple[Tensor, Tensor]:
    """Sums and differences of each value and its mirror image, N 32; all whole where the values are, so nothing is rounded."""
    left, right = values.unflatten(1, (SIDE, SIDE)).split(SIDE // 2, 2)
    return (left + right.flip(2)).flatten(1), (left - right.flip(2)).flatten(1)


def _compared(levels: Signatures, any_light: bool) -> tuple[Tensor, Tensor]:
    """The values that are compared, N 64, and their standard deviations, 0 of flat ones."""
    values = torch.from_numpy(levels).float()
    std = values.std(1, correction=0)
    shows = std >= FLAT
    if not any_light:
        return values, std * shows
    return (values - values.mean(1, keepdim=True)) / std.clamp(min=1)[:, None], shows.float()
