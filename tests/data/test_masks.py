"""Masks in memory: on the canvas as their image is, and moved by the same view."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from PIL import Image

from striate.data import Canvas, MaskTargets, load_images
from striate.data.masks import load_masks
from striate.data.targets import IGNORE
from striate.errors import DataError
from striate.sources import open_source
from striate.views import Normalization, Policy, View, apply_policy, evaluation_view

NORMALIZATION = Normalization((0.0,), (1.0,))
MASKS = np.array([[[0, 0, 1], [2, 255, 1]], [[1, 1, 1], [1, 1, 1]], [[255, 255, 255], [255, 255, 255]]], np.uint8)


def some_masks(classes: int = 3) -> MaskTargets:
    return MaskTargets(MASKS.copy(), classes)


def identity(count: int, height: int, width: int) -> View:
    return evaluation_view(count, image_size=(height, width), size=(height, width), normalization=NORMALIZATION)


def test_pixels_without_a_class_are_ignored():
    masks = some_masks()
    assert masks.target(0).tolist() == [[0, 0, 1], [2, IGNORE, 1]]
    gathered = masks.gather_on(torch.device("cpu"))(torch.tensor([2, 0]), identity(2, 2, 3))
    assert gathered.tolist() == [[[IGNORE] * 3] * 2, masks.target(0).tolist()]
    assert gathered.dtype == torch.int64
    assert masks.counts(4) == [1, 2, 1, 0]
    assert masks.pixels().tolist() == [2, 8, 1]
    assert masks.contains(2).tolist() == [True, False, False]
    assert masks.strata().tolist() == [0, 1, 3]
    assert [masks.caption(i, ("sky", "cat", "dog")) for i in range(3)] == ["sky, cat, dog", "cat", "none"]


def test_more_classes_than_a_byte_holds():
    values = np.array([[[299, 0], [IGNORE, 256]]], np.int16)
    masks = MaskTargets(values, 300)
    assert masks.target(0).tolist() == values[0].tolist()
    assert masks.counts(300)[256] == masks.counts(300)[299] == masks.counts(300)[0] == 1
    assert sum(masks.pixels()) == 3


@pytest.mark.parametrize("count", [4, 300])
def test_masks_in_other_classes_keep_their_meaning(count):
    moved = some_masks().reordered([2, 0, 3], count)
    assert moved.target(0).tolist() == [[2, 2, 0], [3, IGNORE, 0]]
    assert moved.counts(count)[:4] == [2, 0, 1, 1]


def test_a_subset_shares_nothing_with_other_masks():
    subset = some_masks().subset(torch.tensor([1, 0]))
    assert [subset.target(n).tolist() for n in range(2)] == [some_masks().target(i).tolist() for i in (1, 0)]


def striped(folder: Path, size: tuple[int, int], count: int = 3) -> Path:
    """Images whose gray level is their class times 60, and masks of these classes."""
    for name in ("images", "masks"):
        (folder / name).mkdir(parents=True)
    generator = np.random.default_rng(0)
    for n in range(count):
        classes = generator.integers(0, 4, (size[0] // 8, size[1] // 8)).repeat(8, 0).repeat(8, 1).astype(np.uint8)
        Image.fromarray(classes * 60).save(folder / f"images/{n}.png")
        Image.fromarray(classes).save(folder / f"masks/{n}.png")
    return folder


@pytest.mark.parametrize("fit", ["cover", "contain"])
@pytest.mark.parametrize("canvas", [Canvas(48, 48, 1), Canvas(24, 24, 1), Canvas(96, 64, 1)])
def test_a_mask_lies_on_the_canvas_as_its_image_does(tmp_path, canvas, fit):
    source = open_source(striped(tmp_path / "data", (48, 64)))
    samples = load_images(source, replace(canvas, fit=fit), threads=2)["all"]
    masks: npt.NDArray[Any] = np.stack([np.asarray(samples.targets.target(i)) for i in range(3)])
    levels = samples.images[..., 0].numpy().astype(float)
    within = masks != IGNORE
    assert within.any()
    assert np.median(np.abs(levels - 60 * masks)[within]) < 8  # at edges levels lie between
    assert (np.abs(levels - 60 * masks)[within] < 30).mean() > 0.9
    assert (levels[~within] == 0).all()  # beside the image
    assert (fit == "contain") == bool((~within).any()) or canvas.height / canvas.width == 0.75


def test_augmentation_moves_image_and_mask_alike(tmp_path):
    samples = load_images(open_source(striped(tmp_path / "data", (64, 64))), Canvas(64, 64, 1), threads=1)["all"]
    positions = torch.arange(3)
    images, view = apply_policy(
        Policy(rotate=30, zoom=0.2, flip=True),
        samples.images.permute(0, 3, 1, 2),
        positions,
        seed=1,
        epoch=0,
        size=(64, 64),
        normalization=NORMALIZATION,
    )
    masks = samples.targets.gather_on(torch.device("cpu"))(positions, view)
    levels = images[:, 0] * 255
    within = masks != IGNORE
    assert 0.5 < within.float().mean() < 1
    assert ((levels - 60 * masks).abs()[within] < 30).float().mean() > 0.85


def test_a_mask_that_became_unreadable_is_skipped_with_its_image(tmp_path):
    root = striped(tmp_path / "data", (16, 16), count=20)
    source = open_source(root)
    (root / "masks/3.png").write_bytes(b"")
    samples = load_images(source, Canvas(16, 16, 1), threads=1)["all"]
    assert len(samples) == len(samples.targets) == 19
    assert "images/3.png" not in samples.ids
    assert [one.reason for one in samples.skipped] == ["empty file"]
    listing = source.splits["all"]
    bad = listing.ids.index("images/3.png")
    masks, usable, lost = load_masks(listing.targets, listing.ids, [bad - 1, bad, bad + 1], Canvas(16, 16, 1), 4, 1)
    assert (len(masks), usable, len(lost)) == (2, [0, 2], 1)
    view = identity(2, 16, 16)
    for one, i in zip(masks.originals(torch.arange(2), view), (bad - 1, bad + 1), strict=True):
        assert np.array_equal(np.asarray(one.target), np.asarray(listing.targets.target(i)))


def test_originals_are_the_masks_of_the_files_through_subsets_and_in_other_classes(tmp_path):
    root = striped(tmp_path / "data", (48, 64), count=4)
    source = open_source(root)
    samples = load_images(source, Canvas(24, 24, 1, fit="contain"), threads=1)["all"]
    chosen = samples.subset(torch.tensor([3, 1])).targets.reordered([3, 1, 2, 0], 4).subset(torch.tensor([1, 0]))
    view = evaluation_view(2, image_size=(24, 24), size=(16, 16), normalization=NORMALIZATION)
    for one, name in zip(chosen.originals(torch.arange(2), view), (samples.ids[1], samples.ids[3]), strict=True):
        file = np.asarray(Image.open(root / name.replace("images", "masks")))
        assert np.array_equal(np.asarray(one.target), np.array([3, 1, 2, 0])[file])
        corners = one.view.points(torch.tensor([[[0.0, 0.0], [64.0, 48.0]]]))
        assert torch.allclose(
            corners, torch.tensor([[[-4.0, -1.0], [20.0, 17.0]]])
        )  # 24 x 18 of 24 x 24, less 4 around
    (root / "masks/1.png").unlink()
    with pytest.raises(DataError, match=r"the mask of images/1\.png cannot be read any more"):
        chosen.originals(torch.arange(2), view)
