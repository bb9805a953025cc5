"""Images far outside of what the others are: in size, in aspect, in brightness.

Far outside is beyond the nearest quartile by FENCE times the distance between the quartiles (Tukey, "Exploratory Data
Analysis", 1977, calls 3 far out). That distance counts as no less than a `least`, so that data of one size need not be so
to a pixel: an image must be 3 times as large, twice as wide for its height, or 40 of 255 levels brighter at the least.
"""

import math
from typing import Final

import numpy as np
import numpy.typing as npt

from striate.audit.audit_finding import AuditFinding, audit_finding
from striate.audit.fingerprints import Fingerprints
from striate.data.settings import FitMode

__all__ = ["FENCE", "outliers", "outside"]

FENCE: Final = 5.0
ENOUGH: Final = 20  # images, below which there is no "nearly all others"


def outliers(prints: Fingerprints, fit: FitMode) -> list[AuditFinding]:
    """The three findings, each with the fences and the images beyond them, the farthest first. fit: of training."""
    if len(prints) < ENOUGH:
        return []
    pixels = np.log(prints.heights * prints.widths)
    aspect = np.log(prints.widths / prints.heights)
    findings = []
    for name, what, values, least, shown, fix in (
        ("data-size-outliers", "size", pixels, math.log(3) / FENCE, _root,
         "check that they belong there; thumbnails hold no detail"),
        ("data-aspect-outliers", "aspect", aspect, math.log(2) / FENCE, _ratio,
         "check that they belong there; training " + ("shows them small, or cuts their ends off with --fit cover"
         if fit == "contain" else "cuts their ends off, unless --fit contain")),
        ("data-brightness-outliers", "brightness", prints.brightness, 40 / FENCE, _level,
         "check what they show and how they were exposed"),
    ):  # fmt: skip
        low, high, at = outside(np.asarray(values, np.float64), least)
        if len(at) == 0:
            continue
        named = {"size": "the side of a square of that area, in pixels", "aspect": "width over height"}
        findings.append(
            audit_finding(
                name,
                "note",
                f"{_images(len(at))} far from all others in {what}: {shown(float(values[at[0]]))}"
                f"{' and others' if len(at) > 1 else ''}, where nearly all are {shown(low)} to {shown(high)}.",
                [(prints.id(int(i)),) for i in at],
                {"measure": named.get(what, "mean of luma, 0 to 255"), "low": shown(low), "high": shown(high)},
                fix,
            )
        )
    return findings


def outside(values: npt.NDArray[np.float64], least: float) -> tuple[float, float, npt.NDArray[np.int64]]:
    """Both fences, and the positions of the values beyond them, the farthest first."""
    first, third = np.quantile(values, [0.25, 0.75])
    reach = FENCE * max(float(third - first), least)
    low, high = float(first) - reach, float(third) + reach
    beyond = np.maximum(low - values, values - high)
    at = np.flatnonzero(beyond > 1e-9)
    return low, high, at[np.argsort(-beyond[at], kind="stable")]


def _root(log_pixels: float) -> str:
    return f"{math.exp(log_pixels / 2):.0f}"


def _ratio(log_aspect: float) -> str:
    return f"{math.exp(log_aspect):.2f}"


def _level(brightness: float) -> str:
    return f"{min(255.0, max(0.0, brightness)):.0f}"


def _images(count: int) -> str:
    return "1 image is" if count == 1 else f"{count} images are"
