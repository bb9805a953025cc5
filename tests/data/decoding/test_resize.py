"""Fitting an image to the canvas: torch's filter and Pillow's are the same, for all types and numbers of channels."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from PIL import Image
from tests.data.decoding.ramps import COLORS, H, W, decode

from striate.data import Canvas, Limits, decode_image
from striate.data.decoding.resize import canvas_boxes, resize_to_canvas

Scene = Callable[..., Image.Image]
Encode = Callable[..., bytes]

RANDOM = np.random.default_rng(2)
SIZES = [(64, 64), (100, 133), (133, 101), (400, 90), (65, 64)]


def by_pillow(pixels: npt.NDArray[Any], height: int, width: int) -> npt.NDArray[Any]:
    """All of each channel in floating point."""
    bands = [Image.fromarray(band.astype(np.float32)) for band in pixels.transpose(2, 0, 1)]
    return np.dstack([np.asarray(band.resize((width, height), Image.Resampling.BILINEAR)) for band in bands])


@pytest.mark.parametrize(("dtype", "channels"), [("u1", 1), ("u1", 2), ("u1", 3), ("u1", 7), ("u2", 1), ("u2", 5)])
@pytest.mark.parametrize(("height", "width"), SIZES)
def test_shrinking_equals_pillow_within_one_gray_level(dtype: str, channels: int, height: int, width: int) -> None:
    pixels = RANDOM.integers(0, np.iinfo(dtype).max, (height, width, channels), endpoint=True).astype(dtype)
    side = 48
    fitted = resize_to_canvas(pixels, side, side, (0, 0, width, height))
    assert fitted.dtype == pixels.dtype
    x, y = max(0, width - height) / 2, max(0, height - width) / 2
    x, y = int(x + 0.5), int(y + 0.5)  # whole pixels
    expected = by_pillow(pixels[y : height - y, x : width - x], side, side)
    assert np.abs(fitted - expected).max() <= (1.51 if dtype == "u1" else 0.6)  # 8 bits are rounded after either axis
    if channels in (1, 3) and dtype == "u1":
        whole = Image.fromarray(pixels[..., 0] if channels == 1 else pixels)
        middle = whole.crop((x, y, width - x, height - y))
        same = np.asarray(middle.resize((side, side), Image.Resampling.BILINEAR)).reshape(fitted.shape)
        assert np.abs(fitted.astype(int) - same).max() <= 1


@pytest.mark.parametrize(("dtype", "channels"), [("u1", 3), ("u1", 6), ("u2", 1), ("u2", 6)])
def test_enlarging_and_fractions_of_a_pixel_treat_all_channels_alike(dtype: str, channels: int) -> None:
    gray = RANDOM.integers(0, 256, (11, 14), dtype=np.uint8)
    scale = 1 if dtype == "u1" else 257
    pixels = (gray.astype(dtype) * np.dtype(dtype).type(scale))[..., None].repeat(channels, -1)
    for height, width, content in ((20, 30, (0, 0, 14, 11)), (5, 6, (0.5, 0, 14, 10.5))):
        alone = resize_to_canvas(gray[..., None], height, width, content)
        assert (
            np.abs(resize_to_canvas(pixels, height, width, content) - alone.astype(float) * scale).max() <= 1.01 * scale
        )


@pytest.mark.parametrize(("dtype", "channels"), [("u1", 3), ("u1", 1), ("u1", 6), ("u2", 3)])
def test_the_number_of_threads_of_torch_changes_no_pixel(dtype: str, channels: int) -> None:
    pixels = RANDOM.integers(0, 256, (300, 417, channels)).astype(dtype)
    threads, fitted = torch.get_num_threads(), []
    try:
        for count in (1, 2, 5):
            torch.set_num_threads(count)
            fitted.append(resize_to_canvas(pixels, 128, 128, (0, 0, 417, 300)))
    finally:
        torch.set_num_threads(threads)
    assert (fitted[0] == fitted[1]).all()
    assert (fitted[0] == fitted[2]).all()


@pytest.mark.parametrize("dtype", ["u1", "u2"])
@pytest.mark.parametrize("content", [(0, 0, 133, 100), (0, 0, 132.5, 99.5)])
def test_colors_that_cannot_be_seen_do_not_bleed_into_those_that_can(dtype: str, content: Any) -> None:
    top = np.iinfo(dtype).max
    pixels = RANDOM.integers(0, top, (100, 133, 4), endpoint=True).astype(dtype)
    pixels[..., :3] = top // 2
    pixels[..., 3] = np.where(RANDOM.random((100, 133)) < 0.5, top, 0)
    pixels[pixels[..., 3] == 0, :3] = 0
    fitted = resize_to_canvas(pixels, 48, 48, content).astype(float)
    visible = fitted[..., 3] > top / 4
    assert visible.mean() > 0.8
    assert np.abs(fitted[visible][:, :3] - top // 2).max() <= top / 40  # 8 bits of what little is visible


def test_a_constant_stays_constant_to_the_last_level() -> None:
    for value in (0, 1, 254, 255):
        for size in SIZES:
            assert (
                resize_to_canvas(np.full((*size, 3), value, np.uint8), 48, 40, (0, 0, size[1], size[0])) == value
            ).all()
    assert (resize_to_canvas(np.full((90, 80, 2), 65535, np.uint16), 48, 40, (0, 0, 80, 90)) == 65535).all()


def test_what_is_kept_is_mirrored_with_the_image() -> None:
    pixels = RANDOM.integers(0, 256, (101, 144, 3), dtype=np.uint8)
    there = resize_to_canvas(pixels, 40, 40, (0, 0, 144, 101)).astype(int)
    back = resize_to_canvas(np.ascontiguousarray(pixels[::-1, ::-1]), 40, 40, (0, 0, 144, 101))[::-1, ::-1]
    assert np.abs(there - back).max() <= 1


@pytest.mark.parametrize(("dtype", "channels"), [("u1", 3), ("u1", 4), ("u2", 1), ("u1", 6)])
@pytest.mark.parametrize(("height", "width"), [(10, 50), (50, 10), (1, 200), (33, 48), (48, 48), (7, 9)])
def test_a_whole_image_lies_centered_in_black(dtype: str, channels: int, height: int, width: int) -> None:
    pixels = np.full((height, width, channels), 255, dtype)
    fitted = resize_to_canvas(pixels, 48, 48, (0, 0, width, height), "contain")
    assert fitted.shape == (48, 48, channels)
    _, (left, top, right, bottom) = canvas_boxes(48, 48, (0, 0, width, height), "contain")
    assert max(right - left, bottom - top) == 48
    assert (fitted[top:bottom, left:right] == 255).all()
    assert fitted.sum() == 255 * (bottom - top) * (right - left) * channels
    assert abs(top - (48 - bottom)) <= 1
    assert abs(left - (48 - right)) <= 1
    assert (right - left) / (bottom - top) == pytest.approx(width / height, rel=0.1) or min(height, width) == 1


def test_a_large_jpeg_is_decoded_as_small_as_the_whole_of_it_is_used(tmp_path: Path) -> None:
    Image.fromarray(RANDOM.integers(0, 256, (100, 800, 3), dtype=np.uint8)).save(tmp_path / "wide.jpg")
    whole = Image.open(tmp_path / "wide.jpg").convert("RGB").resize((48, 6), Image.Resampling.BILINEAR)
    decoded = decode_image(tmp_path / "wide.jpg", Canvas(48, 48, 3, fit="contain"), Limits())
    assert np.abs(decoded[21:27].astype(int) - np.asarray(whole)).mean() < 4
    assert decoded[:21].sum() == decoded[27:].sum() == 0


def test_an_image_that_equals_the_canvas_keeps_its_pixels(scene: Scene, encode: Encode) -> None:
    image = scene(37, 53)
    assert (decode(encode(image), Canvas(37, 53, 3)) == np.asarray(image)).all()


@pytest.mark.parametrize(("height", "width"), [(37, 40), (20, 53)])
def test_an_image_that_has_one_side_of_the_canvas_is_cut_and_not_resampled(
    height: int, width: int, scene: Scene, encode: Encode
) -> None:
    image = scene(37, 53)
    top, left = (37 - height) // 2, (53 - width) // 2
    expected = np.asarray(image)[top : top + height, left : left + width]
    assert (decode(encode(image), Canvas(height, width, 3)) == expected).all()


def test_shrinking_does_not_alias(encode: Encode) -> None:
    stripes = np.zeros((400, 400), np.uint8)
    stripes[:, ::2] = 255  # the finest there are; sampled without averaging they give black, white or bars
    decoded = decode(encode(Image.fromarray(stripes)), Canvas(37, 37, 1))
    assert np.abs(decoded - 127.5).max() <= 4


@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 65_535), (65_535, 1), (3, 2), (2000, 3)])
def test_any_shape_of_image_covers_the_canvas(height: int, width: int, encode: Encode) -> None:
    assert (decode(encode(Image.new("L", (width, height), 99)), Canvas(20, 30, 1)) == 99).all()


def test_the_center_is_what_is_kept(encode: Encode) -> None:
    wide = np.zeros((50, 250), np.uint8)
    wide[:, 100:150] = 200
    assert (decode(encode(Image.fromarray(wide)), Canvas(50, 50, 1)) == 200).all()
    shrunk = decode(encode(Image.fromarray(wide)), Canvas(10, 10, 1))
    assert (shrunk[:, 1:-1] == 200).all()


def test_fit_leaves_an_image_of_the_right_size_alone() -> None:
    assert np.shares_memory(resize_to_canvas(COLORS, H, W, (0, 0, W, H)), COLORS)
