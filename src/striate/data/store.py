"""A store: where the images of a split lie, one by one; reading one never changes it.

A source knows what its images mean, a store only how each of them is read: from files, from one array, or from members of
an archive.

The whole of a file is read once, for its pixels and its digest together, with two exceptions. Of more than 8 bits all files
are read for their values first, since the levels of all decide how each is rendered. A file above SMALL is not held in memory,
so its digest takes a second read.
"""

import hashlib
import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final, Literal, final

import numpy as np
import numpy.typing as npt

from striate.data.decoding.canvas import Canvas
from striate.data.decoding.decode import Header, ImageLike, decode_image, read_header, read_image, read_value_range
from striate.data.decoding.limits import MOST_PIXELS, Limits
from striate.data.decoding.modes import PILLOW_MODES, to_pixels
from striate.data.decoding.regular_file import open_regular_file, read_small_file
from striate.data.decoding.rendering import AS_STORED, Levels, Rendering, ValueRange, robust_value_range
from striate.data.decoding.resize import Pixels, resize_to_canvas
from striate.data.skipped_files import Unreadable
from striate.data.threads import in_threads

__all__ = [
    "ANY_SIZE",
    "ArrayImage",
    "ContentStore",
    "FileStore",
    "ImageItem",
    "ImageStore",
    "Store",
    "array_header",
    "on_canvas",
]

ANY_SIZE: Final = Limits(MOST_PIXELS)  # of an image that is in memory already


class Store(ABC):
    """N images that are read by their position, within the limits that the store was opened with.

    All methods but the first three raise Unreadable, and any thread may call them.
    """

    @abstractmethod
    def __len__(self) -> int: ...

    @abstractmethod
    def digests(self) -> Sequence[str]:
        """What identifies the contents: a line for each image, or fewer lines for all of them."""

    def with_limits(self, limits: Limits) -> "Store":  # noqa: ARG002 - the default, for stores without files: what is in memory was accepted
        """The same images, read within other limits; digests that are known stay known."""
        return self

    @abstractmethod
    def header(self, i: int) -> Header:
        """Format, size and kind of an image; no pixel is decoded."""

    @abstractmethod
    def pixels_of(self, i: int, at_least: tuple[int, int] | None = None, rendering: Rendering | None = None) -> Pixels:
        """A whole image, upright, H W C: in its own channels, or as a rendering shows it, transparency composited.

        `at_least` (height, width): it may come reduced, where that is quicker, as long as it still covers this.
        """

    @abstractmethod
    def decode(self, i: int, canvas: Canvas) -> Pixels:
        """An image on the canvas: H W C."""

    def value_range(self, i: int) -> ValueRange | None:  # noqa: ARG002 - the default, for stores whose images have 8 bits: their range is known
        """From the least to the greatest value as it is stored, of an image whose header is `wide`; None of others."""
        return None

    def as_stored(self) -> "Store":
        """The same images with the values that are stored, for a canvas that knows their levels; files have them anyway."""
        return self

    def preloaded(self, canvas: Canvas) -> Pixels | None:  # noqa: ARG002 - the default, for stores of files: they are never ready on any canvas
        """All images at once, N H W C, where they lie in memory just as the canvas wants them."""
        return None


@final
@dataclass(frozen=True, eq=False)
class ArrayImage:
    """One image in an array, H W C of any real numbers, and which are black and white, where a canvas does not say else."""

    values: npt.NDArray[Any]
    levels: Levels

    @property
    def bits(self) -> Literal[8, 16]:
        return 8 if self.levels in ((0, 1), (0, 255)) else 16

    @property
    def kind(self) -> str:
        """Of its numbers: those of one kind in a data set have one white."""
        return "uint8" if self.values.dtype == np.uint8 else self.values.dtype.kind.replace("u", "i")

    def rendering(self, wanted: Rendering) -> Rendering:
        """The levels that are wanted, and its own where none are."""
        return replace(wanted, integers=wanted.integers or self.levels, floats=wanted.floats or self.levels)


# a path, a file's content, Pillow's image, an array, or why there is no image
ImageItem = ImageLike | ArrayImage | Unreadable


class OneByOneStore(Store):
    """Images that are read one by one, each of its own kind and size.

    `known` are the digests that are known by the position of their image.
    """

    limits: Limits
    known: dict[int, str]

    @abstractmethod
    def image(self, i: int) -> ImageLike | ArrayImage:
        """The encoded image, or its array, as far as a header needs it: of a file its path."""

    def whole_image(self, i: int) -> ImageLike | ArrayImage:
        """The same to be decoded: all of it is read, once, and what is read is hashed if its digest is not known yet."""
        return self.image(i)

    def digests(self) -> list[str]:
        """Size and SHA-256 of files and their contents, shape and SHA-256 of pixels; of what cannot be read, why.

        Files that were decoded before are not read again.
        """

        def read(i: int) -> None:
            try:
                self.known[i] = self._digest(i)
            except Unreadable as failure:
                self.known[i] = failure.reason

        missing = [i for i in range(len(self)) if i not in self.known]
        in_threads(lambda n: read(missing[n]), len(missing), os.cpu_count() or 1)
        return [self.known[i] for i in range(len(self))]

    def header(self, i: int) -> Header:
        image = self.image(i)
        if isinstance(image, ArrayImage):
            return array_header(image.values.shape, image.bits)
        return read_header(image, self.limits)

    def pixels_of(self, i: int, at_least: tuple[int, int] | None = None, rendering: Rendering | None = None) -> Pixels:
        image = self.image(i)
        if isinstance(image, ArrayImage):
            return to_pixels(image.values, image.values.shape[2], image.bits, image.rendering(rendering or AS_STORED))
        return read_image(image, self.limits, at_least, rendering)

    def value_range(self, i: int) -> ValueRange | None:
        image = self.image(i)
        if isinstance(image, ArrayImage):
            return robust_value_range(image.values) if image.bits == 16 else None
        return read_value_range(image, self.limits)

    def decode(self, i: int, canvas: Canvas) -> Pixels:
        image = self.whole_image(i)
        if isinstance(image, ArrayImage):
            return on_canvas(image.values, replace(canvas, rendering=image.rendering(canvas.rendering)))
        return decode_image(image, canvas, self.limits)

    def _digest(self, i: int) -> str:
        image = self.image(i)
        if isinstance(image, str | Path):
            return _file_digest(image)
        if isinstance(image, bytes):
            return _content_digest(image)
        if isinstance(image, ArrayImage):
            values, scale = np.ascontiguousarray(image.values), "{:g} {:g}".format(*image.levels)
        else:  # its pixels may be on a scale of their own
            values = np.ascontiguousarray(read_image(image, ANY_SIZE))
            scale = str(read_value_range(image, ANY_SIZE)) if read_header(image, ANY_SIZE).wide else ""
        return f"{values.shape} {values.dtype} {scale}\t{hashlib.sha256(values.data).hexdigest()}"


@final
@dataclass(frozen=True, eq=False)
class FileStore(OneByOneStore):
    """A file for each image; paths as the system names them."""

    paths: tuple[str, ...]
    limits: Limits
    known: dict[int, str] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.paths)

    def with_limits(self, limits: Limits) -> "FileStore":
        return replace(self, limits=limits)

    def image(self, i: int) -> str:
        return self.paths[i]

    def whole_image(self, i: int) -> str | bytes:
        """The content of the file; the path of one that is too large to be held, which is read again for its digest."""
        content = read_small_file(self.paths[i])
        if content is None:
            return self.paths[i]
        if i not in self.known:
            self.known[i] = _content_digest(content)
        return content


@final
@dataclass(frozen=True, eq=False)
class ContentStore(OneByOneStore):
    """The contents of image files that lie elsewhere, by position: members of an archive, cells of a table.

    `read` gives all bytes of it or raises Unreadable; any thread may call it.
    """

    count: int
    read: Callable[[int], bytes]
    limits: Limits
    known: dict[int, str] = field(default_factory=dict)

    def __len__(self) -> int:
        return self.count

    def with_limits(self, limits: Limits) -> "ContentStore":
        return replace(self, limits=limits)

    def image(self, i: int) -> bytes:
        return self.read(i)

    def whole_image(self, i: int) -> bytes:
        content = self.read(i)
        if i not in self.known:
            self.known[i] = _content_digest(content)
        return content


@final
@dataclass(frozen=True, eq=False)
class ImageStore(OneByOneStore):
    """Images as Python code holds them."""

    images: tuple[ImageItem, ...]
    limits: Limits
    known: dict[int, str] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.images)

    def with_limits(self, limits: Limits) -> "ImageStore":
        return replace(self, limits=limits)

    def image(self, i: int) -> ImageLike | ArrayImage:
        image = self.images[i]
        if isinstance(image, Unreadable):
            raise Unreadable(image.reason, image.detail)
        return image


def _content_digest(content: bytes) -> str:
    return f"{len(content)}\t{hashlib.sha256(content).hexdigest()}"


def _file_digest(path: str | Path) -> str:
    """Size and SHA-256 of a file; of one that cannot be read, why."""
    try:
        with open_regular_file(path) as file:
            content = hashlib.file_digest(file, "sha256")
            return f"{file.tell()}\t{content.hexdigest()}"
    except Unreadable as failure:
        return failure.reason
    except OSError:
        return "unreadable"


def array_header(shape: tuple[int, ...], bits: Literal[8, 16]) -> Header:  # H W C
    """The header of an image in an array."""
    height, width, channels = shape
    return Header(
        "array", height, width, PILLOW_MODES.get(channels, "uint8") if bits == 8 else "uint16", channels, bits, 1
    )


def on_canvas(pixels: npt.NDArray[Any], canvas: Canvas) -> Pixels:
    """An image in memory, H W C, on the canvas."""
    height, width, _ = pixels.shape
    converted = to_pixels(pixels, canvas.channels, canvas.bits, canvas.rendering)
    return resize_to_canvas(converted, canvas.height, canvas.width, (0, 0, width, height), canvas.fit)
