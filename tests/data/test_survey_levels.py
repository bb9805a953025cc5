"""Levels found in the files of a data set: one scale for all images, and splits on different scales are refused."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image
from tests.data.drawn_folders import SIDE, Draw, decoded, disc, folders

from striate.data import Canvas, load_images
from striate.data.decoding.rendering import Rendering
from striate.errors import DataError
from striate.sources import open_source
from striate.sources.arrays.in_memory import open_in_memory


@pytest.mark.parametrize(
    ("low", "high", "bits"), [(20, 220, 8), (500, 1000, 10), (2048, 2300, 12), (0, 16000, 14), (0, 60000, 16)]
)
def test_bits_in_use_are_one_scale_for_all(low: int, high: int, bits: int, tmp_path: Path) -> None:
    def draw(i: int) -> npt.NDArray[np.uint16]:
        return disc(i, low, high if i == 15 else low + (high - low) / 2).astype(np.uint16)

    source = open_source(folders(tmp_path / "data", draw))
    white = 2**bits - 1
    assert source.survey.bits_in_use == bits
    assert source.native() == Canvas(SIDE, SIDE, 1, 8 if bits == 8 else 16, Rendering(integers=(0, white)))
    most = 255 if bits == 8 else 65535
    expected = np.stack([draw(i) for i in range(16)]) / white * most
    assert np.abs(decoded(source)[..., 0] - expected).max() <= 0.5


@pytest.mark.parametrize(
    ("low", "high", "message"),
    [
        (30000, 30255, "integers that fill 0.39 % of 16 bits, 30000 is black and 30255 white in all images"),
        (3000, 3120, "integers that fill 2.93 % of 12 bits, 3000 is black and 3120 white in all images"),
        (2048, 2303, "12 bits in use, 0 is black and 4095 white in all images"),
        (0, 7, "8 bits in use, 0 is black and 255 white in all images"),
        (30000, 30000, "16 bits in use, 0 is black and 65535 white in all images"),
    ],
)
def test_a_narrow_band_is_rendered_from_its_least_to_its_greatest_value(
    low: int, high: int, message: str, tmp_path: Path
) -> None:
    def draw(i: int) -> npt.NDArray[np.uint16]:
        image = np.rint(disc(i, low, high)).astype(np.uint16)
        image[0, :2] = low, high
        return image

    files = open_source(folders(tmp_path / "data", draw))
    x = np.stack([draw(i) for i in range(16)])
    arrays = open_in_memory((x, ["a"] * 8 + ["b"] * 8))
    for source in (files, arrays)[: 1 if high < 256 else 2]:  # arrays of such are of 8 bits
        assert source.survey.summary(source.native()) == [f"levels: {message}"]
        if "fill" in message:
            expected = (x.astype(np.float64) - low) / (high - low) * 255
            assert source.native().bits == 8
            assert np.abs(decoded(source)[..., 0] - expected).max() <= 0.51
    if (
        "fill" in message
    ):  # an image by itself shows nothing of the band, nor do new ones of a network that learned from others
        assert files.survey.rendering_of_new_images() == Rendering(integers=(0, 65535 if low > 4095 else 4095))


@pytest.mark.parametrize(
    ("draw", "extension", "expected"),
    [
        (lambda i: Image.fromarray((disc(i) / 255 * (0.1 + i / 20)).astype(np.float32)), "tif", (0, 1)),
        (lambda i: Image.fromarray(disc(i).astype(np.float32)), "tif", (0, 255)),
        (lambda i: Image.fromarray(np.rint(disc(i) * 10).astype(np.float32)), "tif", (0, 4095)),
        (lambda i: np.where(disc(i) > 100, 800.5, -1000.0).astype(np.float32), "npy", (-1000, 800.5)),
        (lambda i: np.where(disc(i) > 100, 800, -1000).astype(np.int16), "npy", (-1000, 800)),
        (lambda i: np.where(disc(i) > 100, 100, -100 - i).astype(np.int8), "npy", (-115, 100)),
        (lambda i: np.where(disc(i) > 100, 100_000, 7).astype(np.int32), "npy", (7, 100_000)),
    ],
)
def test_no_image_is_stretched_by_itself(draw: Draw, extension: str, expected: Any, tmp_path: Path) -> None:
    source = open_source(folders(tmp_path / "data", draw, extension=extension))
    rendering = source.native().rendering
    assert (rendering.floats or rendering.integers) == expected
    values = np.stack([np.asarray(draw(i)) for i in range(16)]).astype(np.float64)
    black, white = expected
    most = 255 if source.native().bits == 8 else 65535
    assert np.abs(decoded(source)[..., 0] - (values - black) / (white - black) * most).max() <= 0.51


def test_white_of_8_bits_and_white_of_more_are_both_white(tmp_path: Path) -> None:
    def draw(i: int) -> npt.NDArray[Any]:
        image = np.rint(disc(i)).astype(np.uint16)
        return image.astype(np.uint8) if i % 2 else image * 257

    source = open_source(folders(tmp_path / "data", draw))
    expected = np.stack([np.rint(disc(i)) for i in range(16)]) * 257
    assert (decoded(source)[..., 0] == expected).all()


def test_16_bit_files_with_small_values_are_for_a_network_of_8_bits_what_8_bit_files_are(tmp_path: Path) -> None:
    eight = open_source(folders(tmp_path / "8", lambda i: disc(i).astype(np.uint8)))
    sixteen = open_source(folders(tmp_path / "16", lambda i: disc(i).astype(np.uint16)))
    given = load_images(sixteen, eight.native(), threads=1)["all"].images.numpy()
    assert (given == decoded(eight)).all()
    assert (given == decoded(sixteen)).all()


def test_the_line_of_levels_states_of_which_images(tmp_path: Path) -> None:
    wide = open_source(folders(tmp_path / "wide", lambda i: (disc(i) * 16).astype(np.uint16)))
    mixed = open_source(
        folders(tmp_path / "mixed", lambda i: (disc(i) * 16).astype(np.uint16) if i % 2 else disc(i).astype(np.uint8))
    )
    assert wide.survey.summary(wide.native()) == ["levels: 12 bits in use, 0 is black and 4095 white in all images"]
    assert mixed.survey.summary(mixed.native())[0].endswith("4095 white in all images of more than 8 bits")


@pytest.mark.parametrize(("learned", "tested"), [(1 / 255, 1), (1, 1 / 255)])
def test_splits_of_floats_on_different_scales_are_refused(learned: float, tested: float, tmp_path: Path) -> None:
    folders(tmp_path, lambda i: Image.fromarray((disc(i) * learned).astype(np.float32)), 8, "tif", "train")
    folders(tmp_path, lambda i: Image.fromarray((disc(i) * tested).astype(np.float32)), 8, "tif", "test")
    with pytest.raises(DataError, match="bring them to one scale"):
        open_source(tmp_path).native()


def test_splits_of_which_one_is_from_minus_1_to_1_are_refused(tmp_path: Path) -> None:
    folders(tmp_path, lambda i: Image.fromarray(disc(i).astype(np.float32)), 8, "tif", "train")
    folders(tmp_path, lambda i: Image.fromarray((disc(i) / 127.5 - 1).astype(np.float32)), 8, "tif", "test")
    with pytest.raises(DataError, match="bring them to one scale"):
        open_source(tmp_path).native()


@pytest.mark.parametrize("first", ["train", "test"])
def test_splits_of_which_one_alone_goes_below_0_are_refused(first: str, tmp_path: Path) -> None:
    other = "test" if first == "train" else "train"
    folders(tmp_path, lambda i: Image.fromarray((disc(i) / 127.5 - 1).astype(np.float32)), 8, "tif", first)
    folders(tmp_path, lambda i: Image.fromarray((disc(i) / 255).astype(np.float32)), 8, "tif", other)
    with pytest.raises(DataError, match=f"of {first} have values down to -0.8.*, those of {other} none below 0"):
        open_source(tmp_path).native()


@pytest.mark.parametrize(
    ("learned", "tested", "count"),
    [
        (lambda i: disc(i) / 127.5 - 1, lambda i: (disc(i) / 127.5 - 1) * 0.9, 2),
        (lambda i: disc(i) / 127.5 - 1, lambda i: disc(i) / 255, 1),  # two images may all be bright
        (lambda i: disc(i) * 10 - 1000, lambda i: disc(i) * 8 - 1000, 4),
        (
            lambda i: disc(i) * (10 if i % 4 else 1) - 500 * (i % 4 == 0),
            lambda i: disc(i) * 9,
            4,
        ),  # few of train go below 0
        (lambda i: disc(i) / 255 - 0.09, lambda i: disc(i) / 255, 4),  # as resampling leaves it
    ],
    ids=["as low", "two bright", "CT", "a few below sea level", "resampled"],
)
def test_splits_may_go_below_0_or_a_little_below(learned: Draw, tested: Draw, count: int, tmp_path: Path) -> None:
    folders(tmp_path, lambda i: Image.fromarray(learned(i).astype(np.float32)), 8, "tif", "train")
    folders(tmp_path, lambda i: Image.fromarray(tested(i).astype(np.float32)), count, "tif", "test")
    black, _ = open_source(tmp_path).native().rendering.floats or (0, 0)
    assert black < 0


@pytest.mark.parametrize(("learned", "tested"), [(1, 200), (200, 1)])
def test_splits_of_integers_on_different_scales_are_refused(learned: int, tested: int, tmp_path: Path) -> None:
    folders(tmp_path, lambda i: (disc(i) * learned).astype(np.uint16), 8, "png", "train")
    folders(tmp_path, lambda i: (disc(i) * tested).astype(np.uint16), 8, "png", "test")
    with pytest.raises(DataError, match=r"the images of \w+ have values up to 2\d\d, those of \w+ typically up to"):
        open_source(tmp_path).native()


@pytest.mark.parametrize(("learned", "tested"), [(256, 16), (16, 256), (257, 16), (64, 4), (4, 256)])
def test_splits_of_other_bits_are_refused(learned: int, tested: int, tmp_path: Path) -> None:
    folders(tmp_path, lambda i: (disc(i) * learned).astype(np.uint16), 8, "png", "train")
    folders(tmp_path, lambda i: (disc(i) * tested).astype(np.uint16), 8, "png", "test")
    with pytest.raises(
        DataError, match=r"the images of \w+ have values up to \d+, those of \w+ typically up to [\d.]+, so"
    ):
        open_source(tmp_path).native()


def test_neither_a_hot_pixel_nor_dark_images_among_bright_ones_are_another_scale(tmp_path: Path) -> None:
    def exposed(i: int, dark: int) -> npt.NDArray[np.uint16]:
        image = (disc(i) * (16 if i % 3 < dark else 256)).astype(np.uint16)
        image[0, 0] = 65535 if i == 1 else image[0, 0]
        return image

    folders(tmp_path, lambda i: exposed(i, 1), 8, "png", "train")
    folders(tmp_path, lambda i: exposed(i, 2), 8, "png", "test")
    assert open_source(tmp_path).native().rendering.integers == (0, 65535)


@pytest.mark.parametrize("share", [0.5, 0.3, 0.15, 0.02, 0])
def test_a_split_that_is_merely_darker_is_not(share: float, tmp_path: Path) -> None:
    folders(tmp_path, lambda i: (disc(i) * 250).astype(np.uint16), 8, "png", "train")
    folders(tmp_path, lambda i: (disc(i) * 250 * share).astype(np.uint16), 8, "png", "test")
    assert open_source(tmp_path).native().rendering.integers == (0, 65535)


def test_a_test_split_alone_may_have_more_bits_and_has_one_scale(tmp_path: Path) -> None:
    """Each second image is dim, and alone would be taken for one of fewer bits."""
    folders(tmp_path, lambda i: disc(i).astype(np.uint8), 8, "png", "train")
    folders(tmp_path, lambda i: (disc(i) * (16 if i % 2 else 3)).astype(np.uint16), 8, "png", "test")
    source = open_source(tmp_path)
    assert source.native().rendering.integers == (0, 4095)
    assert source.survey.bits_in_use == 12


def test_reading_levels_shows_how_far_it_is(tmp_path: Path) -> None:
    folders(tmp_path, lambda i: (disc(i) * 256).astype(np.uint16), 8, "png", "train")
    folders(tmp_path, lambda i: (disc(i) * 256).astype(np.uint16), 2, "png", "test")
    counted: list[tuple[int, int]] = []
    source = open_source(tmp_path)
    assert source.take_survey(lambda done, total: counted.append((done, total))) is source.survey
    assert counted == [(16, 20), (20, 20)]


def test_nothing_that_can_be_read_is_one_line(tmp_path: Path) -> None:
    source = open_source(folders(tmp_path / "data", lambda i: disc(i).astype(np.uint8)))
    for file in (tmp_path / "data").rglob("*.png"):
        file.write_bytes(b"")
    with pytest.raises(DataError, match="none of 16 images can be read, a/0.png: empty file"):
        source.native()
