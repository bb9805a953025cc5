"""Masks that are written as those of the data are: the same numbers, palette or colors, and the same classes read again."""

import io
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from striate.data import Canvas, MaskTargets, Source, load_images
from striate.data.mask_encoding import MaskEncoding
from striate.data.targets import IGNORE
from striate.sources import open_source
from striate.sources.annotations.mask_coding import _voc_palette
from striate.tasks import Segment
from striate.tasks.segment.palette import encoded_png
from striate.tasks.settings import LossSettings

Put = Callable[..., Path]
SHADES = [255 - i // 3 for i in range(768)]


def as_image(codes: np.ndarray, mode: str) -> Image.Image:  # H W
    if mode == "RGB":
        return Image.fromarray(np.stack([codes >> 16, codes >> 8 & 255, codes & 255], -1).astype(np.uint8))
    image = Image.fromarray(codes.astype(np.uint16 if mode == "I;16" else np.uint8))
    if mode == "P":
        image.putpalette(SHADES)
    return image


def put_masks(root: Path, put: Put, values: Sequence[int], mode: str, names: Sequence[str]) -> Source:
    """Two images with masks of these numbers or packed colors; what the first mask lacks the second has."""
    codes = np.random.default_rng(0).choice(np.array(values[:2]), (24, 32))
    both = [codes, np.where(np.arange(32) < 16, np.resize(np.array(values), 32), codes)]
    for i, one in enumerate(both):
        put(root / f"images/{i}.jpg")
        (root / "masks").mkdir(exist_ok=True)
        as_image(one, mode).save(root / f"masks/{i}.png")
    for line in names:
        name = "labelmap.txt" if ":" in line else "classes.txt"
        (root / name).write_text("\n".join(names))
    return open_source(root)


VOC = _voc_palette()
CASES = {
    "a palette": ((0, 1, 3), "P", ()),
    "a palette with a border": ((0, 7, 255), "P", ()),
    "a palette that is named": ((0, 2), "P", ("a", "b", "c", "d")),
    "gray": ((0, 128, 200), "L", ()),
    "gray, of which 255 is no class": ((0, 128, 255), "L", ()),
    "black and white": ((0, 255), "L", ()),
    "16 bits": ((0, 300, 40_000), "I;16", ()),
    "gray as colors": ((0, 0x070707, 0xFFFFFF), "RGB", ()),
    "colors": ((0x102030, 0xFF0000, 0x00FF80), "RGB", ()),
    "colors of VOC": ((VOC[0], VOC[15], VOC[255]), "RGB", ()),
    "a color table": ((0x804080, 0x00FF00), "RGB", ("road:128,64,128", "tree:0,255,0", "sky:1,2,3")),
}


@pytest.mark.parametrize("case", CASES)
def test_masks_that_are_written_and_read_again_are_the_same(case, tmp_path, put):
    values, mode, names = CASES[case]
    source = put_masks(tmp_path, put, values, mode, names)
    given = [source.sample("all", i).target for i in (0, 1)]
    encoding = source.splits["all"].targets.mask_encoding()
    assert encoding is not None
    assert MaskEncoding.from_json(encoding.as_json()) == encoding
    for i, mask in enumerate(given):
        path = tmp_path / f"masks/{i}.png"
        with Image.open(path) as before, Image.open(io.BytesIO(encoded_png(np.asarray(mask), encoding))) as after:
            assert np.array_equal(np.asarray(before), np.asarray(after))
            assert (after.mode, after.getpalette()) == (before.mode, before.getpalette())
            after.save(path)
    again = open_source(tmp_path)
    assert again.classes == source.classes
    for i, mask in enumerate(given):
        assert np.array_equal(np.asarray(again.sample("all", i).target), np.asarray(mask))


@pytest.mark.parametrize("case", CASES)
def test_every_class_and_what_has_none_has_a_code_of_its_own(case, tmp_path, put):
    source = put_masks(tmp_path, put, *CASES[case])
    encoding = source.splits["all"].targets.mask_encoding()
    assert encoding is not None
    count = len(source.classes)
    mask = np.array([[*range(count), IGNORE]])
    with Image.open(io.BytesIO(encoded_png(mask, encoding))) as image:
        shown = np.asarray(image).reshape(count + 1, -1)
    assert len(np.unique(shown, axis=0)) == count + 1
    if 255 in CASES[case][0] and "black" not in case:
        assert shown[-1].tolist() == [255]


def test_a_trained_task_writes_masks_as_those_of_its_data(tmp_path, put):
    source = put_masks(tmp_path, put, *CASES["a palette"])
    targets = load_images(source, Canvas(24, 32, 3), threads=1)["all"].targets
    assert isinstance(targets, MaskTargets)
    task = Segment.for_training(source.classes, LossSettings(), targets)
    assert task.encoding == source.splits["all"].targets.mask_encoding()
    assert Segment.from_arguments(source.classes, task.arguments()).encoding == task.encoding
    without = Segment.for_training(source.classes, LossSettings(), replace(targets, encoding=None))
    assert without.arguments() == {}  # as bundles had it before
    for wrong in (
        {"kind": "pastel"},
        {"codes": [0, 1]},
        {"codes": [0, 1, 1]},
        {"codes": [0, 1, 256]},
        {"ignored": -1},
        {"palette": [2**24]},
        {"codes": None},
    ):
        with pytest.raises((ValueError, TypeError)):
            Segment.from_arguments(source.classes, {"masks": {**task.arguments()["masks"], **wrong}})
    with pytest.raises(ValueError, match="segment takes no colors"):
        Segment.from_arguments(source.classes, {"colors": []})


def test_numbers_that_no_png_holds_are_written_as_positions(tmp_path, put):
    put(tmp_path / "images/1.jpg")
    (tmp_path / "masks").mkdir()
    np.save(tmp_path / "masks/1.npy", np.tile(np.array([0, 70_000]), (24, 16)))
    assert open_source(tmp_path).splits["all"].targets.mask_encoding() is None


@pytest.mark.parametrize(("first", "code"), [("RGB", 0xFFFFFF), ("L", 255)])
def test_black_and_white_of_two_kinds_are_written_as_the_first(first, code, tmp_path, put):
    for name in ("1", "2"):
        put(tmp_path / f"images/{name}.jpg")
    (tmp_path / "masks").mkdir()
    black, both = np.zeros((24, 32), np.uint8), np.tile(np.array([0, 255], np.uint8), (24, 16))
    modes = (first, {"RGB": "L", "L": "RGB"}[first])
    for name, mode, values in zip("12", modes, (black, both), strict=True):
        Image.fromarray(values).convert(mode).save(tmp_path / f"masks/{name}.png")
    encoding = open_source(tmp_path).splits["all"].targets.mask_encoding()
    assert encoding is not None
    assert encoding.codes == (0, code)
