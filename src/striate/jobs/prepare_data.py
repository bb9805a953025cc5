"""Prepare the data of a training run: survey, decode, split, audit, resolve flips, measure the normalization."""

from dataclasses import replace
from typing import cast

from striate.audit import audit_splits, audit_survey, resolve_flips
from striate.audit.mirrored_labels import sample_of_split
from striate.audit.weights_leakage import weights_leakage
from striate.data import Cache, Canvas, LabeledImages, Source, decoded_size, load_images
from striate.data.settings import Place, TestTimeAugmentation
from striate.errors import DataError
from striate.progress import ProgressDisplay
from striate.runs import Preprocessing, RunFolder
from striate.runs.prepared_data import PreparedData
from striate.runs.random_splits import deviating_splits, split_origin
from striate.runs.resuming import check_unchanged
from striate.runs.run_splits import split_of_run, write_splits
from striate.runs.weights_settings import normalization_for
from striate.runs.weights_splits import count_known_to_weights, is_split_open, with_split_of_weights
from striate.tasks import Task
from striate.training import Recipe, ResolvedRecipe, available_cores
from striate.training.data_defaults import canvas_of


def prepare_data(
    source: Source, settings: ResolvedRecipe, folder: RunFolder, display: ProgressDisplay, task: type[Task]
) -> PreparedData:
    """From a source to what a network is trained on. Raises DataError for data that cannot be trained on."""
    recipe = settings.recipe
    source.take_survey(display.reading)
    canvas = canvas_of(source, recipe)
    display.messages(source.survey.summary(canvas))
    images, place = _load(source, canvas, recipe, folder, display)
    settings = _with_split(source, settings, folder, display)
    recipe = settings.recipe
    of_survey = audit_survey(source, canvas)
    try:
        splits = split_of_run(folder, source, recipe, images)
    except DataError as error:  # the survey may explain it: images can be identical where their content is cut off
        reasons = "".join(f". {one.message} Fix: {one.fix}" for one in of_survey if one.severity == "warning")
        raise DataError(f"{error}{reasons}") from None
    counts = ", ".join(f"{name} {len(samples):,}" for name, samples in splits.by_name().items())
    display.messages([f"images:  {counts}", *deviating_splits(splits, images, recipe)])
    of_splits = audit_splits(source, splits, canvas, images, recipe, needs_examples=task.needs_examples)
    write_splits(folder, splits, source)
    of_weights = weights_leakage(count_known_to_weights(folder, splits, source), splits)
    flips = resolve_flips(settings, source.classes, sample_of_split(splits.train))
    display.messages(flips.messages)
    assert recipe.model.size is not None
    normalization = normalization_for(recipe, splits.train.pixels, folder.manifest())
    return PreparedData(
        splits=splits,
        skipped=tuple(one for samples in images.values() for one in samples.skipped),
        preprocessing=Preprocessing(
            canvas,
            (recipe.model.size, recipe.model.size),
            normalization,
            recipe.reading.max_pixels,
            cast(TestTimeAugmentation, flips.settings.recipe.data.tta),
        ),
        settings=flips.settings,
        place=place,
        policy=flips.settings.recipe.augment,
        findings=(*of_splits, *of_weights, *of_survey, *flips.findings),
    )


def _with_split(
    source: Source, settings: ResolvedRecipe, folder: RunFolder, display: ProgressDisplay
) -> ResolvedRecipe:
    """The settings with the split of the run whose weights a run starts from, where that is the one to take, and why."""
    was_open = is_split_open(settings)
    settings = with_split_of_weights(source, settings, folder.manifest())
    if settings.origins["split"] == "weights":
        reason = f"splits:  those of {settings.recipe.data.split}, whose weights were trained on these images"
        display.message(reason)
        folder.add_reasons([reason])
    elif was_open and (origin := split_origin(source.splits, settings.recipe)):
        display.message(f"splits:  {origin}")
    return settings


def _load(
    source: Source, canvas: Canvas, recipe: Recipe, folder: RunFolder, display: ProgressDisplay
) -> tuple[dict[str, LabeledImages], Place]:
    """All images, decoded, and where they are kept. Raises RunError where a resumed run finds other images than it began with.

    Decoding takes the digests of the files, so they are checked after it; before it only where they find the images on disk.
    """
    cache, digest = Cache(cast(Place, recipe.data.cache), folder.cache_path), folder.manifest()["data"].get("digest")
    size = decoded_size(source, canvas)
    kept = cache.resolved(size)
    display.messages(kept.messages(size, asked=cache.place))
    if kept.place == "disk":
        check_unchanged(source, digest, folder.path)
    limits = replace(source.limits, max_pixels=recipe.reading.max_pixels, max_bad=recipe.data.max_bad)
    try:
        images = load_images(
            source.with_limits(limits), canvas, threads=available_cores(), cache=kept, progress=display.reading
        )
    except DataError:
        check_unchanged(source, digest, folder.path)
        raise
    check_unchanged(source, digest, folder.path)
    return images, kept.place
