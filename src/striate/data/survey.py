"""What a data set asks for, decided once: size, channels, bits and levels, background, and how images fit the canvas.

Headers of a sample are read, and pixels only where headers call for it: all images of more than 8 bits, to know their
levels; those of the sample that may be transparent; those of the sample where most are so wide or tall that a square would
cut off much of them. Plain 8-bit photographs and arrays cost no pixel.
"""

import os
import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from itertools import islice
from operator import or_
from types import MappingProxyType
from typing import Any, Final, Protocol, TypeVar, final

import numpy as np
import numpy.typing as npt

from striate.data.decoding.canvas import Canvas
from striate.data.decoding.decode import Header
from striate.data.decoding.fit import Fit, Pixels
from striate.data.decoding.limits import Limits
from striate.data.decoding.rendering import (
    BACKGROUNDS,
    Background,
    Levels,
    Rendering,
    Span,
    bits_in_use,
    levels_of,
    other_bits,
)
from striate.data.set_aside import Unreadable
from striate.data.store import Store
from striate.data.threads import in_threads
from striate.errors import DataError

__all__ = ["SAMPLE", "Survey", "survey"]

SAMPLE: Final = 200  # headers that are read
_LOOKED_AT: Final = 60  # of them, of which pixels are read
_HIDDEN: Final = 0.15  # contrast as a share of that on the best background, below which a background hides an image
_ENOUGH: Final = 256  # rows or columns of an image that tell its contrast
_NOTICEABLE: Final = 0.05  # of the transparent images, hidden
_CUT: Final = 0.4  # area of an image that a square does not show, above which its ends are looked at
_CUT_CONTENT: Final = 0.25  # of the images, with content in what is cut off
_ENDS: Final = 0.5  # contrast of an end as a share of that of the middle, from which on it holds content
_FLAT: Final = 4.0  # standard deviation, of 255 levels, of what is empty but for noise and compression
_REDUCED: Final = 64  # pixels of either side, to which a large JPEG may come reduced
_SHORT: Final = 16  # pixels of the shorter side at which ends are looked at: fine noise is averaged away
_OTHER_SCALE: Final = 4 * 255  # typical greatest value of images that are surely not on the scale 0..255

Result = TypeVar("Result")


class Stored(Protocol):
    """What is surveyed of a split: its store, and the names of its images."""

    @property
    def store(self) -> Store: ...

    @property
    def ids(self) -> tuple[str, ...]: ...


@final
@dataclass(frozen=True, eq=False)
class Survey:
    """What was found. Ids are of images in the sample.

    `spans` are those of all wide images, integers and floats apart. `hidden` says for each background the share of the
    transparent images that it hides. `cut` is the area of the typical image that a square does not show, and
    `cut_content` the share of the images whose lost ends hold content.
    """

    height: int  # medians
    width: int
    channels: int
    sampled: int
    only_wide: bool  # all images of the sample have more than 8 bits
    spans: tuple[Span, ...]
    hidden: Mapping[Background, float]
    background: Background
    cut: float
    cut_content: float
    first_frames: tuple[str, ...]
    bits_lost: tuple[str, ...]

    @property
    def fit(self) -> Fit:
        """All of an image is shown where a square would cut off much that holds content."""
        return "contain" if self.cut > _CUT and self.cut_content >= _CUT_CONTENT else "cover"

    def rendering(self, background: Background | None = None) -> Rendering:
        """Black and white of the data set, and the background: the data's own, unless one is given."""
        return _rendering(self.spans, levels_of, background or self.background)

    def window(self, background: Background | None = None) -> Rendering:
        """The same for looking: a data set of wide images is shown from its least to its greatest value."""
        if not self.only_wide:
            return self.rendering(background)
        return _rendering(self.spans, _whole_span, background or self.background)

    def hides(self, background: Background) -> bool:
        """Whether a background hides a noticeable share of the images with transparent parts."""
        return self.hidden.get(background, 0) >= _NOTICEABLE

    def told(self, canvas: Canvas) -> list[str]:
        """A line for all that is decided in another way than of plain 8-bit photographs, as the canvas has it."""
        lines = []
        for kind, levels in (("integers", canvas.rendering.integers), ("floats", canvas.rendering.floats)):
            if levels is not None:
                bits = bits_in_use(levels) if kind == "integers" else None
                name = kind if bits is None else f"{bits} bits in use"
                of = "" if self.only_wide else " of more than 8 bits"
                lines.append(f"levels: {name}, {levels[0]:g} is black and {levels[1]:g} white in all images{of}")
        if canvas.rendering.background != "white" and canvas.channels != 4 and self.hidden:
            why = f", since white hides what {self.hidden['white']:.0%} of them show" if self.hides("white") else ""
            lines.append(f"transparency: images are put on {canvas.rendering.background}{why}")
        if canvas.fit == "contain":
            why = f", since a square would cut off {self.cut:.0%} of them" if self.fit == "contain" else ""
            lines.append(f"fit: whole images are seen, with black beside them{why}")
        return lines

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


def survey(splits: Mapping[str, Stored], limits: Limits) -> Survey:
    """Look at the data of a source; the first split is what is learned from.

    DataError where splits are on different scales, or where no header can be read.
    """
    listing = next(iter(splits.values()))
    headers = _headers(listing, limits)
    known = list(headers.values())
    spans = _spans(splits, limits) if any(header.wide for header in known) else ()
    hidden = _hidden(listing.store, [i for i, header in headers.items() if header.transparent], limits)
    found = Survey(
        statistics.median_low(header.height for header in known),
        statistics.median_low(header.width for header in known),
        _channels(known),
        len(known),
        all(header.wide for header in known),
        spans,
        hidden,
        _best_background(hidden),
        statistics.median(_cut(header.height, header.width) for header in known),
        0.0,
        tuple(listing.ids[i] for i, header in headers.items() if header.frames > 1),
        tuple(listing.ids[i] for i, header in headers.items() if header.bits_lost),
    )
    if found.cut <= _CUT:
        return found
    ends = _each(_has_content, listing.store, list(headers), limits, found.window())
    return replace(found, cut_content=sum(ends) / max(1, len(ends)))


def _headers(listing: Stored, limits: Limits) -> dict[int, Header]:
    """Headers of the sample by their position; the first of all where the sample has none that can be read."""
    count, failures = len(listing.store), []

    def readable(positions: range) -> Iterator[tuple[int, Header]]:
        for i in positions:
            try:
                yield i, listing.store.header(i, limits)
            except Unreadable as failure:
                failures.append(f"{listing.ids[i]}: {failure.reason}: {failure.detail}")

    headers = dict(readable(range(0, count, max(1, count // SAMPLE)))) or dict(islice(readable(range(count)), 1))
    if not headers:
        raise DataError(f"none of {count} images can be read, {failures[0]}")
    return headers


def _channels(headers: Sequence[Header]) -> int:
    """Of images 1 or 3: transparency is no color. Of arrays the number that they have, for it may be anything."""
    arrays = {header.channels for header in headers if header.format in ("array", "NPY")}
    if len(arrays) == 1 and len(headers) == sum(header.format in ("array", "NPY") for header in headers):
        return arrays.pop()
    return 3 if any(header.colour for header in headers) else 1


# ---- levels


def _spans(splits: Mapping[str, Stored], limits: Limits) -> tuple[Span, ...]:
    """The spans of all wide images of all splits: of integers, of floats."""
    of_splits = {split: _wide(one.store, limits) for split, one in splits.items()}
    spans = []
    for floats in (False, True):
        kind = {split: own for split, all_of in of_splits.items() if (own := [s for s in all_of if s.floats == floats])}
        _check_scales(kind)
        if kind:
            spans.append(reduce(or_, (span for own in kind.values() for span in own)))
    return tuple(spans)


def _wide(store: Store, limits: Limits) -> list[Span]:
    """The span of each wide image that can be read."""
    spans: list[Span | None] = [None] * len(store)

    def read(i: int) -> None:
        try:
            if store.header(i, limits).wide:
                spans[i] = store.span(i, limits)
        except Unreadable:
            return

    in_threads(read, len(store), os.cpu_count() or 1)
    return [span for span in spans if span is not None]


def _check_scales(spans: Mapping[str, Sequence[Span]]) -> None:
    """DataError where the images of one split are on 0..1 or 0..255 and those of another far beyond, or of other bits."""
    for small, own in spans.items():
        whole = reduce(or_, own)
        scale = 1 if whole.floats and whole.greatest <= 1 else 255
        for large, others in spans.items():
            typical = statistics.median(span.greatest for span in others)
            beyond = 0 < whole.greatest <= 255 and typical > _OTHER_SCALE * scale / 255
            if whole.least >= 0 and (beyond or _other_bits(own, others)):
                raise DataError(
                    f"the images of {small} have values up to {whole.greatest:g}, those of {large} typically up to "
                    f"{typical:g}, so the same number is another brightness; bring them to one scale"
                )


def _other_bits(own: Sequence[Span], others: Sequence[Span]) -> bool:
    """Whether whole numbers from 0 on use other bits than others do."""
    if not all(span.whole and span.least >= 0 for span in (*own, *others)):
        return False
    return other_bits([span.greatest for span in own], [span.greatest for span in others])


def _rendering(spans: Sequence[Span], levels: Callable[[Span], Levels], background: Background) -> Rendering:
    integers, floats = (next((levels(s) for s in spans if s.floats == kind), None) for kind in (False, True))
    return Rendering(integers, floats, background)


def _whole_span(span: Span) -> Levels:
    return span.least, max(span.greatest, span.least + 1) if span.whole else max(span.greatest, span.least + 1e-6)


# ---- background


def _hidden(store: Store, transparent: Sequence[int], limits: Limits) -> Mapping[Background, float]:
    """For each background the share of the images with transparent parts that it hides; {} where there are none."""
    hiding = [one for one in _each(_hiding, store, transparent, limits) if one is not None]
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
        return [True] * len(BACKGROUNDS) if _contrast(colors) > _FLAT else None
    contrasts = [_contrast(colors * share + behind * (1 - share)) for behind in BACKGROUNDS.values()]
    return [one < _HIDDEN * max(contrasts) for one in contrasts]


def _best_background(hidden: Mapping[Background, float]) -> Background:
    """White unless it hides a noticeable share of the images; then what hides the fewest, white where it is as good."""
    if hidden.get("white", 0) < _NOTICEABLE:
        return "white"
    return min(("white", "black", "gray"), key=lambda name: hidden[name])


# ---- fit


def _cut(height: int, width: int) -> float:
    """The area that a square in the middle does not show."""
    return 1 - min(height, width) / max(height, width)


def _has_content(pixels: Pixels) -> bool:
    """Whether an end that a square in the middle does not show holds more than an even background."""
    factor = max(1, min(pixels.shape[:2]) // _SHORT)
    height, width = (side // factor for side in pixels.shape[:2])
    blocks = pixels[: height * factor, : width * factor].reshape(height, factor, width, factor, -1)
    small = blocks.mean((1, 3), dtype=np.float32) / (257 if pixels.dtype == np.uint16 else 1)  # height width C
    if height > width:
        small, height, width = small.swapaxes(0, 1), width, height
    end = (width - height) // 2
    if end < 1 or _cut(height, width) <= _CUT:
        return False
    ends = max(_contrast(small[:, :end]), _contrast(small[:, width - end :]))
    return ends > max(_FLAT, _ENDS * _contrast(small[:, end : width - end]))


def _each(
    look: Callable[[Pixels], Result], store: Store, at: Sequence[int], limits: Limits, shown: Rendering | None = None
) -> list[Result]:
    """What is seen in images at a few of these positions, spread evenly, where they can be read."""
    count = min(len(at), _LOOKED_AT)
    seen: dict[int, Result] = {}

    def read(n: int) -> None:
        try:
            seen[n] = look(store.picture(at[len(at) * n // count], limits, (_REDUCED, _REDUCED), shown))
        except Unreadable:
            return

    in_threads(read, count, os.cpu_count() or 1)
    return [seen[n] for n in sorted(seen)]


def _contrast(pixels: npt.NDArray[Any]) -> float:
    """Standard deviation over the pixels, the mean square over the channels: H W C."""
    return float(np.sqrt(pixels.astype(np.float32).var((0, 1)).mean()))
