"""Histograms of a property of images."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, final

import numpy as np
import numpy.typing as npt

from striate.number_format import count
from striate.report.axes import round_step

__all__ = ["Histogram", "histogram"]

WIDTH, HEIGHT, BOTTOM, TOP = 360.0, 130.0, 22.0, 16.0
BINS = 32


@final
@dataclass(frozen=True)
class Bar:
    """In coordinates of a view box of WIDTH by HEIGHT; `text` is the tooltip."""

    x: str
    y: str
    width: str
    height: str
    text: str


@final
@dataclass(frozen=True)
class Histogram:
    title: str
    summary: str  # the chart in words, for screen readers
    bars: tuple[Bar, ...]
    ticks: tuple[tuple[str, str], ...]  # position, label
    highest: str  # the count of the highest bar
    width: str = f"{WIDTH:g}"
    height: str = f"{HEIGHT:g}"
    bottom: str = f"{HEIGHT - BOTTOM:g}"


def histogram(
    title: str,
    values: npt.NDArray[Any],
    format_value: Callable[[float], str],
    within: tuple[float, float] | None = None,
) -> Histogram:
    """BINS bars over the values, or over the range `within`; no bars where all values are the same."""
    low, high = within or (float(values.min()), float(values.max()))
    if high <= low:
        return Histogram(title, f"All {len(values):,} images: {format_value(low)}.", (), (), "")
    counts, edges = np.histogram(values, BINS, (low, high))
    step = WIDTH / BINS
    tallest = max(int(counts.max()), 1)
    bars = []
    for n, images in enumerate(counts.tolist()):
        tall = images / tallest * (HEIGHT - BOTTOM - TOP)
        tall = max(tall, 1.0) if images else 0.0  # one image of many must still be visible
        text = f"{format_value(float(edges[n]))} to {format_value(float(edges[n + 1]))}: {count(images, 'image')}"
        bars.append(Bar(f"{n * step:.1f}", f"{HEIGHT - BOTTOM - tall:.1f}", f"{step - 1:.1f}", f"{tall:.1f}", text))
    gap = round_step(high - low, 5)
    first = np.ceil(low / gap) * gap
    ticks = [float(tick) for tick in np.arange(first, high + gap * 1e-6, gap)]
    least, middle, greatest = (format_value(float(np.quantile(values, share))) for share in (0, 0.5, 1))
    return Histogram(
        title,
        f"{title} of {count(len(values), 'image')}, from {least} to {greatest}, median {middle}",
        tuple(bars),
        tuple((f"{(tick - low) / (high - low) * WIDTH:.1f}", format_value(tick)) for tick in ticks),
        count(tallest, "image"),
    )
