"""Data shift: whether new images differ in brightness, contrast or color from those that a network was trained on.

Nearly all training images lie between the `low` and the `high` of a measure. A new image is an outlier if it lies far outside:
beyond the range by MARGINS plus half of the range, or below `low` / LOW_RATIO, since images that are 16 times too dark differ
little in values and much in ratios. Any data have a few outliers, so the finding needs more than OUTLIER_SHARE of them. Where
many images are a little too bright or too dark, few of them are outliers: then SHIFTED_SHARE of the images outside of the
range, all on the same side, are enough. A class whose images are all brighter than others is within the range, see
`training_statistics`.
"""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from striate.data import TrainingStatistics
from striate.data.statistics import MEASURES, Range
from striate.findings import Finding

__all__ = ["shift_findings"]

OUTLIER_SHARE: Final = 1 / 4
SHIFTED_SHARE: Final = 1 / 3
MARGINS: Final = (0.1, 0.05, 0.05)  # of full scale, beyond the range of brightness, contrast and color
LOW_RATIO: Final = 3.0
FEW_IMAGES: Final = 5  # below so many new images each must be twice as far outside: a single one may be an outlier
MIN_SHIFTED_IMAGES: Final = 12  # new images, for SHIFTED_SHARE to count
MIN_TRAINING_IMAGES: Final = 50  # below so many their range is too uncertain for SHIFTED_SHARE
MAX_NAMED: Final = 10  # images in the evidence
INVERSION_TOLERANCE: Final = 0.1  # of full scale, between a brightness and that of the inverted training images

Sides = npt.NDArray[np.int8]  # N 3: -1 for an image below the range of a measure, 1 above it, else 0


def shift_findings(
    trained: TrainingStatistics,
    measured: npt.NDArray[np.float64],
    ids: Sequence[str],
    bits: tuple[int, int] | None = None,
) -> list[Finding]:
    """A finding if new images differ from the training images. measured: N 3, see `image_statistics`.

    bits: those in use in the training images and in the new ones, where they differ.
    """
    ranges = list(zip(trained.ranges(), MARGINS, strict=True))
    times = 2 if len(measured) < FEW_IMAGES else 1
    sides = np.stack([_outliers(measured[:, n], *one, times) for n, one in enumerate(ranges)], 1)
    if (sides != 0).any(1).mean() <= OUTLIER_SHARE:
        sides = np.stack([_outside(measured[:, n], *one) for n, one in enumerate(ranges)], 1)
        shifted = np.maximum((sides < 0).mean(0), (sides > 0).mean(0)) > SHIFTED_SHARE
        if not shifted.any() or len(measured) < MIN_SHIFTED_IMAGES or trained.images < MIN_TRAINING_IMAGES:
            return []
        sides[:, ~shifted] = 0
    return [_finding(trained, measured, sides, ids, bits)]


def _outliers(values: npt.NDArray[np.float64], known: Range, margin: float, times: int) -> Sides:
    beyond = times * (margin + (known.high - known.low) / 2)
    low, low_ratio = known.low - beyond, known.low / LOW_RATIO**times
    if known.low - low_ratio >= margin / 2:  # else both are close to black
        low = max(low, low_ratio)
    return (values > known.high + beyond).astype(np.int8) - (values < low)


def _outside(values: npt.NDArray[np.float64], known: Range, margin: float) -> Sides:
    return (values > known.high + margin / 4).astype(np.int8) - (values < known.low - margin / 4)


def _finding(
    trained: TrainingStatistics,
    measured: npt.NDArray[np.float64],
    sides: Sides,
    ids: Sequence[str],
    bits: tuple[int, int] | None,
) -> Finding:
    low, median, high = np.quantile(measured, (0.01, 0.5, 0.99), axis=0).round(4).tolist()
    outlying = (sides != 0).any(1)
    figures: dict[str, Any] = {}
    messages = []
    for n, (name, known) in enumerate(zip(MEASURES, trained.ranges(), strict=True)):
        counts = {"below": int((sides[:, n] < 0).sum()), "above": int((sides[:, n] > 0).sum())}
        figures[name] = {
            "training": {"low": known.low, "median": known.median, "high": known.high},
            "new": {"low": low[n], "median": median[n], "high": high[n]},
            **counts,
        }
        if sum(counts.values()) > outlying.sum() / 2:
            messages.append(
                f"{name} is {median[n]:.3f}, in training {known.median:.3f} ({known.low:.3f} to {known.high:.3f})"
            )
    if bits:
        figures["bits"] = {"training": bits[0], "new": bits[1]}
        messages.append(f"{bits[1]} bits in use, in training {bits[0]}")
    what = f" ({'; '.join(messages)}; 1 is full scale)" if messages else ""
    differ = "differs" if outlying.sum() == 1 else "differ"
    return Finding(
        "data-shift",
        "warning",
        f"{outlying.sum():,} of {len(measured):,} images {differ} from those that the network was trained on{what}.",
        {
            "count": int(outlying.sum()),
            "images": len(measured),
            **figures,
            "first": [ids[i] for i in np.flatnonzero(outlying)[:MAX_NAMED]],
        },
        f"compare some of them with training images: {_causes(trained, median, sides[outlying], bits)}; prepare them in the same "
        "way, or train on such images too",
    )


def _causes(trained: TrainingStatistics, median: list[float], sides: Sides, bits: tuple[int, int] | None) -> str:
    """Possible causes, by the measures in which most outliers, M 3, are outside of the range."""
    brightness, contrast, color = np.sign(np.where(np.abs(sides.mean(0)) > 0.5, sides.mean(0), 0)).tolist()
    causes = []
    if bits and (brightness or contrast):
        causes.append("bits of the values")
    elif brightness:
        mirrored = 1 - trained.brightness.median
        inverted = abs(median[0] - mirrored) < INVERSION_TOLERANCE < abs(mirrored - trained.brightness.median)
        causes += ["inverted colors", "background"] if inverted else ["exposure"]
    if not bits and (contrast < 0 or (brightness and not contrast)):
        causes.append("range of the values")
    if color:
        causes.append("gray instead of color" if color < 0 else "color instead of gray")
    return ", ".join(causes or ["exposure", "range of the values"])
