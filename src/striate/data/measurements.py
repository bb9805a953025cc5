"""What is measured of decoded images, all in one pass: content hash, channel sums, statistics and thumbnail signature.

Each is a function of one image alone, computed in whole numbers or in an order of its own, so that it depends neither on
the images beside it nor on threads.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, final

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from striate.data.signatures import SIDE, Signatures, thumbnail_signatures
from striate.data.statistics import MEASURES, ImageStatistics, image_statistics

__all__ = ["Measurements", "content_hashes", "measure", "no_measurements"]

CACHED: Final = 1 << 19  # values that stay in the processor's cache as float32


@final
@dataclass(frozen=True, eq=False)
class Measurements:
    """What was measured of each of N images."""

    content_hashes: npt.NDArray[np.uint64]  # N, equal where all pixels are
    pixels: npt.NDArray[np.int64]  # N: how many were measured
    sums: npt.NDArray[np.int64]  # N C 2: sum and sum of squares of each channel
    statistics: ImageStatistics  # N 3
    signatures: Signatures  # N 64

    def at(self, positions: npt.NDArray[np.int64]) -> "Measurements":
        return Measurements(
            self.content_hashes[positions],
            self.pixels[positions],
            self.sums[positions],
            self.statistics[positions],
            self.signatures[positions],
        )

    def channel_sums(self) -> list[tuple[int, int]]:
        """Sum and sum of squares of all values of each channel, exact."""
        channels = self.sums.transpose(1, 2, 0).tolist()  # as Python's numbers, which do not overflow
        return [(sum(sums), sum(squares)) for sums, squares in channels]


def no_measurements(count: int, channels: int) -> Measurements:
    """Zeros, to be filled image by image."""
    return Measurements(
        np.zeros(count, np.uint64),
        np.zeros(count, np.int64),
        np.zeros((count, channels, 2), np.int64),
        np.zeros((count, len(MEASURES))),
        np.zeros((count, SIDE * SIDE), np.uint8),
    )


def measure(blocks: Iterable[Tensor], channels: int) -> Measurements:
    """Of images that come in blocks of N H W C, uint8 or uint16; a block may be mapped from a file, and is read once."""
    hashes, pixels, sums, statistics, signatures = [], [], [], [], []
    for block in blocks:
        for some in block.split(max(1, CACHED // block[0].numel())) if len(block) else ():
            hashes.append(content_hashes(some))
            pixels.append(np.full(len(some), some.shape[1] * some.shape[2]))
            sums.append(_sums(some))
            statistics.append(image_statistics(some))
            signatures.append(thumbnail_signatures(some))
    if not hashes:
        return no_measurements(0, channels)
    return Measurements(
        np.concatenate(hashes),
        np.concatenate(pixels),
        np.concatenate(sums),
        np.concatenate(statistics),
        np.concatenate(signatures),
    )


def content_hashes(images: Tensor) -> npt.NDArray[np.uint64]:
    """64 bits for each image, equal where the pixels are: N H W C -> N.

    The sum of its 8-byte words times random odd numbers; unequal images hardly ever share one.
    """
    rows = images.flatten(1).numpy().view(np.uint8)  # N bytes
    rest = -rows.shape[1] % 8
    factors = np.random.Philox(0).random_raw((rows.shape[1] + rest) // 8) | np.uint64(1)
    words = np.pad(rows, ((0, 0), (0, rest))).view(np.uint64)
    return (words ^ words >> np.uint64(32)) @ factors  # a top bit alone would hardly count


def _sums(images: Tensor) -> npt.NDArray[np.int64]:
    """Sum and sum of squares of each channel's values, exact: N H W C -> N C 2."""
    values = images.flatten(1, 2).long()
    return torch.stack([values.sum(1), (values * values).sum(1)], 2).numpy()
