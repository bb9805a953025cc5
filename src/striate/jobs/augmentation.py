"""A sheet of images before and after augmentation, with what is known of each moved along: look before training."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, final

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from striate.data import (
    Batch,
    Instances,
    Sample,
    Source,
    TaskKind,
    TensorImages,
    annotated_image,
    as_colors,
    denormalize,
    is_contact_sheet,
    labeled_contact_sheet,
    transform_target,
)
from striate.data.targets import Target
from striate.errors import SettingError
from striate.findings import Finding
from striate.jobs.examples import examples
from striate.jobs.flipping import images_of_listing, settle_flips
from striate.jobs.normalization import normalization_of
from striate.jobs.opening import open_data, refuse_within_the_data
from striate.jobs.policy import policy_of
from striate.jobs.prepare import canvas_of, default_recipe, settle
from striate.jobs.sheet import COLUMNS, ROWS, looks, of_one
from striate.runs import explained, plain_name, write_bytes
from striate.sources import TrainingData
from striate.tasks import Classify
from striate.training import Recipe, find_recipe, mix
from striate.views import describe

__all__ = ["Augmented", "augment"]

MOST_ROWS, MOST_COLUMNS = 32, 16
LARGEST: Final = 512  # pixels of an image on the sheet; above it is shrunk by a whole factor


@final
@dataclass(frozen=True)
class Augmented:
    """What is on the sheet. `steps` are what is done to a training image, in their order, each after its stage.

    Of the `objects` in the augmented images, `dropped` are not learned from: they mostly left the image. `notes` say
    what the data decided, `findings` what is wrong with what was asked for.
    """

    path: Path
    data: str
    kind: str
    task: TaskKind
    classes: tuple[str, ...]
    recipe: Recipe
    steps: tuple[str, ...]
    rows: int
    columns: int
    objects: int
    dropped: int
    notes: tuple[str, ...]  # on how the data were read, and what they decided
    findings: tuple[Finding, ...]  # on what was asked for


def augment(
    data: TrainingData,
    *,
    recipe: str | None = None,
    out: str | Path | None = None,
    rows: int = ROWS,
    columns: int = COLUMNS,
    **settings: Any,
) -> Augmented:
    """Write a sheet of a few images of `data`: as they are, and as they are seen in the epochs 0, 1, 2 ...

    out: a PNG, `DATA-augment.png` in the current folder if left out; an earlier sheet is replaced, any other file is left
    alone. recipe and settings are those of `train`. Bad input is a StriateError, and nothing is written.
    """
    for name, value, low, high in (("rows", rows, 1, MOST_ROWS), ("columns", columns, 2, MOST_COLUMNS)):
        if not isinstance(value, int) or not low <= value <= high:
            raise SettingError(f"{name} = {value}: out of range, takes a whole number from {low} to {high}")
    named = find_recipe(recipe) if recipe else None
    source = open_data(data, settings, named.settings if named else {})
    path = _path_of_sheet(out, data, source)
    decided = settle(source, named or default_recipe(source), settings)
    canvas = canvas_of(source, decided.recipe, policy_of(decided.recipe))
    flips = settle_flips(decided, source.classes, images_of_listing(source, canvas))
    settled = flips.settings.recipe
    mixing = _mixing(settled)
    if mixing and source.task != "classify":
        raise SettingError(f"{mixing[0]}: only images of one class each are mixed; set mixup, cutmix and mosaic to 0")
    policy = policy_of(settled)
    chosen = examples(source, canvas, rows)
    seen = list(_columns(source, chosen, settled, columns))
    pages = [[_page(sample, source) for sample in column] for column in seen]
    headings = ["as it is", *(f"epoch {epoch}" for epoch in range(columns - 1))]
    write_bytes(path, labeled_contact_sheet(list(zip(*pages, strict=True)), headings))
    before, *after = [sum(len(one.target) for one in column if isinstance(one.target, Instances)) for column in seen]
    return Augmented(
        path=path,
        data=source.location,
        kind=source.kind,
        task=source.task,
        classes=source.classes,
        recipe=settled,
        steps=(*describe(policy), *mixing),
        rows=len(chosen),
        columns=columns,
        objects=before * len(after),
        dropped=before * len(after) - sum(after),
        notes=(*source.notes, *flips.lines),
        findings=flips.findings,
    )


def _columns(
    source: Source, chosen: Sequence[tuple[int, Sample]], recipe: Recipe, columns: int
) -> Iterator[list[Sample]]:
    """What the network sees of each image, and what it is told of it: first as it is, then epoch after epoch."""
    ids = torch.tensor([position for position, _ in chosen])
    originals = torch.from_numpy(np.stack([sample.image for _, sample in chosen]))  # B H W C
    normalization = normalization_of(recipe.data.normalize, TensorImages(originals))
    assert recipe.model.size is not None
    seen = looks(
        as_colors(originals.permute(0, 3, 1, 2)),
        ids,
        policy_of(recipe),
        seed=recipe.training.seed,
        columns=columns,
        size=(recipe.model.size, recipe.model.size),
        normalization=normalization,
    )
    for epoch, (images, view) in enumerate(seen, start=-1):
        targets = [
            transform_target(sample.target, of_one(view, i), source.skeleton) for i, (_, sample) in enumerate(chosen)
        ]
        if epoch >= 0 and _mixing(recipe):
            images, targets = _mixed(Batch(images, torch.tensor(targets), ids, view), recipe, source.classes, epoch)
        shown = denormalize(images, normalization).numpy()
        yield [Sample(one.id, image, target) for (_, one), image, target in zip(chosen, shown, targets, strict=True)]


def _mixed(batch: Batch, recipe: Recipe, classes: tuple[str, ...], epoch: int) -> tuple[Tensor, list[Target]]:
    """The rows of the sheet mixed with each other as the images of a batch are, and the share of each class."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.training.seed + epoch)
        mixed = mix(batch, recipe, Classify(classes))
    return mixed.images, list(mixed.labels.numpy())


def _mixing(recipe: Recipe) -> list[str]:
    """What is done to a batch after all the rest, in words; nothing where nothing is."""
    kinds = (
        (recipe.augment.mosaic, f"mix: mosaic of four images, {recipe.augment.mosaic:.3g} of the batches"),
        (recipe.augment.mixup, f"mix: Mixup with another image, alpha {recipe.augment.mixup:.3g}"),
        (recipe.augment.cutmix, f"mix: CutMix with another image, alpha {recipe.augment.cutmix:.3g}"),
    )
    return [says for on, says in kinds if on]


def _page(sample: Sample, source: Source) -> Image.Image:
    """The sample drawn; of mixed classes those that have a share, the largest first."""
    target, classes = sample.target, source.classes
    if source.task == "classify" and isinstance(target, np.ndarray):  # K float32
        present = [i for i in np.argsort(-target.astype(np.float64), kind="stable").tolist() if target[i] > 0]
        classes = tuple(f"{classes[i]} {target[i]:.0%}" for i in present)
        sample = Sample(sample.id, sample.image, np.ones(len(present), np.bool_))
    page = annotated_image(sample, classes, source.skeleton)
    return page.reduce(-(-max(page.size) // LARGEST)) if max(page.size) > LARGEST else page


def _path_of_sheet(out: str | Path | None, data: TrainingData, source: Source) -> Path:
    """Where the sheet goes. SettingError where it would touch what is not ours."""
    path = Path(out) if out is not None else Path(f"{plain_name(source.name) or 'data'}-augment.png")
    if path.suffix.lower() != ".png":
        raise SettingError(f"--out {path}: the sheet is a PNG; give a name that ends in .png")
    with explained(path):
        taken = path.exists() and not (path.is_file() and is_contact_sheet(path))
    if taken:
        raise SettingError(f"--out {path}: exists and is no sheet that striate wrote; choose another")
    if not path.parent.is_dir():
        raise SettingError(f"--out {path}: there is no folder {path.parent}; make it, or choose another")
    refuse_within_the_data(path, data, source)
    return path
