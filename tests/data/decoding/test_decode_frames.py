"""Files of several images: the first is decoded, and the frames are counted."""

import io
from collections.abc import Callable

import pytest
from PIL import Image, TiffImagePlugin
from tests.data.decoding.ramps import COLORS, LIMITS, RGB, H, W, decode

from striate.data import read_header

Encode = Callable[..., bytes]


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
