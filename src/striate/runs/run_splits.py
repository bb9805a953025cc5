"""The splits of a run: random, or taken from another run or a file; written to splits.csv once, and read from there ever after."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from striate.data import LabeledImages, Source, Splits, apply_split, groups_of, read_split, split_samples
from striate.errors import RunError, SettingError
from striate.runs.folder import RunFolder
from striate.runs.known_images import split_rows
from striate.runs.random_splits import METHODS
from striate.training import Recipe, ResolvedRecipe

__all__ = ["check_written_splits", "resolve_split", "split_of_run", "write_splits"]


def resolve_split(source: Source, settings: ResolvedRecipe) -> ResolvedRecipe:
    """Check the settings of splits against each other and the data, and make the path of a split absolute.

    Raises SettingError, before any image is decoded.
    """
    recipe = settings.recipe
    if recipe.data.folds == 1:
        raise SettingError("folds = 1: a single fold leaves no training images; give 2 or more, or 0 for none")
    if recipe.data.fold and not recipe.data.folds:
        raise SettingError(
            f"fold = {recipe.data.fold}: --folds is missing; give the number of folds, such as --folds 5"
        )
    if recipe.data.fold > recipe.data.folds:
        raise SettingError(
            f"fold = {recipe.data.fold}: is not one of {recipe.data.folds} folds; give a fold from 1 to {recipe.data.folds}"
        )
    is_random = recipe.data.split in METHODS
    if not is_random and (recipe.data.folds or recipe.data.group):
        raise SettingError(
            f"split = {recipe.data.split!r}: is used as it is, so --folds and --group have no effect; leave them out"
        )
    if not is_random:
        _split_file(recipe.data.split)
    if recipe.data.group:
        groups_of(source, recipe.data.group)
    if is_random:
        return settings
    absolute = str(Path(recipe.data.split).resolve())  # so that the run's own command finds it from any folder
    return replace(settings, recipe=recipe.with_values(split=absolute))


def split_of_run(folder: RunFolder, source: Source, recipe: Recipe, samples: Mapping[str, LabeledImages]) -> Splits:
    """The splits that the run wrote, or, the first time, those that its recipe asks for."""
    if folder.splits_path.exists():
        check_written_splits(folder)
        return apply_split(samples, read_split(folder.splits_path), str(folder.splits_path))
    if recipe.data.split not in METHODS:
        path = _split_file(recipe.data.split)
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


def write_splits(folder: RunFolder, splits: Splits, source: Source) -> None:
    """Write splits.csv, with hashes that recognize each image, and the digests of data and splits; once for a run."""
    manifest = folder.manifest()
    if folder.splits_path.exists() and "splits_digest" in manifest["data"]:  # a resumed run
        return
    folder.write_splits(split_rows(splits, source.contents()))
    digests = {"digest": source.digest(), "splits_digest": folder.splits_digest()}
    folder.write_manifest({**manifest, "data": {**manifest["data"], **digests}})


def check_written_splits(folder: RunFolder) -> None:
    """Raise RunError where splits.csv of a run is missing, or was changed."""
    data, path = folder.manifest()["data"], folder.splits_path
    if not path.is_file():
        raise RunError(
            f"{path}: is missing, so the run's training images are not known; bring the file back, or train again"
        )
    written = data.get("splits_digest")  # None where the run was killed before it was written
    if written is not None and folder.splits_digest() != written:
        raise RunError(f"{path}: was changed after the run wrote it; bring the file back as it was, or train again")


def _split_file(setting: str) -> Path:
    """The file that the setting names, by itself or as the folder of a run."""
    path = Path(setting)
    if path.is_dir():
        folder = RunFolder.open(path)
        check_written_splits(folder)
        return folder.splits_path
    if not path.is_file():
        raise SettingError(
            f"split = {setting!r}: takes {', '.join(METHODS)}, the folder of a run, or a CSV with id and split"
        )
    return path
