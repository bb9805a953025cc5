"""From what is on disk to what a network is trained on: canvas, splits, normalization, augmentation, and what is wrong."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast, final

import torch

from striate.audit import check_data
from striate.audit.balance import absent_classes
from striate.audit.pixels import read_in_part, survey_findings
from striate.audit.scales import outlier_values, scale_by_class
from striate.data import Batches, Cache, Canvas, LabeledImages, SkippedFile, Source, Splits, decoded_size, load_images
from striate.data.decoding.rendering import Background
from striate.data.decoding.resize import FitMode
from striate.data.storage import Place
from striate.data.survey import Survey
from striate.errors import DataError, SettingError
from striate.findings import Finding
from striate.jobs.flipping import images_of_split, settle_flips
from striate.jobs.monitor import Monitor
from striate.jobs.normalization import check_normalization, normalization_of
from striate.jobs.policy import policy_of
from striate.jobs.splitting import DRAWN, check_split, drawn_shares, other_than_asked, split_of_run, write_split
from striate.runs import Preprocessing, RunFolder
from striate.training import NamedRecipe, Recipe, ResolvedRecipe, available_cores, find_recipe, resolve
from striate.views import Policy

LARGEST_SIZE = 128  # of photographs, where nothing is said: what two CPU cores train in minutes
SMALL_IMAGE = 64  # up to here an image is taken as it is, and idx data are taken for digits
MARGIN = 8 / 7  # the canvas is larger than the crop by this, as 256 pixels are than 224
EVALUATION_BATCH = 128


@final
@dataclass(frozen=True)
class Prepared:
    """Images in memory, how a network sees them, and what was found wrong with them."""

    splits: Splits
    skipped: tuple[SkippedFile, ...]
    preprocessing: Preprocessing
    settings: ResolvedRecipe  # with what the images decided
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

    def plain_batches(self, samples: LabeledImages, recipe: Recipe) -> Batches:
        """Images in their order, as they are, for validation and test."""
        return Batches(
            samples,
            batch_size=max(recipe.training.batch_size, EVALUATION_BATCH),
            size=self.preprocessing.size,
            normalization=self.preprocessing.normalization,
            policy=None,
            seed=recipe.training.seed,
            device=torch.device(recipe.machine.device),
        )


def default_recipe(source: Source) -> NamedRecipe:
    """`mnist` for small gray idx images and for scenes of digits, `photos` for the rest."""
    native = source.native()
    digits = native.channels == 1 and max(native.height, native.width) <= SMALL_IMAGE and source.kind == "idx"
    return find_recipe("mnist" if digits or source.kind == "scenes" else "photos")


def settle(source: Source, named: NamedRecipe, user: dict[str, Any]) -> ResolvedRecipe:
    """Every setting that the data decide; what the machine decides stays open."""
    native = source.native()
    settings = resolve(user, named).with_defaults(
        "data",
        channels=native.channels,
        bits=native.bits,
        background=native.rendering.background,
        fit=native.fit,
    )
    contain = settings.recipe.data.fit == "contain"
    settings = settings.with_defaults("data", size=default_size(source.survey, cast(FitMode, settings.recipe.data.fit)))
    if contain and policy_of(settings.recipe).crop < 1:  # crops would hide the ends again
        settings = settings.with_defaults("data", crop=1.0)
    check_split(source, settings.recipe)
    check_normalization(settings.recipe)
    _check_bits(settings.recipe.data.bits)
    if settings.recipe.data.split in DRAWN:
        return settings
    whole = str(Path(settings.recipe.data.split).resolve())  # so that the run's own command finds it from anywhere
    return replace(settings, recipe=settings.recipe.with_values(split=whole))


def default_size(survey: Survey, fit: FitMode) -> int:
    """The side of what a network sees where nothing is said."""
    return min(survey.side(fit), LARGEST_SIZE)


def _check_bits(bits: int | None) -> None:
    if bits not in (None, 8, 16):
        raise SettingError(
            f"bits = {bits}: images are kept in 8 or in 16 bits, and 16 keep all of {bits} in use; leave it out"
        )


def canvas_of(source: Source, recipe: Recipe, policy: Policy) -> Canvas:
    """The images as they are kept: a little larger than what the network sees if crops are taken at random.

    Where whole images are to be seen no margin is added, since the margin is what evaluation cuts off.
    """
    assert recipe.model.size is not None
    assert recipe.model.channels is not None
    margin = policy.crop < 1 and recipe.model.size > SMALL_IMAGE and recipe.data.fit != "contain"
    side = round(recipe.model.size * MARGIN) if margin else recipe.model.size
    # a run of a striate that did not know the two has them undecided, and began with these
    background = cast(Background, "white" if recipe.data.background == "auto" else recipe.data.background)
    fit = cast(FitMode, "cover" if recipe.data.fit == "auto" else recipe.data.fit)
    rendering = source.survey.rendering(background)
    return Canvas(side, side, recipe.model.channels, 16 if recipe.data.bits == 16 else 8, rendering, fit)


def prepare(source: Source, settings: ResolvedRecipe, folder: RunFolder, monitor: Monitor) -> Prepared:
    """Decode, split, look for what is wrong, and measure the normalization on the training images."""
    recipe = settings.recipe
    source.take_survey(monitor.reading)
    canvas = canvas_of(source, recipe, policy_of(recipe))
    for line in source.survey.summary(canvas):
        monitor.say(line)
    images = load_images(
        source.with_limits(replace(source.limits, max_pixels=recipe.reading.max_pixels, max_bad=recipe.data.max_bad)),
        canvas,
        threads=available_cores(),
        cache=_cache(source, canvas, recipe, folder, monitor),
        progress=monitor.reading,
    )
    learned = next(iter(source.splits.values()))
    of_survey = (*read_in_part(source.survey, len(learned.store)), *survey_findings(source.survey, canvas))
    unseen = [one.finding for one in of_survey]
    try:
        splits = split_of_run(folder, source, recipe, images)
    except DataError as error:  # images may be all alike for what is not seen of them
        why = "".join(f". {one.message} Fix: {one.fix}" for one in unseen if one.severity == "warning")
        raise DataError(f"{error}{why}") from None
    for line in (split_line(splits), *other_than_asked(splits, images, recipe)):
        monitor.say(line)
    hiding = canvas.rendering.background if source.survey.hides_content(canvas.rendering.background) else None
    of_scales = [one.finding for one in (*scale_by_class(source), *outlier_values(source))]
    findings = [without_leakage(one, recipe) for one in (*check_data(splits, hiding), *unseen, *of_scales)]
    counts = {name: part.counts() for name, part in splits.by_name().items()}
    findings += absent_classes(source.classes, counts, drawn_shares(images, recipe))
    write_split(folder, splits, source)
    flips = settle_flips(settings, source.classes, images_of_split(splits.train))
    for line in flips.lines:
        monitor.say(line)
    normalization = normalization_of(recipe.data.normalize, splits.train.pixels)
    assert recipe.model.size is not None
    preprocessing = Preprocessing(
        canvas, (recipe.model.size, recipe.model.size), normalization, recipe.reading.max_pixels
    )
    skipped = tuple(one for part in images.values() for one in part.skipped)
    policy = policy_of(flips.settings.recipe)
    return Prepared(splits, skipped, preprocessing, flips.settings, policy, (*findings, *flips.findings))


def _cache(source: Source, canvas: Canvas, recipe: Recipe, folder: RunFolder, monitor: Monitor) -> Cache:
    """Where the images are kept; said where nobody chose it and it is not the memory."""
    size = decoded_size(source, canvas)
    cache = Cache(cast(Place, recipe.data.cache), folder.cache_path).resolved(size)
    if recipe.data.cache == "auto" and cache.place != "memory":
        where = "on disk" if cache.place == "disk" else "nowhere and decoded anew each epoch"
        monitor.say(f"the images take {size / 2**30:.1f} GiB, more than memory allows: they are kept {where}")
    return cache


def split_line(splits: Splits) -> str:
    """How many images each split has now that they are read."""
    return "images:  " + ", ".join(f"{name} {len(part):,}" for name, part in splits.by_name().items())


def without_leakage(finding: Finding, recipe: Recipe) -> Finding:
    """A finding to go on with: one that is a reason to stop raises DataError, or warns if the recipe says so."""
    if finding.severity != "stop":
        return finding
    if recipe.data.leakage == "warn":
        return replace(finding, severity="warning")
    pairs = ", ".join(" = ".join(map(str, pair)) for pair in finding.evidence.get("pairs", [])[:3])
    raise DataError(
        f"{finding.message.rstrip('.')}{f' ({pairs})' if pairs else ''}; {finding.fix}; `--leakage warn` goes on all the same"
    )
