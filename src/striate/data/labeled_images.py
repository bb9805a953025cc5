"""Images of a split, their labels, and the account of every file that is not among them."""

from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor

from striate.data.decoding.canvas import Canvas
from striate.data.images import Images
from striate.data.skipped_files import SkippedFile

__all__ = ["Images"]


@final
@dataclass(frozen=True, eq=False)
class LabeledImages:
    """The samples of one split. Every file of the split is either in `pixels` or in `skipped`."""

    pixels: Images  # N H W C
    labels: Tensor  # N int64, positions in `classes`
    ids: tuple[str, ...]
    classes: tuple[str, ...]
    skipped: tuple[SkippedFile, ...] = ()

    def __post_init__(self) -> None:
        count = len(self.ids)
        if len(self.pixels) != count:
            raise ValueError(f"images must be {count}, not {len(self.pixels)}")
        if self.labels.dtype != torch.int64 or self.labels.shape != (count,):
            raise ValueError(f"labels must be {count} int64, not {tuple(self.labels.shape)} {self.labels.dtype}")

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def images(self) -> Tensor:
        """All pixels at once, N H W C: at hand where they are held and whole; else ask `pixels` for a few at a time."""
        return self.pixels.all()

    @property
    def canvas(self) -> Canvas:
        _, height, width, channels = self.pixels.shape
        return Canvas(height, width, channels, 8 if self.pixels.dtype == torch.uint8 else 16)

    def counts(self) -> list[int]:
        """Images of each class."""
        return torch.bincount(self.labels, minlength=len(self.classes)).tolist()

    def subset(self, indices: Tensor) -> "LabeledImages":
        """The samples at `indices` (int64), in that order, with nothing skipped. Pixels are shared and not copied."""
        positions: list[int] = indices.tolist()
        return LabeledImages(
            self.pixels.subset(indices), self.labels[indices], tuple(self.ids[i] for i in positions), self.classes
        )
