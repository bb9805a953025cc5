"""What a data set asks for, found in its files: levels, background, fit; plain data ask for nothing and cost no pixel."""

import io
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from striate.audit.unused_content import read_in_part, survey_findings
from striate.data import Canvas, FileStore, Limits, Listing, Source, Unreadable, load_images, read_header
from striate.data.decoding import modes
from striate.data.decoding.rendering import Rendering
from striate.data.store import ContentStore
from striate.data.survey import survey
from striate.data.targets import ClassTargets
from striate.errors import DataError
from striate.sources import open_source
from striate.sources.arrays.in_memory import open_in_memory

SIDE = 24
Draw = Callable[[int], Any]


def disc(i: int, low: float = 20, high: float = 220) -> npt.NDArray[np.float64]:
    """A disc somewhere on a dark ground, SIDE SIDE; no two are alike."""
    random = np.random.default_rng(i)
    y, x = np.ogrid[:SIDE, :SIDE]
    cy, cx = random.integers(8, SIDE - 8, 2)
    ground = random.uniform(low, low + (high - low) / 10, (SIDE, SIDE))
    return np.where((y - cy) ** 2 + (x - cx) ** 2 < 36, high - random.uniform(0, (high - low) / 10), ground)


def content(values: npt.NDArray[Any], kind: str = "PNG", **how: Any) -> bytes:
    file = io.BytesIO()
    Image.fromarray(values).save(file, kind, **how)
    return file.getvalue()


def folders(root: Path, draw: Draw, count: int = 8, extension: str = "png", split: str = "") -> Path:
    for label in ("a", "b"):
        (root / split / label).mkdir(parents=True)
        for i in range(count):
            image, path = draw(i + count * (label == "b")), root / split / label / f"{i}.{extension}"
            if extension == "npy":
                np.save(path, image)
            else:
                (image if isinstance(image, Image.Image) else Image.fromarray(image)).save(path)
    return root


def decoded(source: Source, **how: Any) -> npt.NDArray[Any]:
    pixels = load_images(source, source.native(), threads=1, **how)
    return next(iter(pixels.values())).images.numpy()


# ---- plain data


@pytest.mark.parametrize("size", [(24, 24), (24, 32), (32, 24), (24, 38)])
def test_plain_photographs_ask_for_nothing_and_cost_no_pixel(
    size: tuple[int, int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def draw(i: int) -> npt.NDArray[np.uint8]:
        return np.random.default_rng(i).integers(0, 256, (*size, 3), dtype=np.uint8)

    source = open_source(folders(tmp_path / "data", draw, extension="jpg"))
    monkeypatch.setattr(FileStore, "pixels_of", lambda *_: pytest.fail("decoded"))
    monkeypatch.setattr(FileStore, "value_range", lambda *_: pytest.fail("decoded"))
    assert source.native() == Canvas(*size, 3)
    assert source.survey.summary(source.native()) == []
    assert survey_findings(source.survey, source.native()) == []


def test_mnist_costs_no_pixel() -> None:
    source = open_source("mnist")
    assert source.native() == Canvas(28, 28, 1)
    assert "pixels" not in vars(source.splits["train"].store)


def test_8_bit_files_decode_bit_for_bit(tmp_path: Path) -> None:
    def draw(i: int) -> npt.NDArray[np.uint8]:
        return np.random.default_rng(i).integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)

    source = open_source(folders(tmp_path / "data", draw))
    assert (decoded(source) == np.stack([draw(i) for i in range(16)])).all()


def test_the_survey_is_made_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = open_source(folders(tmp_path / "data", lambda i: disc(i).astype(np.uint8)))
    source.native()
    monkeypatch.setattr(FileStore, "header", lambda *_: pytest.fail("read again"))
    assert source.native() == Canvas(SIDE, SIDE, 1)


# ---- levels


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
def test_a_narrow_band_is_seen_from_its_least_to_its_greatest_value(
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


# ---- background


def icon(i: int, level: int, alpha: int = 0) -> npt.NDArray[np.uint8]:
    shape = disc(i) > 120
    return np.dstack([np.full((SIDE, SIDE, 3), level), np.where(shape, 255, alpha)]).astype(np.uint8)


@pytest.mark.parametrize(
    ("levels", "background"),
    [
        ((0,), "white"),
        ((255,), "black"),
        ((250, 240), "black"),
        ((128,), "white"),
        ((0, 255), "gray"),
        ((0, 128), "white"),
        ((255, 128), "black"),
        ((0, 0, 0, 0, 0, 0, 0, 255), "gray"),
    ],
)
def test_the_background_is_one_on_which_all_is_seen(levels: tuple[int, ...], background: str, tmp_path: Path) -> None:
    source = open_source(folders(tmp_path / "data", lambda i: icon(i, levels[i % len(levels)])))
    canvas = source.native()
    assert canvas.rendering.background == background
    assert survey_findings(source.survey, canvas) == []
    assert bool(source.survey.summary(canvas)) == (background != "white")
    assert decoded(source).std((1, 2, 3)).min() > 20


def with_palette(i: int) -> Image.Image:
    """Two entries of one color, of which the first is transparent."""
    image = Image.fromarray((disc(i) > 120).astype(np.uint8))
    image.putpalette([255] * 6)
    image.info["transparency"] = 0
    return image


@pytest.mark.parametrize(
    ("draw", "extension"),
    [
        (lambda i: Image.fromarray(icon(i, 255)).convert("LA"), "png"),
        (lambda i: Image.fromarray(icon(i, 255)), "webp"),
        (lambda i: Image.fromarray(icon(i, 255)), "tif"),
        (with_palette, "png"),
        (with_palette, "gif"),
    ],
)
def test_every_kind_of_transparency_counts(draw: Draw, extension: str, tmp_path: Path) -> None:
    source = open_source(folders(tmp_path / "data", draw, extension=extension))
    assert source.native().rendering.background == "black"


def test_opaque_images_with_an_alpha_channel_stay_on_white(tmp_path: Path) -> None:
    source = open_source(folders(tmp_path / "data", lambda i: icon(i, 255, alpha=255)))
    assert source.survey.hidden == {}
    assert source.native() == Canvas(SIDE, SIDE, 3)


def test_where_no_background_shows_all_it_is_reported(tmp_path: Path) -> None:
    source = open_source(folders(tmp_path / "data", lambda i: icon(i, (0, 128, 255)[i % 3])))
    (found,) = survey_findings(source.survey, source.native())
    assert found.finding.id == "data-background"
    assert "--channels 4" in found.finding.fix


def test_a_background_that_was_chosen_and_hides_is_reported(tmp_path: Path) -> None:
    source = open_source(folders(tmp_path / "data", lambda i: icon(i, 255)))
    white = Canvas(SIDE, SIDE, 3, rendering=source.survey.rendering("white"))
    (found,) = survey_findings(source.survey, white)
    assert found.finding.id == "data-background"
    assert found.finding.message == "100 % of the images with transparent pixels show next to nothing on white."
    assert "--background black" in found.finding.fix
    assert survey_findings(source.survey, Canvas(SIDE, SIDE, 4, rendering=white.rendering)) == []


# ---- fit


def strip(i: int, at: int, height: int = 16, width: int = 80) -> npt.NDArray[np.uint8]:
    """Noise, and a block at some place: at 0 it lies at an end."""
    random = np.random.default_rng(i)
    image = random.integers(200, 256, (height, width, 3), dtype=np.uint8)
    image[4:12, at : at + 8] = random.integers(0, 60, 3)
    return image


def photograph(height: int, width: int) -> Draw:
    def draw(i: int) -> npt.NDArray[np.uint8]:
        coarse = np.random.default_rng(i).integers(0, 256, (6, 8, 3), dtype=np.uint8)
        return np.asarray(Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC))

    return draw


@pytest.mark.parametrize(
    ("draw", "fit"),
    [
        (lambda i: strip(i, 2), "contain"),
        (lambda i: strip(i, 70 if i % 2 else 2), "contain"),
        (lambda i: strip(i, 2).transpose(1, 0, 2), "contain"),
        (lambda i: strip(i, 2) if i % 2 else strip(i, 2).transpose(1, 0, 2), "contain"),
        (lambda i: strip(i, 2)[..., 0].astype(np.uint16) // 8 + 2048, "contain"),
        (lambda i: strip(i, 36), "cover"),  # the ends are empty
        (lambda i: strip(i, 36).transpose(1, 0, 2), "cover"),
        (photograph(48, 64), "cover"),
        (photograph(48, 72), "cover"),
        (photograph(48, 144), "contain"),
        (lambda i: strip(i, 2) if i % 2 else photograph(40, 40)(i), "contain"),  # one class is wide
        (lambda i: strip(i, 36) if i % 2 else photograph(40, 40)(i), "cover"),
        (lambda i: photograph(40, 64)(i) if i < 3 else photograph(40, 40)(i), "cover"),  # a few as wide as films are
    ],
)
def test_images_are_whole_where_a_square_would_cut_off_content(draw: Draw, fit: str, tmp_path: Path) -> None:
    source = open_source(folders(tmp_path / "data", lambda i: np.ascontiguousarray(draw(i))))
    assert source.native().fit == fit
    side = source.survey.side(fit)
    assert survey_findings(source.survey, replace(source.native(), height=side, width=side)) == []
    cover = Canvas(16, 16, 3)
    expected = ["data-cropped"] if fit == "contain" else []
    findings = survey_findings(source.survey, cover)
    assert [one.finding.id for one in findings] == expected
    assert all(one.files and set(source.splits["all"].ids) >= {name for (name,) in one.files} for one in findings)


def test_a_few_images_that_lose_much_are_a_note(tmp_path: Path) -> None:
    source = open_source(
        folders(tmp_path / "data", lambda i: strip(i, 2) if i < 3 else photograph(40, 40)(i))  # 3 of 16
    )
    (found,) = survey_findings(source.survey, source.native())
    assert (found.finding.id, found.finding.severity) == ("data-cropped", "note")
    assert found.finding.message.startswith("19 % of the images lose more than 50 % of their area")
    assert len(found.files) == 3
    assert found.finding.evidence["first"] == [name for (name,) in found.files]
    whole = replace(source.native(), fit="contain", height=80, width=80)
    assert survey_findings(source.survey, whole) == []


@pytest.mark.parametrize(("height", "width", "side", "pixels"), [(8, 320, 128, 3), (320, 8, 128, 3), (16, 80, 16, 3)])
def test_images_that_shrink_to_a_line_are_reported(
    height: int, width: int, side: int, pixels: int, tmp_path: Path
) -> None:
    source = open_source(folders(tmp_path / "data", photograph(height, width)))
    (found,) = survey_findings(source.survey, Canvas(side, side, 3, fit="contain"))
    assert found.finding.id == "data-thin"
    assert f"the shorter side shrinks to {pixels} pixels" in found.finding.message
    enough = 8 * max(height, width) // min(height, width)
    assert f"--size {enough} or more" in found.finding.fix
    assert survey_findings(source.survey, Canvas(enough, enough, 3, fit="contain")) == []


def test_small_images_that_are_thin_in_the_file_are_not(tmp_path: Path) -> None:
    source = open_source(folders(tmp_path / "data", photograph(4, 60)))
    assert survey_findings(source.survey, Canvas(60, 60, 3, fit="contain")) == []


def test_arrays_too(tmp_path: Path) -> None:
    path = tmp_path / "set.npz"
    np.savez(path, x=np.stack([strip(i, 2) for i in range(20)]), y=np.arange(20) % 2)
    assert open_source(path).native().fit == "contain"


# ---- files of which not all is used


def test_the_sample_misses_nothing_that_comes_round_robin_and_states_what_it_is() -> None:
    eight, twelve = (
        content(disc(i, 0, white).astype(kind)) for i, (white, kind) in enumerate(((255, "u1"), (4095, "u2")))
    )
    frames = content(disc(1).astype("u1"), "GIF", save_all=True, append_images=[Image.fromarray(disc(2).astype("u1"))])
    round_robin = (eight, twelve, frames, twelve)
    images = ContentStore(800, lambda i: round_robin[i % 4], Limits())
    found = survey({"all": Listing(tuple(map(str, range(800))), ClassTargets(np.arange(800) % 2), images)})
    assert found.bits_in_use == 12
    (finding,) = read_in_part(found, 800)
    assert re.match(r"\d\d files of 200 inspected have many frames", finding.finding.message)


def test_first_frames_are_a_note(tmp_path: Path) -> None:
    def animation(path: Path) -> None:
        frames = [Image.fromarray(disc(i).astype(np.uint8)) for i in range(3)]
        frames[0].save(path, save_all=True, append_images=frames[1:])

    source = open_source(root := folders(tmp_path / "data", lambda i: disc(i).astype(np.uint8), 8, "gif"))
    assert read_in_part(source.survey, 16) == []
    animation(root / "a" / "3.gif")
    source = open_source(root)
    (found,) = read_in_part(source.survey, 16)
    assert found.finding.message.startswith("1 file has many frames")
    assert (found.finding.id, found.finding.severity, found.files) == ("data-first-frame", "note", (("a/3.gif",),))


def test_the_limit_of_pixels_states_the_way_in(tmp_path: Path) -> None:
    path = tmp_path / "large.png"
    Image.new("L", (300, 200)).save(path)
    with pytest.raises(Unreadable, match="--max-pixels 60000 lets it in"):
        read_header(path, Limits(max_pixels=59_999))
    assert read_header(path, Limits(max_pixels=60_000)).width == 300


def test_modes_that_are_wide_have_one_channel() -> None:
    assert set(modes.WIDE_MODES) < set(modes.GRAY_MODES)
