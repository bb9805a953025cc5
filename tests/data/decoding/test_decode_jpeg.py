"""JPEGs: simplejpeg and Pillow give the same pixels and the same reasons, and neither is kept busy for ever."""

import io
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image, ImageFile
from tests.data.decoding.mutants import mutants

from striate.data import Canvas, Limits, Unreadable, decode_image, read_image
from striate.data.decoding import jpeg

LIMITS = Limits()
CANVAS = Canvas(24, 32, 3)

Scene = Callable[..., Image.Image]
Encode = Callable[..., bytes]


@contextmanager
def without_simplejpeg() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "simplejpeg", None)  # as if it were not installed
        jpeg._simplejpeg.cache_clear()
        assert jpeg._simplejpeg() is None
        yield
    jpeg._simplejpeg.cache_clear()


@contextmanager
def without_pillow() -> Iterator[None]:
    """Pillow reads headers, and decodes nothing."""

    def load(_: object) -> None:
        raise AssertionError("decoded by Pillow")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ImageFile.ImageFile, "load", load)
        yield


def both(content: bytes, canvas: Canvas) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    with without_simplejpeg():
        slow = decode_image(content, canvas, LIMITS)
    with without_pillow():
        return slow, decode_image(content, canvas, LIMITS)


@pytest.mark.parametrize("mode", ["RGB", "L"])
@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("subsampling", [0, 1, 2])  # 4:4:4, 4:2:2, 4:2:0
@pytest.mark.parametrize(("height", "width"), [(203, 301), (16, 47), (96, 160)])
def test_both_give_the_same_pixels_whole_and_reduced(
    mode: str, progressive: bool, subsampling: int, height: int, width: int, scene: Scene, encode: Encode
) -> None:
    image = scene(height, width).convert(mode)
    content = encode(image, "JPEG", quality=90, progressive=progressive, subsampling=subsampling)
    for factor in (1, 2, 4, 8):
        at_least = max(1, height // factor), max(1, width // factor)
        with without_simplejpeg():
            slow = read_image(content, LIMITS, at_least)
        with without_pillow():
            fast = read_image(content, LIMITS, at_least)
        assert slow.shape == fast.shape == (-(-height // factor), -(-width // factor), len(mode))
        assert (slow == fast).all()


@pytest.mark.parametrize("sampling", ["440", "411"])
def test_both_give_the_same_pixels_for_rare_samplings(sampling: str, scene: Scene) -> None:
    simplejpeg = jpeg._simplejpeg()
    assert simplejpeg is not None
    content = simplejpeg.encode_jpeg(np.array(scene(90, 130)), 90, "RGB", sampling)
    for canvas in (Canvas(90, 130, 3), CANVAS):
        slow, fast = both(content, canvas)
        assert (slow == fast).all()


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("canvas", [Canvas(90, 61, 3), Canvas(40, 40, 1), Canvas(300, 200, 3), Canvas(60, 60, 4, 16)])
def test_every_orientation_is_the_same_by_both_from_a_path_and_from_bytes(
    orientation: int, canvas: Canvas, scene: Scene, encode: Encode, tmp_path: Path
) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    content = encode(scene(181, 247), "JPEG", quality=90, exif=exif)
    (tmp_path / "one.jpg").write_bytes(content)
    slow, fast = both(content, canvas)
    assert (slow == fast).all()
    assert (decode_image(tmp_path / "one.jpg", canvas, LIMITS) == fast).all()
    assert (decode_image(str(tmp_path / "one.jpg"), canvas, LIMITS) == fast).all()


def outcome(content: bytes, canvas: Canvas) -> str | bytes:
    try:
        return decode_image(content, canvas, LIMITS).tobytes()
    except Unreadable as failure:
        return str(failure)


@pytest.mark.parametrize("count", [100, pytest.param(400, marks=pytest.mark.large)])
def test_damaged_jpegs_come_to_the_same_end_by_both(count: int) -> None:
    damaged = [content for kind, content in mutants(4 * count) if "JPEG" in kind]
    assert len(damaged) == count
    with without_simplejpeg():
        slow = [outcome(content, CANVAS) for content in damaged]
    fast = [outcome(content, CANVAS) for content in damaged]
    assert slow == fast
    assert {type(end) for end in slow} == {str, bytes}


def test_cmyk_is_left_to_pillow(encode: Encode) -> None:
    flat = encode(Image.new("CMYK", (32, 24), (0, 128, 255, 51)), "JPEG", quality=100)
    assert np.abs(decode_image(flat, CANVAS, LIMITS).astype(int) - (204, 102, 0)).max() <= 3
    with without_pillow(), pytest.raises(Unreadable, match="decoded by Pillow"):
        decode_image(flat, CANVAS, LIMITS)


def test_an_image_whose_size_the_two_read_differently_is_left_to_pillow(
    scene: Scene, encode: Encode, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = encode(scene(100, 100), "JPEG")
    expected = decode_image(content, CANVAS, LIMITS)

    def decode_jpeg(*_: object, **__: object) -> None:
        raise AssertionError("decoded by simplejpeg")

    simplejpeg = jpeg._simplejpeg()
    monkeypatch.setattr(simplejpeg, "decode_jpeg_header", lambda _: (9000, 9000, "YCbCr", "420"))
    monkeypatch.setattr(simplejpeg, "decode_jpeg", decode_jpeg)
    assert (decode_image(content, CANVAS, LIMITS) == expected).all()


def with_scans(content: bytes, more: int) -> bytes:
    """The last scan of a progressive JPEG over and over again, of a few bytes each."""
    last = content.rindex(b"\xff\xda")
    return content[:-2] + content[last:-2] * more + content[-2:]


def test_a_jpeg_of_endless_scans_is_refused_and_one_of_many_is_read(encode: Encode) -> None:
    content = encode(Image.new("L", (64, 48), 99), "JPEG", progressive=True)
    scans = content.count(b"\xff\xda")
    assert (decode_image(with_scans(content, 100 - scans), CANVAS, LIMITS) == 99).all()
    with without_pillow(), pytest.raises(Unreadable, match="101 scans"):
        decode_image(with_scans(content, 101 - scans), CANVAS, LIMITS)


def test_what_resembles_scans_within_a_comment_or_behind_the_end_is_none(scene: Scene, encode: Encode) -> None:
    content = encode(scene(48, 64), "JPEG", comment=b"\xff\xda\0\x02" * 200) + b"\xff\xda\0\x02" * 200
    plain = encode(scene(48, 64), "JPEG")
    assert (decode_image(content, CANVAS, LIMITS) == decode_image(plain, CANVAS, LIMITS)).all()


def test_at_least_is_covered_and_only_just(scene: Scene, encode: Encode) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # upright it is 400 high, 300 wide
    content = encode(scene(300, 400), "JPEG", exif=exif)
    sizes = {
        (400, 300): (400, 300, 3),
        (201, 150): (400, 300, 3),
        (200, 150): (200, 150, 3),
        (99, 80): (200, 150, 3),
        (100, 75): (100, 75, 3),
        (50, 37): (50, 38, 3),
        (1, 1): (50, 38, 3),
    }
    for at_least, shape in sizes.items():
        assert read_image(content, LIMITS, at_least).shape == shape
    assert read_image(content, LIMITS).shape == (400, 300, 3)
    png = io.BytesIO()
    scene(30, 40).save(png, "PNG")
    assert (read_image(png.getvalue(), LIMITS, (1, 1)) == np.asarray(scene(30, 40))).all()
    with pytest.raises(ValueError, match="begin at 1"):
        read_image(content, LIMITS, (0, 5))
