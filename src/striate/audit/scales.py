"""Values on several scales, or on none that shows anything: a network learns the scale, or nothing, and not the images."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import reduce
from operator import or_
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from striate.audit.audit_finding import EXAMPLES, AuditFinding, audit_finding
from striate.data.decoding.rendering import ValueRange, bits_in_use, levels_of, other_bits
from striate.data.source import Source
from striate.data.targets import ClassTargets
from striate.number_format import percent

__all__ = ["nearly_black", "outlier_values", "scale_by_class"]

_ENOUGH: Final = 5  # images of a class that tell its scale
_APART: Final = 8.0  # times less, at the least, are the values of one class where they are on another scale
_NEARLY_ALL: Final = 0.9  # of the images of a split or class that show anything
_FLAT: Final = 1 / 32  # of the range of all values, that leaves an image less than 8 of 256 gray levels
_STEP: Final = 1 / 255  # between two values of 8 bits, as a share of full scale
_ROUNDING: Final = 1e-6

Shares = npt.NDArray[np.floating[Any]]
Positions = npt.NDArray[np.int64]


# ---- by class


def scale_by_class(source: Source) -> list[AuditFinding]:
    """Classes whose values are on another scale than those of the class with the greatest: 12 bits beside 16, 0..1 beside 0..255.

    The survey has read the values; 8-bit images say what is white, and are not looked at.
    """
    findings = []
    for floats in (False, True):
        classes = _ranges_by_class(source, floats)
        if len(classes) < 2:
            continue
        typical = {name: float(np.median([extent.greatest for extent in ranges])) for name, ranges in classes.items()}
        most = max(typical, key=lambda name: typical[name])
        lower = [name for name, ranges in classes.items() if _on_another_scale(ranges, classes[most])]
        if lower:
            findings.append(_by_class(classes, typical, lower, most))
    return findings


def _ranges_by_class(source: Source, floats: bool) -> dict[str, list[ValueRange]]:
    """The ranges of the images of each class that tell its scale, of all splits."""
    classes: dict[str, list[ValueRange]] = defaultdict(list)
    for split, ranges in source.survey.wide.items():
        targets = source.splits[split].targets
        if isinstance(targets, ClassTargets):
            for label, extent in zip(targets.values.tolist(), ranges, strict=True):
                if extent is not None and extent.floats == floats:
                    classes[source.classes[label]].append(extent)
    return {name: own for name, own in classes.items() if len(own) >= _ENOUGH and _bits(own) is not None}


def _bits(ranges: Sequence[ValueRange]) -> int | None:
    """Of the values of a class, but for a few hot pixels; 1 of fractions and masks, None where they are on no scale of bits."""
    whole = reduce(or_, ranges)
    greatest = np.quantile([extent.greatest for extent in ranges], 0.9, method="inverted_cdf")
    levels = levels_of(replace(whole, greatest=float(greatest)))
    return 1 if levels == (0, 1) else bits_in_use(levels)


def _on_another_scale(own: Sequence[ValueRange], others: Sequence[ValueRange]) -> bool:
    """Whether it is the scale that differs, and not the light.

    Hardly any image of one class is as bright as those of the other; and what is darkest in them differs as much, where
    it is not 0: two kinds of images by one camera have the same black.
    """
    small, large = ([extent.greatest for extent in ranges] for ranges in (own, others))
    if np.quantile(large, 0.1, method="higher") < _APART * np.quantile(small, 0.9, method="inverted_cdf"):
        return False
    black, other_black = (float(np.median([extent.least for extent in ranges])) for ranges in (own, others))
    if black > 0 and 0 < other_black < _APART * black:
        return False
    return other_bits(small, large)


def _by_class(
    classes: Mapping[str, Sequence[ValueRange]], typical: Mapping[str, float], lower: Sequence[str], most: str
) -> AuditFinding:
    bits = {name: _bits(classes[name]) or 0 for name in (*lower, most)}
    figures = {
        name: {"images": len(classes[name]), "bits": bits[name], "typical_greatest": typical[name]}
        for name in (*lower[:EXAMPLES], most)
    }
    first = lower[0]
    times = (2 ** bits[most] - 1) / (2 ** bits[first] - 1)
    named = f"{'class' if len(lower) == 1 else 'classes'} {', '.join(lower[:3])}{' ...' if len(lower) > 3 else ''}"
    return audit_finding(
        "data-scale-by-class",
        "warning",
        f"Images of {named} have values up to {typical[first]:g} ({_scale(bits[first])}), those of class {most} up to "
        f"{typical[most]:g} ({_scale(bits[most])}), so a network can tell them by the scale alone.",
        (),
        {"classes": figures},
        f"bring all images to one scale, such as those of {first} times {times:.0f}; a class that really is as dark may stay",
    )


def _scale(bits: int) -> str:
    return "on a scale of 0 to 1" if bits == 1 else f"{bits} bits in use"


# ---- outliers


def outlier_values(source: Source) -> list[AuditFinding]:
    """A range of values that few pixels or images set, so that of nearly all others next to nothing is left.

    The survey has read the values; images of one value are blank on any scale, and are not looked at.
    """
    findings = []
    for whole in source.survey.value_ranges:
        ends = np.array(
            [extent.robust for extent in _of_kind(source, whole.floats) if extent.least < extent.greatest]
        )  # N 2
        flat = ends[np.ptp(ends, 1) < _FLAT * (whole.greatest - whole.least)] if len(ends) else ends
        if len(flat) >= max(_ENOUGH, _NEARLY_ALL * len(ends)):
            findings.append(_outliers(whole, flat, len(ends)))
    return findings


def _of_kind(source: Source, floats: bool) -> list[ValueRange]:
    """The ranges of all images of integers, or of floats."""
    return [one for ranges in source.survey.wide.values() for one in ranges if one is not None and one.floats == floats]


def _outliers(whole: ValueRange, flat: npt.NDArray[np.float64], count: int) -> AuditFinding:
    low, high = (float(end) for end in np.median(flat, 0))
    share = float(np.median(np.ptp(flat, 1))) / (whole.greatest - whole.least)
    return audit_finding(
        "data-outlier-values",
        "warning",
        f"Nearly all values of {len(flat):,} of {count:,} images lie within {low:g} to {high:g}, which is {percent(share)} of the "
        f"range of all, {whole.least:g} to {whole.greatest:g}; a few pixels (hot ones, a value for no data) or images set "
        "that range, and leave hardly any contrast to the others.",
        (),
        {"images": len(flat), "of": count, "typical": [low, high], "range": [whole.least, whole.greatest]},
        "replace such pixels by values of those beside them, or clip all values to one range",
    )


# ---- masks


def nearly_black(
    brightness: Shares,
    contrast: Shares,
    splits: Mapping[str, Positions],
    labels: Positions | None,
    classes: Sequence[str],
) -> list[AuditFinding]:
    """Images that hold the values 0 and 1 of 0 to 255, where nearly all of a split or of a class do.

    brightness, contrast: mean and standard deviation of the values of each image, N, where 1 is full scale. splits: the
    positions of their images; labels: N. An image of one value fits any scale.
    """
    groups = {f"split {name}": at for name, at in splits.items()}
    if labels is not None:
        groups |= {f"class {name}": np.flatnonzero(labels == label) for label, name in enumerate(classes)}
    shows = contrast > _ROUNDING
    dark = shows & (brightness <= _STEP) & (contrast <= _STEP / 2 + _ROUNDING)
    counts = {
        name: int(dark[at].sum())
        for name, at in groups.items()
        if dark[at].sum() >= max(_ENOUGH, _NEARLY_ALL * shows[at].sum())
    }
    if not counts:
        return []
    everywhere = dark.sum() >= _NEARLY_ALL * shows.sum()
    named = "" if everywhere else f", those of {', '.join(list(counts)[:3])}{' ...' if len(counts) > 3 else ''},"
    return [
        audit_finding(
            "data-nearly-black",
            "warning",
            f"{dark.sum():,} of {len(dark):,} images{named} have the values 0 and 1 where 255 is white, so they are nearly black.",
            (),
            {"images": int(dark.sum()), "of": counts},
            "multiply their values by 255, and leave masks and label maps out",
        )
    ]
