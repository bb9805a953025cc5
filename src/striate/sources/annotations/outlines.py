"""Outlines of objects, as polygons or as runs of pixels, and the masks that they fill.

A pixel is inside a polygon when its center is, by the even-odd rule; several polygons of one object are one mask. Runs
are those of COCO: lengths of alternating background and object, down the columns, background first, as a list or as
text. In the text each number takes as many characters as it needs, 5 bits each, least first; from the fourth number on
it is the difference to the one before the last (as the notes in cocoapi's maskApi.c describe).
"""

import numpy as np
import numpy.typing as npt

__all__ = ["Outline", "fill", "fill_window", "rectangle", "runs_from_text"]

Outline = tuple[npt.NDArray[np.float64], ...] | npt.NDArray[np.int64]  # polygons, each K 2; or runs
Window = tuple[slice, slice]  # rows and columns of an image


def runs_from_text(text: str) -> npt.NDArray[np.int64]:
    """The runs in COCO's compressed text. ValueError where it is none."""
    codes = np.frombuffer(text.encode(), np.uint8).astype(np.int64) - 48
    ends = np.flatnonzero(codes & 0x20 == 0)
    if len(codes) == 0 or codes.min() < 0 or codes.max() > 63 or len(ends) == 0 or ends[-1] != len(codes) - 1:
        raise ValueError("the text is cut off, or has a character that compressed RLE does not use")
    starts = np.concatenate([[0], ends[:-1] + 1])
    lengths = ends - starts + 1
    if lengths.max() > 7:  # 35 bits
        raise ValueError("it contains a number larger than any image")
    shifts = 5 * (np.arange(len(codes)) - np.repeat(starts, lengths))
    runs = np.add.reduceat((codes & 0x1F) << shifts, starts)
    runs -= np.where(codes[ends] & 0x10, 1 << 5 * lengths, 0)  # two's complement
    for first in (1, 2):
        runs[first::2] = runs[first::2].cumsum()
    return runs


def rectangle(x1: float, y1: float, x2: float, y2: float) -> Outline:
    """The outline of a box."""
    return (np.array([(x1, y1), (x2, y1), (x2, y2), (x1, y2)], np.float64),)


def fill(outline: Outline, height: int, width: int) -> npt.NDArray[np.bool_]:
    """The mask of an outline: H W. ValueError where the runs are of another size, or a polygon is one of millions of turns."""
    window, inside = fill_window(outline, height, width)
    mask = np.zeros((height, width), np.bool_)
    mask[window] = inside
    return mask


def fill_window(outline: Outline, height: int, width: int) -> tuple[Window, npt.NDArray[np.bool_]]:
    """The same within the rows and columns that the outline spans, h w: most objects are much smaller than their image."""
    if isinstance(outline, tuple):
        points = np.concatenate([*outline, np.empty((0, 2))])
        low, high = (points.min(0), points.max(0)) if len(points) else (np.zeros(2), np.zeros(2))
        left, top = np.floor(low).clip(0, (width, height)).astype(np.int64).tolist()
        right, bottom = np.ceil(high).clip(0, (width, height)).astype(np.int64).tolist()
        window = slice(top, bottom), slice(left, right)
        mask = np.zeros((bottom - top, right - left), np.bool_)
        for polygon in outline:
            mask |= _fill_polygon(polygon, window, 4 * height * width + 1000)
        return window, mask
    if outline.min(initial=0) < 0 or outline.sum() != height * width:
        raise ValueError(f"the runs do not add up to {height} x {width} pixels")
    inside = np.arange(len(outline)) % 2 == 1
    return (slice(0, height), slice(0, width)), np.repeat(inside, outline).reshape(width, height).T


def _fill_polygon(polygon: npt.NDArray[np.float64], window: Window, most: int) -> npt.NDArray[np.bool_]:
    """The mask of a polygon in a window; ValueError for more than `most` crossings of a row."""
    (top, bottom), (left, right) = ((side.start, side.stop) for side in window)
    height, width = bottom - top, right - left
    x1, y1 = polygon.T  # K
    x2, y2 = np.roll(polygon, -1, 0).T
    # each edge crosses the center lines of rows first..last-1, whichever way it runs
    first, last = (np.ceil(edge(y1, y2) - 0.5).clip(top, bottom).astype(np.int64) for edge in (np.minimum, np.maximum))
    counts = last - first
    total = int(counts.sum())
    if total > most:
        raise ValueError(f"a polygon of {len(polygon)} points crosses the rows {total} times")
    edge = np.repeat(np.arange(len(polygon)), counts)
    row = np.arange(total) - np.repeat(counts.cumsum() - counts, counts) + first[edge]
    x = x1[edge] + (row + 0.5 - y1[edge]) * (x2[edge] - x1[edge]) / (y2[edge] - y1[edge])
    column = np.ceil(x - 0.5).clip(left, right).astype(np.int64)  # the first whose center lies right of the crossing
    at = (row - top) * (width + 1) + column - left
    crossings = np.bincount(at, minlength=height * (width + 1)).reshape(height, width + 1)
    return (crossings.astype(np.uint8).cumsum(1, dtype=np.uint8) & 1).astype(np.bool_)[:, :width]
