"""Augmented views: a few training images as the network gets them, epoch by epoch, and a sheet that shows them."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import islice

import torch
from torch import Tensor

from striate.data.drawing.contact_sheets import contact_sheet, denormalize
from striate.data.drawing.examples import round_robin
from striate.data.images import LabeledImages, as_colors
from striate.data.settings import COLUMNS, ROWS
from striate.data.windows import Windows
from striate.errors import SettingError
from striate.views import Normalization, Policy, View, apply_policy, evaluation_view

__all__ = ["augmented_contact_sheet", "augmented_views", "check_sheet_size", "view_of_image"]

MOST_ROWS, MOST_COLUMNS = 32, 16  # that still fit a screen


def check_sheet_size(rows: int, columns: int) -> None:
    """SettingError for a sheet without an image, without an augmented view of it, or too large to look at."""
    for name, value, low, high in (("rows", rows, 1, MOST_ROWS), ("columns", columns, 2, MOST_COLUMNS)):
        if not isinstance(value, int) or not low <= value <= high:
            raise SettingError(f"{name} = {value}: out of range, takes a whole number from {low} to {high}")


def augmented_contact_sheet(
    samples: LabeledImages,
    policy: Policy,
    *,
    seed: int,
    size: tuple[int, int],
    normalization: Normalization,
    windows: Windows | None = None,
) -> bytes:
    """A PNG: a row for each image, first without augmentation, then in the first epochs; classes alternate.

    windows: of images that keep their own size, of which crops are shown.
    """
    ids = torch.tensor(list(islice(round_robin((group,) for group in samples.targets.strata().tolist()), ROWS)))
    views = augmented_views(
        as_colors(samples.pixels.gather(ids).permute(0, 3, 1, 2)),
        ids,
        policy,
        seed=seed,
        columns=COLUMNS,
        size=size,
        normalization=normalization,
        crops=None if windows is None else lambda epoch: windows.crops(ids, ids, seed=seed, epoch=epoch),
    )
    columns = [denormalize(images, normalization) for images, _ in views]
    return contact_sheet(torch.stack(columns, 1).flatten(0, 1), columns=COLUMNS)  # ROWS * COLUMNS, h w C


def augmented_views(
    images: Tensor,  # B C H W uint8
    ids: Tensor,  # B int64
    policy: Policy,
    *,
    seed: int,
    columns: int,
    size: tuple[int, int],
    normalization: Normalization,
    crops: Callable[[int], Tensor] | None = None,
) -> Iterator[tuple[Tensor, View]]:
    """The network's input, B C h w, and its view: first as in evaluation, then in the first, second ... epoch

    crops: those of an epoch, B 4, where images keep their own size.
    """
    height, width = images.shape[-2:]
    plain = evaluation_view(len(ids), image_size=(height, width), size=size, normalization=normalization)
    yield plain.image(images), plain
    for epoch in range(columns - 1):
        boxes = None if crops is None else crops(epoch)
        yield apply_policy(
            policy, images, ids, seed=seed, epoch=epoch, size=size, normalization=normalization, boxes=boxes
        )


def view_of_image(view: View, i: int) -> View:
    """The view of the image `i` alone."""
    displacement = (
        view.displacement if view.displacement is None or len(view.displacement) == 1 else view.displacement[i : i + 1]
    )
    geometry, color = (one if len(one) == 1 else one[i : i + 1] for one in (view.geometry, view.color))
    return replace(view, geometry=geometry, color=color, displacement=displacement)
