"""A store: where the pictures of a split lie, one by one; reading one never changes it.

A source says what its pictures mean, a store only how each of them is read: from files, from one array, or from parts of
an archive.
"""

import hashlib
import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Final, Literal, final

import numpy as np

from striate.data.decoding.canvas import Canvas
from striate.data.decoding.decode import Header, Stored, decode_picture, read_header, read_picture
from striate.data.decoding.fit import Pixels, fit
from striate.data.decoding.limits import DEFAULT_LIMITS, Limits
from striate.data.decoding.modes import to_pixels
from striate.data.decoding.regular_file import open_regular_file
from striate.data.set_aside import Unreadable
from striate.data.threads import in_threads

__all__ = ["ArrayStore", "ContentStore", "FileStore", "HeldImage", "ImageStore", "Store", "on_canvas"]

# a path, a file's content, Pillow's image, pixels H W C, or why there is no image
HeldImage = Stored | Pixels | Unreadable

_MODES: Final = MappingProxyType({1: "L", 3: "RGB", 4: "RGBA"})


class Store(ABC):
    """N pictures that are read by their position. All verbs but the first two raise Unreadable, any thread may call."""

    @abstractmethod
    def __len__(self) -> int: ...

    @abstractmethod
    def digests(self) -> Sequence[str]:
        """What tells a changed store from this one: a line for each picture, or fewer lines for all of them."""

    @abstractmethod
    def header(self, i: int, limits: Limits) -> Header:
        """Format, size and kind of a picture; no pixel is decoded."""

    @abstractmethod
    def picture(self, i: int, limits: Limits, at_least: tuple[int, int] | None = None) -> Pixels:
        """A whole picture, upright, in its own channels: H W C.

        `at_least` (height, width): it may come reduced, where that is quicker, as long as it still covers this.
        """

    @abstractmethod
    def decode(self, i: int, canvas: Canvas, limits: Limits) -> Pixels:
        """A picture on the canvas: H W C."""

    def ready(self, canvas: Canvas) -> Pixels | None:  # noqa: ARG002 - the default, for stores of files: they are never ready on any canvas
        """All pictures at once, N H W C, where they lie in memory just as the canvas wants them."""
        return None


@final
@dataclass(frozen=True)
class FileStore(Store):
    """A file for each picture; paths as the system names them."""

    paths: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.paths)

    def digests(self) -> list[str]:
        """Size and SHA-256 of each file; of a file that cannot be read, why."""
        digests = [""] * len(self.paths)

        def read(i: int) -> None:
            digests[i] = _file_digest(self.paths[i])

        in_threads(read, len(self.paths), os.cpu_count() or 1)
        return digests

    def header(self, i: int, limits: Limits) -> Header:
        return read_header(self.paths[i], limits)

    def picture(self, i: int, limits: Limits, at_least: tuple[int, int] | None = None) -> Pixels:
        return read_picture(self.paths[i], limits, at_least)

    def decode(self, i: int, canvas: Canvas, limits: Limits) -> Pixels:
        return decode_picture(self.paths[i], canvas, limits)


@final
@dataclass(frozen=True, eq=False)
class ContentStore(Store):
    """What would be in a picture file, by position, from wherever it lies: part of an archive, a cell of a table.

    `read` gives all bytes of it or raises Unreadable; any thread may call it.
    """

    count: int
    read: Callable[[int], bytes]

    def __len__(self) -> int:
        return self.count

    def digests(self) -> list[str]:
        """Size and SHA-256 of each content; of one that cannot be read, why."""
        digests = [""] * self.count

        def read(i: int) -> None:
            try:
                content = self.read(i)
                digests[i] = f"{len(content)}\t{hashlib.sha256(content).hexdigest()}"
            except Unreadable as failure:
                digests[i] = failure.reason

        in_threads(read, self.count, os.cpu_count() or 1)
        return digests

    def header(self, i: int, limits: Limits) -> Header:
        return read_header(self.read(i), limits)

    def picture(self, i: int, limits: Limits, at_least: tuple[int, int] | None = None) -> Pixels:
        return read_picture(self.read(i), limits, at_least)

    def decode(self, i: int, canvas: Canvas, limits: Limits) -> Pixels:
        return decode_picture(self.read(i), canvas, limits)


@final
@dataclass(frozen=True, eq=False)
class ArrayStore(Store):
    """Pictures of one size in one array: `read` gives N H W C, and is called once, when the first picture is wanted."""

    shape: tuple[int, int, int, int]
    read: Callable[[], Pixels]
    digest: Callable[[], str]
    bits: Literal[8, 16] = 8

    def __len__(self) -> int:
        return self.shape[0]

    @cached_property
    def pixels(self) -> Pixels:
        return self.read()

    def digests(self) -> list[str]:
        return [self.digest()]

    def header(self, i: int, limits: Limits) -> Header:  # noqa: ARG002 - limits are for files: an array was accepted as a whole when it was opened
        return _array_header(self.shape[1:], self.bits)

    def picture(self, i: int, limits: Limits, at_least: tuple[int, int] | None = None) -> Pixels:  # noqa: ARG002 - an array was accepted as a whole, and no smaller form is quicker
        return self.pixels[i]

    def decode(self, i: int, canvas: Canvas, limits: Limits) -> Pixels:  # noqa: ARG002 - limits are for files: an array was accepted as a whole when it was opened
        return on_canvas(self.pixels[i], canvas)

    def ready(self, canvas: Canvas) -> Pixels | None:
        return self.pixels if self.shape[1:] == canvas.shape and self.bits == canvas.bits else None


@final
@dataclass(frozen=True, eq=False)
class ImageStore(Store):
    """Images as Python code holds them, each of its own kind and size."""

    images: tuple[HeldImage, ...]

    def __len__(self) -> int:
        return len(self.images)

    def digests(self) -> list[str]:
        """Of paths and contents as the other stores; of pixels their shape and SHA-256, of Pillow's images too."""
        digests = [""] * len(self.images)

        def read(i: int) -> None:
            try:
                digests[i] = self._digest(i)
            except Unreadable as failure:
                digests[i] = failure.reason

        in_threads(read, len(self.images), os.cpu_count() or 1)
        return digests

    def header(self, i: int, limits: Limits) -> Header:
        image = self._image(i)
        if isinstance(image, np.ndarray):
            return _array_header(image.shape, 8 if image.dtype == np.uint8 else 16)
        return read_header(image, limits)

    def picture(self, i: int, limits: Limits, at_least: tuple[int, int] | None = None) -> Pixels:
        image = self._image(i)
        return image if isinstance(image, np.ndarray) else read_picture(image, limits, at_least)

    def decode(self, i: int, canvas: Canvas, limits: Limits) -> Pixels:
        image = self._image(i)
        return on_canvas(image, canvas) if isinstance(image, np.ndarray) else decode_picture(image, canvas, limits)

    def _image(self, i: int) -> Stored | Pixels:
        image = self.images[i]
        if isinstance(image, Unreadable):
            raise Unreadable(image.reason, image.detail)
        return image

    def _digest(self, i: int) -> str:
        image = self._image(i)
        if isinstance(image, str | Path):
            return _file_digest(image)
        if isinstance(image, bytes):
            return f"{len(image)}\t{hashlib.sha256(image).hexdigest()}"
        pixels = np.ascontiguousarray(self.picture(i, DEFAULT_LIMITS))
        return f"{pixels.shape} {pixels.dtype}\t{hashlib.sha256(pixels.data).hexdigest()}"


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


def _array_header(shape: tuple[int, ...], bits: Literal[8, 16]) -> Header:  # H W C
    height, width, channels = shape
    return Header("array", height, width, _MODES.get(channels, "uint8") if bits == 8 else "uint16", channels, bits, 1)


def on_canvas(pixels: Pixels, canvas: Canvas) -> Pixels:
    """A picture in memory, H W C, on the canvas."""
    height, width, _ = pixels.shape
    converted = to_pixels(pixels, canvas.channels, canvas.bits)
    return fit(converted, canvas.height, canvas.width, (0, 0, width, height))
