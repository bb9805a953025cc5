"""Drawing which samples go where: each class in its share on every side, each group whole on one side, at random but for a seed.

Groups of several samples are placed first, the largest first, each where its classes are missed most; samples that are
alone fill up what is left, class by class. Without groups that is plain stratification.
"""

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from striate.errors import SettingError
from striate.views import permutation

__all__ = ["stratified_folds", "stratified_split"]

Integers = npt.NDArray[np.int64]

# `permutation` takes an epoch; these are the streams of random numbers of splits, and epochs count from 0
VAL_STREAM, TEST_STREAM, FOLDS_STREAM = -1, -2, -3

HALF_AGAIN = 1.5  # times what was asked for: the most that is held out so that each class is there


def stratified_split(
    labels: Tensor, share: float, *, seed: int, stream: int = VAL_STREAM, groups: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Positions of the samples that are kept and of those that are held out, both ascending.

    `labels` N int64. Each class gives its `share`, rounded so that the whole is as near to it as can be. A class of two
    or more has at least one sample on each side, unless that made the whole larger than asked by more than half and more
    than one sample; then classes take turns. A class of one keeps it. `groups` N int64: samples of one number stay
    together, and the classes' shares are as near as that allows. Different `stream`s of a seed are independent.
    """
    if not 0 <= share < 1:
        raise SettingError(f"{share} is no share to hold out; give a number from 0 to below 1, such as 0.1")
    if share == 0:
        return torch.arange(len(labels)), torch.empty(0, dtype=torch.int64)
    _, class_of, counts = np.unique(labels.numpy(), return_inverse=True, return_counts=True)
    order = permutation(seed, stream, len(labels)).numpy()
    side, _ = _place_groups(class_of, _numbered(groups, len(labels)), np.array([1 - share, share]), order)
    alone = order[side[order] < 0]
    here = np.bincount(class_of[alone], minlength=len(counts))
    already = np.bincount(class_of[side == 1], minlength=len(counts))
    quotas = np.clip(_quotas(counts, share, class_of[order]) - already, 0, here)
    by_class = alone[np.argsort(class_of[alone], kind="stable")]  # class by class, shuffled within each
    rank = np.arange(len(alone)) - np.repeat(np.cumsum(here) - here, here)  # 0, 1, 2 ... within each class
    side[by_class] = rank < np.repeat(quotas, here)
    if groups is not None:
        _fill_empty_side(side, groups.numpy(), share, order)
    return torch.from_numpy(np.flatnonzero(side == 0)), torch.from_numpy(np.flatnonzero(side == 1))


def stratified_folds(labels: Tensor, folds: int, *, seed: int, groups: Tensor | None = None) -> Tensor:
    """The fold of each sample, 0 .. folds - 1, N int64: all samples, each class and each group as above, dealt evenly."""
    class_of = np.unique(labels.numpy(), return_inverse=True)[1]
    order = permutation(seed, FOLDS_STREAM, len(labels)).numpy()
    fold, need = _place_groups(class_of, _numbered(groups, len(labels)), np.full(folds, 1 / folds), order)
    alone = order[fold[order] < 0]
    total = need.sum(1).tolist()
    for sample in alone[np.argsort(class_of[alone], kind="stable")]:  # class by class, shuffled within each
        wanted: list[float] = need[:, class_of[sample]].tolist()
        where = max(range(folds), key=lambda k: (wanted[k], total[k]))
        need[where, class_of[sample]] -= 1
        total[where] -= 1
        fold[sample] = where
    return torch.from_numpy(fold)


def _numbered(groups: Tensor | None, count: int) -> Integers:
    """Groups as 0, 1, 2 ...; without any, each sample is alone."""
    if groups is None:
        return np.arange(count)
    return np.unique(groups.numpy(), return_inverse=True)[1]


def _place_groups(
    class_of: Integers, group_of: Integers, shares: npt.NDArray[np.float64], order: Integers
) -> tuple[Integers, npt.NDArray[np.float64]]:
    """Which side each sample of a group of several goes to, -1 for one that is alone: N; and what is left to fill: sides K.

    A group goes to the side that misses its classes most, which keeps the sum of squared distances from the shares low.
    """
    classes, sizes = np.bincount(class_of), np.bincount(group_of)
    need = shares[:, None] * classes
    side = np.full(len(class_of), -1)
    by_group = order[np.argsort(group_of[order], kind="stable")]
    starts = np.cumsum(sizes) - sizes
    first_at = np.full(len(sizes), len(order))
    np.minimum.at(first_at, group_of[order], np.arange(len(order)))
    several = np.flatnonzero(sizes > 1)
    for group in several[np.lexsort((first_at[several], -sizes[several]))]:
        members = by_group[starts[group] : starts[group] + sizes[group]]
        held = np.bincount(class_of[members], minlength=len(classes))
        chosen = int((need @ (held / classes**2.0)).argmax())
        side[members] = chosen
        need[chosen] -= held
    return side, need


def _fill_empty_side(side: Integers, groups: Integers, share: float, order: Integers) -> None:
    """Where one side got no group at all, it gets the one whose size is nearest to its share; one group has no two sides."""
    names, sizes = np.unique(groups, return_counts=True)
    for empty, wanted in ((1, share * len(groups)), (0, (1 - share) * len(groups))):
        if 1 < len(names) < len(groups) and not (side == empty).any():
            nearest = np.abs(sizes - wanted).min()
            first = next(i for i in order if abs(sizes[np.searchsorted(names, groups[i])] - wanted) == nearest)
            side[groups == groups[first]] = empty


def _quotas(counts: Integers, share: float, shuffled: Integers) -> Integers:
    """What each class gives: its share rounded down, and one more where most was lost by that, up to the whole.

    At least one of each class, where that is not far more than was asked for. `shuffled` are the classes of all samples
    in random order: those who come first give the one more, where classes are alike and too many for each to give one.
    """
    wanted = np.where(counts > 1, counts * share, 0)
    whole = float(wanted.sum())
    least = np.minimum(counts - 1, 1)
    turns = np.arange(len(counts))
    if np.maximum(np.floor(wanted), least).sum() > max(HALF_AGAIN * whole, whole + 1):
        least = np.zeros_like(counts)
        turns = np.unique(shuffled, return_index=True)[1]
        whole = max(1.0, whole)
    quotas = np.clip(np.floor(wanted), least, counts - 1).astype(np.int64)
    lost = np.where(quotas < counts - 1, wanted - quotas, 0)
    missing = round(whole) - int(quotas.sum())
    for one in np.lexsort((turns, -lost))[: max(0, missing)]:
        quotas[one] += lost[one] > 0
    return quotas
