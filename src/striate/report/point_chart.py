"""Points in a plane with axes and a line to compare them with: predictions against labels, and errors against predictions."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

from striate.report.axes import Axis, linear_axis, tick_labels

__all__ = ["PointChart", "agreement_chart", "residual_chart"]

WIDTH, HEIGHT = 360.0, 300.0
TOP, RIGHT, BOTTOM = 10.0, 14.0, 40.0


@final
@dataclass(frozen=True)
class PointChart:
    """In coordinates of a view box of `width` by `height`; `line` is what the points would lie on if nothing were wrong."""

    title: str
    summary: str
    x_name: str
    y_name: str
    left: str
    x_ticks: tuple[tuple[str, str], ...]  # position, label
    y_ticks: tuple[tuple[str, str], ...]
    dots: tuple[tuple[str, str], ...]
    line: str  # of an SVG path
    width: str = f"{WIDTH:g}"
    height: str = f"{HEIGHT:g}"
    top: str = f"{TOP:g}"
    right: str = f"{WIDTH - RIGHT:g}"
    bottom: str = f"{HEIGHT - BOTTOM:g}"


def agreement_chart(title: str, labels: Sequence[float], predictions: Sequence[float]) -> PointChart:
    """Predictions over labels; they are equal along the diagonal."""
    axis = linear_axis([*labels, *predictions])
    ends = (max(axis.low, min(axis.ticks)), min(axis.high, max(axis.ticks)))
    return _chart(title, ("label", "prediction"), (axis, axis), labels, predictions, (ends, ends))


def residual_chart(title: str, predictions: Sequence[float], errors: Sequence[float]) -> PointChart:
    """Errors, prediction minus label, over predictions; there are none along the line."""
    across, up = linear_axis(predictions), linear_axis([*errors, 0.0])
    return _chart(
        title, ("prediction", "error"), (across, up), predictions, errors, ((across.low, across.high), (0.0, 0.0))
    )


def _chart(
    title: str,
    names: tuple[str, str],
    axes: tuple[Axis, Axis],
    xs: Sequence[float],
    ys: Sequence[float],
    line: tuple[tuple[float, float], tuple[float, float]],
) -> PointChart:
    across, up = axes
    labels = tick_labels(up)
    left = max(42.0, 10.0 + 6.0 * max(len(label) for label in labels))

    def x(value: float) -> str:
        return f"{left + across.share(value) * (WIDTH - RIGHT - left):.1f}"

    def y(value: float) -> str:
        return f"{HEIGHT - BOTTOM - up.share(value) * (HEIGHT - BOTTOM - TOP):.1f}"

    (x1, x2), (y1, y2) = line
    return PointChart(
        title,
        summary=f"{title}: {len(xs):,} images, {names[1]} over {names[0]}",
        x_name=names[0],
        y_name=names[1],
        left=f"{left:g}",
        x_ticks=tuple((x(tick), label) for tick, label in zip(across.ticks, tick_labels(across), strict=True)),
        y_ticks=tuple((y(tick), label) for tick, label in zip(up.ticks, labels, strict=True)),
        dots=tuple((x(one), y(other)) for one, other in zip(xs, ys, strict=True)),
        line=f"M{x(x1)} {y(y1)}L{x(x2)} {y(y2)}",
    )
