"""The sheet of augmented images: what the network sees of a few training images, epoch after epoch."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import islice

import torch
from torch import Tensor

from striate.data import as_colors, contact_sheet, denormalize
from striate.jobs.examples import in_turn
from striate.jobs.prepare import Prepared
from striate.training import Recipe
from striate.views import Normalization, Policy, View, evaluation_view

__all__ = ["COLUMNS", "ROWS", "augmentation_sheet", "looks", "of_one"]

ROWS, COLUMNS = 6, 8


def augmentation_sheet(prepared: Prepared, recipe: Recipe) -> bytes:
    """A PNG: a row an image, first as it is, then as it is seen in the first epochs; the rows take turns through the classes."""
    samples, normalization = prepared.splits.train, prepared.preprocessing.normalization
    ids = torch.tensor(list(islice(in_turn((label,) for label in samples.labels.tolist()), ROWS)))
    seen = looks(
        as_colors(samples.pixels.gather(ids).permute(0, 3, 1, 2)),
        ids,
        prepared.policy,
        seed=recipe.training.seed,
        columns=COLUMNS,
        size=prepared.preprocessing.size,
        normalization=normalization,
    )
    columns = [denormalize(images, normalization) for images, _ in seen]
    return contact_sheet(torch.stack(columns, 1).flatten(0, 1), columns=COLUMNS)  # ROWS * COLUMNS, h w C


def looks(
    images: Tensor,  # B C H W uint8
    ids: Tensor,  # B int64
    policy: Policy,
    *,
    seed: int,
    columns: int,
    size: tuple[int, int],
    normalization: Normalization,
) -> Iterator[tuple[Tensor, View]]:
    """What the network sees, B C h w, and by which view: first as in evaluation, then in the epochs 0, 1, 2 ..."""
    height, width = images.shape[-2:]
    plain = evaluation_view(len(ids), image_size=(height, width), size=size, normalization=normalization)
    yield plain.image(images), plain
    for epoch in range(columns - 1):
        yield policy.apply(images, ids, seed=seed, epoch=epoch, size=size, normalization=normalization)


def of_one(view: View, i: int) -> View:
    """The view of the image `i` alone."""
    displacement = (
        view.displacement if view.displacement is None or len(view.displacement) == 1 else view.displacement[i : i + 1]
    )
    geometry, color = (one if len(one) == 1 else one[i : i + 1] for one in (view.geometry, view.color))
    return replace(view, geometry=geometry, color=color, displacement=displacement)
