"""The sheet of augmented pictures: what the network sees of a few training pictures, epoch after epoch."""

import torch

from striate.data import as_pictures, contact_sheet
from striate.jobs.prepare import Prepared
from striate.training import Recipe
from striate.views import evaluation_view

ROWS, COLUMNS = 6, 8


def augmentation_sheet(prepared: Prepared, recipe: Recipe) -> bytes:
    """A PNG: a row a picture, first as it is, then as it is seen in the first epochs; the rows take turns through the classes."""
    pictures, normalization, size = (
        prepared.splits.train,
        prepared.preprocessing.normalization,
        prepared.preprocessing.size,
    )
    ids = torch.tensor(_one_of_each(pictures.labels.tolist(), ROWS))
    images = pictures.pixels.gather(ids).permute(0, 3, 1, 2)  # B C H W
    canvas = prepared.preprocessing.canvas
    plain = evaluation_view(
        len(ids),
        picture=(canvas.height, canvas.width),
        size=size,
        normalization=normalization,
        device=torch.device("cpu"),
    )
    columns = [plain.image(images)]
    for epoch in range(COLUMNS - 1):
        seen, _ = prepared.policy.apply(
            images, ids, seed=recipe.seed, epoch=epoch, size=size, normalization=normalization
        )
        columns.append(seen)
    rows = torch.stack(columns, 1).flatten(0, 1)  # ROWS * COLUMNS, C H W
    return contact_sheet(as_pictures(rows, normalization), columns=COLUMNS)


def _one_of_each(labels: list[int], count: int) -> list[int]:
    """Positions of `count` pictures that take turns through the classes, in order of appearance."""
    turns: dict[int, int] = {}
    ranked = []
    for position, label in enumerate(labels):
        turn = turns.get(label, 0)
        turns[label] = turn + 1
        if turn < count:
            ranked.append((turn, label, position))
    return [position for _, _, position in sorted(ranked)[:count]]
