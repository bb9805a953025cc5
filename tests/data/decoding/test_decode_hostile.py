"""Files that are no images, or not whole, or traps: each is refused for its reason, and its healthy twin is not."""

import io
import os
import struct
import threading
import warnings
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import GifImagePlugin, Image, ImageFile, PngImagePlugin, TiffImagePlugin, WebPImagePlugin
from tests.data.decoding.mutants import lying

from striate.data import Canvas, Limits, Unreadable, decode_image, read_header
from striate.data.decoding import jpeg, regular_file
from striate.data.decoding.npy import ArrayFile
from striate.data.decoding.strict_pillow import STRICT_PILLOW

CANVAS = Canvas(24, 32, 3)
LIMITS = Limits()
FORMATS = ("JPEG", "PNG", "GIF", "BMP", "TIFF", "WEBP")

Scene = Callable[..., Image.Image]
Encode = Callable[..., bytes]


def reason(content: bytes, limits: Limits = LIMITS) -> str:
    with pytest.raises(Unreadable) as caught:
        decode_image(content, CANVAS, limits)
    assert caught.value.detail.isprintable()
    return caught.value.reason


def png_chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png_header(width: int, height: int) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", header)


def in_format(kind: str, scene: Scene, encode: Encode) -> bytes:
    image = scene(24, 32)
    how: dict[str, dict[str, Any]] = {"WEBP": {"lossless": True}, "TIFF": {"compression": "tiff_lzw"}}
    return encode(image.quantize(64) if kind == "GIF" else image, kind, **how.get(kind, {}))


@pytest.mark.parametrize("kind", FORMATS)
def test_every_format_is_read(kind: str, scene: Scene, encode: Encode) -> None:
    pixels = decode_image(in_format(kind, scene, encode), CANVAS, LIMITS)
    assert pixels.shape == CANVAS.shape
    assert pixels.dtype == np.uint8
    error = np.abs(pixels.astype(int) - np.asarray(scene(24, 32))).mean()
    assert error < 20 if kind in ("JPEG", "GIF") else error == 0  # the others are lossless


@pytest.mark.parametrize("kind", FORMATS)
def test_a_file_cut_in_half_is_truncated(kind: str, scene: Scene, encode: Encode) -> None:
    healthy = in_format(kind, scene, encode)
    assert reason(healthy[: len(healthy) // 2]) in ("truncated", "unreadable")
    if kind in ("JPEG", "PNG", "GIF", "BMP"):
        assert reason(healthy[: len(healthy) // 2]) == "truncated"
    decode_image(healthy, CANVAS, LIMITS)


def test_a_png_whose_second_half_is_zeroed_is_refused(scene: Scene, encode: Encode) -> None:
    healthy = encode(scene(200, 200))
    assert reason(healthy[: len(healthy) // 2] + bytes(len(healthy) - len(healthy) // 2)) == "unreadable"


def test_a_png_with_one_damaged_byte_in_a_chunk_that_load_does_not_check_is_refused(
    scene: Scene, encode: Encode
) -> None:
    healthy = encode(scene(24, 32))
    end = png_chunk(b"IEND", b"")
    text = png_chunk(b"tEXt", b"Comment\0taken on a Sunday")
    whole = healthy[: -len(end)] + text + end
    decode_image(whole, CANVAS, LIMITS)
    broken = whole.replace(b"Sunday", b"Monday")
    assert reason(broken) == "unreadable"


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "empty file"),
        (b"\n", "not an image"),
        (b"hello, I am a text and no image at all\n", "not an image"),
        (b"<!DOCTYPE html><html><body>404 Not Found</body></html>", "not an image"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n%%BeginBinary: -1\n", "unsupported format"),
        (b"8BPS\0\1" + bytes(6) + struct.pack(">HIIHH", 3, 24, 32, 8, 3) + bytes(64), "unsupported format"),
        (b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>', "unsupported format"),
        (b"%PDF-1.7\n", "unsupported format"),
        (b"P6 2 2 255\n" + bytes(12), "unsupported format"),  # PPM: Pillow reads it, but it is not in the allowed list
        (b"\0" * 1000, "not an image"),
        (b"BM, said the text, is how I begin", "truncated"),
        (b"\xff\xd8\xff", "unreadable"),
        (b"RIFF\x10\0\0\0WEBPVP8 ", "unreadable"),
        (b"GIF89a", "unreadable"),
    ],
)
def test_what_is_no_image_is_refused_by_its_first_bytes(content: bytes, expected: str) -> None:
    assert reason(content) == expected


def test_the_name_does_not_matter(tmp_path: Path, scene: Scene, encode: Encode) -> None:
    text, image = tmp_path / "text.jpg", tmp_path / "image.txt"
    text.write_text("no image")
    image.write_bytes(encode(scene(24, 32), "PNG"))
    with pytest.raises(Unreadable, match="not an image"):
        decode_image(text, CANVAS, LIMITS)
    assert (decode_image(image, CANVAS, LIMITS) == np.asarray(scene(24, 32))).all()


@pytest.mark.parametrize("kind", [*FORMATS, "progressive JPEG", "NPY"])
def test_a_bomb_is_refused_before_any_pixel_is_decoded(
    kind: str, scene: Scene, encode: Encode, monkeypatch: pytest.MonkeyPatch
) -> None:
    if kind == "progressive JPEG":
        healthy = encode(scene(24, 32), "JPEG", progressive=True)
    elif kind == "NPY":
        array = io.BytesIO()
        np.save(array, np.asarray(scene(24, 32)))
        healthy = array.getvalue()
    else:
        healthy = in_format(kind, scene, encode)
    assert decode_image(healthy, CANVAS, LIMITS).shape == CANVAS.shape
    nothing_may_be_decoded(monkeypatch)
    bomb = lying(kind, healthy, 16000, 16000)
    assert reason(bomb) == "decompression bomb"
    with pytest.raises(Unreadable):
        read_header(bomb, LIMITS)


def nothing_may_be_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither pixels nor memory for them, by any of the decoders; frames are not walked through either."""

    def decoded(*_: object, **__: object) -> None:
        raise AssertionError("decoded")

    monkeypatch.setattr(ImageFile.ImageFile, "load", decoded)
    monkeypatch.setattr("PIL.Image.core.new", decoded)
    monkeypatch.setattr("PIL.Image.core.fill", decoded)
    monkeypatch.setattr("PIL._webp.WebPAnimDecoder", decoded)
    monkeypatch.setattr(GifImagePlugin.GifImageFile, "seek", decoded)
    monkeypatch.setattr(TiffImagePlugin.TiffImageFile, "seek", decoded)
    monkeypatch.setattr(jpeg, "_by_simplejpeg", decoded)
    monkeypatch.setattr(ArrayFile, "load", decoded)


@pytest.mark.parametrize("flavour", ["lossy", "animated", "with alpha"])
def test_every_flavour_of_webp_is_measured_before_its_decoder_is_made(
    flavour: str, scene: Scene, encode: Encode, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = scene(24, 32)
    if flavour == "animated":
        healthy = encode(image, "WEBP", save_all=True, append_images=[scene(24, 32, 1)])
    else:
        if flavour == "with alpha":
            image.putalpha(99)
        healthy = encode(image, "WEBP")
    assert decode_image(healthy, CANVAS, LIMITS).shape == CANVAS.shape
    assert decode_image(healthy, CANVAS, Limits(max_pixels=24 * 32)).shape == CANVAS.shape
    nothing_may_be_decoded(monkeypatch)
    assert reason(healthy, Limits(max_pixels=24 * 32 - 1)) == "decompression bomb"
    if flavour == "lossy":
        bomb = healthy[:26] + struct.pack("<HH", 16000, 16000) + healthy[30:]
    else:
        bomb = healthy[:24] + (15999).to_bytes(3, "little") * 2 + healthy[30:]
    assert reason(bomb) == "decompression bomb"


def test_the_frames_of_an_animation_are_never_walked_through(
    scene: Scene, encode: Encode, monkeypatch: pytest.MonkeyPatch
) -> None:
    frames = [scene(24, 32, seed).quantize(8) for seed in range(4)]
    content = {
        kind: encode(frames[0], kind, save_all=True, append_images=frames[1:])
        for kind in ("GIF", "TIFF", "PNG", "WEBP")
    }

    def seek(*_: object) -> None:
        raise AssertionError("sought another frame")

    monkeypatch.setattr(GifImagePlugin.GifImageFile, "seek", seek)
    monkeypatch.setattr(TiffImagePlugin.TiffImageFile, "seek", seek)
    monkeypatch.setattr(PngImagePlugin.PngImageFile, "seek", seek)
    monkeypatch.setattr(WebPImagePlugin.WebPImageFile, "seek", seek)
    for one in content.values():
        read_header(one, LIMITS)
        assert decode_image(one, CANVAS, LIMITS).shape == CANVAS.shape


def test_a_bomb_that_holds_what_it_declares_is_refused() -> None:
    rows = zlib.compressobj()
    row = bytes(13300 // 8 + 2)
    data = b"".join(rows.compress(row) for _ in range(13300)) + rows.flush()
    header = struct.pack(">IIBBBBB", 13300, 13300, 1, 0, 0, 0, 0)
    bomb = b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", header) + png_chunk(b"IDAT", data) + png_chunk(b"IEND", b"")
    assert len(bomb) < 60_000
    assert reason(bomb) == "decompression bomb"


def test_the_limit_is_the_largest_size_that_passes(scene: Scene, encode: Encode) -> None:
    image = encode(scene(24, 32))
    assert reason(image, Limits(max_pixels=24 * 32 - 1)) == "decompression bomb"
    decode_image(image, CANVAS, Limits(max_pixels=24 * 32))


def test_a_gif_frame_beyond_its_screen_is_a_bomb_and_no_warning(scene: Scene, encode: Encode) -> None:
    healthy = encode(scene(24, 32).quantize(64), "GIF")
    frame = healthy.index(b",\0\0\0\0")  # image descriptor at 0, 0
    swollen = healthy[: frame + 5] + struct.pack("<HH", 10_000, 10_000) + healthy[frame + 9 :]
    assert reason(swollen) == "decompression bomb"


def test_a_header_is_read_without_the_image(tmp_path: Path, scene: Scene, encode: Encode) -> None:
    file = tmp_path / "half.jpg"
    content = encode(scene(240, 320), "JPEG")
    file.write_bytes(content[: len(content) // 2])
    header = read_header(file, LIMITS)
    assert (header.format, header.height, header.width, header.color) == ("JPEG", 240, 320, True)
    with pytest.raises(Unreadable, match="truncated"):
        decode_image(file, CANVAS, LIMITS)


@pytest.mark.timeout(20)
def test_a_fifo_does_not_hang(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")
    with pytest.raises(Unreadable, match="not a regular file"):
        decode_image(tmp_path / "pipe.jpg", CANVAS, LIMITS)


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("trouble", ["large", "short read"])
def test_a_file_that_is_not_read_at_once_is_the_same_image(
    kind: str, trouble: str, tmp_path: Path, scene: Scene, encode: Encode, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = in_format(kind, scene, encode)
    (tmp_path / "image").write_bytes(content)
    if trouble == "large":
        monkeypatch.setattr(regular_file, "SMALL", len(content) - 1)
    else:  # as some network file systems answer
        monkeypatch.setattr(os, "read", lambda descriptor, size, read=os.read: read(descriptor, size // 2))
    assert np.array_equal(decode_image(tmp_path / "image", CANVAS, LIMITS), decode_image(content, CANVAS, LIMITS))


def test_folders_devices_and_what_is_gone_are_refused(tmp_path: Path) -> None:
    for path, expected in ((tmp_path, "not a regular file"), (Path("/dev/zero"), "not a regular file")):
        with pytest.raises(Unreadable, match=expected):
            decode_image(path, CANVAS, LIMITS)
    with pytest.raises(Unreadable, match="missing"):
        decode_image(tmp_path / "gone.jpg", CANVAS, LIMITS)


def test_a_file_that_no_image_within_the_limit_can_fill_is_not_read(tmp_path: Path) -> None:
    with (tmp_path / "huge.webp").open("wb") as file:
        file.write(b"RIFF\0\0\0\x40WEBPVP8L")
        file.truncate(2**30)  # sparse
    with pytest.raises(Unreadable, match="1073741824 bytes"):
        decode_image(tmp_path / "huge.webp", CANVAS, LIMITS)


def test_load_truncated_images_is_not_honoured_and_is_put_back(
    scene: Scene, encode: Encode, monkeypatch: pytest.MonkeyPatch
) -> None:
    half = encode(scene(240, 320), "JPEG")
    half = half[: len(half) // 2]
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)
    Image.open(io.BytesIO(half)).load()  # so it is in force, and Pillow makes a half-gray image
    assert reason(half) == "truncated"
    assert ImageFile.LOAD_TRUNCATED_IMAGES is True


def corrupt_exif(healthy: bytes) -> bytes:
    """A JPEG without JFIF and with an EXIF block whose directory claims entries that are not there."""
    assert healthy[2:4] == b"\xff\xe0"  # JFIF, 18 bytes
    exif = b"Exif\0\0II*\0\x08\0\0\0" + struct.pack("<H", 500) + bytes(5)
    return healthy[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + healthy[20:]


def test_broken_exif_costs_neither_the_image_nor_a_warning(scene: Scene, encode: Encode) -> None:
    healthy = encode(scene(24, 32), "JPEG")
    broken = corrupt_exif(healthy)
    with pytest.warns(UserWarning, match="Corrupt EXIF"):
        Image.open(io.BytesIO(broken))  # what Pillow does by itself
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        assert (decode_image(broken, CANVAS, LIMITS) == decode_image(healthy, CANVAS, LIMITS)).all()
    assert not seen


def test_warning_filters_are_as_before_when_threads_overlap() -> None:
    before = list(warnings.filters)
    first_is_in, second_is_in = threading.Event(), threading.Event()

    def first() -> None:
        with STRICT_PILLOW:
            first_is_in.set()
            second_is_in.wait()

    thread = threading.Thread(target=first)
    thread.start()
    first_is_in.wait()
    with STRICT_PILLOW:  # goes in second and out last
        second_is_in.set()
        thread.join()
        warnings.warn_explicit("of Pillow", UserWarning, "TiffImagePlugin.py", 1, "PIL.TiffImagePlugin")
    assert list(warnings.filters) == before
