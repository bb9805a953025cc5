"""Prepare the data of a training run: survey, decode, split, audit, resolve flips, measure the normalization."""

from dataclasses import dataclass, replace
from typing import cast, final

import torch

from striate.audit import audit_splits, audit_survey, resolve_flips
from striate.audit.mirrored_labels import sample_of_split
from striate.data import Batches, Cache, Canvas, LabeledImages, SkippedFile, Source, Splits, decoded_size, load_images
from striate.data.normalization import normalization_of
from striate.data.settings import Place
from striate.errors import DataError
from striate.findings import Finding
from striate.jobs.progress_display import ProgressDisplay
from striate.runs import Preprocessing, RunFolder
from striate.runs.random_splits import deviating_splits
from striate.runs.run_splits import split_of_run, write_splits
from striate.training import Recipe, ResolvedRecipe, available_cores
from striate.training.data_defaults import canvas_of
from striate.views import Policy


@final
@dataclass(frozen=True)
class PreparedData:
    """Decoded images, the preprocessing of the network's input, and the audit's findings."""

    splits: Splits
    skipped: tuple[SkippedFile, ...]
    preprocessing: Preprocessing
    settings: ResolvedRecipe  # with those that the images decide
    policy: Policy
    findings: tuple[Finding, ...]

    def training_batches(self, recipe: Recipe) -> Batches:
        """The training images, shuffled and augmented."""
        return Batches(
            self.splits.train,
            batch_size=recipe.training.batch_size,
            size=self.preprocessing.size,
            normalization=self.preprocessing.normalization,
            policy=self.policy,
            seed=recipe.training.seed,
            device=torch.device(recipe.machine.device),
            equal_classes=recipe.loss.balance == "sampler",
        )

    def held_out(self) -> dict[str, LabeledImages]:
        """The splits that are not trained on, by name."""
        return {name: samples for name, samples in self.splits.by_name().items() if name != "train"}

    def lost_files(self) -> list[SkippedFile]:
        """Files that became unreadable after they were first read."""
        return [one for samples in self.splits.by_name().values() for one in samples.pixels.lost]


def prepare_data(source: Source, settings: ResolvedRecipe, folder: RunFolder, display: ProgressDisplay) -> PreparedData:
    """From a source to what a network is trained on. Raises DataError for data that cannot be trained on."""
    recipe = settings.recipe
    source.take_survey(display.reading)
    canvas = canvas_of(source, recipe)
    display.messages(source.survey.summary(canvas))
    images = load_images(
        source.with_limits(replace(source.limits, max_pixels=recipe.reading.max_pixels, max_bad=recipe.data.max_bad)),
        canvas,
        threads=available_cores(),
        cache=_cache(source, canvas, recipe, folder, display),
        progress=display.reading,
    )
    of_survey = audit_survey(source, canvas)
    try:
        splits = split_of_run(folder, source, recipe, images)
    except DataError as error:  # the survey may explain it: images can be identical where their content is cut off
        reasons = "".join(f". {one.message} Fix: {one.fix}" for one in of_survey if one.severity == "warning")
        raise DataError(f"{error}{reasons}") from None
    counts = ", ".join(f"{name} {len(samples):,}" for name, samples in splits.by_name().items())
    display.messages([f"images:  {counts}", *deviating_splits(splits, images, recipe)])
    of_splits = audit_splits(source, splits, canvas, images, recipe)
    write_splits(folder, splits, source)
    flips = resolve_flips(settings, source.classes, sample_of_split(splits.train))
    display.messages(flips.messages)
    assert recipe.model.size is not None
    normalization = normalization_of(recipe.data.normalize, splits.train.pixels)
    return PreparedData(
        splits=splits,
        skipped=tuple(one for samples in images.values() for one in samples.skipped),
        preprocessing=Preprocessing(
            canvas, (recipe.model.size, recipe.model.size), normalization, recipe.reading.max_pixels
        ),
        settings=flips.settings,
        policy=flips.settings.recipe.augment,
        findings=(*of_splits, *of_survey, *flips.findings),
    )


def _cache(source: Source, canvas: Canvas, recipe: Recipe, folder: RunFolder, display: ProgressDisplay) -> Cache:
    """Where decoded images are kept; a message where the default is not memory."""
    size = decoded_size(source, canvas)
    cache = Cache(cast(Place, recipe.data.cache), folder.cache_path).resolved(size)
    if recipe.data.cache == "auto" and cache.place != "memory":
        where = "on disk" if cache.place == "disk" else "nowhere and decoded anew each epoch"
        display.message(f"the images take {size / 2**30:.1f} GiB, more than memory allows: they are kept {where}")
    return cache
