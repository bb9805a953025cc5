"""Which files are pictures: by their first bytes and never by their names; and a header that keeps within the limits.

Nothing is decoded here, no frame is looked for, and no memory is taken that grows with what a header declares.
"""

import io
from typing import BinaryIO, Final

from PIL import ImageFile
from PIL.BmpImagePlugin import BmpImageFile
from PIL.GifImagePlugin import GifImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.TiffImagePlugin import TiffImageFile
from PIL.WebPImagePlugin import WebPImageFile

from striate.data.decoding.limits import Limits
from striate.data.decoding.npy import MAGIC, ArrayFile, open_array
from striate.data.set_aside import Unreadable

__all__ = ["open_header"]

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


def open_header(file: BinaryIO, limits: Limits) -> ImageFile.ImageFile | ArrayFile:
    """The picture with its header read and its size accepted. Raises Unreadable, and whatever Pillow's readers raise."""
    size = file.seek(0, io.SEEK_END)
    file.seek(0)
    start = file.read(30)
    file.seek(0)
    if size == 0:
        raise Unreadable("empty file", "0 bytes")
    if size > limits.max_bytes:
        raise Unreadable("unreadable", f"{size} bytes, more than any picture within the limit takes")
    if start.startswith(MAGIC):
        array = open_array(file)
        _check_size(array.width, array.height, limits)
        array.check_length(size - file.tell())
        return array
    reader = _reader(start)
    if reader is WebPImageFile:  # its decoder takes memory for the whole canvas as soon as it is opened
        _check_size(*_webp_size(start), limits)
    picture = reader(file)
    _check_size(*picture.size, limits)
    return picture


def _reader(start: bytes) -> type[ImageFile.ImageFile]:
    for magic, reader in _FORMATS:
        if len(start) >= len(magic) and all(m in (ord("."), b) for m, b in zip(magic, start, strict=False)):
            return reader
    raise Unreadable(
        "not a picture", f"begins with {start[:16]!r}; JPEG, PNG, GIF, BMP, TIFF, WebP and NumPy's .npy are read"
    )


def _check_size(width: int, height: int, limits: Limits) -> None:
    if width * height > limits.max_pixels:
        raise Unreadable(
            "decompression bomb",
            f"declares {width} x {height} pixels, more than the limit of {limits.max_pixels}; "
            f"--max-pixels {width * height} lets it in",
        )


def _webp_size(start: bytes) -> tuple[int, int]:
    """Width and height by the first chunk of a WebP file (RFC 9649); 0 x 0 where it is none of the three."""
    chunk, start = start[12:16], start.ljust(30, b"\0")
    if chunk == b"VP8X":
        return 1 + int.from_bytes(start[24:27], "little"), 1 + int.from_bytes(start[27:30], "little")
    if chunk == b"VP8L":
        both = int.from_bytes(start[21:25], "little")
        return 1 + (both & 0x3FFF), 1 + (both >> 14 & 0x3FFF)
    if chunk == b"VP8 ":
        return int.from_bytes(start[26:28], "little") & 0x3FFF, int.from_bytes(start[28:30], "little") & 0x3FFF
    return 0, 0
