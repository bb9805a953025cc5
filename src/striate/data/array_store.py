"""Stores of arrays: all images of one size in one array, or an image for each row of it."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal, final

import numpy as np
import numpy.typing as npt

from striate.data.decoding.canvas import Canvas
from striate.data.decoding.decode import Header
from striate.data.decoding.modes import to_pixels
from striate.data.decoding.rendering import AS_STORED, Levels, Rendering, ValueRange, robust_value_range
from striate.data.decoding.resize import Pixels
from striate.data.store import ANY_SIZE, ArrayImage, ImageStore, Store, array_header, on_canvas

__all__ = ["ArrayStore", "image_store"]


@final
@dataclass(frozen=True, eq=False)
class ArrayStore(Store):
    """Images of one size in one array: `read` gives N H W C, and is called once, when the first image is wanted.

    `white` is the stored value that `read` makes white; 0 is black. `stored` gives the values before that, N H W C of any
    real numbers, None where `read` changes none. `digest` is that of the pixels where it is known without them.
    """

    shape: tuple[int, int, int, int]
    read: Callable[[], Pixels]
    white: float = 255
    stored: Callable[[], npt.NDArray[Any]] | None = None
    digest: str = ""

    def __len__(self) -> int:
        return self.shape[0]

    @property
    def bits(self) -> Literal[8, 16]:
        return 16 if self.white > 255 else 8

    @cached_property
    def pixels(self) -> Pixels:
        return np.require(self.read(), requirements="W")  # a copy of what is read-only, which torch does not have

    def digests(self) -> list[str]:
        return [self.digest or f"{self.shape} {hashlib.sha256(np.ascontiguousarray(self.pixels).data).hexdigest()}"]

    def header(self, i: int) -> Header:  # noqa: ARG002 - one header holds for all images of an array, whichever is asked for
        return array_header(self.shape[1:], self.bits)

    def pixels_of(
        self,
        i: int,
        at_least: tuple[int, int] | None = None,  # noqa: ARG002 - an array has no smaller form that would be quicker
        rendering: Rendering | None = None,
    ) -> Pixels:
        return to_pixels(self.pixels[i], self.shape[3], self.bits, self._on_16_bits(rendering or AS_STORED))

    def decode(self, i: int, canvas: Canvas) -> Pixels:
        return on_canvas(self.pixels[i], replace(canvas, rendering=self._on_16_bits(canvas.rendering)))

    def value_range(self, i: int) -> ValueRange | None:
        if self.bits == 8:
            return None
        extent = robust_value_range(self.pixels[i])
        assert extent.robust is not None
        least, greatest, low, high = (
            float(round(value * self.white / 65535)) for value in (extent.least, extent.greatest, *extent.robust)
        )
        return ValueRange(least, greatest, whole=True, floats=False, robust=(low, high))

    def as_stored(self) -> Store:
        return self if self.stored is None else image_store(self.stored(), (0.0, self.white))

    def preloaded(self, canvas: Canvas) -> Pixels | None:
        as_wanted = self.bits == 8 or canvas.rendering.integers in (None, (0, self.white))
        return self.pixels if self.shape[1:] == canvas.shape and self.bits == canvas.bits and as_wanted else None

    def _on_16_bits(self, rendering: Rendering) -> Rendering:
        """The rendering with its levels counted as `pixels` count, where 65535 stands for `white`."""
        black, white = rendering.integers or (0, self.white)
        levels: Levels = (black * 65535 / self.white, white * 65535 / self.white)
        return replace(rendering, integers=levels)


def image_store(values: npt.NDArray[Any], levels: Levels) -> ImageStore:
    """The images of an array, N H W C of any real numbers, black and white by the same values."""
    return ImageStore(tuple(ArrayImage(one, levels) for one in values), ANY_SIZE)
