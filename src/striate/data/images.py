"""The pixels of a split by position, whether they are held in memory, mapped from a file, or decoded when they are wanted."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from typing import Final, final

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from striate.data.content_hash import content_hashes, moments
from striate.data.signatures import SIDE, Signatures, looks
from striate.data.skipped_files import SkippedFile
from striate.data.statistics import MEASURES, Measured, image_statistics

__all__ = ["Images", "TensorImages", "as_colors"]

BLOCK: Final = 1024  # images that are looked at in one go: a mapped file may be larger than the memory
CACHED: Final = 1 << 19  # values that stay in the processor's cache as float32
DEVICE_SHARE: Final = 0.5  # of the device's free memory that images may take; the rest is for the network


class Images(ABC):
    """N images of one size. Reading the same positions gives the same pixels, whatever the number of threads."""

    shape: tuple[int, int, int, int]  # N H W C
    dtype: torch.dtype  # uint8 or uint16

    def __len__(self) -> int:
        return self.shape[0]

    @abstractmethod
    def each(self, parts: Iterable[Tensor]) -> Iterator[tuple[Tensor, Tensor]]:
        """For each part (B int64) the positions that were read, and their pixels B H W C.

        Positions differ from those asked for only where a file went bad since it was first read: another takes its place.
        """

    @abstractmethod
    def subset(self, indices: Tensor) -> "Images":
        """The images at `indices` (int64), in that order; no pixel is copied."""

    @abstractmethod
    def near(self, device: torch.device) -> "Images":
        """These images, on the device if they fit there."""

    @abstractmethod
    def content_hashes(self) -> npt.NDArray[np.uint64]:
        """A number for each image, equal where all pixels are."""

    @abstractmethod
    def moments(self) -> list[tuple[int, int]]:
        """Sum and sum of squares of all values of each channel, exact."""

    @abstractmethod
    def looks(self) -> Signatures:
        """What tells each image from others but hardly from its copies, N 64: see `looks`."""

    @abstractmethod
    def statistics(self) -> Measured:
        """What each image is like as a whole, N 3: see `image_statistics`."""

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

    def __init__(self, pixels: Tensor, rows: Tensor | None = None, known: npt.NDArray[np.uint64] | None = None) -> None:
        if pixels.dtype not in (torch.uint8, torch.uint16) or pixels.ndim != 4:
            raise ValueError(f"images must be N H W C uint8 or uint16, not {tuple(pixels.shape)} {pixels.dtype}")
        _, height, width, channels = pixels.shape
        self._pixels, self._rows, self._content_hashes = pixels, rows, known
        self.shape = (len(pixels) if rows is None else len(rows), height, width, channels)
        self.dtype = pixels.dtype

    def each(self, parts: Iterable[Tensor]) -> Iterator[tuple[Tensor, Tensor]]:
        for ids in parts:
            rows = ids if self._rows is None else self._rows[ids]
            yield ids, self._pixels.index_select(0, rows.to(self._pixels.device, non_blocking=True))

    @property
    def lost(self) -> list[SkippedFile]:
        return []

    def all(self) -> Tensor:
        return self._pixels if self._rows is None else self._pixels[self._rows]

    def subset(self, indices: Tensor) -> "TensorImages":
        rows = indices if self._rows is None else self._rows[indices]
        known = None if self._content_hashes is None else self._content_hashes[indices.numpy()]
        return TensorImages(self._pixels, rows, known)

    def near(self, device: torch.device) -> "TensorImages":
        if device.type == "cuda":
            free, _ = torch.cuda.mem_get_info(device)
            size = len(self) * self._pixels[:1].nbytes
            return TensorImages(self.all().to(device)) if size <= DEVICE_SHARE * free else self
        return TensorImages(self.all().to(device)) if device.type == "mps" else self  # which shares the CPU's memory

    def content_hashes(self) -> npt.NDArray[np.uint64]:
        if self._content_hashes is None:
            blocks = [content_hashes(block) for block in self._blocks()]
            self._content_hashes = np.concatenate(blocks) if blocks else np.empty(0, np.uint64)
        return self._content_hashes

    def moments(self) -> list[tuple[int, int]]:
        total = [(0, 0)] * self.shape[-1]
        for block in self._blocks():
            total = [(s + int(a), q + int(b)) for (s, q), (a, b) in zip(total, moments(block), strict=True)]
        return total

    def looks(self) -> Signatures:
        blocks = [looks(some) for block in self._blocks() for some in _cached(block)]
        return np.concatenate(blocks) if blocks else np.empty((0, SIDE * SIDE), np.uint8)

    def statistics(self) -> Measured:
        blocks = [image_statistics(some) for block in self._blocks() for some in _cached(block)]
        return np.concatenate(blocks) if blocks else np.empty((0, len(MEASURES)))

    def _blocks(self) -> Iterator[Tensor]:
        if self._rows is None:
            return iter(self._pixels.split(BLOCK))
        return (images for _, images in self.each(torch.arange(len(self)).split(BLOCK)))


def _cached(images: Tensor) -> tuple[Tensor, ...]:
    """The same N H W C in blocks that are quick to compute with."""
    return images.split(max(1, CACHED // images[0].numel()) if len(images) else 1)
