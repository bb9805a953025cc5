"""Masks in memory: the class of each pixel, moved to the canvas as its image is."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Final, final

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from striate.data.decoding.canvas import Canvas
from striate.data.mask_encoding import MaskEncoding
from striate.data.skipped_files import SkippedFile, Unreadable
from striate.data.target_transform import canvas_view
from striate.data.targets import IGNORE, Gather, LoadedTargets, TargetForm, Targets, TaskKind, rarest_class
from striate.data.threads import in_threads
from striate.views import View

__all__ = ["MaskTargets", "load_masks"]

NONE: Final = 255  # what IGNORE is stored as, in a byte
MOST_IN_A_BYTE: Final = 255  # classes


@final
@dataclass(frozen=True, eq=False)
class MaskTargets(LoadedTargets):
    """The class of each pixel of N images, N H W: uint8 with 255 for IGNORE, or int16 of more classes. A batch: B h w int64."""

    values: npt.NDArray[Any]
    classes: int
    encoding: MaskEncoding | None = None
    task: TaskKind = "segment"
    form: ClassVar[TargetForm] = "masks"

    def __len__(self) -> int:
        return len(self.values)

    def target(self, i: int) -> npt.NDArray[np.int64]:
        return self._as_classes(torch.from_numpy(self.values[i])).numpy()

    def content(self) -> bytes:
        return self.values.tobytes()

    def subset(self, positions: Tensor) -> "MaskTargets":
        return MaskTargets(self.values[positions.numpy()], self.classes, self.encoding)

    def mask_encoding(self) -> MaskEncoding | None:
        return self.encoding

    def gather_on(self, device: torch.device) -> Gather:
        values = torch.from_numpy(self.values)

        def gather(positions: Tensor, view: View) -> Tensor:
            masks = self._as_classes(values[positions].to(device, non_blocking=True))  # B H W
            return view.mask(masks, IGNORE)

        return gather

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
        return MaskTargets(moved, count)

    def _whole(self) -> npt.NDArray[Any]:
        """Numbers that count up from 0, of which those of no class are the largest."""
        return self.values if self.values.dtype == np.uint8 else self.values.view(np.uint16)

    def _as_classes(self, stored: Tensor) -> Tensor:
        masks = stored.long()
        return masks.masked_fill_(masks == NONE, IGNORE) if stored.dtype == torch.uint8 else masks


def load_masks(
    targets: Targets, ids: Sequence[str], kept: Sequence[int], canvas: Canvas, classes: int, threads: int
) -> tuple[MaskTargets, list[int], list[SkippedFile]]:
    """The masks of the samples `kept`, on the canvas; which of these are usable, by their place among them, and the other files."""
    values = _storage((len(kept), canvas.height, canvas.width), classes)
    lost: dict[int, SkippedFile] = {}

    def read(row: int) -> None:
        try:
            mask = targets.target(kept[row])
        except Unreadable as failure:
            lost[row] = SkippedFile(ids[kept[row]], failure.reason, failure.detail)
            return
        assert isinstance(mask, np.ndarray)
        values[row] = _on_canvas(mask, canvas, _none(values))

    in_threads(read, len(kept), threads)
    usable = [row for row in range(len(kept)) if row not in lost]
    masks = MaskTargets(values if not lost else values[usable], classes, targets.mask_encoding())
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
