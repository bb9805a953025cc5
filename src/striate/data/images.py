"""The images of a split by position, in memory, mapped from a file or decoded when they are wanted; and with their targets."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final, final

import torch
from torch import Tensor

from striate.data.decoding.canvas import Canvas
from striate.data.measurements import Measurements, measure
from striate.data.skipped_files import SkippedFile
from striate.data.targets import ClassTargets, LoadedTargets

__all__ = ["Images", "LabeledImages", "TensorImages", "as_colors"]

BLOCK: Final = 1024  # images that are measured in one go: a mapped file may be larger than the memory
DEVICE_SHARE: Final = 0.5  # of the device's free memory that images may take; the rest is for the network


class Images(ABC):
    """N images of one size. Reading the same positions gives the same pixels, whatever the number of threads."""

    shape: tuple[int, int, int, int]  # N H W C
    dtype: torch.dtype  # uint8 or uint16

    def __len__(self) -> int:
        return self.shape[0]

    @abstractmethod
    def each(self, batches: Iterable[Tensor]) -> Iterator[tuple[Tensor, Tensor]]:
        """For each batch (B int64) the positions that were read, and their pixels B H W C.

        Positions differ from those asked for only where a file went bad since it was first read: another takes its place.
        """

    @abstractmethod
    def subset(self, indices: Tensor) -> "Images":
        """The images at `indices` (int64), in that order; no pixel is copied."""

    @abstractmethod
    def near(self, device: torch.device) -> "Images":
        """These images, on the device if they fit there."""

    @property
    @abstractmethod
    def measurements(self) -> Measurements:
        """What is measured of each image in one pass over all of them, which is made once."""

    @property
    @abstractmethod
    def lost(self) -> list[SkippedFile]:
        """Files of these images that went bad since they were first read."""

    def gather(self, ids: Tensor) -> Tensor:
        """The images at some positions: B int64 -> B H W C."""
        ((_, images),) = self.each([ids])
        return images

    def all(self) -> Tensor:
        """All of them at once, N H W C."""
        return self.gather(torch.arange(len(self)))


def as_colors(images: Tensor) -> Tensor:
    """Decoded pixels as views take them: uint8 as it is, uint16 as float32 in 0..1."""
    return images if images.dtype == torch.uint8 else images.float() / 65535


@final
class TensorImages(Images):
    """Images in a tensor N H W C, in memory or mapped from a file; a subset shares it and only knows its own rows."""

    def __init__(
        self,
        pixels: Tensor,
        rows: Tensor | None = None,
        known: Measurements | None = None,
        boxes: Tensor | None = None,  # N 4 (left, top, right, bottom) int64: what is measured of each, all where None
    ) -> None:
        if pixels.dtype not in (torch.uint8, torch.uint16) or pixels.ndim != 4:
            raise ValueError(f"images must be N H W C uint8 or uint16, not {tuple(pixels.shape)} {pixels.dtype}")
        _, height, width, channels = pixels.shape
        self._pixels, self._rows, self._measurements, self._boxes = pixels, rows, known, boxes
        self.shape = (len(pixels) if rows is None else len(rows), height, width, channels)
        self.dtype = pixels.dtype

    def each(self, batches: Iterable[Tensor]) -> Iterator[tuple[Tensor, Tensor]]:
        for ids in batches:
            rows = ids if self._rows is None else self._rows[ids]
            yield ids, self._pixels.index_select(0, rows.to(self._pixels.device, non_blocking=True))

    @property
    def lost(self) -> list[SkippedFile]:
        return []

    def all(self) -> Tensor:
        return self._pixels if self._rows is None else self._pixels[self._rows]

    def subset(self, indices: Tensor) -> "TensorImages":
        rows = indices if self._rows is None else self._rows[indices]
        known = None if self._measurements is None else self._measurements.at(indices.numpy())
        boxes = None if self._boxes is None else self._boxes[indices]
        return TensorImages(self._pixels, rows, known, boxes)

    def measured_in(self, boxes: Tensor | None) -> "TensorImages":
        """The same images, of each of which only a box is measured: N 4 int64; all of it by None."""
        return self if boxes is None else TensorImages(self._pixels, self._rows, boxes=boxes)

    def near(self, device: torch.device) -> "TensorImages":
        if device.type == "cuda":
            free, _ = torch.cuda.mem_get_info(device)
            fits = len(self) * self._pixels[:1].nbytes <= DEVICE_SHARE * free
        else:
            fits = device.type == "mps"  # which shares the CPU's memory
        return TensorImages(self.all().to(device), known=self._measurements, boxes=self._boxes) if fits else self

    @property
    def measurements(self) -> Measurements:
        if self._measurements is None:
            self._measurements = measure(self._blocks(), self.shape[-1])
        return self._measurements

    def _blocks(self) -> Iterator[Tensor]:
        if self._boxes is not None:
            rows = range(len(self)) if self._rows is None else self._rows.tolist()
            boxes = self._boxes.tolist()
            return (self._pixels[i : i + 1, y1:y2, x1:x2] for i, (x1, y1, x2, y2) in zip(rows, boxes, strict=True))
        if self._rows is None:
            return iter(self._pixels.split(BLOCK))
        return (images for _, images in self.each(torch.arange(len(self)).split(BLOCK)))


@final
@dataclass(frozen=True, eq=False)
class LabeledImages:
    """The samples of one split. Every file of the split is either in `pixels` or in `skipped`."""

    pixels: Images  # N H W C
    targets: LoadedTargets  # N
    ids: tuple[str, ...]
    classes: tuple[str, ...]  # or the names of numbers
    skipped: tuple[SkippedFile, ...] = ()

    def __post_init__(self) -> None:
        count = len(self.ids)
        if not len(self.pixels) == len(self.targets) == count:
            raise ValueError(f"{count} ids, {len(self.pixels)} images and {len(self.targets)} targets")

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

    @property
    def labels(self) -> Tensor:
        """The one class of each image, N int64. Only classification has it."""
        assert isinstance(self.targets, ClassTargets)
        return torch.from_numpy(self.targets.values)

    def counts(self) -> list[int]:
        """Images of each class; numbers have none."""
        return self.targets.counts(len(self.classes))

    def subset(self, indices: Tensor) -> "LabeledImages":
        """The samples at `indices` (int64), in that order, with nothing skipped. Pixels are shared and not copied."""
        positions: list[int] = indices.tolist()
        return LabeledImages(
            self.pixels.subset(indices),
            self.targets.subset(indices),
            tuple(self.ids[i] for i in positions),
            self.classes,
        )
