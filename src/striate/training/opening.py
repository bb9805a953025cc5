"""Open data as the settings describe: a path, its source, columns, classes and links; or images in memory."""

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, cast

from striate.data import FileStore, Limits, Source, TaskKind
from striate.data.names import expanded, unescaped
from striate.errors import RunError, SettingError, StriateError, nearest
from striate.sources import (
    IN_MEMORY,
    OF_FILES,
    Columns,
    ImagesInput,
    ReadOptions,
    TrainingData,
    is_found,
    open_in_memory,
    open_source,
    split_names,
)
from striate.training.recipe import READING, Recipe

__all__ = [
    "check_reading",
    "how_to_read",
    "is_within",
    "open_again",
    "open_data",
    "open_data_like",
    "refuse_within_the_data",
]

# settings for the labels of one data set; other data may have theirs elsewhere
_KIND: Final = ("source", "class_level", "path_column", "label_column", "split_column", "image_root")


def how_to_read(*layers: Mapping[str, Any]) -> ReadOptions:
    """How data are read, from layers of settings (typed, recipe ...); the first layer that has a value wins.

    Raises SettingError for a value that is out of range.
    """

    def given(name: str) -> Any:
        return next((layer[name] for layer in layers if layer.get(name) not in (None, "")), None)

    values = {name: value for name in READING if (value := given(name)) is not None}
    recipe = Recipe.of(**values)
    columns = Columns(
        path=recipe.reading.path_column or None,
        label=split_names(recipe.reading.label_column),
        split=recipe.reading.split_column or None,
        task=None if recipe.reading.task == "auto" else cast(TaskKind, recipe.reading.task),
        folder=recipe.reading.image_root or None,
    )
    limits = Limits(max_pixels=recipe.reading.max_pixels, follow_links=recipe.reading.follow_links)
    return ReadOptions(recipe.reading.source, columns, recipe.reading.class_level, limits)


def check_reading(settings: Mapping[str, Any]) -> None:
    """Raise SettingError for a setting that is not about reading data."""
    unknown = next((name for name in settings if name not in READING), None)
    if unknown is not None:
        raise SettingError(f"{unknown!r} is not a setting for reading data{nearest(unknown, READING)}")


def open_data(data: TrainingData, *layers: Mapping[str, Any]) -> Source:
    """The source of `data`, read by layers of settings; the first layer that has a value wins."""
    return _open(data, how_to_read(*layers))


def open_again(location: str, recipe: Mapping[str, Any], data: TrainingData | None, way_out: str) -> Source:
    """The source of a run's data, from its location, or from `data`, the same data passed again.

    Raises RunError, which ends with `way_out`, where the data were in memory and are not passed.
    """
    if data is not None:
        return open_data(data, recipe)
    if location == IN_MEMORY:
        raise RunError(f"the data of this run were in memory and are not on disk; {way_out}")
    return open_data(unescaped(location), recipe)


def open_data_like(data: TrainingData, recipe: Mapping[str, Any], reading: Mapping[str, Any]) -> Source:
    """Other data for evaluation, which may have a single class or no training split.

    They are read by the settings `reading`, and else by the recipe's. Where they have nothing of the kind that the recipe
    names, such as a table for its columns, they are read without the recipe's settings for labels.
    """
    others = {name: value for name, value in recipe.items() if name not in _KIND}
    alone = replace(how_to_read(reading, others), for_training=False)
    try:
        how = replace(how_to_read(reading, recipe), for_training=False)
    except SettingError:  # `reading` is for another kind of data than the recipe
        return _open(data, alone)
    try:
        return _open(data, how)
    except StriateError:
        if how == alone or (isinstance(data, str | Path) and is_found(expanded(data), how)):
            raise
    return _open(data, alone)


def refuse_within_the_data(path: Path, data: TrainingData | ImagesInput, source: Source) -> None:
    """Raise SettingError where an output path is inside the data's folder.

    For a table these are the folders of its images, but not the folder of the table itself.
    """
    location = Path(unescaped(source.location))
    if not location.is_absolute():  # part of the package, or in memory
        return
    roots = [location, *([expanded(data)] if isinstance(data, str | Path) else [])]
    if location.is_file():
        stores = [listing.store for listing in source.splits.values()]
        folders = {os.path.dirname(one) for store in stores if isinstance(store, FileStore) for one in store.paths}  # noqa: PTH120 - asked for each of up to a million files, and a Path takes ten times as long
        roots += [Path(one) for one in folders if not location.parent.samefile(one)]
    if any(root.is_dir() and path.resolve().is_relative_to(root.resolve()) for root in roots):
        raise SettingError(f"{path}: lies within the data, where striate writes nothing; choose another --out")


def is_within(path: Path, data: TrainingData | ImagesInput) -> bool:
    """Whether an output path lies in the folder that was typed; a built-in set that is named like it may be meant instead."""
    return isinstance(data, str | Path) and path.resolve().is_relative_to(expanded(data).resolve())


def _open(data: TrainingData, how: ReadOptions) -> Source:
    """The source of a path or of a built-in name, or of images and labels in memory."""
    if isinstance(data, str | Path):
        return open_source(
            data, how.limits, how.columns, source=how.source, class_level=how.class_level, for_training=how.for_training
        )
    if how.is_of_files:
        raise SettingError(f"the data are in memory: {OF_FILES}")
    return open_in_memory(data, how.limits, how.columns.task, for_training=how.for_training)
