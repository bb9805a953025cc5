"""Which samples are learned from, which are looked at while learning, and which are kept for the end."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import final

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from striate.data.pictures import Pictures
from striate.errors import DataError, SettingError
from striate.views.draws import permutation

__all__ = ["Splits", "split_pictures", "stratified_split"]

# `permutation` takes an epoch; these are the draws of splits, and epochs count from 0
_DRAW_OF_VAL, _DRAW_OF_TEST = -1, -2


@final
@dataclass(frozen=True)
class Splits:
    """Pictures to learn from, to choose the best epoch by, and to report once. None: there is none."""

    train: Pictures
    val: Pictures | None
    test: Pictures | None


def split_pictures(pictures: Mapping[str, Pictures], *, val: float, test: float, seed: int) -> Splits:
    """Train, val and test from what a source gave by split, held out at random where its folders do not say.

        all                  test and val are held out, as shares of all
        train, test          val is held out of train, as a share of train
        train, val           as they are; there is no test
        train, val, test     as they are

    A share of 0 holds nothing out. What was set aside of a set that is split stays with its training part. Raises
    SettingError for shares that are none, DataError where there is nothing to hold out.
    """
    if not (0 <= val < 1 and 0 <= test < 1 and val + test < 1):
        raise SettingError(
            f"val = {val} and test = {test} are no shares that leave something to learn; try 0.1 for each"
        )
    if not pictures.keys() <= {"all", "train", "val", "test"} or ("all" in pictures) == ("train" in pictures):
        raise DataError(f"there are {', '.join(pictures) or 'no'} parts and nothing to learn from; add a folder train")
    for name, part in pictures.items():
        if len(part) == 0:
            raise DataError(f"the part {name} has no picture that can be used; add some, or remove its folder")
    if "val" in pictures:
        return Splits(pictures["train"], pictures["val"], pictures.get("test"))
    whole = pictures.get("all") or pictures["train"]
    rest, for_test = stratified_split(whole.labels, test if "all" in pictures else 0, seed=seed, draw=_DRAW_OF_TEST)
    kept, for_val = stratified_split(
        whole.labels[rest], val / (1 - test) if "all" in pictures else val, seed=seed, draw=_DRAW_OF_VAL
    )
    for share, held_out in ((val, for_val), (test if "all" in pictures else 0, for_test)):
        if share > 0 and len(held_out) == 0:
            raise DataError(
                f"{len(whole)} pictures of {len(whole.classes)} classes are too few to hold out a share of {share:g}; "
                "add pictures, or set the share to 0"
            )
    return Splits(
        replace(whole.subset(rest[kept]), set_aside=whole.set_aside) if len(kept) < len(whole) else whole,
        whole.subset(rest[for_val]) if len(for_val) else None,
        whole.subset(for_test) if len(for_test) else pictures.get("test"),
    )


def stratified_split(labels: Tensor, share: float, *, seed: int, draw: int = _DRAW_OF_VAL) -> tuple[Tensor, Tensor]:
    """Positions of the samples that are kept and of those that are held out, both ascending, at random but for `seed`.

    `labels` N int64. Each class gives its `share`, rounded so that the whole is as near to it as can be; a class of two
    or more has at least one sample on each side, a class of one keeps it. Different `draw`s of a seed are independent.
    """
    if not 0 <= share < 1:
        raise SettingError(f"{share} is no share to hold out; give a number from 0 to below 1, such as 0.1")
    if share == 0:
        return torch.arange(len(labels)), torch.empty(0, dtype=torch.int64)
    _, class_of, counts = np.unique(labels.numpy(), return_inverse=True, return_counts=True)
    quotas = _quotas(counts, share)
    order = permutation(seed, draw, len(labels)).numpy()
    by_class = order[np.argsort(class_of[order], kind="stable")]  # class by class, shuffled within each
    rank = np.arange(len(order)) - np.repeat(np.cumsum(counts) - counts, counts)  # 0, 1, 2 ... within each class
    out = rank < np.repeat(quotas, counts)
    return torch.from_numpy(np.sort(by_class[~out])), torch.from_numpy(np.sort(by_class[out]))


def _quotas(counts: npt.NDArray[np.int64], share: float) -> npt.NDArray[np.int64]:
    """What each class gives: its share rounded down, and one more where most was lost by that, up to the whole."""
    wanted = np.where(counts > 1, counts * share, 0)
    quotas = np.clip(np.floor(wanted), np.minimum(counts - 1, 1), counts - 1).astype(np.int64)
    lost = np.where(quotas < counts - 1, wanted - quotas, 0)
    missing = round(float(wanted.sum())) - int(quotas.sum())
    for one in np.argsort(-lost, kind="stable")[: max(0, missing)]:
        quotas[one] += lost[one] > 0
    return quotas
