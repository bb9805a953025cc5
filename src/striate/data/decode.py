"""One picture file, read safely: which files are pictures, how large they are, and their pixels on the canvas.

A picture is what its first bytes say, never its name. The order is: a regular file, known first bytes, a header that
declares no more pixels than the limit, checksums where the format has them, the whole of the pixels, upright, 8 bits,
canvas. Nothing is decoded before the header has passed. The first frame stands for an animation.
"""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final, final

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFile
from PIL.BmpImagePlugin import BmpImageFile
from PIL.GifImagePlugin import GifImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.TiffImagePlugin import TiffImageFile
from PIL.WebPImagePlugin import WebPImageFile

from striate.data.canvas import Canvas
from striate.data.fit import Box, fit
from striate.data.limits import Limits
from striate.data.modes import GREY_MODES, to_channels
from striate.data.names import printable
from striate.data.orientation import SIDEWAYS, orientation, upright
from striate.data.regular_file import open_regular_file
from striate.data.set_aside import Reason, Unreadable
from striate.data.strict import STRICT_PILLOW

__all__ = ["Header", "decode_bytes", "decode_picture", "read_header", "read_picture", "read_stored"]

# The formats that are read, by their first bytes; "." stands for any byte. Pillow's other 40 readers are never asked.
_FORMATS: Final[tuple[tuple[bytes, type[ImageFile.ImageFile]], ...]] = (
    (b"\xff\xd8\xff", JpegImageFile),
    (b"\x89PNG\r\n\x1a\n", PngImageFile),
    (b"GIF87a", GifImageFile),
    (b"GIF89a", GifImageFile),
    (b"RIFF....WEBP", WebPImageFile),
    (b"II*\0", TiffImageFile),
    (b"MM\0*", TiffImageFile),
    (b"II+\0", TiffImageFile),  # BigTIFF
    (b"MM\0+", TiffImageFile),
    (b"BM", BmpImageFile),
)


@final
@dataclass(frozen=True)
class Header:
    """What a picture file says of itself: its format ("JPEG"), its size when upright, and whether it has colours.

    `held` is the EXIF orientation in which its pixels are stored, 1 where they are upright.
    """

    format: str
    height: int
    width: int
    colour: bool
    held: int = 1


def read_header(path: str | Path, limits: Limits) -> Header:
    """The header of a picture file; no pixel is decoded. Raises Unreadable."""
    with _reasons(), open_regular_file(path) as file:
        picture = _open(file, limits)
        width, height = picture.size
        held = orientation(picture)
        if held in SIDEWAYS:
            width, height = height, width
        return Header(str(picture.format), height, width, picture.mode not in GREY_MODES, held)


def decode_picture(path: str | Path, canvas: Canvas, limits: Limits) -> npt.NDArray[np.uint8]:
    """A picture file as H W C uint8 on the canvas, the same for training, prediction and serving. Raises Unreadable."""
    with _reasons(), open_regular_file(path) as file:
        return _decode(file, canvas, limits)


def decode_bytes(content: bytes, canvas: Canvas, limits: Limits) -> npt.NDArray[np.uint8]:
    """The same for the content of a picture file. Raises Unreadable."""
    with _reasons():
        return _decode(io.BytesIO(content), canvas, limits)


def read_picture(path: str | Path, limits: Limits, at_least: tuple[int, int] | None = None) -> npt.NDArray[np.uint8]:
    """A whole picture file, upright, H W C uint8; a JPEG may come reduced to what still covers `at_least`. Raises Unreadable."""
    with _reasons(), open_regular_file(path) as file:
        _open(file, limits).verify()
        picture = _open(file, limits)
        if at_least is not None and isinstance(picture, JpegImageFile):
            picture.draft(None, at_least if orientation(picture) in SIDEWAYS else at_least[::-1])
        picture.load()
        turned, _ = upright(picture, (0, 0, picture.width, picture.height), orientation(picture))
        channels = 1 if turned.mode in GREY_MODES else 3
        return np.asarray(to_channels(turned, channels)).reshape(turned.height, turned.width, channels)


def read_stored(path: str | Path, limits: Limits) -> Image.Image:
    """A whole picture file as it is stored: its own mode, not turned, a palette's numbers kept. Raises Unreadable."""
    with _reasons(), open_regular_file(path) as file:
        _open(file, limits).verify()
        picture = _open(file, limits)
        picture.load()
        return picture


def _decode(file: BinaryIO, canvas: Canvas, limits: Limits) -> npt.NDArray[np.uint8]:
    # Neither check finds what the other does: verify() alone sees damaged chunks of a PNG, load() alone a missing end.
    _open(file, limits).verify()
    picture = _open(file, limits)
    content: Box = (0, 0, picture.width, picture.height)
    if isinstance(picture, JpegImageFile):  # decode at 1/2, 1/4 or 1/8 where that still covers the canvas
        size = (canvas.width, canvas.height)
        draft = picture.draft(None, size[::-1] if orientation(picture) in SIDEWAYS else size)
        content = draft[1] if draft else content  # its last column and row may be content only in part
    picture.load()
    turned, content = upright(picture, content, orientation(picture))
    fitted = fit(to_channels(turned, canvas.channels), canvas.height, canvas.width, content)
    return np.asarray(fitted).reshape(canvas.shape)


@contextmanager
def _reasons() -> Iterator[None]:
    """Pillow in strict mode, and whatever it raises on hostile bytes as one of our reasons."""
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


def _open(file: BinaryIO, limits: Limits) -> ImageFile.ImageFile:
    """The picture with its header read and its size accepted; nothing is decoded."""
    size = file.seek(0, io.SEEK_END)
    file.seek(0)
    start = file.read(16)
    file.seek(0)
    if size == 0:
        raise Unreadable("empty file", "0 bytes")
    if size > limits.max_bytes:
        raise Unreadable("unreadable", f"{size} bytes, more than any picture within the limit takes")
    for magic, reader in _FORMATS:
        if len(start) >= len(magic) and all(m in (ord("."), b) for m, b in zip(magic, start, strict=False)):
            picture = reader(file)
            break
    else:
        raise Unreadable("not a picture", f"begins with {start!r}; JPEG, PNG, GIF, BMP, TIFF and WebP are read")
    if picture.width * picture.height > limits.max_pixels:
        raise Unreadable(
            "decompression bomb",
            f"declares {picture.width} x {picture.height} pixels, more than the limit of {limits.max_pixels}",
        )
    return picture
