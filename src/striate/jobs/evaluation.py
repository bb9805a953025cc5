"""Evaluation of a finished run: on a split of its own data, just as it was, or on other data with the same classes."""

from dataclasses import dataclass, replace
from typing import Any, final

import torch

from striate.analysis import evaluate as evaluate_predictions
from striate.analysis import predict
from striate.data import IN_MEMORY, Batches, Limits, Pictures, Source, TrainingData, load_pictures
from striate.data.sources.choice import HowToRead
from striate.errors import RunError, SettingError
from striate.jobs.opening import open_again, open_given
from striate.jobs.splitting import split_of_run
from striate.runs import Bundle, RunFolder
from striate.tasks import Classify
from striate.training import available_cores, checked, keep_freed_memory, read_toml

BATCH = 128
WAY_OUT = "give data to measure on: run.evaluate((images, labels)) from Python, or --data"


@final
@dataclass(frozen=True)
class Evaluated:
    """The figures of one split: as in metrics.json."""

    data: str
    split: str
    figures: dict[str, Any]


def evaluate(folder: RunFolder, data: TrainingData | None = None, split: str | None = None) -> Evaluated:
    """Measure a run's network.

    Without `data`, its own are split as the run wrote it down; `split` is then "test" if there is one. Other data are taken
    whole if they have no splits. Raises RunError where the classes differ, or the run's own data changed.
    """
    bundle = folder.bundle()
    manifest = folder.manifest()
    said, _ = read_toml(folder.recipe_path)
    known = manifest["data"]
    source = open_given(data, HowToRead()) if data is not None else open_again(known["location"], said, None, WAY_OUT)
    own = source.location == known["location"] and (source.location != IN_MEMORY or source.digest() == known["digest"])
    _check_classes(bundle, source, folder)
    if own and source.digest() != manifest["data"]["digest"]:
        raise RunError(
            f"{source.location}: changed since {folder.path} was trained; give the data to measure on with --data"
        )
    keep_freed_memory()
    pictures = _own_splits(folder, source, bundle) if own else _other_splits(source, bundle)
    name = split or next(name for name in ("test", "all", "val", "train") if name in pictures)
    if name not in pictures:
        raise SettingError(f"split = {name!r}: {source.location} has {', '.join(sorted(pictures))}")
    preprocessing = bundle.preprocessing
    batches = Batches(
        pictures[name],
        batch_size=BATCH,
        size=preprocessing.size,
        normalization=preprocessing.normalization,
        policy=None,
        seed=0,
        device=torch.device("cpu"),
    )
    task = Classify(bundle.classes)
    figures = evaluate_predictions(predict(bundle.model, task, batches), bundle.classes)
    return Evaluated(source.name, name, figures)


def _check_classes(bundle: Bundle, source: Source, folder: RunFolder) -> None:
    unknown = sorted(set(source.classes) - set(bundle.classes))
    if unknown:
        raise RunError(
            f"{folder.path}: was made for other classes ({', '.join(bundle.classes[:5])} ...); "
            f"it does not know {', '.join(unknown[:5])} of {source.location}"
        )


def _own_splits(folder: RunFolder, source: Source, bundle: Bundle) -> dict[str, Pictures]:
    recipe = checked(read_toml(folder.recipe_path)[0])
    pictures = _decoded(source, bundle, replace(bundle.preprocessing.limits, max_bad=recipe.max_bad))
    return split_of_run(folder, source, recipe, pictures).parts()


def _other_splits(source: Source, bundle: Bundle) -> dict[str, Pictures]:
    """The source's own splits, its labels counted in the order of the bundle's classes."""
    place = torch.tensor([bundle.classes.index(name) for name in source.classes])
    return {
        name: replace(part, labels=place[part.labels], classes=bundle.classes)
        for name, part in _decoded(source, bundle, bundle.preprocessing.limits).items()
    }


def _decoded(source: Source, bundle: Bundle, limits: Limits) -> dict[str, Pictures]:
    return load_pictures(source, bundle.preprocessing.canvas, threads=available_cores(), limits=limits)
