"""Splits that are made at random: which ones, how large, and how to describe them."""

from collections.abc import Collection, Mapping
from typing import Final

from striate.data import LabeledImages, Splits
from striate.number_format import percent
from striate.training import Recipe

__all__ = ["METHODS", "deviating_splits", "random_shares", "split_origin"]

METHODS: Final = ("stratified", "random")  # values of the setting `split`; any other is a path
NOTICEABLE: Final = 0.2  # of the requested share: a larger difference is reported


def random_shares(existing: Collection[str], recipe: Recipe) -> dict[str, float]:
    """The splits that are made where the data have the `existing` ones, and the share of the images for each."""
    if recipe.data.split not in METHODS:
        return {}
    val = {} if "val" in existing else {"val": recipe.data.val}
    test = {"test": 1 / recipe.data.folds if recipe.data.fold else recipe.data.test} if "all" in existing else {}
    return {name: share for name, share in (val | test).items() if share}


def split_origin(existing: Collection[str], recipe: Recipe) -> str:
    """A phrase on how missing splits are made; empty where the data have all."""
    if recipe.data.split not in METHODS:
        return f"taken from {recipe.data.split}"
    full_names = {"val": "validation", "test": "test"}
    shares = [
        f"fold {recipe.data.fold} of {recipe.data.folds} for test"
        if recipe.data.fold and name == "test"
        else f"{100 * share:.3g} % for {full_names[name]}"
        for name, share in random_shares(existing, recipe).items()
    ]
    if not shares:
        return "none: all images are for training" if "all" in existing else ""
    how = f"{recipe.data.split}{f', by {recipe.data.group}' if recipe.data.group else ''}, seed {recipe.training.seed}"
    return f"random{'' if 'all' in existing else ' from train'}: {', '.join(shares)} ({how})"


def deviating_splits(splits: Splits, samples: Mapping[str, LabeledImages], recipe: Recipe) -> list[str]:
    """A sentence for each random split that is noticeably larger or smaller than requested."""
    lines, whole = [], samples.get("all") or samples["train"]
    for name, share in random_shares(samples, recipe).items():
        size, requested = len(splits.by_name()[name]), share * len(whole)
        if abs(size - requested) > max(NOTICEABLE * requested, 1):
            one_per_class = recipe.data.split == "stratified" and max(splits.by_name()[name].counts(), default=0) == 1
            reason = (
                "each class with several images gives one"
                if one_per_class
                else "images that are identical or of one group stay together"
            )
            lines.append(
                f"{name} has {size} of {len(whole)} images, {percent(size / len(whole), 0)} instead of {percent(share, 0)}: "
                f"{reason}"
            )
    return lines
