"""The learning curve as a chart: accuracy over the number of training images, which doubles from tick to tick."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

from striate.number_format import percent
from striate.report.axes import percent_axis, tick_labels
from striate.report.charts import BOTTOM, HEIGHT, RIGHT, TOP, WIDTH

__all__ = ["LearningCurveChart", "LearningCurvePoints", "learning_curve_chart"]

LEFT = 48.0


@final
@dataclass(frozen=True)
class LearningCurvePoints:
    """Accuracies (0 to 1) of the trainings on each number of images, and the conclusion in a sentence."""

    sizes: Sequence[int]
    accuracies: Sequence[Sequence[float]]
    message: str


@final
@dataclass(frozen=True)
class LearningCurveChart:
    """In coordinates of the view box of a Chart."""

    message: str
    summary: str
    path: str
    dots: tuple[tuple[str, str, str], ...]  # x, y, tooltip
    x_ticks: tuple[tuple[str, str], ...]
    y_ticks: tuple[tuple[str, str], ...]
    left: str = f"{LEFT:g}"
    width: str = f"{WIDTH:g}"
    height: str = f"{HEIGHT:g}"
    right: str = f"{WIDTH - RIGHT:g}"
    bottom: str = f"{HEIGHT - BOTTOM:g}"


def learning_curve_chart(points: LearningCurvePoints) -> LearningCurveChart:
    axis = percent_axis([100 * one for runs in points.accuracies for one in runs])
    low, high = math.log(points.sizes[0]), math.log(points.sizes[-1])

    def x(size: int) -> str:
        return f"{LEFT + 12 + (math.log(size) - low) / (high - low) * (WIDTH - RIGHT - LEFT - 24):.1f}"

    def y(accuracy: float) -> str:
        return f"{HEIGHT - BOTTOM - axis.share(accuracy) * (HEIGHT - BOTTOM - TOP):.1f}"

    means = [100 * sum(runs) / len(runs) for runs in points.accuracies]
    mean_points = list(zip(points.sizes, means, strict=True))
    return LearningCurveChart(
        points.message,
        "; ".join(f"{size:,} images: {percent(mean / 100)} accuracy" for size, mean in mean_points),
        "M" + "L".join(f"{x(size)} {y(mean)}" for size, mean in mean_points),
        tuple(
            (x(size), y(100 * one), f"{size:,} images: {percent(one)}")
            for size, runs in zip(points.sizes, points.accuracies, strict=True)
            for one in runs
        ),
        tuple((x(size), f"{size:,}") for size in points.sizes),
        tuple((y(tick), label) for tick, label in zip(axis.ticks, tick_labels(axis), strict=True)),
    )
