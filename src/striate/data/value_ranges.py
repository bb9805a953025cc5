"""Images of more than 8 bits: from the least to the greatest value of each, and whether splits are on one scale.

New images that do not say what is white, for a network that does not know it either, wait for one scale of all of them.
"""

import os
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import reduce
from itertools import permutations
from operator import or_
from typing import Final

import numpy as np

from striate.data.decoding.decode import Header
from striate.data.decoding.limits import Limits
from striate.data.decoding.rendering import (
    Levels,
    Rendering,
    ValueRange,
    levels_of,
    other_bits,
    other_black,
)
from striate.data.settings import Background
from striate.data.skipped_files import Unreadable
from striate.data.store import ArrayImage, ImageItem, ImageStore, Store
from striate.data.threads import Progress, in_threads
from striate.errors import DataError

__all__ = ["ValueRanges", "on_one_scale", "one_scale", "rendering_of", "waits_for_scale", "wide_value_ranges"]

_OTHER_SCALE: Final = 4 * 255  # typical greatest value of images that are surely not on the scale 0..255

ValueRanges = tuple[ValueRange | None, ...]  # by the position of an image; None of 8 bits, or of what cannot be read


def wide_value_ranges(stores: Mapping[str, Store], progress: Progress | None = None) -> Mapping[str, ValueRanges]:
    """Of each split the value range of each image of more than 8 bits. `progress` counts through all splits."""
    total, before, found = sum(map(len, stores.values())), 0, {}
    for split, store in stores.items():

        def report(done: int, _: int, before: int = before) -> None:
            if progress is not None:
                progress(before + done, total)

        found[split] = _value_ranges(store, report)
        before += len(store)
    return found


def _value_ranges(store: Store, report: Progress) -> ValueRanges:
    ranges: list[ValueRange | None] = [None] * len(store)

    def read(i: int) -> None:
        try:
            if store.header(i).wide:
                ranges[i] = store.value_range(i)
        except Unreadable:
            return

    in_threads(read, len(store), os.cpu_count() or 1, report)
    return tuple(ranges)


def one_scale(of_splits: Mapping[str, ValueRanges]) -> tuple[ValueRange, ...]:
    """the value range of all images of all splits: of integers, of floats. DataError where splits are on different scales."""
    ranges = []
    for floats in (False, True):
        kind = {
            split: own
            for split, all_of in of_splits.items()
            if (own := [extent for extent in all_of if extent is not None and extent.floats == floats])
        }
        _check_scales(kind)
        if kind:
            ranges.append(reduce(or_, (extent for own in kind.values() for extent in own)))
    return tuple(ranges)


def rendering_of(
    ranges: Sequence[ValueRange], levels: Callable[[ValueRange], Levels], background: Background
) -> Rendering:
    """Black and white by `levels`, of the value range of integers and of that of floats, where there are such."""
    integers, floats = (next((levels(s) for s in ranges if s.floats == kind), None) for kind in (False, True))
    return Rendering(integers, floats, background)


def waits_for_scale(image: ImageItem, header: Header, known: Rendering) -> bool:
    """Whether the values do not say what is white, nor the levels that are known: other images that are given may say it."""
    if isinstance(image, ArrayImage):
        whole = image.values.dtype.kind in "iu" and image.values.dtype != np.uint8
        return (whole and known.integers is None) or (image.bits == 16 and known.floats is None)
    return None in (known.integers, known.floats) and header.wide


def on_one_scale(
    images: Sequence[ImageItem], known: Rendering, limits: Limits
) -> tuple[Rendering, Sequence[ImageItem]]:
    """The levels of all images that wait for a scale together, as a survey finds them; known ones stay.

    Also the images, and in place of integers or floats that are together on no known scale why they are refused.
    """
    ranges = wide_value_ranges({"all": ImageStore(tuple(images), limits)})
    own, rendering = rendering_of(one_scale(ranges), levels_of, known.background), known
    refused: dict[bool, Unreadable] = {}
    for floats, of_kind in ((False, replace(own, floats=None)), (True, replace(own, integers=None))):
        try:
            rendering = rendering.with_defaults(of_kind)
        except DataError as error:
            refused[floats] = Unreadable("unreadable", str(error))
    return rendering, [
        image if extent is None else refused.get(extent.floats, image)
        for image, extent in zip(images, ranges["all"], strict=True)
    ]


def _check_scales(ranges: Mapping[str, Sequence[ValueRange]]) -> None:
    """DataError where the images of one split are on 0..1 or 0..255 and those of another far beyond, of other bits or black."""
    for (small, own), (large, others) in permutations(ranges.items(), 2):
        whole = reduce(or_, own)
        fractions = whole.floats and max(-whole.least, whole.greatest) <= 1
        typical = statistics.median(extent.greatest for extent in others)
        beyond = 0 < whole.greatest <= 255 and typical > _OTHER_SCALE * (1 if fractions else 255) / 255
        if (whole.least >= 0 or fractions) and (beyond or _other_bits(own, others)):
            raise DataError(
                f"the images of {small} have values up to {whole.greatest:g}, those of {large} typically up to "
                f"{typical:g}, so the same number is another brightness; bring them to one scale"
            )
        if other_black(own, others):
            raise DataError(
                f"the images of {small} have values down to {whole.least:g}, those of {large} none below 0, so the same number "
                "is another brightness; bring them to one scale"
            )


def _other_bits(own: Sequence[ValueRange], others: Sequence[ValueRange]) -> bool:
    """Whether whole numbers from 0 on use other bits than others do."""
    if not all(extent.whole and extent.least >= 0 for extent in (*own, *others)):
        return False
    return other_bits([extent.greatest for extent in own], [extent.greatest for extent in others])
