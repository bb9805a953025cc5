"""Outlines of objects, as polygons or as runs of pixels, and the masks that they fill.

A pixel is inside a polygon when its center is, by the even-odd rule; several polygons of one object are one mask. Runs
are those of COCO: lengths of alternating background and object, down the columns, background first, as a list or as
text. In the text each number takes as many characters as it needs, 5 bits each, least first; from the fourth number on
it is the difference to the one before the last (as the notes in cocoapi's maskApi.c describe).
"""

from dataclasses import dataclass
from typing import ClassVar, Final, final

import numpy as np
import numpy.typing as npt

from striate.data.decoding.limits import Limits
from striate.data.skipped_files import Unreadable
from striate.data.targets import Instances, Skeleton, Target, TargetForm, Targets, TaskKind
from striate.sources.annotations.frame import Frame

__all__ = ["Outline", "OutlinedInstances", "fill", "runs_from_text"]

Outline = tuple[npt.NDArray[np.float64], ...] | npt.NDArray[np.int64]  # polygons, each K 2; or runs
_MASKS: Final = 20  # masks of an image of the largest size that is read: 1 GB, where none may be larger


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


def fill(outline: Outline, height: int, width: int) -> npt.NDArray[np.bool_]:
    """The mask of an outline: H W. ValueError where the runs are of another size, or a polygon is one of millions of turns."""
    if isinstance(outline, tuple):
        mask = np.zeros((height, width), np.bool_)
        for polygon in outline:
            mask |= _fill_polygon(polygon, height, width)
        return mask
    if outline.min(initial=0) < 0 or outline.sum() != height * width:
        raise ValueError(f"the runs do not add up to {height} x {width} pixels")
    inside = np.arange(len(outline)) % 2 == 1
    return np.repeat(inside, outline).reshape(width, height).T


def _fill_polygon(polygon: npt.NDArray[np.float64], height: int, width: int) -> npt.NDArray[np.bool_]:
    x1, y1 = polygon.T  # K
    x2, y2 = np.roll(polygon, -1, 0).T
    # each edge crosses the center lines of rows first..last-1, whichever way it runs
    first, last = (np.ceil(edge(y1, y2) - 0.5).clip(0, height).astype(np.int64) for edge in (np.minimum, np.maximum))
    counts = last - first
    total = int(counts.sum())
    if total > 4 * height * width + 1000:
        raise ValueError(f"a polygon of {len(polygon)} points crosses the rows {total} times")
    edge = np.repeat(np.arange(len(polygon)), counts)
    row = np.arange(total) - np.repeat(counts.cumsum() - counts, counts) + first[edge]
    x = x1[edge] + (row + 0.5 - y1[edge]) * (x2[edge] - x1[edge]) / (y2[edge] - y1[edge])
    column = np.ceil(x - 0.5).clip(0, width).astype(np.int64)  # the first whose center lies right of the crossing
    crossings = np.bincount(row * (width + 1) + column, minlength=height * (width + 1)).reshape(height, width + 1)
    return (crossings.astype(np.uint8).cumsum(1, dtype=np.uint8) & 1).astype(np.bool_)[:, :width]


@final
@dataclass(frozen=True, eq=False)
class OutlinedInstances(Targets):
    """Objects whose masks are filled when they are asked for; `objects` have none yet."""

    objects: tuple[Instances, ...]
    outlines: tuple[tuple[Outline | None, ...], ...]  # of each object; None is an empty mask
    frames: tuple[Frame, ...]  # that the outlines count in
    limits: Limits
    skeleton: Skeleton | None = None
    task: TaskKind = "detect"
    form: ClassVar[TargetForm] = "boxes"

    def __len__(self) -> int:
        return len(self.objects)

    def target(self, i: int) -> Target:
        one, frame = self.objects[i], self.frames[i]
        if len(one) * frame.height * frame.width > _MASKS * self.limits.max_pixels:
            raise Unreadable("decompression bomb", f"{len(one)} masks of {frame.width} x {frame.height} pixels")
        masks = np.zeros((len(one), *frame.grid(np.empty((frame.height, frame.width), np.bool_)).shape), np.bool_)
        for mask, outline in zip(masks, self.outlines[i], strict=True):
            if outline is not None:
                try:
                    mask[:] = frame.grid(fill(outline, frame.height, frame.width))
                except ValueError as error:
                    raise Unreadable("unreadable", str(error)) from None
        return Instances(one.boxes, one.labels, masks, one.keypoints)

    def content(self) -> bytes:
        pieces: list[bytes] = []
        for one, outlines, frame in zip(self.objects, self.outlines, self.frames, strict=True):
            points = one.keypoints if one.keypoints is not None else np.empty(0)
            pieces += (repr((len(one), frame)).encode(), one.boxes.tobytes(), one.labels.tobytes(), points.tobytes())
            for outline in outlines:
                lines = outline if isinstance(outline, tuple) else () if outline is None else (outline,)
                pieces += (piece for line in lines for piece in (np.int64(line.size).tobytes(), line.tobytes()))
        return b"".join(pieces)
