"""Masks in memory: the class of each pixel, moved to the canvas as its image is; and as their files have them.

A network learns from those on the canvas. It is measured by those of the files, which are read again when they are needed.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, ClassVar, Final, final

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from striate.data.decoding.canvas import Canvas
from striate.data.mask_encoding import MaskEncoding
from striate.data.settings import FitMode
from striate.data.skipped_files import SkippedFile, Unreadable
from striate.data.target_transform import canvas_view
from striate.data.targets import (
    IGNORE,
    Gather,
    LoadedTargets,
    Original,
    TargetForm,
    Targets,
    TaskKind,
    rarest_class,
)
from striate.data.threads import in_threads
from striate.errors import DataError
from striate.views import View

__all__ = ["MaskTargets", "load_masks"]

NONE: Final = 255  # what IGNORE is stored as, in a byte
MOST_IN_A_BYTE: Final = 255  # classes


@final
@dataclass(frozen=True, eq=False)
class StoredMasks:
    """N masks as their files have them, read when they are asked for."""

    targets: Targets
    rows: npt.NDArray[np.int64]  # N, positions in the targets
    ids: tuple[str, ...]  # N, of their images
    sizes: npt.NDArray[np.int64]  # N 2: height and width
    fit: FitMode  # of the canvas
    classes: npt.NDArray[np.int64]  # which class each of the files' classes is here

    def mask(self, i: int) -> npt.NDArray[np.int64]:
        """H W, in the pixels of the file. Raises DataError."""
        try:
            mask = self.targets.target(int(self.rows[i]))
        except Unreadable as failure:
            raise DataError(f"the mask of {self.ids[i]} cannot be read any more ({failure}); bring it back") from None
        assert isinstance(mask, np.ndarray)
        return np.where(mask == IGNORE, IGNORE, self.classes[mask])

    def at(self, positions: npt.NDArray[np.int64]) -> "StoredMasks":
        ids = tuple(self.ids[i] for i in positions.tolist())
        return replace(self, rows=self.rows[positions], ids=ids, sizes=self.sizes[positions])


@final
@dataclass(frozen=True, eq=False)
class MaskTargets(LoadedTargets):
    """The class of each pixel of N images, N H W: uint8 with 255 for IGNORE, or int16 of more classes. A batch: B h w int64.

    stored: the same masks in files, where there are any.
    """

    values: npt.NDArray[Any]
    classes: int
    encoding: MaskEncoding | None = None
    stored: StoredMasks | None = None
    task: TaskKind = "segment"
    form: ClassVar[TargetForm] = "masks"

    def __len__(self) -> int:
        return len(self.values)

    def target(self, i: int) -> npt.NDArray[np.int64]:
        return self._as_classes(torch.from_numpy(self.values[i]).long()).numpy()

    def content(self) -> bytes:
        return self.values.tobytes()

    def subset(self, positions: Tensor) -> "MaskTargets":
        stored = None if self.stored is None else self.stored.at(positions.numpy())
        return MaskTargets(self.values[positions.numpy()], self.classes, self.encoding, stored)

    def mask_encoding(self) -> MaskEncoding | None:
        return self.encoding

    def originals(self, positions: Tensor, view: View) -> tuple[Original, ...]:
        canvas, originals = (self.values.shape[1], self.values.shape[2]), []
        for n, i in enumerate(positions.tolist()):
            mask = self.target(i) if self.stored is None else self.stored.mask(i)
            fit = "contain" if self.stored is None else self.stored.fit
            to_canvas = canvas_view((mask.shape[0], mask.shape[1]), canvas, fit)
            shown = view.geometry[n : n + 1] if len(view.geometry) > 1 else view.geometry
            originals.append(Original(mask, to_canvas.then(shown, view.size)))
        return tuple(originals)

    def gather_on(self, device: torch.device) -> Gather:
        values = torch.from_numpy(self.values)

        def gather(positions: Tensor, view: View) -> Tensor:
            stored = values[positions].to(device, non_blocking=True)  # B H W
            return self._as_classes(view.mask(stored, _none(self.values)))  # in as few bytes as they are stored in

        return gather

    def image_boxes(self) -> npt.NDArray[np.int64]:
        canvas = np.array(self.values.shape[1:])
        sizes = (
            np.broadcast_to(canvas, (len(self), 2)) if self.stored is None else np.minimum(self.stored.sizes, canvas)
        )
        start = (canvas - sizes) // 2
        return np.concatenate([start, start + sizes], 1)[:, [1, 0, 3, 2]]

    def pixel_of_a_class(self, i: int, box: Sequence[int], draws: Sequence[float]) -> tuple[int, int] | None:
        present = np.flatnonzero(self.presence[i])
        if not len(present):
            return None
        left, top, right, bottom = box
        of_class = self.values[i, top:bottom, left:right] == present[int(draws[0] * len(present))]
        pixels = np.flatnonzero(of_class)
        row, column = divmod(int(pixels[int(draws[1] * len(pixels))]), right - left)
        return top + row, left + column

    @cached_property
    def presence(self) -> npt.NDArray[np.bool_]:
        """Which classes are in each mask, N K."""
        counts = (
            np.bincount(mask.ravel()[mask.ravel() < self.classes], minlength=self.classes) for mask in self._whole()
        )
        return np.array([each > 0 for each in counts]).reshape(len(self), self.classes)

    def strata(self) -> npt.NDArray[np.int64]:
        """The rarest class of each mask, K where it has none."""
        return rarest_class(self.presence)

    def single_classes(self) -> None:
        return None

    def caption(self, i: int, classes: Sequence[str]) -> str:
        return ", ".join(name for name, has in zip(classes, self.presence[i], strict=True) if has) or "none"

    def contains(self, k: int) -> npt.NDArray[np.bool_]:
        return self.presence[:, k]

    def counts(self, classes: int) -> list[int]:
        return np.pad(self.presence.sum(0), (0, classes - self.classes)).tolist()

    def pixels(self) -> npt.NDArray[np.int64]:
        """Pixels of each class, K."""
        total = np.zeros(self.classes, np.int64)
        for mask in self._whole():
            total += np.bincount(mask.ravel()[mask.ravel() < self.classes], minlength=self.classes)
        return total

    def reordered(self, positions: Sequence[int], count: int) -> "MaskTargets":
        moved = _storage((len(self), *self.values.shape[1:]), count)
        moved[:] = _none(moved)
        for k, there in enumerate(positions):
            moved[self.values == k] = there
        stored = self.stored
        if stored is not None:
            stored = replace(stored, classes=np.asarray(positions, np.int64)[stored.classes])
        return MaskTargets(moved, count, stored=stored)

    def _whole(self) -> npt.NDArray[Any]:
        """Numbers that count up from 0, of which those of no class are the largest."""
        return self.values if self.values.dtype == np.uint8 else self.values.view(np.uint16)

    def _as_classes(self, stored: Tensor) -> Tensor:
        """Stored numbers, as int64 that are written over."""
        return stored.masked_fill_(stored == NONE, IGNORE) if self.values.dtype == np.uint8 else stored


def load_masks(
    targets: Targets, ids: Sequence[str], kept: Sequence[int], canvas: Canvas, classes: int, threads: int
) -> tuple[MaskTargets, list[int], list[SkippedFile]]:
    """The masks of the samples `kept`, on the canvas; which of these are usable, by their place among them, and the other files."""
    values = _storage((len(kept), canvas.height, canvas.width), classes)
    sizes = np.ones((len(kept), 2), np.int64)
    lost: dict[int, SkippedFile] = {}

    def read(row: int) -> None:
        try:
            mask = targets.target(kept[row])
        except Unreadable as failure:
            lost[row] = SkippedFile(ids[kept[row]], failure.reason, failure.detail)
            return
        assert isinstance(mask, np.ndarray)
        values[row], sizes[row] = _on_canvas(mask, canvas, _none(values)), mask.shape

    in_threads(read, len(kept), threads)
    usable = [row for row in range(len(kept)) if row not in lost]
    rows = np.array(kept, np.int64)
    stored = StoredMasks(targets, rows, tuple(ids[i] for i in kept), sizes, canvas.fit, np.arange(classes))
    values = values if not lost else values[usable]
    masks = MaskTargets(values, classes, targets.mask_encoding(), stored.at(np.array(usable, np.int64)))
    return masks, usable, [lost[row] for row in sorted(lost)]


def _on_canvas(mask: npt.NDArray[Any], canvas: Canvas, none: int) -> npt.NDArray[np.int64]:
    """H W of classes, or IGNORE -> the canvas, where IGNORE and what lies beyond the image is `none`."""
    view = canvas_view((mask.shape[0], mask.shape[1]), (canvas.height, canvas.width), canvas.fit)
    moved = view.mask(torch.from_numpy(np.ascontiguousarray(mask))[None], IGNORE)[0].numpy()
    return np.where(moved == IGNORE, none, moved)


def _storage(shape: tuple[int, ...], classes: int) -> npt.NDArray[Any]:
    return np.empty(shape, np.uint8) if classes <= MOST_IN_A_BYTE else np.empty(shape, np.int16)


def _none(values: npt.NDArray[Any]) -> int:
    return NONE if values.dtype == np.uint8 else IGNORE
