"""The split of a run: drawn, or taken over from another run or a file; written down once, and read from there ever after."""

from collections import Counter
from collections.abc import Collection, Mapping
from pathlib import Path

from striate.data import LabeledImages, Source, Splits, apply_split, groups_of, read_split, split_rows, split_samples
from striate.errors import RunError, SettingError
from striate.runs import RunFolder
from striate.training import Recipe

DRAWN = ("stratified", "random")
NOTICEABLE = 0.2  # of the share that was asked for: how far a split that was drawn may be from it without a word


def check_split(source: Source, recipe: Recipe) -> None:
    """SettingError where the settings of a split contradict each other or the data, before anything is decoded."""
    if recipe.data.folds == 1:
        raise SettingError("folds = 1: one fold leaves nothing to learn from; give 2 or more, or 0 for none")
    if recipe.data.fold > recipe.data.folds:
        raise SettingError(
            f"fold = {recipe.data.fold}: is none of {recipe.data.folds} folds; give --folds, and a fold within them"
        )
    if recipe.data.split not in DRAWN and (recipe.data.folds or recipe.data.group):
        raise SettingError(
            f"split = {recipe.data.split!r}: is taken as it is, so --folds and --group say nothing; leave one of them out"
        )
    if recipe.data.split not in DRAWN:
        split_path(recipe.data.split)
    if recipe.data.group:
        groups_of(source, recipe.data.group)


def split_path(said: str) -> Path:
    """The file that a setting names, by itself or as the folder of a run."""
    path = Path(said)
    if path.is_dir():
        folder = RunFolder.open(path)
        check_written_split(folder)
        return folder.splits_path
    if not path.is_file():
        raise SettingError(
            f"split = {said!r}: takes {', '.join(DRAWN)}, the folder of a run, or a CSV with id and split"
        )
    return path


def split_of_run(folder: RunFolder, source: Source, recipe: Recipe, samples: Mapping[str, LabeledImages]) -> Splits:
    """The split that the run wrote down, or, the first time, the one that its recipe asks for."""
    if folder.splits_path.exists():
        check_written_split(folder)
        return apply_split(samples, read_split(folder.splits_path), str(folder.splits_path))
    if recipe.data.split not in DRAWN:
        path = split_path(recipe.data.split)
        return apply_split(samples, read_split(path), str(path))
    return split_samples(
        samples,
        val=recipe.data.val,
        test=recipe.data.test,
        seed=recipe.training.seed,
        stratified=recipe.data.split == "stratified",
        groups=groups_of(source, recipe.data.group) if recipe.data.group else None,
        fold=(recipe.data.fold, recipe.data.folds) if recipe.data.fold else None,
    )


def write_split(folder: RunFolder, splits: Splits, source: Source) -> None:
    """Write the split down, sample by sample, with what tells each image from others, and the digests of data and split."""
    manifest = folder.manifest()
    if folder.splits_path.exists() and "splits_digest" in manifest["data"]:  # a run that goes on
        return
    folder.write_splits(split_rows(splits, source.contents()))
    digests = {"digest": source.digest(), "splits_digest": folder.splits_digest()}
    folder.write_manifest({**manifest, "data": {**manifest["data"], **digests}})


def check_written_split(folder: RunFolder) -> None:
    """RunError where splits.csv of a run is not there, or is not what the run wrote."""
    said, path = folder.manifest()["data"], folder.splits_path
    if not path.is_file():
        raise RunError(
            f"{path}: is missing, so nothing tells what the run was trained on; bring the file back, or train again"
        )
    if "splits_digest" in said:
        is_same = folder.splits_digest() == said["splits_digest"]
    else:  # runs of earlier versions are taken by their counts, which a run that was cut off has not
        is_same = "counts" not in said or Counter(read_split(path).values()) == Counter(said["counts"])
    if not is_same:
        raise RunError(f"{path}: is not as the run wrote it; bring the file back as it was, or train again")


def drawn_shares(given: Collection[str], recipe: Recipe) -> dict[str, float]:
    """The splits that chance makes of data that have the `given` ones, and the share of the images that each is to hold."""
    if recipe.data.split not in DRAWN:
        return {}
    val = {} if "val" in given else {"val": recipe.data.val}
    test = {"test": 1 / recipe.data.folds if recipe.data.fold else recipe.data.test} if "all" in given else {}
    return {name: share for name, share in (val | test).items() if share}


def how_drawn(given: Collection[str], recipe: Recipe) -> str:
    """How the splits that the data do not have come about, for a person; empty where they have all."""
    if recipe.data.split not in DRAWN:
        return f"taken from {recipe.data.split}"
    named = {"val": "validation", "test": "test"}
    wanted = [
        f"fold {recipe.data.fold} of {recipe.data.folds} for test"
        if recipe.data.fold and name == "test"
        else f"{100 * share:g} % for {named[name]}"
        for name, share in drawn_shares(given, recipe).items()
    ]
    if not wanted:
        return "none: all images are learned from" if "all" in given else ""
    how = f"{recipe.data.split}{f', by {recipe.data.group}' if recipe.data.group else ''}, seed {recipe.training.seed}"
    return f"drawn{'' if 'all' in given else ' from train'}: {', '.join(wanted)} ({how})"


def other_than_asked(splits: Splits, samples: Mapping[str, LabeledImages], recipe: Recipe) -> list[str]:
    """A sentence for each split that was drawn and came out noticeably larger or smaller than asked for."""
    lines, whole = [], samples.get("all") or samples["train"]
    for name, share in drawn_shares(samples, recipe).items():
        held_out, asked = len(splits.by_name()[name]), share * len(whole)
        if abs(held_out - asked) > max(NOTICEABLE * asked, 1):
            each_one = recipe.data.split == "stratified" and max(splits.by_name()[name].counts()) == 1
            why = (
                "each class that has several images gives one"
                if each_one
                else "images that are identical or of one group stay together"
            )
            lines.append(
                f"{name} holds {held_out} of {len(whole)} images, {held_out / len(whole):.0%} where {share:.0%} was asked "
                f"for: {why}"
            )
    return lines
