"""Brightness, contrast and color of each image, and their distribution over many.

Measured on the canvas, on a grid of some GRID x GRID pixels of each image.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final, final

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

__all__ = ["MEASURES", "QUANTILES", "Range", "TrainingStatistics", "image_statistics", "training_statistics"]

GRID: Final = 32
QUANTILES: Final = (0.0, 0.01, 0.25, 0.5, 0.75, 0.99, 1.0)
MEASURES: Final = ("brightness", "contrast", "color")

ImageStatistics = npt.NDArray[np.float64]  # N 3, in 0..1: the MEASURES of each image


def image_statistics(images: Tensor) -> ImageStatistics:
    """N H W C, uint8 or uint16 -> N 3: mean and standard deviation of all values, and mean distance of color from gray.

    That distance is between the greatest and the least of red, green and blue; 0 where there are no three. All sums are of
    whole numbers, so that no figure depends on how many images are measured together.
    """
    count, height, width, channels = images.shape
    step = max(1, min(height, width) // GRID)
    full_scale = 255 if images.dtype == torch.uint8 else 65535
    pixels = images[:, ::step, ::step].to(torch.float32 if full_scale == 255 else torch.float64).flatten(1, 2)
    values = pixels.flatten(1)  # N P*C
    mean = values.mean(1, dtype=torch.float64) / full_scale
    squares = (values * values).mean(1, dtype=torch.float64) / full_scale**2
    std = (squares - mean * mean).clamp(min=0).sqrt()
    if channels in (3, 4):
        colors = pixels[..., :3]
        color = (colors.amax(2) - colors.amin(2)).mean(1, dtype=torch.float64) / full_scale
    else:
        color = torch.zeros(count, dtype=torch.float64)
    return torch.stack([mean, std, color], 1).numpy()


@final
@dataclass(frozen=True)
class Range:
    """One measure over many images: its QUANTILES, and between what nearly all images of each class lie."""

    quantiles: tuple[float, ...]
    low: float
    high: float

    @property
    def median(self) -> float:
        return self.quantiles[QUANTILES.index(0.5)]


@final
@dataclass(frozen=True)
class TrainingStatistics:
    """The distribution of the training images."""

    images: int
    brightness: Range
    contrast: Range
    color: Range

    def ranges(self) -> tuple[Range, Range, Range]:
        """In the order of MEASURES."""
        return self.brightness, self.contrast, self.color

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "quantiles": list(QUANTILES)}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> "TrainingStatistics":
        """What `as_json` gave. Raises KeyError, TypeError or ValueError for anything else."""
        ranges = []
        for name in MEASURES:
            quantiles = tuple(float(value) for value in stored[name]["quantiles"])
            if len(quantiles) != len(QUANTILES):
                raise ValueError(f"{name} has {len(quantiles)} quantiles")
            ranges.append(Range(quantiles, float(stored[name]["low"]), float(stored[name]["high"])))
        return cls(int(stored["images"]), *ranges)


def training_statistics(measured: ImageStatistics, labels: Sequence[int] | npt.NDArray[np.int64]) -> TrainingStatistics:
    """Of all training images (N 3) and their classes, or groups of similar targets (N).

    `low` and `high` leave out the outermost hundredth of all images, but none of a class of its own: a rare one may be
    brighter than all others, and its images are not unusual. Of each class the outermost tenths are left out.
    """
    labels = np.asarray(labels)
    low, high = np.quantile(measured, 0.01, axis=0), np.quantile(measured, 0.99, axis=0)
    order = np.argsort(labels, kind="stable")
    for of_class in np.split(measured[order], np.flatnonzero(np.diff(labels[order])) + 1):
        low = np.minimum(low, np.quantile(of_class, 0.1, axis=0))
        high = np.maximum(high, np.quantile(of_class, 0.9, axis=0))
    quantiles = np.quantile(measured, QUANTILES, axis=0)
    return TrainingStatistics(
        len(measured),
        *(
            Range(
                tuple(round(float(value), 5) for value in quantiles[:, n]),
                round(float(low[n]), 5),
                round(float(high[n]), 5),
            )
            for n in range(len(MEASURES))
        ),
    )
