"""Which files are images: by their first bytes and never by their names; and a header that keeps within the limits.

Nothing is decoded here, no frame is looked for, and no memory is taken that grows with what a header declares.
"""

import io
from collections.abc import Mapping
from types import MappingProxyType
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
from striate.data.decoding.unsupported_formats import START, advice, unsupported_format
from striate.data.skipped_files import Unreadable
from striate.errors import first_bytes

__all__ = ["EXTENSIONS", "IMAGE_EXTENSIONS", "check_size", "is_image", "open_header"]

EXTENSIONS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(  # by format, in lower case
    {
        "JPEG": (".jpg", ".jpeg", ".jpe", ".jfif", ".jif", ".pjpeg", ".mpo"),
        "PNG": (".png", ".apng"),
        "GIF": (".gif",),
        "WEBP": (".webp",),
        "TIFF": (".tif", ".tiff"),
        "BMP": (".bmp", ".dib"),
    }
)
IMAGE_EXTENSIONS: Final = frozenset((*(end for ends in EXTENSIONS.values() for end in ends), ".npy"))

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

_OTHERS: Final = (  # what often lies in the place of an image, and what it is
    (b"version https://git-lfs", "a pointer of Git LFS, not the file itself (git lfs pull)"),
    (b"<!DOCTYPE html", "a web page"),
    (b"<html", "a web page"),
    (b"ftyp", "a movie"),
)
_BITS_PER_SAMPLE, _PLANAR, _SUBFILE, _SUB_IMAGES, _DNG_VERSION = 258, 284, 254, 330, 50706  # tags of TIFF


def open_header(file: BinaryIO, limits: Limits) -> ImageFile.ImageFile | ArrayFile:
    """The image with its header read and its size accepted. Raises Unreadable, and whatever Pillow's readers raise."""
    size = file.seek(0, io.SEEK_END)
    file.seek(0)
    start = file.read(START)
    file.seek(0)
    if size == 0:
        raise Unreadable("empty file", "0 bytes")
    if size > limits.max_bytes:
        raise Unreadable("unreadable", f"{size} bytes, more than any image within the limit takes")
    if start.startswith(MAGIC):
        array = open_array(file)
        check_size(array.width, array.height, limits)
        array.check_length(size - file.tell())
        return array
    reader = _reader(start)
    if reader is WebPImageFile:  # its decoder takes memory for the whole canvas as soon as it is opened
        check_size(*_webp_size(start), limits)
    image = reader(file)
    if isinstance(image, TiffImageFile) and _is_raw(image):
        raise Unreadable("unsupported format", advice("a raw camera file"))
    if isinstance(image, TiffImageFile) and _is_planar_of_16_bits(image):
        raise Unreadable(
            "unsupported format", "16 bits in planes of red, green and blue; save it with interleaved channels"
        )
    check_size(*image.size, limits)
    return image


def is_image(start: bytes) -> bool:
    """Whether a file that begins so is an image of a format that is read."""
    return not unsupported_format(start) and (start.startswith(MAGIC) or _known(start) is not None)


def _reader(start: bytes) -> type[ImageFile.ImageFile]:
    if form := unsupported_format(start):
        raise Unreadable("unsupported format", advice(form))
    if reader := _known(start):
        return reader
    what = next((what for mark, what in _OTHERS if mark in start[:64]), f"it begins with {first_bytes(start)}")
    raise Unreadable("not an image", f"{what}; JPEG, PNG, GIF, BMP, TIFF, WebP and NumPy's .npy are supported")


def _known(start: bytes) -> type[ImageFile.ImageFile] | None:
    for magic, reader in _FORMATS:
        if len(start) >= len(magic) and all(m in (ord("."), b) for m, b in zip(magic, start, strict=False)):
            return reader
    return None


def _is_raw(image: TiffImageFile) -> bool:
    """Whether a TIFF is a raw camera file: DNG has a tag, others begin with a thumbnail and keep the image elsewhere."""
    tags = image.tag_v2
    return _DNG_VERSION in tags or (_SUB_IMAGES in tags and bool(int(tags.get(_SUBFILE, 0)) & 1))


def _is_planar_of_16_bits(image: TiffImageFile) -> bool:
    """Whether more than 8 bits lie in a plane for each color, of which Pillow takes every byte for a value."""
    bits = image.tag_v2.get(_BITS_PER_SAMPLE, (1,))
    stored = str([tile.args for tile in image.tile])  # Pillow's names of what is stored, such as RGB;16B
    return max(bits) > 8 and image.tag_v2.get(_PLANAR) == 2 and len(bits) > 1 and ";16" not in stored


def check_size(width: int, height: int, limits: Limits) -> None:
    """Raises Unreadable for more pixels than the limit."""
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
