"""Files that are no pictures, or not whole, or traps: each is refused for its reason, and its healthy twin is not."""

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
from PIL import Image, ImageFile

from striate.data import Canvas, Limits, Unreadable, decode_picture, read_header
from striate.data.strict import STRICT_PILLOW

CANVAS = Canvas(24, 32, 3)
LIMITS = Limits()
FORMATS = ("JPEG", "PNG", "GIF", "BMP", "TIFF", "WEBP")

Scene = Callable[..., Image.Image]
Encode = Callable[..., bytes]


def reason(content: bytes, limits: Limits = LIMITS) -> str:
    with pytest.raises(Unreadable) as caught:
        decode_picture(content, CANVAS, limits)
    assert caught.value.detail.isprintable()
    return caught.value.reason


def png_chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png_header(width: int, height: int) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", header)


def lying(kind: str, healthy: bytes) -> bytes:
    """The same small file, whose header declares 16000 x 16000 pixels; 16000 is 0x3e80."""
    if kind == "PNG":
        return png_header(16000, 16000) + healthy[33:]
    if kind == "JPEG":
        frame = healthy.index(b"\xff\xc0") + 5  # start of frame: length, precision, height, width
        return healthy[:frame] + struct.pack(">HH", 16000, 16000) + healthy[frame + 4 :]
    if kind == "GIF":
        return healthy[:6] + struct.pack("<HH", 16000, 16000) + healthy[10:]
    if kind == "BMP":
        return healthy[:18] + struct.pack("<ii", 16000, 16000) + healthy[26:]
    if kind == "WEBP":  # VP8L: a signature byte, then 14 bits of width - 1 and 14 of height - 1
        size = struct.pack("<I", 15999 | 15999 << 14)
        return healthy[:21] + size + healthy[25:]
    (directory,) = struct.unpack_from("<I", healthy, 4)
    (entries,) = struct.unpack_from("<H", healthy, directory)
    changed = bytearray(healthy)
    for entry in range(directory + 2, directory + 2 + 12 * entries, 12):
        if struct.unpack_from("<H", healthy, entry)[0] in (256, 257):  # ImageWidth, ImageLength
            struct.pack_into("<HII", changed, entry + 2, 4, 1, 16000)
    return bytes(changed)


def in_format(kind: str, scene: Scene, encode: Encode) -> bytes:
    picture = scene(24, 32)
    how: dict[str, dict[str, Any]] = {"WEBP": {"lossless": True}, "TIFF": {"compression": "tiff_lzw"}}
    return encode(picture.quantize(64) if kind == "GIF" else picture, kind, **how.get(kind, {}))


@pytest.mark.parametrize("kind", FORMATS)
def test_every_format_is_read(kind: str, scene: Scene, encode: Encode) -> None:
    pixels = decode_picture(in_format(kind, scene, encode), CANVAS, LIMITS)
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
    decode_picture(healthy, CANVAS, LIMITS)


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
    decode_picture(whole, CANVAS, LIMITS)
    broken = whole.replace(b"Sunday", b"Monday")
    assert reason(broken) == "unreadable"


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "empty file"),
        (b"\n", "not a picture"),
        (b"hello, I am a text and no picture at all\n", "not a picture"),
        (b"<!DOCTYPE html><html><body>404 Not Found</body></html>", "not a picture"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n%%BeginBinary: -1\n", "not a picture"),
        (b"8BPS\0\1" + bytes(6) + struct.pack(">HIIHH", 3, 24, 32, 8, 3) + bytes(64), "not a picture"),
        (b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>', "not a picture"),
        (b"%PDF-1.7\n", "not a picture"),
        (b"P6 2 2 255\n" + bytes(12), "not a picture"),  # PPM: Pillow reads it, but it is not in the allowed list
        (b"\0" * 1000, "not a picture"),
        (b"BM, said the text, is how I begin", "truncated"),
        (b"\xff\xd8\xff", "unreadable"),
        (b"RIFF\x10\0\0\0WEBPVP8 ", "unreadable"),
        (b"GIF89a", "unreadable"),
    ],
)
def test_what_is_no_picture_is_refused_by_its_first_bytes(content: bytes, expected: str) -> None:
    assert reason(content) == expected


def test_the_name_does_not_matter(tmp_path: Path, scene: Scene, encode: Encode) -> None:
    text, picture = tmp_path / "text.jpg", tmp_path / "picture.txt"
    text.write_text("no picture")
    picture.write_bytes(encode(scene(24, 32), "PNG"))
    with pytest.raises(Unreadable, match="not a picture"):
        decode_picture(text, CANVAS, LIMITS)
    assert (decode_picture(picture, CANVAS, LIMITS) == np.asarray(scene(24, 32))).all()


@pytest.mark.parametrize("kind", FORMATS)
def test_a_bomb_is_refused_before_any_pixel_is_decoded(
    kind: str, scene: Scene, encode: Encode, monkeypatch: pytest.MonkeyPatch
) -> None:
    healthy = in_format(kind, scene, encode)
    assert decode_picture(healthy, CANVAS, LIMITS).shape == CANVAS.shape

    def load(_: object) -> None:
        raise AssertionError("decoded")

    monkeypatch.setattr(ImageFile.ImageFile, "load", load)
    assert reason(lying(kind, healthy)) == "decompression bomb"


def test_a_bomb_that_holds_what_it_declares_is_refused() -> None:
    rows = zlib.compressobj()
    row = bytes(13300 // 8 + 2)
    data = b"".join(rows.compress(row) for _ in range(13300)) + rows.flush()
    header = struct.pack(">IIBBBBB", 13300, 13300, 1, 0, 0, 0, 0)
    bomb = b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", header) + png_chunk(b"IDAT", data) + png_chunk(b"IEND", b"")
    assert len(bomb) < 60_000
    assert reason(bomb) == "decompression bomb"


def test_the_limit_is_the_largest_size_that_passes(scene: Scene, encode: Encode) -> None:
    picture = encode(scene(24, 32))
    assert reason(picture, Limits(max_pixels=24 * 32 - 1)) == "decompression bomb"
    decode_picture(picture, CANVAS, Limits(max_pixels=24 * 32))


def test_a_gif_frame_beyond_its_screen_is_a_bomb_and_no_warning(scene: Scene, encode: Encode) -> None:
    healthy = encode(scene(24, 32).quantize(64), "GIF")
    frame = healthy.index(b",\0\0\0\0")  # image descriptor at 0, 0
    swollen = healthy[: frame + 5] + struct.pack("<HH", 10_000, 10_000) + healthy[frame + 9 :]
    assert reason(swollen) == "decompression bomb"


def test_a_header_is_read_without_the_picture(tmp_path: Path, scene: Scene, encode: Encode) -> None:
    file = tmp_path / "half.jpg"
    content = encode(scene(240, 320), "JPEG")
    file.write_bytes(content[: len(content) // 2])
    header = read_header(file, LIMITS)
    assert (header.format, header.height, header.width, header.colour) == ("JPEG", 240, 320, True)
    with pytest.raises(Unreadable, match="truncated"):
        decode_picture(file, CANVAS, LIMITS)


@pytest.mark.timeout(20)
def test_a_fifo_does_not_hang(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")
    with pytest.raises(Unreadable, match="not a regular file"):
        decode_picture(tmp_path / "pipe.jpg", CANVAS, LIMITS)


def test_folders_devices_and_what_is_gone_are_refused(tmp_path: Path) -> None:
    for path, expected in ((tmp_path, "not a regular file"), (Path("/dev/zero"), "not a regular file")):
        with pytest.raises(Unreadable, match=expected):
            decode_picture(path, CANVAS, LIMITS)
    with pytest.raises(Unreadable, match="vanished"):
        decode_picture(tmp_path / "gone.jpg", CANVAS, LIMITS)


def test_a_file_that_no_picture_within_the_limit_can_fill_is_not_read(tmp_path: Path) -> None:
    with (tmp_path / "huge.webp").open("wb") as file:
        file.write(b"RIFF\0\0\0\x40WEBPVP8L")
        file.truncate(2**30)  # sparse
    with pytest.raises(Unreadable, match="1073741824 bytes"):
        decode_picture(tmp_path / "huge.webp", CANVAS, LIMITS)


def test_load_truncated_images_is_not_honoured_and_is_put_back(
    scene: Scene, encode: Encode, monkeypatch: pytest.MonkeyPatch
) -> None:
    half = encode(scene(240, 320), "JPEG")
    half = half[: len(half) // 2]
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)
    Image.open(io.BytesIO(half)).load()  # so it is in force, and Pillow makes a half-grey picture
    assert reason(half) == "truncated"
    assert ImageFile.LOAD_TRUNCATED_IMAGES is True


def corrupt_exif(healthy: bytes) -> bytes:
    """A JPEG without JFIF and with an EXIF block whose directory claims entries that are not there."""
    assert healthy[2:4] == b"\xff\xe0"  # JFIF, 18 bytes
    exif = b"Exif\0\0II*\0\x08\0\0\0" + struct.pack("<H", 500) + bytes(5)
    return healthy[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + healthy[20:]


def test_broken_exif_costs_neither_the_picture_nor_a_warning(scene: Scene, encode: Encode) -> None:
    healthy = encode(scene(24, 32), "JPEG")
    broken = corrupt_exif(healthy)
    with pytest.warns(UserWarning, match="Corrupt EXIF"):
        Image.open(io.BytesIO(broken))  # what Pillow does by itself
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        assert (decode_picture(broken, CANVAS, LIMITS) == decode_picture(healthy, CANVAS, LIMITS)).all()
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


@pytest.mark.parametrize("kind", FORMATS)
def test_damaged_files_give_a_picture_or_a_reason(kind: str, scene: Scene, encode: Encode) -> None:
    healthy = in_format(kind, scene, encode)
    random = np.random.default_rng(7)
    outcomes: dict[str, int] = {}
    for trial in range(150):
        damaged = bytearray(healthy)
        if trial % 3 == 0:
            for _ in range(int(random.integers(1, 20))):
                damaged[random.integers(len(damaged))] ^= 1 << int(random.integers(8))
        elif trial % 3 == 1:  # in the header, where the sizes and offsets are
            damaged[random.integers(8, min(len(damaged), 80))] = int(random.integers(256))
        else:
            first = int(random.integers(16, len(damaged)))
            damaged[first : first + int(random.integers(1, 64))] = b""
        try:
            outcome = str(decode_picture(bytes(damaged), CANVAS, LIMITS).shape)
        except Unreadable as failure:  # and nothing else
            outcome = failure.reason
        outcomes[outcome] = outcomes.get(outcome, 0) + 1
    assert sum(outcomes.values()) == 150
    assert len(outcomes) > 1, outcomes
