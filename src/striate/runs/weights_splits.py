"""The images that initial weights were trained on: with the same data they stay training images, elsewhere they are counted.

A run that starts from the weights of another run and splits the same data anew would be tested on images that its weights know.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, final

from striate.data import Source, Splits, read_split
from striate.data.splits import as_written
from striate.errors import RunError
from striate.runs.folder import RunFolder
from striate.runs.known_images import KnownImages, read_known_images
from striate.runs.random_splits import METHODS
from striate.runs.run_splits import check_written_splits
from striate.runs.starting_weights import StartingWeights
from striate.training import ResolvedRecipe

__all__ = [
    "KnownToWeights",
    "count_known_to_weights",
    "is_split_open",
    "read_images_of_chain",
    "split_in_run_of",
    "with_split_of_weights",
]

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


def is_split_open(settings: ResolvedRecipe) -> bool:
    """Whether the split waits for the images to be read, as initial weights may be of a run on the same ones."""
    data, weights = settings.recipe.data, settings.recipe.transfer.weights
    typed = [name for name in SPLIT_SETTINGS if settings.origins[name] == "user"]
    is_own = bool(typed or data.split not in METHODS or data.folds or data.group)
    return weights not in ("none", "imagenet") and not is_own


def with_split_of_weights(source: Source, settings: ResolvedRecipe, manifest: Mapping[str, Any]) -> ResolvedRecipe:
    """The settings with the split of the run whose weights a run starts from, where the data are the same.

    A setting on splits that the user typed stays as it is. Asked once the images are read, for their
    digest.
    """
    run = _run(manifest.get("initial_weights")) if is_split_open(settings) else None
    if run is None or not _is_of(run, source):
        return settings
    recipe = settings.recipe.with_values(split=str(run.path))
    return replace(settings, recipe=recipe, origins={**settings.origins, "split": "weights"})


def split_in_run_of(weights: StartingWeights, source: Source) -> dict[str, str]:
    """The split of each image by its id, in the run that the weights are of; none where that run had other data.

    Asked once the images are read, for their digest.
    """
    run = _run(weights.as_json())
    if run is None or not _is_of(run, source):
        return {}
    split_of, listings = read_split(run.splits_path), source.splits.values()
    written = {id_: there for one in listings for id_, there in as_written(one.ids, split_of).items()}
    return {id_: split_of[there] for id_, there in written.items() if there in split_of}


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
