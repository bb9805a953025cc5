"""Every mode of image becomes 8 bits by a stated rule, and every way of holding the camera the same pixels."""

import io
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image, TiffImagePlugin

from striate.data import Canvas, Limits, Unreadable, decode_image, read_header, read_image
from striate.data.decoding.modes import to_pixels
from striate.data.decoding.rendering import Rendering, levels_of, value_range_of
from striate.data.decoding.resize import resize_to_canvas
from striate.data.settings import Background

LIMITS = Limits()
H, W = 16, 16
GRAY, RGB, RGBA = Canvas(H, W, 1), Canvas(H, W, 3), Canvas(H, W, 4)
RAMP = np.arange(256, dtype=np.uint8).reshape(H, W)
COLORS = np.stack([RAMP, RAMP.T, 255 - RAMP], -1)  # H W 3

Scene = Callable[..., Image.Image]
Encode = Callable[..., bytes]


def decode(content: bytes, canvas: Canvas) -> npt.NDArray[np.int64]:
    return decode_image(content, canvas, LIMITS).astype(np.int64)


def luma(colors: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    return colors[..., :3] @ np.array([0.299, 0.587, 0.114])


def on_white(colors: npt.NDArray[Any], alpha: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    share = alpha[..., None] / 255.0
    return colors * share + 255 * (1 - share)


def test_one_bit(encode: Encode) -> None:
    bits = RAMP % 3 == 0
    assert (decode(encode(Image.fromarray(bits)), GRAY)[..., 0] == 255 * bits).all()


def test_gray_stays_and_is_repeated_for_color(encode: Encode) -> None:
    content = encode(Image.fromarray(RAMP))
    assert (decode(content, GRAY)[..., 0] == RAMP).all()
    assert (decode(content, RGB) == RAMP[..., None]).all()
    assert (decode(content, RGBA)[..., :3] == RAMP[..., None]).all()
    assert (decode(content, RGBA)[..., 3] == 255).all()


def test_rgb_stays_and_its_gray_is_luma(encode: Encode) -> None:
    content = encode(Image.fromarray(COLORS))
    assert (decode(content, RGB) == COLORS).all()
    assert np.abs(decode(content, GRAY)[..., 0] - luma(COLORS)).max() <= 0.51


def test_alpha_is_composited_on_white_unless_four_channels_are_asked(encode: Encode) -> None:
    pixels = np.dstack([COLORS, RAMP.T[::-1]])
    content = encode(Image.fromarray(pixels))
    assert (decode(content, RGBA) == pixels).all()
    expected = on_white(COLORS, pixels[..., 3])
    assert np.abs(decode(content, RGB) - expected).max() <= 1
    assert np.abs(decode(content, GRAY)[..., 0] - luma(expected)).max() <= 1.5


def test_gray_with_alpha(encode: Encode) -> None:
    content = encode(Image.fromarray(np.dstack([RAMP, RAMP.T])))
    assert np.abs(decode(content, GRAY) - on_white(RAMP[..., None], RAMP.T)).max() <= 1


def test_palette(encode: Encode) -> None:
    image = Image.fromarray(RAMP % 4)
    palette = np.array([[255, 0, 0], [0, 255, 0], [0, 0, 255], [9, 8, 7]], np.uint8)
    image.putpalette(palette.tobytes())
    assert (decode(encode(image), RGB) == palette[RAMP % 4]).all()
    assert (decode(encode(image, "GIF"), RGB) == palette[RAMP % 4]).all()


@pytest.mark.parametrize("transparency", [2, bytes([255, 255, 0, 255])])
def test_what_a_palette_makes_transparent_is_white(transparency: int | bytes, encode: Encode) -> None:
    image = Image.fromarray(RAMP % 4)
    palette = np.array([[255, 0, 0], [0, 255, 0], [0, 0, 255], [9, 8, 7]], np.uint8)
    image.putpalette(palette.tobytes())
    palette[2] = 255
    assert (decode(encode(image, transparency=transparency), RGB) == palette[RAMP % 4]).all()


def test_a_transparent_color_of_rgb_is_white(encode: Encode) -> None:
    content = encode(Image.fromarray(COLORS), transparency=tuple(COLORS[3, 4].tolist()))
    expected = COLORS.copy()
    expected[3, 4] = 255
    assert (decode(content, RGB) == expected).all()


def test_palette_with_alpha(encode: Encode) -> None:
    image = Image.fromarray(np.dstack([COLORS, RAMP])).convert("PA")
    assert image.mode == "PA"
    expected = np.asarray(image.convert("RGBA")).astype(int)
    assert np.abs(decode(encode(image, "TIFF"), RGB) - on_white(expected[..., :3], expected[..., 3])).max() <= 1


def test_cmyk(encode: Encode) -> None:
    inks = np.dstack([COLORS, RAMP.T // 2])  # H W 4
    expected = (255 - inks[..., :3].astype(int)) * (255 - inks[..., 3:].astype(int)) / 255
    image = Image.frombytes("CMYK", (W, H), inks.tobytes())
    assert np.abs(decode(encode(image, "TIFF"), RGB) - expected).max() <= 1
    flat = Image.new("CMYK", (W, H), (0, 128, 255, 51))  # in a JPEG the inks are stored inverted
    assert np.abs(decode(encode(flat, "JPEG", quality=100), RGB) - (204, 102, 0)).max() <= 3


def test_ycbcr(encode: Encode) -> None:
    y, cb, cr = (COLORS[..., c].astype(float) for c in range(3))
    expected = np.stack(  # ITU-R 601, full range
        [y + 1.402 * (cr - 128), y - 0.344136 * (cb - 128) - 0.714136 * (cr - 128), y + 1.772 * (cb - 128)], -1
    )
    image = Image.frombytes("YCbCr", (W, H), COLORS.tobytes())
    assert np.abs(decode(encode(image, "TIFF"), RGB) - expected.clip(0, 255)).max() <= 2


def test_lab(encode: Encode) -> None:
    def color(*lab: int) -> list[int]:
        return decode(encode(Image.new("LAB", (W, H), lab), "TIFF"), RGB)[0, 0].tolist()

    assert color(255, 128, 128) == pytest.approx([255, 255, 255], abs=2)
    assert color(0, 128, 128) == pytest.approx([0, 0, 0], abs=2)
    # CIE L*a*b* 53.2, 80.1, 67.2 is the red of sRGB (D65; Pillow's profile is for D50, hence not to the last bit)
    assert color(136, 208, 195) == pytest.approx([255, 0, 0], abs=40)


@pytest.mark.parametrize(("mode", "kind"), [("I;16", "PNG"), ("I;16", "TIFF"), ("I;16B", "TIFF")])
def test_sixteen_bits_are_scaled_and_not_clipped(mode: str, kind: str, encode: Encode) -> None:
    values = (np.arange(H * W) ** 2 + 2 * np.arange(H * W)).astype(">u2" if mode == "I;16B" else "<u2").reshape(H, W)
    image = Image.frombytes(mode, (W, H), values.tobytes())
    decoded = decode(encode(image, kind), GRAY)[..., 0]
    assert np.abs(decoded - values / 257).max() <= 0.5
    assert decoded.min() == 0
    assert decoded.max() == 255
    assert values.max() == 65535


@pytest.mark.parametrize("mode", ["I;16", "I;16L", "I;16B"])
def test_each_byte_order_in_memory(mode: str) -> None:
    values = (np.arange(H * W) * 257).astype(">u2" if mode == "I;16B" else "<u2")
    image = Image.frombytes(mode, (W, H), values.tobytes())
    assert (to_pixels(image, 1, 8)[..., 0] == RAMP).all()


def test_integers_within_16_bits_are_taken_as_such_and_others_stretched(encode: Encode) -> None:
    within = np.arange(H * W, dtype=np.int32).reshape(H, W) ** 2
    assert np.abs(decode(encode(Image.fromarray(within), "TIFF"), GRAY)[..., 0] - within / 257).max() <= 0.5
    beyond = (np.arange(H * W, dtype=np.int32).reshape(H, W) - 100) * 1_000_000
    assert (decode(encode(Image.fromarray(beyond), "TIFF"), GRAY)[..., 0] == RAMP).all()


def test_floats_within_0_and_1_are_taken_as_such_and_others_stretched(encode: Encode) -> None:
    ramp = np.arange(H * W, dtype=np.float32).reshape(H, W)
    within = ramp / 510  # 0 .. 0.5: a dark image stays dark
    assert np.abs(decode(encode(Image.fromarray(within), "TIFF"), GRAY)[..., 0] - RAMP / 2).max() <= 0.5
    beyond = (ramp - 7) * 1e30
    assert (decode(encode(Image.fromarray(beyond), "TIFF"), GRAY)[..., 0] == RAMP).all()
    assert (decode(encode(Image.fromarray(0 * ramp + 999.5), "TIFF"), GRAY) == 0).all()  # constant, scale unknown


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
def test_nan_and_infinity_are_refused(wrong: float, encode: Encode) -> None:
    values = np.zeros((H, W), np.float32)
    decode(encode(Image.fromarray(values), "TIFF"), GRAY)
    values[3, 4] = wrong
    with pytest.raises(Unreadable, match="NaN or infinite"):
        decode(encode(Image.fromarray(values), "TIFF"), GRAY)


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


@pytest.mark.parametrize(("background", "level"), [("white", 255), ("black", 0), ("gray", 128)])
def test_the_background_is_what_lies_behind(background: Background, level: int, encode: Encode) -> None:
    seen = Rendering(background=background)
    content = encode(Image.fromarray(np.dstack([COLORS, RAMP.T[::-1]])))
    share = RAMP.T[::-1][..., None] / 255
    expected = COLORS * share + level * (1 - share)
    assert np.abs(decode(content, Canvas(H, W, 3, 8, seen)) - expected).max() <= 1
    assert np.abs(decode(content, Canvas(H, W, 3, 16, seen)) / 257 - expected).max() <= 1
    assert np.abs(read_image(content, LIMITS, rendering=seen).astype(int) - expected).max() <= 1
    assert read_image(content, LIMITS).shape == (H, W, 4)


@pytest.mark.parametrize(("greatest", "white"), [(200, 255), (256, 1023), (4095, 4095), (9000, 16383), (40000, 65535)])
def test_an_image_without_a_data_set_is_on_the_scale_of_its_bits_in_use(
    greatest: int, white: int, encode: Encode
) -> None:
    values = np.linspace(0, greatest, H * W).round().astype(np.uint16).reshape(H, W)
    content = encode(Image.fromarray(values))
    assert np.abs(decode(content, GRAY)[..., 0] - values / white * 255).max() <= 0.5
    decided = Canvas(H, W, 1, 8, Rendering(integers=(0, 65535)))
    assert np.abs(decode(content, decided)[..., 0] - values / 257).max() <= 0.5


def test_values_beyond_the_levels_are_clipped(encode: Encode) -> None:
    values = np.linspace(0, 65535, H * W).astype(np.uint16).reshape(H, W)
    decoded = decode(encode(Image.fromarray(values)), Canvas(H, W, 1, 8, Rendering(integers=(1000, 5095))))[..., 0]
    assert (decoded[values <= 1000] == 0).all()
    assert (decoded[values >= 5095] == 255).all()


@pytest.mark.parametrize(
    ("values", "levels"),
    [
        ([0, 0.5], (0, 1)),
        ([-1e-6, 1.0005], (0, 1)),  # rounding
        ([0.5, 200.5], (0, 255)),
        ([0.5, 1.5], (0.5, 1.5)),  # no dark image of 0..255
        ([0, 3000], (0, 4095)),
        ([0.5, 3000], (0.5, 3000)),
        ([-1, 1], (-1, 1)),
    ],
)
def test_levels_of_floats(values: list[float], levels: tuple[float, float]) -> None:
    assert levels_of(value_range_of(np.array(values, np.float32))) == pytest.approx(levels)


def tiff_with_second_page(kind: int, encode: Encode) -> bytes:
    """Two pages, the second of them of a kind: 1 a reduced copy, 2 a page, 4 a mask (tag 254)."""
    pages = []
    for value in (0, kind):
        page = TiffImagePlugin.ImageFileDirectory_v2()
        page[254] = value
        pages.append(page)
    content = io.BytesIO()
    with TiffImagePlugin.AppendingTiffWriter(content, new=True) as file:
        for page in pages:
            Image.fromarray(COLORS).save(file, "TIFF", tiffinfo=page)
            file.newFrame()
    return content.getvalue()


@pytest.mark.parametrize(("kind", "frames"), [(1, 1), (4, 1), (0, 2), (2, 2)])
def test_a_thumbnail_or_a_mask_is_no_second_page(kind: int, frames: int, encode: Encode) -> None:
    assert read_header(tiff_with_second_page(kind, encode), LIMITS).frames == frames


@pytest.mark.parametrize("kind", ["GIF", "TIFF", "WEBP", "PNG"])
def test_one_frame_is_one_and_more_are_counted(kind: str, encode: Encode) -> None:
    one, two = (Image.new("RGB", (W, H), color) for color in ("red", "lime"))
    assert read_header(encode(one, kind), LIMITS).frames == 1
    assert read_header(encode(one, kind, save_all=True, append_images=[two]), LIMITS).frames == 2


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG", "TIFF"])
def test_the_first_frame_stands_for_an_animation(kind: str, encode: Encode) -> None:
    frames = [Image.new("RGB", (W, H), color) for color in ("red", "lime", "blue")]
    how = {"lossless": True} if kind == "WEBP" else {}
    content = encode(frames[0], kind, save_all=True, append_images=frames[1:], **how)
    assert (decode(content, RGB) == (255, 0, 0)).all()


# What the camera stored for each orientation of the same upright image (EXIF 2.32, tag 0x0112), in numpy
STORED: dict[int, Callable[[npt.NDArray[np.uint8]], npt.NDArray[np.uint8]]] = {
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.transpose(1, 0, 2),
    6: lambda a: np.rot90(a, 1),
    7: lambda a: a[::-1, ::-1].transpose(1, 0, 2),
    8: lambda a: np.rot90(a, -1),
}


def stored(upright: npt.NDArray[np.uint8], orientation: int, kind: str, encode: Encode) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = orientation
    how: dict[str, dict[str, Any]] = {"JPEG": {"quality": 95, "subsampling": 0}, "WEBP": {"lossless": True}}
    image = Image.fromarray(np.ascontiguousarray(STORED[orientation](upright)))
    return encode(image, kind, exif=exif, **how.get(kind, {}))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("canvas", [Canvas(48, 80, 3), Canvas(13, 21, 3), Canvas(21, 13, 1), Canvas(96, 96, 3)])
def test_eight_orientations_give_identical_arrays(kind: str, canvas: Canvas, encode: Encode, tmp_path: Path) -> None:
    blocks = np.random.default_rng(1).integers(0, 256, (6, 10, 3), dtype=np.uint8)
    upright = blocks.repeat(8, 0).repeat(8, 1)  # 48 x 80 in flat 8 x 8 blocks, which a JPEG keeps whatever the turn
    contents = {orientation: stored(upright, orientation, kind, encode) for orientation in STORED}
    first = decode(contents[1], canvas)
    if canvas.shape == upright.shape and kind != "JPEG":
        assert (first == upright).all()
    for orientation, content in contents.items():
        assert (decode(content, canvas) == first).all(), orientation
        (tmp_path / "one").write_bytes(content)
        header = read_header(tmp_path / "one", LIMITS)
        assert (header.height, header.width) == (48, 80)


def psnr(a: npt.NDArray[np.generic], b: npt.NDArray[np.generic]) -> float:
    return float(10 * np.log10(255**2 / ((a.astype(float) - b.astype(float)) ** 2).mean()))


def test_exif_after_the_pixels_of_a_png_counts_too(encode: Encode) -> None:
    upright = np.arange(4 * 6 * 3, dtype=np.uint8).reshape(4, 6, 3)
    before = stored(upright, 6, "PNG", encode)
    start = before.index(b"eXIf") - 4
    block = before[start : start + 12 + int.from_bytes(before[start : start + 4])]
    after = before.replace(block, b"").replace(before[-12:], block + before[-12:])  # the end is IEND
    assert after != before
    assert (decode(before, Canvas(4, 6, 3)) == upright).all()
    assert (decode(after, Canvas(4, 6, 3)) == upright).all()


@pytest.mark.parametrize("orientation", list(STORED))
@pytest.mark.parametrize("size", [(375, 501), (401, 299)])  # not divisible by 2, 4 or 8
@pytest.mark.parametrize("canvas", [Canvas(90, 90, 3), Canvas(170, 60, 3), Canvas(60, 140, 3)])
def test_a_jpeg_decoded_small_lies_where_the_whole_one_lies(
    orientation: int, size: tuple[int, int], canvas: Canvas, encode: Encode
) -> None:
    height, width = size
    coarse = np.random.default_rng(3).integers(0, 256, (height // 16, width // 16, 3), dtype=np.uint8)
    upright = Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)
    decoded = decode(stored(np.asarray(upright), orientation, "JPEG", encode), canvas)
    # the whole image, cut and shrunk in one step by Pillow
    scale = max(canvas.height / height, canvas.width / width)
    x, y = (width - canvas.width / scale) / 2, (height - canvas.height / scale) / 2
    whole = upright.resize((canvas.width, canvas.height), Image.Resampling.BILINEAR, box=(x, y, width - x, height - y))
    assert (
        psnr(decoded, np.asarray(whole)) > 40
    )  # 30 to 37 where the box is half a pixel off, or too little was decoded


@pytest.mark.parametrize("orientation", list(STORED))
def test_a_jpeg_on_its_side_is_not_decoded_too_small(orientation: int, scene: Scene, encode: Encode) -> None:
    upright = np.asarray(scene(100, 1000))
    decoded = decode(stored(upright, orientation, "JPEG", encode), Canvas(100, 12, 3))
    assert (
        psnr(decoded, upright[:, 494:506]) > 35
    )  # below 20 where height and width are mistaken: 1/8 would do for those


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
