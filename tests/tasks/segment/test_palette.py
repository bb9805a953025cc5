"""Masks as PNG: read back equal, in the colors of the classes."""

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from striate.data.drawing.annotated_images import class_color
from striate.data.targets import IGNORE
from striate.tasks.segment.palette import mask_colors, mask_png


def names(count: int) -> tuple[str, ...]:
    return ("background", *(f"class {k}" for k in range(1, count)))


def read(png: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(png))
    image.load()
    return image


@given(seed=st.integers(0, 999), classes=st.integers(1, 255), height=st.integers(1, 9), width=st.integers(1, 19))
@settings(max_examples=60, deadline=None)
def test_a_mask_is_read_back_equal(seed, classes, height, width):
    generator = np.random.default_rng(seed)
    whole = generator.integers(0, classes, (height, width))
    some = np.where(generator.random((height, width)) < 0.2, IGNORE, whole)
    for mask in (whole, whole.astype(np.uint8), some):
        image = read(mask_png(mask, names(classes)))
        assert image.mode == "P"
        assert image.size == (width, height)
        assert np.array_equal(np.array(image), np.where(mask == IGNORE, 255, mask) if mask is some else mask)


@pytest.mark.parametrize("classes", [2, 3, 17, 255])
def test_pixels_have_the_colors_of_their_classes(classes):
    mask = np.arange(classes)[None]
    colors = np.array(read(mask_png(mask, names(classes))).convert("RGB"))[0].tolist()
    assert colors == [[0, 0, 0], *(list(class_color(k)) for k in range(1, classes))]
    others = np.array(read(mask_png(mask, (*names(classes)[1:], "last"))).convert("RGB"))[0].tolist()
    assert others == [list(class_color(k)) for k in range(classes)]


def test_pixels_without_a_label_are_white_as_no_class_is():
    image = read(mask_png(np.array([[0, IGNORE, 1]]), ("background", "cat")))
    assert np.array(image.convert("RGB"))[0].tolist() == [[0, 0, 0], [255, 255, 255], list(class_color(1))]
    assert (255, 255, 255) not in mask_colors(names(255))


def test_two_classes_take_a_bit_a_pixel():
    generator = np.random.default_rng(0)
    assert len(mask_png(generator.integers(0, 2, (128, 128)), names(2))) < 128 * 128 / 8 + 300


def test_more_classes_than_a_palette_holds_are_grayscale_of_16_bits():
    assert np.array(read(mask_png(np.array([[IGNORE, 254, 255]]), names(256)))).tolist() == [[65535, 254, 255]]
    mask = np.array([[0, 255, 256, 40_000, IGNORE]])
    image = read(mask_png(mask, names(40_001)))
    assert np.array(image).tolist() == [[0, 255, 256, 40_000, 65535]]
