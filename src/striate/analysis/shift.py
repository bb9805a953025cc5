"""Whether new images look like those that a network was trained on: as bright, as varied, as colorful.

Nearly all training images lie between the `low` and the `high` of a measure. A new image is unlike them if it lies far
outside: by LEAST of full scale and half of that range more, or below a third of `low`, since values that are 16 times too
dark lose little in differences and nearly all in ratios. A few odd images are in any data, so the finding needs more than
SHARE of them. Where many images are a little too bright or too dark, few need be far outside: then it is enough that
CROWD of them lie outside on the same side. A class whose images are all brighter than others is within the range, see
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

SHARE: Final = 1 / 4
CROWD: Final = 1 / 3
LEAST: Final = (0.1, 0.05, 0.05)  # beyond the range of brightness, contrast and color
TIMES: Final = 3.0  # less than the low of the range
FEW: Final = 5  # new images, below which each must be twice as far outside: one may be odd
MANY: Final = 12  # new images, from which on they are a crowd
ENOUGH: Final = 50  # training images, below which their range is too rough for a crowd
FIRST: Final = 10  # images that are named
INVERTED: Final = 0.1  # of full scale, that brightness and its mirror image are apart at most

Sides = npt.NDArray[np.int8]  # N 3: -1 for an image below the range of a measure, 1 above it, else 0


def shift_findings(
    trained: TrainingStatistics,
    measured: npt.NDArray[np.float64],
    ids: Sequence[str],
    bits: tuple[int, int] | None = None,
) -> list[Finding]:
    """The finding that new images are unlike those of the training. measured: N 3, see `image_statistics`.

    bits: those in use in the training and in the new images, where they are not the same.
    """
    ranges = list(zip(trained.ranges(), LEAST, strict=True))
    times = 2 if len(measured) < FEW else 1
    sides = np.stack([_far(measured[:, n], *one, times) for n, one in enumerate(ranges)], 1)
    if (sides != 0).any(1).mean() <= SHARE:
        sides = np.stack([_outside(measured[:, n], *one) for n, one in enumerate(ranges)], 1)
        crowds = np.maximum((sides < 0).mean(0), (sides > 0).mean(0)) > CROWD
        if not crowds.any() or len(measured) < MANY or trained.images < ENOUGH:
            return []
        sides[:, ~crowds] = 0
    return [_finding(trained, measured, sides, ids, bits)]


def _far(values: npt.NDArray[np.float64], known: Range, least: float, times: int) -> Sides:
    beyond = times * (least + (known.high - known.low) / 2)
    low, a_third = known.low - beyond, known.low / TIMES**times
    if known.low - a_third >= least / 2:  # below that both are hardly told from nothing
        low = max(low, a_third)
    return (values > known.high + beyond).astype(np.int8) - (values < low)


def _outside(values: npt.NDArray[np.float64], known: Range, least: float) -> Sides:
    return (values > known.high + least / 4).astype(np.int8) - (values < known.low - least / 4)


def _finding(
    trained: TrainingStatistics,
    measured: npt.NDArray[np.float64],
    sides: Sides,
    ids: Sequence[str],
    bits: tuple[int, int] | None,
) -> Finding:
    low, median, high = np.quantile(measured, (0.01, 0.5, 0.99), axis=0).round(4).tolist()
    odd = (sides != 0).any(1)
    figures: dict[str, Any] = {}
    says = []
    for n, (name, known) in enumerate(zip(MEASURES, trained.ranges(), strict=True)):
        counts = {"below": int((sides[:, n] < 0).sum()), "above": int((sides[:, n] > 0).sum())}
        figures[name] = {
            "training": {"low": known.low, "median": known.median, "high": known.high},
            "new": {"low": low[n], "median": median[n], "high": high[n]},
            **counts,
        }
        if sum(counts.values()) > odd.sum() / 2:
            says.append(
                f"{name} is {median[n]:.3f}, in training {known.median:.3f} ({known.low:.3f} to {known.high:.3f})"
            )
    if bits:
        figures["bits"] = {"training": bits[0], "new": bits[1]}
        says.append(f"{bits[1]} bits in use, in training {bits[0]}")
    what = f" ({'; '.join(says)}; 1 is full scale)" if says else ""
    do = "does" if odd.sum() == 1 else "do"
    return Finding(
        "data-shift",
        "warning",
        f"{odd.sum():,} of {len(measured):,} images {do} not look like those that the network was trained on{what}.",
        {
            "count": int(odd.sum()),
            "images": len(measured),
            **figures,
            "first": [ids[i] for i in np.flatnonzero(odd)[:FIRST]],
        },
        f"compare some of them with images of the training: {_causes(trained, median, sides[odd], bits)}; bring them to the "
        "same, or train on such images too",
    )


def _causes(trained: TrainingStatistics, median: list[float], sides: Sides, bits: tuple[int, int] | None) -> str:
    """What may be behind it, by the measures that most of the odd images, M 3, are outside of."""
    brightness, contrast, color = np.sign(np.where(np.abs(sides.mean(0)) > 0.5, sides.mean(0), 0)).tolist()
    causes = []
    if bits and (brightness or contrast):
        causes.append("bits of the values")
    elif brightness:
        mirrored = 1 - trained.brightness.median
        inverted = abs(median[0] - mirrored) < INVERTED < abs(mirrored - trained.brightness.median)
        causes += ["inverted colors", "background"] if inverted else ["exposure"]
    if not bits and (contrast < 0 or (brightness and not contrast)):
        causes.append("range of the values")
    if color:
        causes.append("gray instead of color" if color < 0 else "color instead of gray")
    return ", ".join(causes or ["exposure", "range of the values"])
