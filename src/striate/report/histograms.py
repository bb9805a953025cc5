"""How a figure is spread over many images: bars, with the axis of the curves."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, final

import numpy as np
import numpy.typing as npt

from striate.report.axes import round_step
from striate.report.numbers import count

__all__ = ["Histogram", "histogram"]

WIDTH, HEIGHT, BOTTOM, TOP = 360.0, 130.0, 22.0, 16.0
BINS = 32


@final
@dataclass(frozen=True)
class Bar:
    """In coordinates of a view box of WIDTH by HEIGHT; `text` tells its numbers."""

    x: str
    y: str
    width: str
    height: str
    text: str


@final
@dataclass(frozen=True)
class Histogram:
    title: str
    summary: str  # the image in words
    bars: tuple[Bar, ...]
    ticks: tuple[tuple[str, str], ...]  # position, label
    highest: str  # the count of the highest bar
    width: str = f"{WIDTH:g}"
    height: str = f"{HEIGHT:g}"
    bottom: str = f"{HEIGHT - BOTTOM:g}"


def histogram(
    title: str, values: npt.NDArray[Any], say: Callable[[float], str], within: tuple[float, float] | None = None
) -> Histogram:
    """Up to BINS bars over the values, or over the stretch `within` that they lie in."""
    low, high = within or (float(values.min()), float(values.max()))
    if high <= low:
        return Histogram(title, f"All {len(values):,} images: {say(low)}.", (), (), "")
    counts, edges = np.histogram(values, BINS, (low, high))
    step = WIDTH / BINS
    tallest = max(int(counts.max()), 1)
    bars = []
    for n, images in enumerate(counts.tolist()):
        tall = images / tallest * (HEIGHT - BOTTOM - TOP)
        tall = max(tall, 1.0) if images else 0.0  # one image of many must still be seen
        text = f"{say(float(edges[n]))} to {say(float(edges[n + 1]))}: {count(images, 'image')}"
        bars.append(Bar(f"{n * step:.1f}", f"{HEIGHT - BOTTOM - tall:.1f}", f"{step - 1:.1f}", f"{tall:.1f}", text))
    gap = round_step(high - low, 5)
    first = np.ceil(low / gap) * gap
    ticks = [float(tick) for tick in np.arange(first, high + gap * 1e-6, gap)]
    return Histogram(
        title,
        f"{title} of {count(len(values), 'image')}, from {say(float(values.min()))} to {say(float(values.max()))}, "
        f"half of them below {say(float(np.median(values)))}",
        tuple(bars),
        tuple((f"{(tick - low) / (high - low) * WIDTH:.1f}", say(tick)) for tick in ticks),
        count(tallest, "image"),
    )
