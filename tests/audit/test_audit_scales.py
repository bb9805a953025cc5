"""Classes on other scales, and images that are nearly black: found where they were planted; real differences of light are none."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from PIL import Image

from striate.audit.fingerprints import take_fingerprints
from striate.audit.scales import nearly_black, outlier_values, scale_by_class
from striate.audit.split_checks import check_splits
from striate.data import Source, Splits, TensorImages, load_images
from striate.data.decoding.rendering import BACKGROUNDS
from striate.sources import open_in_memory, open_source

EACH, SIDE = 10, 16
Images = npt.NDArray[Any]


def shares(seed: int) -> npt.NDArray[np.float64]:
    """A square somewhere on a dark ground, 0 to 1: EACH SIDE SIDE; exposures differ."""
    random = np.random.default_rng(seed)
    images = random.uniform(0.02, 0.2, (EACH, SIDE, SIDE))
    for image in images:
        y, x = random.integers(0, SIDE - 6, 2)
        image[y : y + 6, x : x + 6] = random.uniform(0.7, 0.95)
    return images


def classes(*images: Images) -> Source:
    return open_in_memory((np.concatenate(images), np.repeat(np.arange(len(images)), EACH)))


def folders(root: Path, *images: Images, extension: str = "tif") -> Source:
    for label, of_class in enumerate(images):
        (root / str(label)).mkdir(parents=True)
        for i, image in enumerate(of_class):
            Image.fromarray(image).save(root / str(label) / f"{i}.{extension}")
    return open_source(root)


def bits(one: npt.NDArray[np.float64], most: int) -> Images:
    return (one * most).astype(np.uint16)


# ---- by class


@pytest.mark.parametrize(
    ("low", "high", "figures"), [(4095, 65535, (12, 16)), (1000, 65535, (10, 16)), (255, 4095, (8, 12))]
)
def test_classes_on_other_bits_are_found(low: int, high: int, figures: tuple[int, int], tmp_path: Path) -> None:
    a, b, c = bits(shares(0), low), bits(shares(1), high), bits(shares(2), high)
    c[0, 0, 0], a[1, 0, 0] = 65535, 65535  # hot pixels
    for source in (folders(tmp_path / "data", a, b, c, extension="png"), classes(a, b, c)):
        (found,) = scale_by_class(source)
        assert (found.finding.id, found.finding.severity) == ("data-scale-by-class", "warning")
        reported = found.finding.evidence["classes"]
        assert reported.keys() in ({"0", "1"}, {"0", "2"})
        assert [one["bits"] for one in reported.values()] == list(figures)
        assert reported["0"]["typical_greatest"] == np.median(a.max((1, 2)))
        assert f"times {(2 ** figures[1] - 1) / (2 ** figures[0] - 1):.0f}" in found.finding.fix


def test_fractions_beside_0_to_255_are_found(tmp_path: Path) -> None:
    (found,) = scale_by_class(
        folders(tmp_path / "data", shares(0).astype(np.float32), (shares(1) * 255).astype(np.float32))
    )
    assert "(on a scale of 0 to 1)" in found.finding.message


def exposed(images: npt.NDArray[np.float64], dim: int) -> Images:
    """So many of the images use fewer bits."""
    light = np.where(np.arange(EACH) < dim, 1 / 16, 1)[:, None, None]
    return bits(images * light, 65535)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (bits(shares(0), 65535), bits(shares(1), 65535)),
        (bits(shares(0) * 0.3, 65535), bits(shares(1), 65535)),  # night and day
        (bits(shares(0), 65535), bits(0.6 + shares(1) / 3, 65535)),  # snow
        (bits(shares(0) / 16, 65535) + 200, bits(shares(1), 65535) + 200),  # nothing glows, by the same camera
        (exposed(shares(0), 7), bits(shares(1), 65535)),  # the classes overlap
        (bits(shares(0) / 16, 65535), exposed(shares(1), 4)),
        (bits(shares(0) / 16, 65535)[:4].repeat(3, 0)[:EACH] * 0, bits(shares(1), 65535)),  # black
        ((shares(0) * 255).astype(np.uint8), (shares(1) * 60).astype(np.uint8)),
    ],
)
def test_other_light_is_no_other_scale(one: Images, other: Images) -> None:
    assert scale_by_class(classes(one, other)) == []


def test_few_images_tell_no_scale() -> None:
    images = np.concatenate([bits(shares(0), 4095)[:4], bits(shares(1), 65535)])
    assert scale_by_class(open_in_memory((images, [0] * 4 + [1] * EACH))) == []


# ---- outliers


def planted(images: Images, value: float, every: int = 1) -> Images:
    """With one pixel of that value in each so-manieth image."""
    images = images.copy()
    images[::every, 3, 3] = value
    return images


@pytest.mark.parametrize(
    ("images", "value", "every", "whole"),
    [
        (bits(shares(0), 255), 65535, 1, (4, 65535)),
        (bits(shares(0), 255), 65535, EACH, (4, 65535)),  # one pixel of all
        ((shares(0) * 255).astype(np.float32), -32768, 1, (-32768, 238.7)),
    ],
)
def test_a_few_pixels_that_set_the_range_are_found(
    images: Images, value: float, every: int, whole: tuple[float, float], tmp_path: Path
) -> None:
    hot = planted(images, value, every)
    for source in (folders(tmp_path / "data", hot, hot), classes(hot, hot)):
        (found,) = outlier_values(source)
        assert (found.finding.id, found.finding.severity) == ("data-outlier-values", "warning")
        evidence = found.finding.evidence
        assert (evidence["images"], evidence["of"]) == (2 * EACH, 2 * EACH)
        assert evidence["range"] == pytest.approx(whole, abs=1)
        assert 0 < evidence["typical"][0] < 30 < evidence["typical"][1] < 256


@pytest.mark.parametrize(
    "images",
    [
        planted(bits(shares(0), 4095), 65535),  # hot pixels, beside which a 16th is left
        bits(shares(0), 65535),
        bits(shares(0), 255) + np.uint16(30000),  # a narrow band is used whole
        exposed(shares(0), 8),
        np.where(np.arange(EACH) < 8, 1, 250).astype(np.uint16)[:, None, None] * bits(shares(0), 255),  # night, and day
        bits(shares(0), 65535) // 65535 * 0
        + np.arange(EACH, dtype=np.uint16)[:, None, None] * np.uint16(6000),  # blank
        (shares(0) > 0.5).astype(np.uint16),
        planted((shares(0) * 255).astype(np.uint8), 255),
    ],
    ids=["hot 12 bits", "16 bits", "narrow", "exposures", "night and day", "blank", "masks", "8 bits"],
)
def test_values_that_fill_their_range_have_no_outliers(images: Images, tmp_path: Path) -> None:
    assert outlier_values(classes(images, images)) == []
    assert outlier_values(folders(tmp_path / "data", images, images)) == []


# ---- nearly black


def quick(source: Source) -> list[str]:
    loaded = load_images(source, source.native(), threads=1)
    train = loaded.get("train", loaded.get("all"))
    assert train is not None
    return [
        one.message for one in check_splits(Splits(train, None, loaded.get("test"))) if one.id == "data-nearly-black"
    ]


def whole_check(source: Source) -> list[str]:
    prints = take_fingerprints(source, threads=1)
    at = {name: np.flatnonzero(prints.split == n) for n, name in enumerate(prints.splits)}
    found = nearly_black(prints.brightness / 255, prints.contrast / 255, at, prints.labels(), source.classes)
    return [one.finding.message for one in found]


def masks(seed: int, white: int = 1) -> Images:
    return ((shares(seed) > 0.5) * white).astype(np.uint8)


def test_masks_of_0_and_1_are_found(tmp_path: Path) -> None:
    expected_message = "20 of 20 images have the values 0 and 1 where 255 is white, so they are nearly black."
    for source in (folders(tmp_path / "files", masks(0), masks(1), extension="png"), classes(masks(0), masks(1))):
        assert quick(source) == whole_check(source) == [expected_message]


def test_the_split_or_the_class_of_masks_is_named(tmp_path: Path) -> None:
    folders(tmp_path / "train", masks(0, 255), masks(1, 255), extension="png")
    folders(tmp_path / "test", masks(2), masks(3), extension="png")
    both = open_source(tmp_path)
    assert quick(both) == whole_check(both)
    assert whole_check(both)[0].startswith("20 of 40 images, those of split test, have")
    assert whole_check(classes(masks(0, 255), masks(1)))[0].startswith("10 of 20 images, those of class 1, have")


@pytest.mark.parametrize(
    "images",
    [
        masks(0, 2),
        (shares(0) * 4).astype(np.uint8),  # very dark
        np.where(np.arange(EACH)[:, None, None] % 5 > 0, masks(0, 255), masks(0)),  # a few masks among images
        np.zeros((EACH, SIDE, SIDE), np.uint8),
        np.ones((EACH, SIDE, SIDE), np.uint8),
    ],
)
def test_dark_and_black_images_are_no_masks(images: Images) -> None:
    source = classes(images, masks(1, 255))
    assert quick(source) == whole_check(source) == []


# ---- hidden by the background


def icons(root: Path, levels: tuple[int, int, int]) -> Source:
    """Shapes of these levels, below full transparency elsewhere; no two are alike but on their own level."""
    for split, first in (("train", 0), ("test", 2 * EACH)):
        for i in range(2 * EACH):
            shape = shares(first + i)[0] > 0.5
            path = root / split / "ab"[i % 2] / f"{i}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            level = levels[i % 3]
            shape[0, i % SIDE] = shape[1, first // SIDE] = True
            pixels = np.dstack([np.full((SIDE, SIDE, 3), level), shape * 255])
            Image.fromarray(pixels.astype(np.uint8)).save(path)
    return open_source(root)


def test_images_that_the_background_hides_are_no_copies(tmp_path: Path) -> None:
    source = icons(tmp_path, (0, 255, 255))
    canvas = source.native()
    assert source.survey.hides_content("white")
    on_white = load_images(source, type(canvas)(SIDE, SIDE, 1, rendering=source.survey.rendering("white")), threads=1)
    splits = Splits(on_white["train"], None, on_white["test"])
    assert {one.id for one in check_splits(splits)} >= {"data-two-labels", "data-duplicates-across-splits"}
    assert not {"data-two-labels", "data-duplicates-across-splits"} & {one.id for one in check_splits(splits, "white")}
    black = next(image for image in on_white["train"].images if (image != BACKGROUNDS["white"]).any())
    copy = replace(on_white["test"], pixels=TensorImages(torch.cat([black[None], on_white["test"].images[1:]])))
    splits = Splits(on_white["train"], None, copy)  # a copy that shows something is still one
    assert "data-duplicates-across-splits" in {one.id for one in check_splits(splits, "white")}
