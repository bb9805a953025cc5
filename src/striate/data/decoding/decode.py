"""One image, read safely: its header, all of its pixels, or its pixels on the canvas.

An image is what its first bytes say, never its name. The order is: a regular file, known first bytes, a header that
declares no more pixels than the limit, checksums where the format has them, the whole of the pixels, upright, channels
and bits, canvas. Nothing is decoded before the header has passed. The first frame stands for an animation or many pages.
"""

import io
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final, final

import numpy as np
from PIL import Image, ImageFile
from PIL.GifImagePlugin import GifImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.TiffImagePlugin import TiffImageFile
from PIL.WebPImagePlugin import WebPImageFile

from striate.data.decoding.canvas import Canvas
from striate.data.decoding.formats import check_size, open_header
from striate.data.decoding.jpeg import decode_jpeg
from striate.data.decoding.limits import Limits
from striate.data.decoding.modes import GRAY_MODES, WIDE_MODES, Decoded, own_bits, own_channels, to_pixels
from striate.data.decoding.npy import ArrayFile
from striate.data.decoding.orientation import SIDEWAYS, orientation, upright, upright_grid
from striate.data.decoding.regular_file import hold_regular_file, open_regular_file
from striate.data.decoding.rendering import AS_STORED, Rendering, ValueRange, robust_value_range
from striate.data.decoding.resize import Box, Pixels, canvas_boxes, resize_to_canvas
from striate.data.decoding.rgb16 import keeps_bits, sixteen_bits
from striate.data.decoding.strict_pillow import STRICT_PILLOW
from striate.data.names import printable
from striate.data.settings import FitMode
from striate.data.skipped_files import Reason, Unreadable

__all__ = [
    "Header",
    "ImageLike",
    "decode_image",
    "load_image",
    "read_header",
    "read_image",
    "read_stored",
    "read_value_range",
]

ImageLike = str | Path | bytes | Image.Image  # a path, a file's content, or what Pillow has opened or made

_SUBFILE: Final = 254  # the tag of a TIFF's page for the kind of page
_NO_PAGE: Final = 1 | 4  # a reduced copy of another page, or a mask
_MOST_PAGES: Final = 8  # that are searched for a second one
_BITS: Final = {
    "1": 1,
    **dict.fromkeys(WIDE_MODES, 16),
    "I": 32,
    "F": 32,
}  # of Pillow's modes; others have 8, or 16 in the file


@final
@dataclass(frozen=True)
class Header:
    """The header of an image; no pixel is decoded.

    `format` is "JPEG", "PNG", "GIF", "BMP", "TIFF", "WEBP" or "NPY", and "PIL" of an image that was made by Pillow; height
    and width are those of the upright image.
    `mode` is Pillow's, or NumPy's name of the type; `channels` and `bits` (for each channel) are as in the file, a
    palette and gray with transparency counted as the RGB or RGBA that become of them. `frames` are those of an animation
    or pages, of GIF and TIFF 2 for any number above 1. `held` is the EXIF orientation of the pixels, 1 where they are upright.
    `bits_lost` where only the high byte of 16 bits can be read.
    """

    format: str
    height: int
    width: int
    mode: str
    channels: int
    bits: int
    frames: int
    held: int = 1
    bits_lost: bool = False

    @property
    def color(self) -> bool:
        """Whether a gray canvas would lose something."""
        return self.channels >= 3 if self.format == "NPY" else self.mode not in GRAY_MODES

    @property
    def wide(self) -> bool:
        """Whether the values do not say by themselves which of them are black and white."""
        return (self.bits > 8 and not self.bits_lost) or self.mode == "int8"

    @property
    def transparent(self) -> bool:
        """Whether parts of an image file may be transparent. Of an array with 4 channels it is unknown."""
        return self.channels == 4 and self.format not in ("NPY", "array")


def read_header(image: ImageLike, limits: Limits) -> Header:
    """The header of an image; no pixel is decoded. Raises Unreadable."""
    if isinstance(image, Image.Image):
        with _reasons():
            return _header_in_hand(_in_hand(image, limits))
    with _reasons(), _opened(image) as file:
        header = open_header(file, limits)
        if isinstance(header, ArrayFile):
            bits = 8 * header.dtype.itemsize
            return Header("NPY", header.height, header.width, str(header.dtype), header.channels, bits, 1)
        height, width = header.height, header.width
        held = orientation(header)
        if held in SIDEWAYS:
            height, width = width, height
        mode, bits = header.mode, _bits(header)
        keeps = mode in WIDE_MODES or keeps_bits(header)
        channels = own_channels(mode, header.has_transparency_data and not keeps)
        lost = bits == 16 and not keeps
        return Header(str(header.format), height, width, mode, channels, bits, _frames(header), held, lost)


def decode_image(image: ImageLike, canvas: Canvas, limits: Limits) -> Pixels:
    """An image on the canvas: H W C, uint8, or uint16 where the canvas has 16 bits.

    The same for training, prediction and serving. Raises Unreadable.
    """
    with _reasons(), _whole(image) as opened:
        at_least = None if canvas.fit == "window" else (canvas.height, canvas.width)
        decoded, content = _decode(opened, limits, at_least, canvas.fit)
        pixels = to_pixels(decoded, canvas.channels, canvas.bits, canvas.rendering)
        return _writable(resize_to_canvas(pixels, canvas.height, canvas.width, content, canvas.fit))


def read_image(
    image: ImageLike, limits: Limits, at_least: tuple[int, int] | None = None, rendering: Rendering | None = None
) -> Pixels:
    """The whole of an image, upright, H W C at its own size.

    uint8, or uint16 where 8 bits would not hold it. Without a rendering in its own channels; with one as that shows it,
    transparency composited. A JPEG is decoded at 1/2, 1/4 or 1/8 of its size if that still covers `at_least` (height,
    width); its last row and column are then filled in part. Raises Unreadable.
    """
    if at_least is not None and min(at_least) < 1:
        raise ValueError(f"at_least {at_least}: heights and widths begin at 1")
    with _reasons(), _whole(image) as opened:
        decoded, _ = _decode(opened, limits, at_least, "cover")
        if isinstance(decoded, Image.Image):
            channels = own_channels(decoded.mode, decoded.has_transparency_data)
            channels = 3 if channels == 4 and rendering is not None else channels
        else:
            channels = decoded.shape[2]
        return _writable(to_pixels(decoded, channels, own_bits(decoded), rendering or AS_STORED))


def read_value_range(image: ImageLike, limits: Limits) -> ValueRange:
    """From the least to the greatest value of an image of more than 8 bits. Raises Unreadable."""
    with _reasons(), _whole(image) as opened:
        decoded, _ = _decode(opened, limits, None, "cover")
        return robust_value_range(np.asarray(decoded))


def load_image(image: Image.Image, limits: Limits) -> None:
    """Bring the pixels of an image that Pillow has opened into memory, so that threads may share it. Raises Unreadable."""
    with _reasons():
        _in_hand(image, limits).load()


def read_stored(image: str | Path | bytes, limits: Limits) -> Decoded:
    """The whole of an image as it is stored: its own mode, not turned, a palette's numbers kept. Raises Unreadable."""
    with _reasons(), _whole_file(image) as file:
        header = open_header(file, limits)
        return header.load() if isinstance(header, ArrayFile) else _loaded(file, header)


def _decode(
    opened: BinaryIO | Image.Image, limits: Limits, at_least: tuple[int, int] | None, how: FitMode
) -> tuple[Decoded, Box]:
    """The first frame, upright, and the box of it that is image; a JPEG no larger than `at_least` needs it."""
    if isinstance(opened, Image.Image):
        image = _in_hand(opened, limits)
        image.load()
        return upright(image, (0, 0, image.width, image.height), orientation(image))
    file, original = opened, open_header(opened, limits)
    if isinstance(original, ArrayFile):
        return original.load(), (0, 0, original.width, original.height)
    if isinstance(original, JpegImageFile):
        held = orientation(original)
        if at_least is not None and how == "contain":
            height, width = (original.height, original.width)[:: -1 if held in SIDEWAYS else 1]
            _, (left, top, right, bottom) = canvas_boxes(*at_least, (0, 0, width, height), how)
            at_least = bottom - top, right - left
        return decode_jpeg(file, original, held, at_least)
    sixteen = keeps_bits(original)
    original = _loaded(file, original)
    held = orientation(original)  # which may stand behind the pixels
    if sixteen:
        again = open_header(file, limits)
        assert not isinstance(again, ArrayFile)
        values = upright_grid(sixteen_bits(original, again), held)
        return values, (0, 0, values.shape[1], values.shape[0])
    return upright(original, (0, 0, original.width, original.height), held)


def _in_hand(image: Image.Image, limits: Limits) -> Image.Image:
    """An image that Pillow has opened or made, at the frame where it stands, if its size is accepted."""
    check_size(image.width, image.height, limits)
    if not image.width or not image.height:
        raise Unreadable("unreadable", f"an image of {image.width} x {image.height} pixels shows nothing")
    return image


def _loaded(file: BinaryIO, image: ImageFile.ImageFile) -> ImageFile.ImageFile:
    """All pixels of the first frame."""
    if isinstance(image, PngImageFile):  # verify() alone finds damaged chunks, load() alone a missing end
        image.verify()
        file.seek(0)
        image = PngImageFile(file)
    image.load()
    return image


def _writable(pixels: Pixels) -> Pixels:
    """The same in rows without gaps, which may be written (what Pillow lends may not): as torch wants it."""
    return np.require(pixels, requirements=["C", "W"])


def _header_in_hand(image: Image.Image) -> Header:
    """Of the frame at which the image stands, and of the bits that Pillow has kept."""
    height, width, held = image.height, image.width, orientation(image)
    if held in SIDEWAYS:
        height, width = width, height
    bits = _BITS.get(image.mode, 8)
    channels = own_channels(image.mode, image.has_transparency_data)
    return Header(image.format or "PIL", height, width, image.mode, channels, bits, 1, held)


def _bits(image: ImageFile.ImageFile) -> int:
    raw = " ".join(str(tile.args) for tile in image.tile)  # Pillow's name of what is stored, such as RGB;16B
    return 16 if ";16" in raw else _BITS.get(image.mode, 8)


def _frames(image: ImageFile.ImageFile) -> int:
    """Frames or pages; 2 for any number above 1 where only walking through the file would find it."""
    if isinstance(image, PngImageFile | WebPImageFile):
        return image.n_frames
    try:
        if isinstance(image, GifImageFile):
            return 1 + image.is_animated
        return _pages(image) if isinstance(image, TiffImageFile) else 1
    except Exception:  # noqa: BLE001 - Pillow raises a dozen kinds, and damage behind the first frame, which alone is used, is no fault
        return 1


def _pages(image: TiffImageFile) -> int:
    """2 where a page follows that is no reduced copy of the first and no mask, else 1."""
    for page in range(1, _MOST_PAGES):
        if not image.is_animated:
            break
        try:
            image.seek(page)
        except EOFError:
            break
        kind = image.tag_v2.get(_SUBFILE, 0)
        if not (isinstance(kind, int) and kind & _NO_PAGE):
            return 2
    return 1


def _opened(image: str | Path | bytes) -> BinaryIO:
    """The file, or the content as one."""
    return io.BytesIO(image) if isinstance(image, bytes) else open_regular_file(image)


def _whole(image: ImageLike) -> AbstractContextManager[BinaryIO | Image.Image]:
    """The same, for what will read all of it; an image stays open."""
    return nullcontext(image) if isinstance(image, Image.Image) else _whole_file(image)


def _whole_file(image: str | Path | bytes) -> BinaryIO:
    return io.BytesIO(image) if isinstance(image, bytes) else hold_regular_file(image)


@contextmanager
def _reasons() -> Iterator[None]:
    """Pillow in strict mode, and whatever it raises as one of our reasons."""
    try:
        with STRICT_PILLOW:
            yield
    except Unreadable:
        raise
    except Exception as error:
        detail = printable(" ".join(str(error).split()) or type(error).__name__)[:160]
        raise Unreadable(_reason(error, detail.lower()), detail) from error


def _reason(error: Exception, message: str) -> Reason:
    if isinstance(error, Image.DecompressionBombError):  # Pillow's own limit, where it comes before ours
        return "decompression bomb"
    ended = isinstance(error, EOFError) or "truncated" in message or "end of file" in message
    return "truncated" if ended else "unreadable"
