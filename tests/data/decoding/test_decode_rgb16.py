"""More than 8 bits a channel where Pillow gives 8: they are read, and where that is impossible it is reported."""

import io
import struct
import zlib
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image
from tests.data.decoding.ramps import COLORS, LIMITS, RAMP, RGB, RGBA, H, W, decode

from striate.data import Canvas, Unreadable, read_header
from striate.data.decoding.rendering import Rendering


def png_of_16_bits(values: npt.NDArray[Any], kind: int) -> bytes:
    """H W C as a PNG of color type `kind`, each row filtered by the pixel to the left: Pillow writes no such file."""
    height, width, channels = values.shape
    raw = np.ascontiguousarray(values.astype(">u2")).view(np.uint8).reshape(height, -1)
    before = np.pad(raw, ((0, 0), (2 * channels, 0)))[:, : -2 * channels]
    rows = b"".join(b"\1" + row.tobytes() for row in raw - before)

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 16, kind, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def tiff(
    strips: list[bytes], size: tuple[int, int], bits: tuple[int, ...], order: str = "<", deflated: bool = False
) -> bytes:
    """A TIFF of height and width `size` in either byte order ("<" or ">"); more than one strip: a plane for each channel."""
    strips = [zlib.compress(strip) for strip in strips] if deflated else strips
    tags = {
        256: ("I", (size[1],)), 257: ("I", (size[0],)), 258: ("H", bits), 259: ("H", (8 if deflated else 1,)),
        262: ("H", (2 if len(bits) == 3 else 1,)), 273: ("I", (0,) * len(strips)), 277: ("H", (len(bits),)),
        278: ("I", (size[0],)), 279: ("I", tuple(map(len, strips))), 284: ("H", (2 if len(strips) > 1 else 1,)),
    }  # fmt: skip
    end = 8 + 2 + 12 * len(tags) + 4
    for _ in range(2):  # first to see how long the values are that have no room in their entry, then with the offsets
        entries, rest = b"", b""
        for tag, (kind, values) in tags.items():
            data = struct.pack(f"{order}{len(values)}{kind}", *values)
            place = data.ljust(4, b"\0") if len(data) <= 4 else struct.pack(order + "I", end + len(rest))
            rest += b"" if len(data) <= 4 else data
            entries += struct.pack(order + "HHI", tag, {"H": 3, "I": 4}[kind], len(values)) + place
        starts = np.cumsum([end + len(rest), *map(len, strips[:-1])])
        tags[273] = ("I", tuple(starts.tolist()))
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "IH", 8, len(tags))
    return head + entries + struct.pack(order + "I", 0) + rest + b"".join(strips)


@pytest.mark.parametrize("held", [1, 6])
@pytest.mark.parametrize("kind", ["PNG", "<", ">", "< deflated", "> deflated"])
def test_rgb_of_16_bits_keeps_its_bits(kind: str, held: int, monkeypatch: pytest.MonkeyPatch) -> None:
    values = np.random.default_rng(0).integers(0, 65536, (H, W + 3, 3), dtype=np.uint16)
    content = png_of_16_bits(values, 2) if kind == "PNG" else chunky(values, kind[0], "deflated" in kind)
    header = read_header(content, LIMITS)
    assert (header.bits, header.wide, header.bits_lost) == (16, True, False)
    twelve = png_of_16_bits(values >> 4, 2)
    eight = decode(twelve, Canvas(H, W + 3, 3, 8, Rendering(integers=(0, 4095))))
    assert np.abs(eight - (values >> 4) / 4095 * 255).max() <= 0.5
    monkeypatch.setattr("striate.data.decoding.decode.orientation", lambda _: held)
    expected = values if held == 1 else np.rot90(values, -1)
    height, width, _ = expected.shape
    assert (decode(content, Canvas(height, width, 3, 16, Rendering(integers=(0, 65535)))) == expected).all()


def chunky(values: npt.NDArray[Any], order: str, deflated: bool) -> bytes:
    return tiff([values.astype(order + "u2").tobytes()], values.shape[:2], (16, 16, 16), order, deflated)


def test_packed_12_bits_are_more_than_8() -> None:
    values = np.arange(H * W).reshape(H, W) * 3
    packed = int("".join(f"{value:012b}" for value in values.flat), 2).to_bytes(H * W * 12 // 8, "big")
    content = tiff([packed], (H, W), (12,))
    header = read_header(content, LIMITS)
    assert (header.bits, header.wide) == (16, True)
    decided = Canvas(H, W, 1, 16, Rendering(integers=(0, 4095)))
    assert np.abs(decode(content, decided)[..., 0] - values / 4095 * 65535).max() <= 0.5


def test_planes_of_16_bits_are_refused_where_they_are_not_compressed() -> None:
    def planes(values: npt.NDArray[Any]) -> list[bytes]:
        return [plane.tobytes() for plane in np.moveaxis(values, -1, 0)]

    wide = COLORS.astype("<u2") * 256 + 77
    content = tiff(planes(wide), (H, W), (16, 16, 16))
    for read in (lambda: read_header(content, LIMITS), lambda: decode(content, RGB)):
        with pytest.raises(Unreadable, match="save it with interleaved channels") as refused:
            read()
        assert refused.value.reason == "unsupported format"
    deflated = tiff(planes(wide), (H, W), (16, 16, 16), deflated=True)
    assert read_header(deflated, LIMITS).bits_lost
    assert (decode(deflated, RGB) == COLORS).all()
    assert (decode(tiff(planes(COLORS), (H, W), (8, 8, 8)), RGB) == COLORS).all()


@pytest.mark.parametrize("kind", [0, 2])
def test_a_transparent_color_of_16_bits_hides_nothing(kind: int) -> None:
    values = (
        np.dstack([COLORS, RAMP])[..., -1 if kind == 0 else 0 :][..., : 1 if kind == 0 else 3].astype(np.uint16) * 257
    )
    content = png_of_16_bits(values, kind)
    transparent = struct.pack(f">{values.shape[2]}H", *values[3, 4].tolist())
    chunk = struct.pack(">I", len(transparent)) + b"tRNS" + transparent
    chunk += struct.pack(">I", zlib.crc32(b"tRNS" + transparent))
    with_color = content[:33] + chunk + content[33:]
    assert Image.open(io.BytesIO(with_color)).has_transparency_data
    assert read_header(with_color, LIMITS) == read_header(content, LIMITS)
    seen = Canvas(H, W, 3, 16, Rendering(integers=(0, 65535)))
    assert (decode(with_color, seen) == decode(content, seen)).all()


@pytest.mark.parametrize(("kind", "channels"), [(4, 2), (6, 4)])
def test_16_bits_with_transparency_keep_the_high_byte_and_report_it(kind: int, channels: int) -> None:
    content = png_of_16_bits(np.dstack([COLORS, RAMP])[..., -channels:].astype(np.uint16) * 256 + 77, kind)
    header = read_header(content, LIMITS)
    assert (header.bits, header.wide, header.bits_lost) == (16, False, True)
    expected = np.dstack([COLORS, RAMP])[..., -channels:]
    assert (decode(content, RGBA)[..., [-2, -1]] == expected[..., [-2, -1]]).all()
