"""What a data set asks for, decided once: size, channels, bits and levels, background, and how images fit the canvas.

Headers of a sample are read, and pixels only where headers call for it: all images of more than 8 bits, to know their
levels; those of the sample that may be transparent; those of the sample where most are so wide or tall that a square would
cut off much of them. Plain 8-bit photographs and arrays cost no pixel.
"""

import os
import random
import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from types import MappingProxyType
from typing import Final, Protocol, TypeVar, final

import numpy as np
import numpy.typing as npt

from striate.data.content_lost import CUT, FLAT, area_cut, content_lost, contrast
from striate.data.decoding.canvas import Canvas
from striate.data.decoding.decode import Header
from striate.data.decoding.rendering import (
    BACKGROUNDS,
    Levels,
    Rendering,
    ValueRange,
    bits_in_use,
    levels_of,
    levels_of_all,
)
from striate.data.decoding.resize import Pixels
from striate.data.settings import Background, FitMode
from striate.data.skipped_files import Unreadable
from striate.data.store import Store
from striate.data.threads import Progress, in_threads
from striate.data.value_ranges import ValueRanges, one_scale, rendering_of, wide_value_ranges
from striate.errors import DataError
from striate.number_format import percent

__all__ = ["CUT_CONTENT", "MUCH", "NOTICEABLE", "SAMPLE", "Survey", "survey"]

SAMPLE: Final = 200  # headers that are read
_INSPECTED: Final = 60  # of them, of which pixels are read
_HIDDEN: Final = 0.15  # contrast as a share of that on the best background, below which a background hides an image
_ENOUGH: Final = 256  # rows or columns of an image from which its contrast is measured
NOTICEABLE: Final = 0.05  # of the transparent images, hidden
CUT_CONTENT: Final = 0.25  # of the images, with content in what a square cuts off, from which on all are shown whole
MUCH: Final = 0.5  # area that is cut off, from which on fewer images count: more than a photograph of 16 x 9 loses
_REDUCED: Final = 64  # pixels of either side, to which a large JPEG may come reduced

Result = TypeVar("Result")


class NamedStore(Protocol):
    """What is surveyed of a split: its store, and the names of its images."""

    @property
    def store(self) -> Store: ...

    @property
    def ids(self) -> tuple[str, ...]: ...


@final
@dataclass(frozen=True, eq=False)
class Survey:
    """What was found. Ids are of images in the sample.

    `wide` has the value range of each image of more than 8 bits, by split, and `value_ranges` those of all of them, integers
    and floats apart. `hidden` is for each background the share of the transparent images that it hides. `cut_content` is
    the share of the images of which a square cuts off much that holds content, `cut` how much of their area that typically
    is, and `cut_most` the share that loses more than half.
    """

    height: int  # medians
    width: int
    channels: int
    sizes: tuple[tuple[int, int], ...]  # height and width of each image of the sample
    only_wide: bool  # all images of the sample have more than 8 bits
    wide: Mapping[str, ValueRanges]
    value_ranges: tuple[ValueRange, ...]
    hidden: Mapping[Background, float]
    background: Background
    cut: float
    cut_content: float
    cut_most: float
    losing: Mapping[str, float]  # id of an inspected image -> area with content that a square cuts off
    first_frames: tuple[str, ...]
    bits_lost: tuple[str, ...]

    @property
    def fit(self) -> FitMode:
        """All of an image is shown where a square would cut off much that holds content."""
        return "contain" if self.cut_content >= CUT_CONTENT else "cover"

    def side(self, fit: FitMode) -> int:
        """Of a square for the typical image: its longer side where all is shown at once, else its shorter one."""
        return statistics.median_low(map(max, self.sizes)) if fit == "contain" else min(self.height, self.width)

    @property
    def loses_content(self) -> bool:
        """Whether a square cuts much off a noticeable share of the images."""
        return self.fit == "contain" or self.cut_most >= NOTICEABLE

    def rendering(self, background: Background | None = None) -> Rendering:
        """Black and white of the data set, and the background: the data's own, unless one is given."""
        return rendering_of(self.value_ranges, levels_of_all, background or self.background)

    def rendering_of_new_images(self) -> Rendering:
        """The same for a network that learned from other data: as of images that it is given one by one."""
        return rendering_of(self.value_ranges, levels_of, self.background)

    def window(self, background: Background | None = None) -> Rendering:
        """The same for looking: a data set of wide images is shown from its least to its greatest value."""
        if not self.only_wide:
            return self.rendering(background)
        return rendering_of(self.value_ranges, _whole_range, background or self.background)

    def hides_content(self, background: Background) -> bool:
        """Whether a background hides a noticeable share of the images with transparent parts."""
        return self.hidden.get(background, 0) >= NOTICEABLE

    def summary(self, canvas: Canvas) -> list[str]:
        """A line for all that is decided in another way than of plain 8-bit photographs, as the canvas has it."""
        lines = []
        for kind, levels in (("integers", canvas.rendering.integers), ("floats", canvas.rendering.floats)):
            if levels is not None:
                name = _integers(levels) if kind == "integers" else kind
                of = "" if self.only_wide else " of more than 8 bits"
                lines.append(f"levels: {name}, {levels[0]:g} is black and {levels[1]:g} white in all images{of}")
        if canvas.rendering.background != "white" and canvas.channels != 4 and self.hidden:
            why = (
                f", since white hides what {percent(self.hidden['white'], 0)} of them show"
                if self.hides_content("white")
                else ""
            )
            lines.append(f"transparency: images are put on {canvas.rendering.background}{why}")
        if canvas.fit == "window":
            lines.append(
                f"fit: images keep their size, up to {canvas.width} x {canvas.height}; a window moves over them"
            )
        elif canvas.fit == "contain" and any(height != width for height, width in self.sizes):
            why = f", since a square would {self._cut('them')}" if self.fit == "contain" else ""
            lines.append(f"fit: whole images are kept, with black beside them{why}")
        elif canvas.fit == "cover" and self.fit == "contain":
            lines.append(f"fit: squares {self._cut('the images')}, and content with it; --fit contain shows them whole")
        return lines

    def _cut(self, images: str) -> str:
        """What squares do to the images: "cut off 20 % of them", or "cut 60 % of them by 20 %"."""
        if self.cut_content > 0.95:
            return f"cut off {percent(self.cut, 0)} of {images}"
        return f"cut {percent(self.cut_content, 0)} of {images} by {percent(self.cut, 0)}"

    @property
    def bits_in_use(self) -> int | None:
        """Of wide integers; None where there are none, or where they are on no scale of bits."""
        levels = self.rendering().integers
        return None if levels is None else bits_in_use(levels)

    def canvas(self) -> Canvas:
        """The typical image as it is."""
        rendering = self.rendering()
        levels = (rendering.integers, rendering.floats)
        wide = rendering.floats is not None or any(one is not None and one[1] - one[0] > 255 for one in levels)
        return Canvas(self.height, self.width, self.channels, 16 if wide else 8, rendering, self.fit)


def survey(splits: Mapping[str, NamedStore], progress: Progress | None = None) -> Survey:
    """Look at the data of a source; the first split is what is learned from. `progress` counts images whose levels are read.

    DataError where splits are on different scales, or where no header can be read.
    """
    listing, *others = splits.values()
    headers = _headers(listing)
    known = list(headers.values())
    any_wide = any(header.wide for header in known) or any(_is_wide(one) for one in others)
    stores = {split: one.store for split, one in splits.items()}
    wide = wide_value_ranges(stores, progress) if any_wide else {}
    ranges = one_scale(wide)
    only_wide = all(header.wide for header in known)
    hidden = _hidden(listing.store, [i for i, header in headers.items() if header.transparent])
    background = _best_background(hidden)
    lost, losing = _lost(
        listing.store, headers, rendering_of(ranges, _whole_range if only_wide else levels_of_all, background)
    )
    return Survey(
        height=statistics.median_low(header.height for header in known),
        width=statistics.median_low(header.width for header in known),
        channels=_channels(known),
        sizes=tuple((header.height, header.width) for header in known),
        only_wide=only_wide,
        wide=wide,
        value_ranges=ranges,
        hidden=hidden,
        background=background,
        cut=float(np.median(lost[lost > 0])) if lost.any() else 0.0,
        cut_content=float((lost > 0).mean()),
        cut_most=float((lost > MUCH).mean()),
        losing={listing.ids[i]: share for i, share in losing.items()},
        first_frames=tuple(listing.ids[i] for i, header in headers.items() if header.frames > 1),
        bits_lost=tuple(listing.ids[i] for i, header in headers.items() if header.bits_lost),
    )


def _headers(listing: NamedStore) -> dict[int, Header]:
    """Headers of the sample by their position; the first of all where the sample has none that can be read."""
    count, failures = len(listing.store), []

    def readable(positions: Sequence[int]) -> Iterator[tuple[int, Header]]:
        for i in positions:
            try:
                yield i, listing.store.header(i)
            except Unreadable as failure:
                failures.append(f"{listing.ids[i]}: {failure.reason}: {failure.detail}")

    # by chance, since what comes again and again, as every fourth image of four cameras, may meet even steps
    sample = sorted(random.Random(0).sample(range(count), min(count, SAMPLE)))  # noqa: S311 - no secret: it chooses images to look at, the same each time
    headers = dict(readable(sample)) or dict(islice(readable(range(count)), 1))
    if not headers:
        raise DataError(f"none of {count} images can be read, {failures[0]}")
    return headers


def _channels(headers: Sequence[Header]) -> int:
    """Of images 1 or 3: transparency is no color. Of arrays the number that they have, for it may be anything."""
    arrays = {header.channels for header in headers if header.format in ("array", "NPY")}
    if len(arrays) == 1 and len(headers) == sum(header.format in ("array", "NPY") for header in headers):
        return arrays.pop()
    return 3 if any(header.color for header in headers) else 1


# ---- levels


def _is_wide(listing: NamedStore) -> bool:
    """Whether a sampled image has more than 8 bits."""
    try:
        return any(header.wide for header in _headers(listing).values())
    except DataError:  # none can be read; what is learned from was asked before
        return False


def _integers(levels: Levels) -> str:
    """What a person calls integers with such levels: by their bits, or, of a narrow band, by what it fills of them."""
    black, white = levels
    bits = bits_in_use(levels_of(ValueRange(min(black, 0), white, whole=True, floats=False)))
    if bits is None:
        return "integers"
    return (
        f"{bits} bits in use"
        if black == 0
        else f"integers that fill {percent((white - black) / 2**bits, 2)} of {bits} bits"
    )


def _whole_range(extent: ValueRange) -> Levels:
    """Black is the least value and white the greatest, or a little above where all are equal."""
    smallest = 1 if extent.whole else 1e-6
    return extent.least, max(extent.greatest, extent.least + smallest)


# ---- background


def _hidden(store: Store, transparent: Sequence[int]) -> Mapping[Background, float]:
    """For each background the share of the images with transparent parts that it hides; {} where there are none."""
    hiding = [one for one in _each(_hiding, store, transparent).values() if one is not None]
    if not hiding:
        return MappingProxyType({})
    shares = np.array(hiding).mean(0).tolist()  # M 3 -> 3
    return MappingProxyType(dict(zip(BACKGROUNDS, shares, strict=True)))


def _hiding(pixels: Pixels) -> list[bool] | None:
    """Whether each background hides an image; None where nothing is transparent, or all is and there are no colors."""
    if pixels.shape[2] != 4 or pixels[..., 3].min() == 255:
        return None
    step = max(1, min(pixels.shape[:2]) // _ENOUGH)
    pixels = pixels[::step, ::step]
    share = pixels[..., 3:].astype(np.float32) / 255
    colors = pixels[..., :3].astype(np.float32)
    if share.max() == 0:
        return [True] * len(BACKGROUNDS) if contrast(colors) > FLAT else None
    contrasts = [contrast(colors * share + behind * (1 - share)) for behind in BACKGROUNDS.values()]
    return [one < _HIDDEN * max(contrasts) for one in contrasts]


def _best_background(hidden: Mapping[Background, float]) -> Background:
    """White unless it hides a noticeable share of the images; then what hides the fewest, white where it is as good."""
    if hidden.get("white", 0) < NOTICEABLE:
        return "white"
    return min(("white", "black", "gray"), key=lambda name: hidden[name])


# ---- fit


def _lost(
    store: Store, headers: Mapping[int, Header], shown: Rendering
) -> tuple[npt.NDArray[np.float64], dict[int, float]]:
    """What a square cuts off of images, where it holds content: a value for each image, or the same many of each value.

    With those of the inspected images that lose anything, by position.
    """
    at = [i for i, header in headers.items() if area_cut(header.height, header.width) > CUT]
    inspected = _each(content_lost, store, at, shown)
    if not inspected:
        return np.zeros(1), {}
    lost, whole = np.array(list(inspected.values())), np.zeros(len(headers) - len(at))
    losing = {i: share for i, share in inspected.items() if share > 0}
    return np.concatenate([lost.repeat(len(at)), whole.repeat(len(lost))]), losing


def _each(
    inspect: Callable[[Pixels], Result], store: Store, at: Sequence[int], shown: Rendering | None = None
) -> dict[int, Result]:
    """What `inspect` finds in images at a few of these positions, spread evenly, where they can be read, by position."""
    count = min(len(at), _INSPECTED)
    found: dict[int, Result] = {}

    def read(n: int) -> None:
        try:
            found[n] = inspect(store.pixels_of(at[len(at) * n // count], (_REDUCED, _REDUCED), shown))
        except Unreadable:
            return

    in_threads(read, count, os.cpu_count() or 1)
    return {at[len(at) * n // count]: found[n] for n in sorted(found)}
