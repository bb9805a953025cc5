"""Samples as a recipe augments them, epoch by epoch, mixing included."""

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

from striate.data import Batch, LoadedTargets, Sample, Source, TensorImages, as_colors, denormalize, transform_target
from striate.data.drawing.augmented_views import augmented_views, view_of_image
from striate.data.normalization import normalization_of
from striate.data.targets import Instances, Target
from striate.tasks import Task, task_for_training
from striate.training.loop import mixed_batch
from striate.training.recipe import Recipe
from striate.views import mixing_steps

__all__ = ["augmented_samples", "count_objects"]


def augmented_samples(
    source: Source, chosen: Sequence[tuple[int, Sample]], recipe: Recipe, columns: int
) -> Iterator[list[Sample]]:
    """The samples at their positions, with targets: first without augmentation, then in the first, second ... epoch"""
    ids = torch.tensor([position for position, _ in chosen])
    images = torch.from_numpy(np.stack([sample.image for _, sample in chosen]))  # B H W C
    normalization = normalization_of(recipe.data.normalize, TensorImages(images))
    assert recipe.model.size is not None
    views = augmented_views(
        as_colors(images.permute(0, 3, 1, 2)),
        ids,
        recipe.augment,
        seed=recipe.training.seed,
        columns=columns,
        size=(recipe.model.size, recipe.model.size),
        normalization=normalization,
    )
    for epoch, (augmented, view) in enumerate(views, start=-1):
        targets = [
            transform_target(one.target, view_of_image(view, i), source.skeleton) for i, (_, one) in enumerate(chosen)
        ]
        if epoch >= 0 and mixing_steps(recipe.augment):
            listed = next(iter(source.splits.values())).targets
            assert isinstance(listed, LoadedTargets)
            task = task_for_training(source.task, source.classes, recipe.loss, listed)
            gathered = listed.gather_on(ids.device)(ids, view)
            augmented, targets = _mixed(Batch(augmented, gathered, ids, view), recipe, task, epoch)
        shown = denormalize(augmented, normalization).numpy()
        yield [Sample(one.id, image, target) for (_, one), image, target in zip(chosen, shown, targets, strict=True)]


def count_objects(columns: Sequence[Sequence[Sample]]) -> tuple[int, int]:
    """Objects in the augmented images, all but the first column, and how many were dropped since they mostly left the image."""
    before, *after = [sum(len(one.target) for one in column if isinstance(one.target, Instances)) for column in columns]
    return before * len(after), before * len(after) - sum(after)


def _mixed(batch: Batch, recipe: Recipe, task: Task, epoch: int) -> tuple[Tensor, list[Target]]:
    """The images mixed with each other as those of a batch are, and the share of each class."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.training.seed + epoch)
        mixed = mixed_batch(batch, recipe.augment, task)
    return mixed.inputs, list(mixed.targets.numpy())
