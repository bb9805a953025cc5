"""Images that keep their size: where crops of them are taken, and what evaluation is shown."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import torch
from PIL import Image

from striate.data import Batches, Cache, Canvas, LabeledImages, MaskTargets, TensorImages, load_images, windows_of
from striate.data import windows as windows_file
from striate.data.measurements import measure
from striate.data.normalization import normalization_of
from striate.data.targets import IGNORE, ClassTargets, LoadedTargets
from striate.data.windows import FOR_A_CLASS, Windows
from striate.errors import SettingError
from striate.sources import open_source
from striate.views import Normalization, Policy

SIZES = ((40, 56), (25, 30), (56, 40), (12, 64))  # height, width
CANVAS = Canvas(56, 64, 1, fit="window")


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    folder, generator = tmp_path_factory.mktemp("data"), np.random.default_rng(0)
    for name in ("images", "masks"):
        (folder / name).mkdir()
    for n, size in enumerate(SIZES):
        classes = generator.integers(0, 3, size).astype(np.uint8)
        Image.fromarray(classes * 60 + 60).save(folder / f"images/{n}.png")
        Image.fromarray(classes).save(folder / f"masks/{n}.png")
    return folder


@pytest.fixture(scope="module")
def samples(folder) -> LabeledImages:
    source = open_source(folder)
    assert source.largest_size == (56, 64)
    return load_images(source, CANVAS, threads=1)["all"]


def windows_on(targets: LoadedTargets, size: tuple[int, int]) -> Windows:
    found = windows_of(targets, CANVAS, size)
    assert found is not None
    return found


def windows(samples: LabeledImages, side: int) -> Windows:
    return windows_on(samples.targets, (side, side))


def batches(samples: LabeledImages, policy: Policy | None, side: int, seed: int = 0) -> Batches:
    return Batches(
        samples,
        batch_size=2,
        size=(side, side),
        normalization=Normalization((0.0,), (1.0,)),
        policy=policy,
        seed=seed,
        device="cpu",
        windows=windows(samples, side),
    )


def test_images_and_masks_keep_their_pixels_in_the_middle_of_the_canvas(samples):
    for i, (height, width) in enumerate(SIZES):
        top, left = (56 - height) // 2, (64 - width) // 2
        mask = np.asarray(samples.targets.target(i))
        image = samples.images[i, ..., 0].numpy()
        inside = np.zeros((56, 64), np.bool_)
        inside[top : top + height, left : left + width] = True
        assert (mask[~inside] == IGNORE).all()
        assert (image[~inside] == 0).all()
        assert (image[inside] == mask[inside] * 60 + 60).all()


@pytest.mark.parametrize("place", ["memory", "disk", "none"])
def test_what_is_measured_of_an_image_is_that_of_its_own_pixels_on_any_canvas(folder, place, tmp_path):
    source, cache = open_source(folder), Cache(place, tmp_path)
    on_canvas, on_larger = (
        load_images(source, canvas, threads=1, cache=cache)["all"].pixels
        for canvas in (CANVAS, CANVAS.holding((91, 80)))
    )
    alone = [torch.from_numpy(np.array(Image.open(folder / f"images/{n}.png")))[None, ..., None] for n in range(4)]
    expected = measure(alone, 1)
    order = torch.tensor([2, 0, 3])
    for pixels in (on_canvas, on_larger):
        for found, wanted in (
            (pixels.measurements, expected),
            (pixels.subset(order).measurements, expected.at(order.numpy())),
        ):
            for name in ("content_hashes", "pixels", "sums", "statistics", "signatures"):
                assert (getattr(found, name) == getattr(wanted, name)).all(), name
    values = torch.cat([one.flatten() for one in alone]).double() / 255
    measured = normalization_of("data", on_larger)
    assert measured.mean == pytest.approx((values.mean().item(),))
    assert measured.std == pytest.approx((values.std(correction=0).item(),))


def test_evaluation_is_shown_each_image_whole_and_alone(samples):
    shown = list(batches(samples, None, 30).epoch(0))
    assert [tuple(one.inputs.shape) for one in shown] == [
        (1, 1, max(30, height), max(30, width)) for height, width in SIZES
    ]
    for batch, (height, width) in zip(shown, SIZES, strict=True):
        labeled = batch.targets[0] != IGNORE
        assert labeled.sum() == height * width
        assert torch.equal((batch.inputs[0, 0] * 255).round()[labeled], (batch.targets[0] * 60 + 60)[labeled].float())
        assert (batch.inputs[0, 0][~labeled] == 0).all()


@pytest.mark.parametrize("policy", [Policy(), Policy(flip=True)])
def test_training_is_shown_crops_of_the_pixels_as_they_are(samples, policy):
    found = []
    for epoch in range(3):
        for batch in batches(samples, policy, 24).epoch(epoch):
            assert batch.inputs.shape[2:] == (24, 24)
            labeled = batch.targets != IGNORE
            pixels = (batch.inputs[:, 0] * 255).round()
            assert torch.equal(pixels[labeled], (batch.targets * 60 + 60)[labeled].float())
            for i, count in zip(batch.ids.tolist(), labeled.sum((1, 2)).tolist(), strict=True):
                assert count == min(24, SIZES[i][0]) * min(24, SIZES[i][1])  # nothing but the image, as far as it goes
            found.append(pixels)
    assert not torch.equal(found[0], found[2])


def test_contrast_changes_about_the_mean_of_the_image_without_the_black_around_it(samples):
    """An image of one gray keeps it, whatever its contrast."""
    pixels, boxes = samples.images.clone(), windows(samples, 16).boxes.tolist()
    for i, (x1, y1, x2, y2) in enumerate(boxes):
        pixels[i, y1:y2, x1:x2] = 51
    gray = replace(samples, pixels=TensorImages(pixels))
    for batch in batches(gray, Policy(contrast=0.5), 8).epoch(0):
        assert torch.allclose(batch.inputs, torch.full_like(batch.inputs, 0.2), atol=1e-6)


def test_a_crop_is_a_function_of_seed_epoch_and_draw(samples):
    cut, ids = windows(samples, 16), torch.arange(4)
    crops = cut.crops(ids, ids, seed=1, epoch=2)
    assert torch.equal(crops, torch.cat([cut.crops(one, one, seed=1, epoch=2) for one in ids.split(1)]))
    for others in (cut.crops(ids, ids, seed=2, epoch=2), cut.crops(ids, ids, seed=1, epoch=3)):
        assert not torch.equal(crops, others)
    again = cut.crops(ids, ids + 4, seed=1, epoch=2)  # the same images, drawn again in this epoch
    assert not torch.equal(crops, again)


def rare(count: int = 1) -> MaskTargets:
    """A mask of 100 x 100 pixels, of which 100 near a corner are of class 2, and half of the rest of class 1."""
    mask: npt.NDArray[np.uint8] = np.zeros((count, 100, 100), np.uint8)
    mask[:, 50:] = 1
    mask[:, 80:90, 5:15] = 2
    return MaskTargets(mask, 3)


def share_with_rare(masks: MaskTargets, draws: int = 600) -> float:
    crops = windows_on(masks, (16, 16)).crops(
        torch.zeros(draws, dtype=torch.int64), torch.arange(draws), seed=0, epoch=0
    )
    found = [(masks.values[0, y1:y2, x1:x2] == 2).any() for x1, y1, x2, y2 in crops.long().tolist()]
    assert (crops >= 0).all()
    assert (crops <= 100).all()
    return float(np.mean(found))


def test_a_rare_class_is_in_the_stated_share_of_crops(monkeypatch):
    masks = rare()
    balanced = share_with_rare(masks)
    monkeypatch.setattr(windows_file, "FOR_A_CLASS", 0.0)
    plain = share_with_rare(masks)
    assert plain < 0.12
    assert balanced > FOR_A_CLASS / 3  # three classes in the image
    monkeypatch.setattr(windows_file, "FOR_A_CLASS", 1.0)
    assert share_with_rare(masks) > 0.3


def test_a_crop_for_a_class_contains_it(monkeypatch):
    monkeypatch.setattr(windows_file, "FOR_A_CLASS", 1.0)
    mask: npt.NDArray[np.uint8] = np.full((1, 60, 80), 255, np.uint8)
    mask[0, 0, 0], mask[0, 59, 79] = 0, 1  # in the corners, all else without a class
    crops = windows_on(MaskTargets(mask, 2), (20, 30)).crops(
        torch.zeros(50, dtype=torch.int64), torch.arange(50), seed=0, epoch=0
    )
    assert {tuple(one) for one in crops.tolist()} == {(0, 0, 30, 20), (50, 40, 80, 60)}


def test_a_pixel_of_a_class_is_looked_for_in_the_image_alone():
    masks, box = MaskTargets(np.zeros((1, 60, 80), np.uint8), 2), (10, 20, 30, 40)
    assert masks.pixel_of_a_class(0, box, (0.0, 0.0)) == (20, 10)
    assert masks.pixel_of_a_class(0, box, (0.0, 0.9999)) == (39, 29)


def test_images_without_a_class_and_images_brought_to_one_size():
    nothing = MaskTargets(np.full((1, 20, 20), 255, np.uint8), 2)
    assert windows_on(nothing, (8, 8)).crops(
        torch.zeros(3, dtype=torch.int64), torch.arange(3), seed=0, epoch=0
    ).shape == (3, 4)
    assert windows_of(nothing, Canvas(20, 20, 1, fit="contain"), (8, 8)) is None


def test_windows_of_images_with_one_class_each_are_refused_in_a_line():
    with pytest.raises(SettingError, match="fit = window: is for masks, and these images have one class per image"):
        windows_of(ClassTargets(np.zeros(3, np.int64)), CANVAS, (8, 8))


@pytest.mark.parametrize("canvas", [CANVAS, CANVAS.holding((57, 65)), CANVAS.holding((101, 102))])
@pytest.mark.parametrize("side", [27, 64])
def test_an_image_lies_in_a_larger_window_as_on_a_canvas_of_that_size(folder, canvas, side):
    """`predict` decodes it on such a canvas."""
    source = open_source(folder)
    shown = batches(load_images(source, canvas, threads=1)["all"], None, side).epoch(0)
    for i, ((height, width), batch) in enumerate(zip(SIZES, shown, strict=True)):
        alone = source.splits["all"].store.decode(i, Canvas(side, side, 1, fit="window").holding((height, width)))
        assert torch.equal((batch.inputs[0, 0] * 255).round().byte(), torch.from_numpy(alone[..., 0]))
        assert (batch.targets[0] != IGNORE).sum() == height * width
