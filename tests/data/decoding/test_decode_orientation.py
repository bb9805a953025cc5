"""Every way of holding the camera gives the same pixels, decoded whole or small."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image
from tests.data.decoding.ramps import LIMITS, decode

from striate.data import Canvas, read_header

Scene = Callable[..., Image.Image]
Encode = Callable[..., bytes]


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
