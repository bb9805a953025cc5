"""Training, validation and test split: as the data have them, at random, or read from a file."""

import csv
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, final

import numpy as np
import torch
from torch import Tensor

from striate.data.images import LabeledImages
from striate.data.names import printable
from striate.data.settings import check_shares
from striate.data.split_groups import Groups, kept_together
from striate.data.stratify import TEST_STREAM, stratified_folds, stratified_split
from striate.errors import DataError, SettingError

__all__ = ["Splits", "apply_split", "read_split", "split_samples"]

NAMES: Final = ("train", "val", "test")


@final
@dataclass(frozen=True)
class Splits:
    """Images to learn from, to choose the best epoch by, and to report once. None: there is none."""

    train: LabeledImages
    val: LabeledImages | None
    test: LabeledImages | None

    def by_name(self) -> dict[str, LabeledImages]:
        """Those that there are, by name."""
        named = {"train": self.train, "val": self.val, "test": self.test}
        return {name: samples for name, samples in named.items() if samples is not None}


def split_samples(
    samples: Mapping[str, LabeledImages],
    *,
    val: float,
    test: float,
    seed: int,
    stratified: bool = True,
    groups: Groups | None = None,
    fold: tuple[int, int] | None = None,
) -> Splits:
    """Train, val and test from what a source gave by split, held out at random where its folders do not say.

        all                  test and val are held out, as shares of all; or test is the fold (k, K), the k-th of K
        train, test          val is held out of train, as a share of train
        train, val           as they are; there is no test
        train, val, test     as they are

    A share of 0 holds nothing out. Identical images, and those of one of the `groups`, are held out together. What was
    skipped of a set that is split stays with its training split. Raises SettingError for shares that are none, and
    DataError where there is nothing to hold out.
    """
    test = 1 / fold[1] if fold else test
    check_shares(val, test)
    _check_splits(samples)
    if groups is not None:
        _check_groups(samples, groups)
    if fold and "all" not in samples:
        raise DataError("the data have a test split, and folds make their own; give the training folder by itself")
    if "val" in samples:
        return Splits(samples["train"], samples["val"], samples.get("test"))
    whole = samples.get("all") or samples["train"]
    labels = torch.from_numpy(whole.targets.strata() if stratified else np.zeros(len(whole), np.int64))
    together = kept_together(whole, groups)
    test = test if "all" in samples else 0
    if fold:
        rest, for_test = _fold(labels, together, fold, seed)
    else:
        rest, for_test = stratified_split(labels, test, seed=seed, stream=TEST_STREAM, groups=together)
    kept, for_val = stratified_split(labels[rest], val / (1 - test), seed=seed, groups=together[rest])
    shares = {"val": (val, for_val), "test": (test, for_test)}
    if empty := {name: share for name, (share, held_out) in shares.items() if share > 0 and len(held_out) == 0}:
        raise _nothing_to_hold_out(whole, together, empty, groups)
    return Splits(
        replace(whole.subset(rest[kept]), skipped=whole.skipped) if len(kept) < len(whole) else whole,
        whole.subset(rest[for_val]) if len(for_val) else None,
        whole.subset(for_test) if len(for_test) else samples.get("test"),
    )


def _check_splits(samples: Mapping[str, LabeledImages]) -> None:
    """DataError where what a source gave is nothing to learn from."""
    if not samples.keys() <= {"all", "train", "val", "test"} or ("all" in samples) == ("train" in samples):
        raise DataError(f"there are {', '.join(samples) or 'no'} splits and no training images; add a folder train")
    for name, split in samples.items():
        if len(split) == 0:
            raise DataError(f"the split {name} has no image that can be used; add some, or remove its folder")


def _fold(labels: Tensor, together: Tensor, fold: tuple[int, int], seed: int) -> tuple[Tensor, Tensor]:
    """Positions of the samples outside and inside the k-th of K folds."""
    number, folds = fold
    units = len(together.unique())
    if not 1 <= number <= folds:
        raise SettingError(f"fold = {number}: there are {folds} folds, 1 to {folds}")
    if units < folds:
        raise DataError(
            f"folds = {folds}: {len(labels)} images that must stay together make {units} groups, too few; try fewer folds"
            if units < len(labels)
            else f"folds = {folds}: there are {units} images, too few; try fewer folds"
        )
    inside = stratified_folds(labels, folds, seed=seed, groups=together) == number - 1
    return (~inside).nonzero().flatten(), inside.nonzero().flatten()


def _check_groups(samples: Mapping[str, LabeledImages], groups: Groups) -> None:
    """DataError where a group lies in two of the splits that the data have."""
    split_of: dict[str, str] = {}
    for name, split in samples.items():
        for id_ in split.ids:
            if split_of.setdefault(groups[id_], name) != name:
                raise DataError(
                    f"the group {groups[id_]} is in {split_of[groups[id_]]} and in {name} of the data; "
                    "move its images to one of them, or leave out --group"
                )


def _nothing_to_hold_out(
    whole: LabeledImages, together: Tensor, shares: Mapping[str, float], groups: Groups | None
) -> DataError:
    """shares: of the splits that would be empty."""
    units, share = len(together.unique()), next(iter(shares.values()))
    of_classes = f" of {len(whole.classes)} classes" if whole.targets.has_classes else ""
    train_on_all = " ".join(f"--{name} 0" for name in shares)
    if units < len(whole) and units < 3:
        names = sorted({groups[id_] for id_ in whole.ids}) if groups else []
        tied = f"of the groups {', '.join(names[:3])}" if names else "that are identical"
        return DataError(
            f"{len(whole)} images {tied} cannot be divided, so no share of {share:g} can be held out; "
            f"choose another --group, add images, or hold none out: {train_on_all}"
        )
    return DataError(
        f"{len(whole)} images{of_classes} are too few to hold out a share of {share:g}; "
        f"add images, or hold none out: {train_on_all}"
    )


def read_split(path: Path) -> dict[str, str]:
    """Split by id, from a CSV with the columns id and split. Raises DataError, with the number of the line."""
    where = printable(path)
    split_of: dict[str, str] = {}
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.DictReader(file)
            if not {"id", "split"} <= set(rows.fieldnames or ()):
                raise DataError(
                    f"{where}: has no columns id and split in its first line; write them as in splits.csv of a run"
                )
            for row in rows:
                id_, split = row["id"] or "", row["split"]
                if split not in NAMES:
                    raise DataError(f"{where}: line {rows.line_num} has the split {split!r}; write train, val or test")
                if split_of.setdefault(id_, split) != split:
                    raise DataError(
                        f"{where}: line {rows.line_num} has {id_} in {split}, and an earlier line in {split_of[id_]}; "
                        "keep one of them"
                    )
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{where}: cannot be read as a split ({error}); give a CSV, or the folder of a run") from None
    return split_of


def apply_split(samples: Mapping[str, LabeledImages], split_of: Mapping[str, str], origin: str) -> Splits:
    """The images that a source gave, divided by `split_of`; `origin` names the file for a person.

    Each image must be named, and each that is named must be there, if only skipped. Splits that the data have stay
    what they are, but for val, which may come out of train. Raises DataError.
    """
    _check_splits(samples)
    written = {id_: there for one in samples.values() for id_, there in as_written(one.ids, split_of).items()}
    skipped = as_written(tuple(file.id for one in samples.values() for file in one.skipped), split_of)
    known = {*written.values(), *skipped.values()}
    _refuse([id_ for id_, there in written.items() if there not in split_of], f"{origin} lacks", "of the data")
    _refuse([id_ for id_ in split_of if id_ not in known], f"{origin} has", "that the data lack")
    found: dict[str, LabeledImages] = {}
    for own, one in samples.items():
        names = [split_of[written[id_]] for id_ in one.ids]
        into = NAMES if own == "all" else ("train", "val") if own == "train" and "val" not in samples else (own,)
        moved = [f"{id_} ({name})" for id_, name in zip(one.ids, names, strict=True) if name not in into]
        _refuse(moved, f"{origin} puts", f"of the split {own} of the data into another split")
        for name in into:
            at = torch.tensor([i for i, written_name in enumerate(names) if written_name == name], dtype=torch.int64)
            if len(at):
                chosen = one if len(at) == len(one) else one.subset(at)
                found[name] = replace(chosen, skipped=one.skipped if name in ("train", own) else ())
    if "train" not in found:
        raise DataError(f"{origin} has no training images; write train for some of them")
    return Splits(found["train"], found.get("val"), found.get("test"))


def as_written(ids: tuple[str, ...], split_of: Mapping[str, str]) -> dict[str, str]:
    """Each id as the file has it: with an apostrophe in front where a spreadsheet would have taken it for a formula."""
    return {id_: id_ if id_ in split_of or f"'{id_}" not in split_of else f"'{id_}" for id_ in ids}


def _refuse(ids: list[str], what: str, which: str) -> None:
    if ids:
        images = "1 image" if len(ids) == 1 else f"{len(ids)} images"
        first = ", ".join(ids[:3]) + (" ..." if len(ids) > 3 else "")
        raise DataError(f"{what} {images} {which}: {first}; correct the file or the data")
