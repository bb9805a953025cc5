"""The images that initial weights were trained on: with the same data they stay training images, elsewhere they are counted.

A run that starts from the weights of another run and splits the same data anew would be tested on images that its weights know.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, final

from striate.data import Source, Splits
from striate.errors import RunError
from striate.runs.folder import RunFolder
from striate.runs.known_images import KnownImages, read_known_images
from striate.runs.random_splits import METHODS
from striate.runs.run_splits import check_written_splits
from striate.training import ResolvedRecipe

__all__ = ["KnownToWeights", "count_known_to_weights", "read_images_of_chain", "with_split_of_weights"]

SPLIT_SETTINGS: Final = ("split", "val", "test", "folds", "fold", "group")
RECORDED: Final = "known_to_weights"  # in the manifest


@final
@dataclass(frozen=True)
class KnownToWeights:
    """How many images of each held-out split are training images of a run whose weights were started from."""

    run: str
    same_data: bool  # all of its data are those of this run
    counts: Mapping[
        str, int
    ]  # by split; only those with any, none where the run has the same data and its split is gone


def with_split_of_weights(source: Source, settings: ResolvedRecipe, manifest: Mapping[str, Any]) -> ResolvedRecipe:
    """The settings with the split of the run whose weights a run starts from, where the data are the same.

    A setting on splits that the user typed stays as it is. Asked once the images are read, for their
    digest.
    """
    data = settings.recipe.data
    typed = [name for name in SPLIT_SETTINGS if settings.origins[name] == "user"]
    run = _run(manifest.get("initial_weights"))
    if run is None or typed or data.split not in METHODS or data.folds or data.group:
        return settings
    if not _is_of(run, source):
        return settings
    recipe = settings.recipe.with_values(split=str(run.path))
    return replace(settings, recipe=recipe, origins={**settings.origins, "split": "weights"})


def count_known_to_weights(folder: RunFolder, splits: Splits, source: Source) -> list[KnownToWeights]:
    """The runs before this one, by their weights, with those of its held-out images that they were trained on; mostly none.

    Images are recognized by their pixels and by their files. Counted once for a run and recorded in its manifest: later the
    runs before may be gone.
    """
    manifest = folder.manifest()
    weights = manifest.get("initial_weights")
    if weights is None:
        return []
    if RECORDED in manifest:
        return [KnownToWeights(**one) for one in manifest[RECORDED]]
    found = [_known(one, splits, source) for one in _chain(weights) if one["kind"] == "run"]
    known = [one for one in found if one is not None]
    folder.write_manifest({**manifest, RECORDED: [vars(one) for one in known]})
    return known


def read_images_of_chain(folder: RunFolder) -> KnownImages:
    """The images of a run, and those that the runs before it, by their weights, were trained on, as far as these are there."""
    before = [_run(one) for one in _chain(folder.manifest().get("initial_weights"))]
    return read_known_images(folder.splits_path, [run.splits_path for run in before if run is not None])


def _known(weights: Mapping[str, Any], splits: Splits, source: Source) -> KnownToWeights | None:
    held_out = {name: samples for name, samples in splits.by_name().items() if name != "train"}
    run = _run(weights)
    if run is None:  # a bundle alone, or a run that is gone
        is_same = bool(held_out) and weights.get("data") == source.digest()
        return KnownToWeights(weights["path"], is_same, {}) if is_same else None
    known = replace(read_known_images(run.splits_path), signatures={})  # what is only alike may be another image
    counts = {name: known.known_as(samples, source.contents).count("train") for name, samples in held_out.items()}
    counts = {name: count for name, count in counts.items() if count}
    return KnownToWeights(str(run.path), _is_of(run, source), counts) if counts else None


def _is_of(run: RunFolder, source: Source) -> bool:
    return bool(run.manifest()["data"].get("digest") == source.digest())


def _chain(weights: Mapping[str, Any] | None) -> Iterator[Mapping[str, Any]]:
    """Weights, those that their run started from, and so on."""
    while weights is not None:
        yield weights
        weights = weights.get("initial_weights")


def _run(weights: Mapping[str, Any] | None) -> RunFolder | None:
    """The folder of the run that weights are of, if it is there with its splits as they were written."""
    if weights is None or weights["kind"] != "run":
        return None
    path = Path(weights["path"])
    for folder in (path, *path.parents[:2]):  # the run, its bundle, or a file of the bundle
        if (folder / "manifest.json").is_file():
            try:
                run = RunFolder.open(folder)
                check_written_splits(run)
            except RunError:
                return None
            return run
    return None
