"""From what is on disk to what a network is trained on: canvas, splits, normalization, augmentation, and what is wrong."""

from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, final

import torch
from torch import Tensor

from striate.data import (
    Batches,
    Canvas,
    Limits,
    Pictures,
    SetAside,
    Source,
    Splits,
    check_data,
    load_pictures,
    split_pictures,
)
from striate.errors import SettingError
from striate.findings import Finding
from striate.jobs.monitor import Monitor
from striate.runs import Preprocessing
from striate.training import NamedRecipe, Recipe, Settings, available_cores, find_recipe, resolve
from striate.views import POLICIES, Normalization, Policy, RandAugment

LARGEST_SIZE = 128  # of photographs, where nothing is said: what two CPU cores train in minutes
SMALL_PICTURE = 64  # up to here a picture is taken as it is, and idx data are taken for digits
MARGIN = 8 / 7  # the canvas is larger than the crop by this, as 256 pixels are than 224
IMAGENET = Normalization((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
EVALUATION_BATCH = 128
POLICY_SETTINGS = tuple(field.name for field in fields(Policy) if field.name != "operations")


@final
@dataclass(frozen=True)
class Prepared:
    """Pictures in memory, how a network sees them, and what was found wrong with them."""

    splits: Splits
    set_aside: tuple[SetAside, ...]
    preprocessing: Preprocessing
    policy: Policy
    findings: tuple[Finding, ...]

    def training_batches(self, recipe: Recipe) -> Batches:
        """The training pictures, shuffled and augmented."""
        return Batches(
            self.splits.train,
            batch_size=recipe.batch_size,
            size=self.preprocessing.size,
            normalization=self.preprocessing.normalization,
            policy=self.policy,
            seed=recipe.seed,
            device=torch.device(recipe.device),
        )

    def plain_batches(self, pictures: Pictures, recipe: Recipe) -> Batches:
        """Pictures in their order, as they are, for validation and test."""
        return Batches(
            pictures,
            batch_size=max(recipe.batch_size, EVALUATION_BATCH),
            size=self.preprocessing.size,
            normalization=self.preprocessing.normalization,
            policy=None,
            seed=recipe.seed,
            device=torch.device(recipe.device),
        )


def default_recipe(source: Source) -> NamedRecipe:
    """`mnist` for small grey idx pictures and for scenes of digits, `photos` for the rest."""
    native = source.native()
    digits = native.channels == 1 and max(native.height, native.width) <= SMALL_PICTURE and source.kind == "idx"
    return find_recipe("mnist" if digits or source.kind == "scenes" else "photos")


def settle(source: Source, named: NamedRecipe, user: dict[str, Any]) -> Settings:
    """Every setting that the data decide; what the machine decides stays open."""
    native = source.native()
    side = min(native.height, native.width)
    settings = resolve(user, named, {})
    return settings.filled("data", size=side if side <= LARGEST_SIZE else LARGEST_SIZE, channels=native.channels)


def policy_of(recipe: Recipe) -> Policy:
    """The recipe's policy with the parts that were set one by one."""
    policy = POLICIES[recipe.augment]
    parts = {name: getattr(recipe, name) for name in POLICY_SETTINGS}
    operations = {"count": recipe.randaugment_count, "magnitude": recipe.randaugment_magnitude}
    for name, value in operations.items():
        if value is None:
            continue
        if not isinstance(policy.operations, RandAugment):
            raise SettingError(f"randaugment_{name} = {value}: set augment to randaugment, not {recipe.augment}")
        policy = replace(policy, operations=replace(policy.operations, **{name: value}))
    return replace(policy, **{name: value for name, value in parts.items() if value is not None})


def canvas_of(recipe: Recipe, policy: Policy) -> Canvas:
    """The pictures as they are kept: a little larger than what the network sees if crops are taken at random."""
    assert recipe.size is not None
    assert recipe.channels is not None
    side = round(recipe.size * MARGIN) if policy.crop < 1 and recipe.size > SMALL_PICTURE else recipe.size
    return Canvas(side, side, recipe.channels)


def prepare(source: Source, recipe: Recipe, cache: Path, monitor: Monitor) -> Prepared:
    """Decode, split, look for what is wrong, and measure the normalization on the training pictures."""
    policy = policy_of(recipe)
    canvas = canvas_of(recipe, policy)
    pictures = load_pictures(
        source,
        canvas,
        threads=available_cores(),
        limits=Limits(max_bad=recipe.max_bad),
        cache=cache,
        progress=monitor.reading,
    )
    splits = split_pictures(pictures, val=recipe.val, test=recipe.test, seed=recipe.seed)
    normalization = normalization_of(recipe.normalize, splits.train.images)
    assert recipe.size is not None
    preprocessing = Preprocessing(canvas, (recipe.size, recipe.size), normalization)
    set_aside = tuple(one for part in pictures.values() for one in part.set_aside)
    return Prepared(splits, set_aside, preprocessing, policy, tuple(check_data(splits)))


def normalization_of(name: str, images: Tensor) -> Normalization:
    """The normalization of this name; "data" measures mean and deviation on up to 4,096 of `images` N H W C, evenly spread."""
    channels = images.shape[-1]
    if name == "unit":
        return Normalization((0.0,) * channels, (1.0,) * channels)
    if name == "symmetric":
        return Normalization((0.5,) * channels, (0.5,) * channels)
    if name == "imagenet" and channels == 3:
        return IMAGENET
    stride = max(1, len(images) // 4096)
    sample = images[::stride].flatten(0, -2).float() / 255  # pixels C
    # A constant channel has no deviation; dividing by one leaves it at nought.
    std = [value if value > 1e-3 else 1.0 for value in sample.std(0).tolist()]
    return Normalization(tuple(sample.mean(0).tolist()), tuple(std))
