"""Objects by their outlines: each with a mask of its own, or all of an image drawn into one mask of classes.

In one mask a pixel has the class of the smallest object that covers it, by the pixels that its whole outline fills: what is
smaller lies in front of what it overlaps, or is a detail of it. Of two equal ones the later in the file is on top. All other
pixels are background. Of no class are, unless an object is drawn over them, regions of crowds, in which objects were not
annotated one by one, and boxes of objects that have no outline.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar, Final, final

import numpy as np
import numpy.typing as npt

from striate.data.decoding.limits import Limits
from striate.data.skipped_files import Unreadable
from striate.data.targets import IGNORE, Instances, Skeleton, Target, TargetForm, Targets, TaskKind
from striate.sources.annotations.frame import Frame
from striate.sources.annotations.outlines import Outline, fill, fill_window

__all__ = ["OutlinedInstances", "OutlinedMasks"]

_MASKS: Final = 20  # masks of an image of the largest size that is read: 1 GB, where none may be larger


@final
@dataclass(frozen=True, eq=False)
class OutlinedInstances(Targets):
    """Objects whose masks are filled when they are asked for; `objects` have none yet."""

    objects: tuple[Instances, ...]
    outlines: tuple[tuple[Outline | None, ...], ...]  # of each object; None is an empty mask
    frames: tuple[Frame, ...]  # that the outlines count in
    limits: Limits
    skeleton: Skeleton | None = None
    unlabeled: tuple[
        tuple[Outline, ...], ...
    ] = ()  # regions of each image that hold more than what is annotated; () for none
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
                pieces += _as_bytes(() if outline is None else outline)
        return b"".join(pieces)

    def as_masks(self, positions: Sequence[int]) -> "OutlinedMasks":
        return OutlinedMasks(self, tuple(positions))


@final
@dataclass(frozen=True, eq=False)
class OutlinedMasks(Targets):
    """The class of each pixel, drawn when it is asked for; `positions` are the classes of the labels, 0 the background."""

    outlined: OutlinedInstances
    positions: tuple[int, ...]
    task: TaskKind = "segment"
    form: ClassVar[TargetForm] = "masks"

    def __len__(self) -> int:
        return len(self.outlined)

    def target(self, i: int) -> npt.NDArray[np.int64]:
        of, frame = self.outlined, self.outlined.frames[i]
        mask = np.zeros((frame.height, frame.width), np.int16)
        smallest = np.full(mask.shape, np.iinfo(np.int32).max, np.int32)  # area of the object that a pixel is of
        try:
            for region in of.unlabeled[i] if of.unlabeled else ():
                window, inside = fill_window(region, frame.height, frame.width)
                mask[window][inside] = IGNORE
            for outline, label in zip(of.outlines[i], of.objects[i].labels.tolist(), strict=True):
                if outline is not None:
                    window, inside = fill_window(outline, frame.height, frame.width)
                    area = np.count_nonzero(inside)
                    on_top = inside & (smallest[window] >= area)
                    mask[window][on_top], smallest[window][on_top] = self.positions[label], area
        except ValueError as error:
            raise Unreadable("unreadable", str(error)) from None
        return np.ascontiguousarray(frame.grid(mask)).astype(np.int64)

    def content(self) -> bytes:
        unlabeled = (piece for of in self.outlined.unlabeled for outline in of for piece in _as_bytes(outline))
        return b"".join((repr(("masks", self.positions)).encode(), self.outlined.content(), *unlabeled))


def _as_bytes(outline: Outline) -> Iterator[bytes]:
    for line in outline if isinstance(outline, tuple) else (outline,):
        yield from (np.int64(line.size).tobytes(), line.tobytes())
