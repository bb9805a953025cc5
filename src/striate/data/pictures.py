"""Decoded pictures: one uint8 array, its labels, and the account of every file that is not in it."""

from dataclasses import dataclass
from pathlib import Path
from typing import final

import torch
from torch import Tensor

from striate.data.canvas import Canvas
from striate.data.set_aside import SetAside
from striate.data.storage import allocate_in_file

__all__ = ["Pictures"]


@final
@dataclass(frozen=True, eq=False)
class Pictures:
    """The decoded samples of one split. Every file of the split is either in `images` or in `set_aside`.

    `cache` is the folder of the memory-mapped file that holds `images`, None where they are in memory.
    """

    images: Tensor  # N H W C uint8
    labels: Tensor  # N int64, positions in `classes`
    ids: tuple[str, ...]
    classes: tuple[str, ...]
    set_aside: tuple[SetAside, ...] = ()
    cache: Path | None = None

    def __post_init__(self) -> None:
        count = len(self.ids)
        if self.images.dtype != torch.uint8 or self.images.ndim != 4 or len(self.images) != count:
            raise ValueError(f"images must be {count} H W C uint8, not {tuple(self.images.shape)} {self.images.dtype}")
        if self.labels.dtype != torch.int64 or self.labels.shape != (count,):
            raise ValueError(f"labels must be {count} int64, not {tuple(self.labels.shape)} {self.labels.dtype}")

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def canvas(self) -> Canvas:
        _, height, width, channels = self.images.shape
        return Canvas(height, width, channels)

    def counts(self) -> list[int]:
        """Pictures of each class."""
        return torch.bincount(self.labels, minlength=len(self.classes)).tolist()

    def subset(self, indices: Tensor) -> "Pictures":
        """The samples at `indices` (int64), in that order, with nothing set aside.

        Pixels are copied, into another mapped file where these are mapped; those of a run of neighbours are shared.
        """
        positions: list[int] = indices.tolist()
        return Pictures(
            self._rows(indices),
            self.labels[indices],
            tuple(self.ids[i] for i in positions),
            self.classes,
            cache=self.cache,
        )

    def _rows(self, indices: Tensor) -> Tensor:
        if len(indices) == 0:
            return self.images[:0]
        if len(indices) == 1 or bool((indices.diff() == 1).all()):
            return self.images[int(indices[0]) : int(indices[-1]) + 1]
        if self.cache is None:
            return self.images.index_select(0, indices)
        rows = torch.from_numpy(allocate_in_file((len(indices), *self.images.shape[1:]), self.cache))
        for first in range(0, len(rows), 256):  # so that no more than a few rows are in memory at a time
            rows[first : first + 256] = self.images[indices[first : first + 256]]
        return rows
