"""One picture, read safely: what it says of itself, all of its pixels, or its pixels on the canvas.

A picture is what its first bytes say, never its name. The order is: a regular file, known first bytes, a header that
declares no more pixels than the limit, checksums where the format has them, the whole of the pixels, upright, channels
and bits, canvas. Nothing is decoded before the header has passed. The first frame stands for an animation.
"""

import io
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final, final

import numpy as np
from PIL import Image, ImageFile
from PIL.BmpImagePlugin import BmpImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.WebPImagePlugin import WebPImageFile

from striate.data.decoding.canvas import Canvas
from striate.data.decoding.fit import Box, Pixels, fit
from striate.data.decoding.formats import check_size, open_header
from striate.data.decoding.jpeg import decode_jpeg
from striate.data.decoding.limits import Limits
from striate.data.decoding.modes import GREY_MODES, Decoded, own_bits, own_channels, to_pixels
from striate.data.decoding.npy import ArrayFile
from striate.data.decoding.orientation import SIDEWAYS, orientation, upright
from striate.data.decoding.regular_file import hold_regular_file, open_regular_file
from striate.data.decoding.strict import STRICT_PILLOW
from striate.data.names import printable
from striate.data.set_aside import Reason, Unreadable

__all__ = ["Header", "Stored", "decode_picture", "load_image", "read_header", "read_picture", "read_stored"]

Stored = str | Path | bytes | Image.Image  # a path, a file's content, or what Pillow has opened or made
_BITS: Final = {"1": 1, "I": 32, "F": 32}  # of Pillow's modes; all others have 8 or 16


@final
@dataclass(frozen=True)
class Header:
    """What a picture says of itself; no pixel was decoded.

    `format` is "JPEG", "PNG", "GIF", "BMP", "TIFF", "WEBP" or "NPY", and "PIL" of an image that was made by Pillow; height
    and width are those of the upright picture.
    `mode` is Pillow's, or NumPy's name of the type; `channels` and `bits` (for each channel) are as in the file, a
    palette and grey with transparency counted as the RGB or RGBA that become of them. `frames` is None where only
    walking through the file would tell (GIF, TIFF). `held` is the EXIF orientation of the pixels, 1 where they are upright.
    """

    format: str
    height: int
    width: int
    mode: str
    channels: int
    bits: int
    frames: int | None
    held: int = 1

    @property
    def colour(self) -> bool:
        """Whether a grey canvas would lose something."""
        return self.channels >= 3 if self.format == "NPY" else self.mode not in GREY_MODES


def read_header(picture: Stored, limits: Limits) -> Header:
    """The header of a picture; no pixel is decoded. Raises Unreadable."""
    with _reasons(), _opened(picture) as opened:
        header = _in_hand(opened, limits) if isinstance(opened, Image.Image) else open_header(opened, limits)
        if isinstance(header, ArrayFile):
            bits = 8 * header.dtype.itemsize
            return Header("NPY", header.height, header.width, str(header.dtype), header.channels, bits, 1)
        height, width = header.height, header.width
        held = orientation(header)
        if held in SIDEWAYS:
            height, width = width, height
        mode, channels = header.mode, own_channels(header.mode, header.has_transparency_data)
        return Header(header.format or "PIL", height, width, mode, channels, _bits(header), _frames(header), held)


def decode_picture(picture: Stored, canvas: Canvas, limits: Limits) -> Pixels:
    """A picture on the canvas: H W C, uint8, or uint16 where the canvas has 16 bits.

    The same for training, prediction and serving. Raises Unreadable.
    """
    with _reasons(), _whole(picture) as opened:
        decoded, content = _decode(opened, limits, (canvas.height, canvas.width))
        pixels = to_pixels(decoded, canvas.channels, canvas.bits)
        return _writable(fit(pixels, canvas.height, canvas.width, content))


def read_picture(picture: Stored, limits: Limits, at_least: tuple[int, int] | None = None) -> Pixels:
    """The whole of a picture, upright, H W C in its own channels and at its own size.

    uint8, or uint16 where 8 bits would not hold it. A JPEG is decoded at 1/2, 1/4 or 1/8 of its size if that still
    covers `at_least` (height, width); its last row and column are then filled in part. Raises Unreadable.
    """
    if at_least is not None and min(at_least) < 1:
        raise ValueError(f"at_least {at_least}: heights and widths begin at 1")
    with _reasons(), _whole(picture) as opened:
        decoded, _ = _decode(opened, limits, at_least)
        if isinstance(decoded, Image.Image):
            channels = own_channels(decoded.mode, decoded.has_transparency_data)
        else:
            channels = decoded.shape[2]
        return _writable(to_pixels(decoded, channels, own_bits(decoded)))


def load_image(image: Image.Image, limits: Limits) -> None:
    """Bring the pixels of an image that Pillow has opened into memory, so that threads may share it. Raises Unreadable."""
    with _reasons():
        _in_hand(image, limits).load()


def read_stored(picture: str | Path | bytes, limits: Limits) -> Decoded:
    """The whole of a picture as it is stored: its own mode, not turned, a palette's numbers kept. Raises Unreadable."""
    with _reasons(), _whole_file(picture) as file:
        header = open_header(file, limits)
        return header.load() if isinstance(header, ArrayFile) else _loaded(file, header)


def _decode(opened: BinaryIO | Image.Image, limits: Limits, at_least: tuple[int, int] | None) -> tuple[Decoded, Box]:
    """The first frame, upright, and the box of it that is picture; a JPEG no larger than `at_least` needs it."""
    if isinstance(opened, Image.Image):
        image = _in_hand(opened, limits)
        image.load()
        return upright(image, (0, 0, image.width, image.height), orientation(image))
    file, picture = opened, open_header(opened, limits)
    if isinstance(picture, ArrayFile):
        return picture.load(), (0, 0, picture.width, picture.height)
    if isinstance(picture, JpegImageFile):
        return decode_jpeg(file, picture, orientation(picture), at_least)
    picture = _loaded(file, picture)
    return upright(picture, (0, 0, picture.width, picture.height), orientation(picture))


def _in_hand(image: Image.Image, limits: Limits) -> Image.Image:
    """An image that Pillow has opened or made, at the frame where it stands, if its size is accepted."""
    check_size(image.width, image.height, limits)
    if not image.width or not image.height:
        raise Unreadable("unreadable", f"an image of {image.width} x {image.height} pixels shows nothing")
    return image


def _loaded(file: BinaryIO, picture: ImageFile.ImageFile) -> ImageFile.ImageFile:
    """All pixels of the first frame."""
    if isinstance(picture, PngImageFile):  # verify() alone sees damaged chunks, load() alone a missing end
        picture.verify()
        file.seek(0)
        picture = PngImageFile(file)
    picture.load()
    return picture


def _writable(pixels: Pixels) -> Pixels:
    """The same in rows without gaps, which may be written (what Pillow lends may not): as torch wants it."""
    return np.require(pixels, requirements=["C", "W"])


def _bits(picture: Image.Image) -> int:
    tiles = picture.tile if isinstance(picture, ImageFile.ImageFile) else []
    raw = " ".join(str(tile.args) for tile in tiles)  # Pillow's name of what is stored, such as RGB;16B
    return 16 if ";16" in f"{raw} {picture.mode}" else _BITS.get(picture.mode, 8)


def _frames(picture: Image.Image) -> int | None:
    if isinstance(picture, PngImageFile | WebPImageFile):
        return picture.n_frames
    return (
        None
        if isinstance(picture, ImageFile.ImageFile) and not isinstance(picture, JpegImageFile | BmpImageFile)
        else 1
    )


def _opened(picture: Stored) -> AbstractContextManager[BinaryIO | Image.Image]:
    """The file, the content as one, or the image itself, which stays open."""
    if isinstance(picture, Image.Image):
        return nullcontext(picture)
    return io.BytesIO(picture) if isinstance(picture, bytes) else open_regular_file(picture)


def _whole(picture: Stored) -> AbstractContextManager[BinaryIO | Image.Image]:
    """The same, for what will read all of it."""
    return nullcontext(picture) if isinstance(picture, Image.Image) else _whole_file(picture)


def _whole_file(picture: str | Path | bytes) -> BinaryIO:
    return io.BytesIO(picture) if isinstance(picture, bytes) else hold_regular_file(picture)


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


def _reason(error: Exception, says: str) -> Reason:
    if isinstance(error, Image.DecompressionBombError):  # Pillow's own limit, where it comes before ours
        return "decompression bomb"
    ended = isinstance(error, EOFError) or "truncated" in says or "end of file" in says
    return "truncated" if ended else "unreadable"
