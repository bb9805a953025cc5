"""Every mode of image becomes 8 bits by a stated rule."""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image
from tests.data.decoding.ramps import COLORS, GRAY, LIMITS, RAMP, RGB, RGBA, H, W, decode

from striate.data import Canvas, Unreadable, read_image
from striate.data.decoding.modes import GRAY_MODES, WIDE_MODES, to_pixels
from striate.data.decoding.rendering import Rendering, levels_of, value_range_of
from striate.data.settings import Background

Encode = Callable[..., bytes]


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


def test_modes_that_are_wide_have_one_channel() -> None:
    assert set(WIDE_MODES) < set(GRAY_MODES)
