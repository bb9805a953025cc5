"""Arrays (.npy) as images, 16 bits, and channels beyond RGBA: values are kept, and headers that lie are refused."""

import io
import struct
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from striate.data import Canvas, Limits, Unreadable, decode_image, read_header, read_image
from striate.data.decoding.npy import ArrayFile
from striate.data.decoding.rendering import Rendering

LIMITS = Limits()
H, W = 16, 24
RANDOM = np.random.default_rng(5)

Encode = Callable[..., bytes]


def npy(values: npt.NDArray[Any], **how: Any) -> bytes:
    content = io.BytesIO()
    np.save(content, values, **how)
    return content.getvalue()


def decode(content: bytes, channels: int, bits: Any = 8) -> npt.NDArray[Any]:
    return decode_image(content, Canvas(H, W, channels, bits), LIMITS)


def refusal(content: bytes, channels: int = 1) -> str:
    with pytest.raises(Unreadable) as caught:
        decode(content, channels)
    return str(caught.value)


@given(
    st.sampled_from(["uint8", "<u2", ">u2"]),
    st.sampled_from("CF"),
    st.integers(1, 64),
    st.integers(1, 9),
    st.integers(1, 9),
)
def test_integers_come_back_bit_for_bit(dtype: str, order: Any, channels: int, height: int, width: int) -> None:
    values = RANDOM.integers(0, np.iinfo(dtype).max, (height, width, channels), endpoint=True).astype(dtype)
    content = npy(np.asarray(values, order=order))
    bits = 8 * values.itemsize
    header = read_header(content, LIMITS)
    assert (header.format, header.height, header.width) == ("NPY", height, width)
    assert (header.channels, header.bits, header.frames) == (channels, bits, 1)
    full = Rendering(integers=(0, 65535))
    for pixels in (
        read_image(content, LIMITS, rendering=full),
        decode_image(content, Canvas(height, width, channels, 8 if bits == 8 else 16, full), LIMITS),
    ):
        assert pixels.dtype == (np.uint8 if bits == 8 else np.uint16)
        assert pixels.flags.writeable
        assert pixels.flags.c_contiguous
        assert (pixels == values).all()


def test_16_bits_are_257_times_8() -> None:
    values = RANDOM.integers(0, 256, (H, W, 5), dtype=np.uint8)
    assert (decode(npy(values), 5, 16) == values.astype(int) * 257).all()
    assert (decode(npy(values.astype(np.uint16) * np.uint16(257)), 5, 8) == values).all()


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_a_gray_image_keeps_its_16_bits(kind: str, encode: Encode) -> None:
    values = RANDOM.integers(0, 65536, (H, W), dtype=np.uint16)
    content = encode(Image.fromarray(values), kind)
    assert read_header(content, LIMITS).bits == 16
    assert (decode(content, 1, 16)[..., 0] == values).all()
    assert (decode(content, 3, 16) == values[..., None]).all()
    assert (read_image(content, LIMITS)[..., 0] == values).all()
    assert np.abs(decode(content, 1, 8)[..., 0] - values / 257).max() <= 0.5


def test_8_bit_files_are_stretched_onto_16_bits(encode: Encode) -> None:
    colors = RANDOM.integers(0, 256, (H, W, 3), dtype=np.uint8)
    decoded = decode(encode(Image.fromarray(colors)), 3, 16)
    assert decoded.dtype == np.uint16
    assert (decoded == colors.astype(int) * 257).all()
    assert read_image(encode(Image.fromarray(colors)), LIMITS).dtype == np.uint8


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("bits", [8, 16])
def test_floats(dtype: str, bits: int) -> None:
    top = 2**bits - 1
    values = (RANDOM.random((H, W, 2)) / 2).astype(dtype)  # a dark image stays dark
    assert np.abs(decode(npy(values), 2, bits) - values.astype(float) * top).max() <= 0.5
    wide = values * 100 - 7
    low, high = float(wide.min()), float(wide.max())
    assert np.abs(decode(npy(wide), 2, bits) - (wide.astype(float) - low) / (high - low) * top).max() <= 0.5


def test_bools_are_black_and_white_and_other_integers_as_in_other_formats() -> None:
    bits = RANDOM.random((H, W)) < 0.5
    assert (decode(npy(bits), 1)[..., 0] == 255 * bits).all()
    within = RANDOM.integers(0, 65536, (H, W))
    assert (decode(npy(within), 1, 16)[..., 0] == within).all()
    counts = np.arange(H * W, dtype=np.int16).reshape(H, W) - 1000
    stretched = (counts + 1000) / (H * W - 1) * 65535
    assert np.abs(decode(npy(counts), 1, 16)[..., 0] - stretched).max() <= 0.5
    assert (decode(npy(np.full((H, W), -7.0)), 1) == 0).all()  # constant, scale unknown


def test_1_3_and_4_channels_convert_and_others_do_not(encode: Encode) -> None:
    values = RANDOM.integers(0, 65536, (H, W, 4), dtype=np.uint16)
    share = values[..., 3:] / 65535
    on_white = values[..., :3] * share + 65535 * (1 - share)
    luma = np.array([0.299, 0.587, 0.114])
    assert np.abs(decode(npy(values), 3, 16) - on_white).max() <= 0.51
    assert np.abs(decode(npy(values), 1, 16)[..., 0] - on_white @ luma).max() <= 0.51
    assert (decode(npy(values[..., :3]), 4, 16) == np.dstack([values[..., :3], np.full((H, W), 65535)])).all()
    assert (decode(npy(values[..., 0]), 4, 16)[..., 2] == values[..., 0]).all()
    eight = values.astype(np.uint8)
    assert (decode(npy(eight[..., :3]), 1) == decode(encode(Image.fromarray(eight[..., :3])), 1)).all()
    assert refusal(npy(eight[..., :2]), 3) == (
        "unreadable: 2 channels where 3 are wanted; only 1, 3 and 4 convert into one another"
    )
    assert "3 channels where 5 are wanted" in refusal(encode(Image.fromarray(eight[..., :3])), 5)
    assert "3 channels where 5 are wanted" in refusal(encode(Image.fromarray(eight[..., :3]), "JPEG"), 5)


def header_of(shape: str, descr: str = "'|u1'", values: bytes = b"") -> bytes:
    text = f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    return b"\x93NUMPY\x01\0" + struct.pack("<H", len(text)) + text + values


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (npy(np.full((H, W), np.nan)), "unreadable: the image holds NaN or infinite values"),
        (npy(np.full((H, W), -np.inf)), "unreadable: the image holds NaN or infinite values"),
        (npy(np.array([[{}]], object), allow_pickle=True), "unreadable: an array of object"),
        (npy(np.zeros((2, 2), "M8[s]")), "unreadable: an array of datetime64"),
        (npy(np.zeros((2, 2), complex)), "unreadable: an array of complex128"),
        (npy(np.zeros((2, 2), "U4")), "unreadable: an array of <U4"),
        (npy(np.zeros((2, 2), [("a", "u1")])), "unreadable: an array of [('a', 'u1')]"),
        (npy(np.zeros(())), "unreadable: an array of ();"),
        (npy(np.zeros(9)), "unreadable: an array of (9,);"),
        (npy(np.zeros((3, 4, 65))), "unreadable: an array of (3, 4, 65);"),
        (npy(np.zeros((0, 4))), "unreadable: an array of (0, 4);"),
        (npy(np.zeros((H, W)))[:-1], "truncated: 3071 bytes of values where the header declares 3072"),
        (npy(np.zeros((H, W))) + b"\0", "unreadable: 3073 bytes of values where the header declares only 3072"),
        (header_of("(10**5, 10**5)"), "unreadable: "),  # no literal
        (header_of("(-3, -3)", values=bytes(9)), "unreadable: an array of (-3, -3)"),
        (header_of("(3, 3)", "'O'", bytes(72)), "unreadable: an array of object"),
        (header_of("(9000, 9000)"), "decompression bomb: declares 9000 x 9000 pixels"),
        (header_of("(2, 2), 'more': __import__('os')", values=bytes(4)), "unreadable: "),
        (b"\x93NUMPY\x03\0" + struct.pack("<I", 4) + b"{}  ", "unreadable: version 3.0"),
        (b"\x93NUMPY\x01\0\xff\xff{", "unreadable: "),
        (b"\x93NUMPY", "unreadable: "),
    ],
)
def test_what_is_no_image_is_refused(content: bytes, expected: str) -> None:
    assert refusal(content).startswith(expected)


def test_nothing_is_unpickled_and_headers_come_before_the_values(monkeypatch: pytest.MonkeyPatch) -> None:
    class Trap:
        def __reduce__(self) -> Any:
            return pytest.fail, ("unpickled",)

    trap = npy(np.array([[Trap()]], object), allow_pickle=True)
    assert "an array of object" in refusal(trap)
    monkeypatch.setattr(ArrayFile, "load", lambda _: pytest.fail("touched"))
    small = Limits(max_pixels=H * W - 1)
    with pytest.raises(Unreadable, match="decompression bomb"):
        decode_image(npy(np.zeros((H, W))), Canvas(H, W, 1), small)


def test_what_a_header_tells(encode: Encode) -> None:
    def header(content: bytes) -> tuple[str, str, int, int, int, bool]:
        header = read_header(content, LIMITS)
        return header.format, header.mode, header.channels, header.bits, header.frames, header.color

    rgb = Image.new("RGB", (9, 7), "red")
    frames = {"save_all": True, "append_images": [Image.new("RGB", (9, 7), color) for color in ("lime", "blue")]}
    assert header(encode(rgb, "JPEG")) == ("JPEG", "RGB", 3, 8, 1, True)
    assert header(encode(rgb.convert("CMYK"), "JPEG")) == ("JPEG", "CMYK", 3, 8, 1, True)
    assert header(encode(rgb.convert("1"))) == ("PNG", "1", 1, 1, 1, False)
    assert header(encode(rgb.convert("LA"))) == ("PNG", "LA", 4, 8, 1, False)
    assert header(encode(rgb, **frames)) == ("PNG", "RGB", 3, 8, 3, True)
    assert header(encode(rgb, "WEBP", **frames)) == ("WEBP", "RGB", 3, 8, 3, True)
    assert header(encode(rgb.convert("L"), "BMP")) == ("BMP", "L", 1, 8, 1, False)
    assert header(encode(rgb.quantize(4), "GIF", **frames))[4] == 2  # or more: it would have to be walked through
    assert header(encode(rgb.convert("F"), "TIFF")) == ("TIFF", "F", 1, 32, 1, False)
    assert header(npy(np.zeros((7, 9, 3), ">u2"))) == ("NPY", ">u2", 3, 16, 1, True)
    assert header(npy(np.zeros((7, 9, 6)))) == ("NPY", "float64", 6, 64, 1, True)
