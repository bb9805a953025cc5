"""The learning curve as a drawing: accuracy over the number of images, which doubles from tick to tick."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

from striate.report.axes import percent_axis, tick_labels
from striate.report.charts import BOTTOM, HEIGHT, RIGHT, TOP, WIDTH

__all__ = ["Growth", "GrowthFigures", "growth"]

LEFT = 48.0


@final
@dataclass(frozen=True)
class GrowthFigures:
    """Accuracies (0 to 1) of the runs on each number of images, and the conclusion in a sentence."""

    sizes: Sequence[int]
    accuracies: Sequence[Sequence[float]]
    message: str


@final
@dataclass(frozen=True)
class Growth:
    """In coordinates of the charts' view box."""

    message: str
    summary: str
    path: str
    dots: tuple[tuple[str, str, str], ...]  # x, y, what it is
    x_ticks: tuple[tuple[str, str], ...]
    y_ticks: tuple[tuple[str, str], ...]
    left: str = f"{LEFT:g}"
    width: str = f"{WIDTH:g}"
    height: str = f"{HEIGHT:g}"
    right: str = f"{WIDTH - RIGHT:g}"
    bottom: str = f"{HEIGHT - BOTTOM:g}"


def growth(figures: GrowthFigures) -> Growth:
    axis = percent_axis([100 * one for runs in figures.accuracies for one in runs])
    low, high = math.log(figures.sizes[0]), math.log(figures.sizes[-1])

    def x(size: int) -> str:
        return f"{LEFT + 12 + (math.log(size) - low) / (high - low) * (WIDTH - RIGHT - LEFT - 24):.1f}"

    def y(percent: float) -> str:
        return f"{HEIGHT - BOTTOM - axis.share(percent) * (HEIGHT - BOTTOM - TOP):.1f}"

    means = [100 * sum(runs) / len(runs) for runs in figures.accuracies]
    points = list(zip(figures.sizes, means, strict=True))
    return Growth(
        figures.message,
        "; ".join(f"{size:,} images: {mean:.1f} % right" for size, mean in points),
        "M" + "L".join(f"{x(size)} {y(mean)}" for size, mean in points),
        tuple(
            (x(size), y(100 * one), f"{size:,} images: {one:.1%}")
            for size, runs in zip(figures.sizes, figures.accuracies, strict=True)
            for one in runs
        ),
        tuple((x(size), f"{size:,}") for size in figures.sizes),
        tuple((y(tick), label) for tick, label in zip(axis.ticks, tick_labels(axis), strict=True)),
    )
