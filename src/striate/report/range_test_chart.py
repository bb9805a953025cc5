"""The chart of a range test: the loss over the learning rate, as an SVG of its own and as text for a terminal."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, final

from striate.number_format import four_digits
from striate.report.axes import DRAWABLE, linear_axis, tick_labels
from striate.report.page import encodable, environment
from striate.training.range_test import FIRST_STEPS, RULE, RangeTest

__all__ = ["is_range_test_chart", "range_test_svg", "range_test_text"]

WIDTH, HEIGHT = 720.0, 400.0
LEFT, TOP, RIGHT, BOTTOM = 64.0, 74.0, 24.0, 48.0
MAKER: Final = b"<!-- striate lr -->"  # the first line of the template
MARGIN: Final = 0.25  # of the first loss, that is drawn above it: what is beyond has diverged
COLUMNS, ROWS = 60, 14  # of the chart in a terminal


@final
@dataclass(frozen=True)
class RangeTestChart:
    """In coordinates of a view box of WIDTH by HEIGHT."""

    title: str
    subtitle: str
    dots: tuple[tuple[str, str], ...]  # of the losses
    path: str  # of the smoothed losses
    x_ticks: tuple[tuple[str, str], ...]
    y_ticks: tuple[tuple[str, str], ...]
    proposed: str | None  # position of the proposed rate
    proposed_label: str
    width: str = f"{WIDTH:g}"
    height: str = f"{HEIGHT:g}"
    left: str = f"{LEFT:g}"
    right: str = f"{WIDTH - RIGHT:g}"
    top: str = f"{TOP:g}"
    bottom: str = f"{HEIGHT - BOTTOM:g}"


def range_test_svg(test: RangeTest, title: str) -> str:
    chart = _chart(test, title)
    return encodable(environment().get_template("range_test.svg.j2").render(chart=chart))


def is_range_test_chart(path: Path) -> bool:
    """Whether a file is a chart of a range test made by striate."""
    with path.open("rb") as file:
        return file.read(len(MAKER)) == MAKER


def range_test_text(test: RangeTest) -> list[str]:
    """Lines for a terminal: the smoothed loss as dots, and a column of bars at the proposed rate."""
    shown = _shown(test)
    low, high = min(loss for _, loss in shown), max(loss for _, loss in shown)
    span = high - low or 1.0
    first, last = _decades(test)

    def column(rate: float) -> int:
        return round((math.log10(rate) - first) / (last - first) * (COLUMNS - 1))

    grid = [[" "] * COLUMNS for _ in range(ROWS)]
    proposed = test.proposed()
    if proposed is not None:
        for row in grid:
            row[column(proposed)] = "|"
    for rate, loss in shown:
        grid[round((high - loss) / span * (ROWS - 1))][column(rate)] = "*"
    labels = {0: four_digits(high), ROWS - 1: four_digits(low)}
    width = max(len(label) for label in labels.values())
    lines = [f"{labels.get(number, ''):>{width}} | {''.join(row).rstrip()}" for number, row in enumerate(grid)]
    return [
        "smoothed loss over learning rate",
        *lines,
        f"{'':>{width}} +{'-' * (COLUMNS + 1)}",
        _rate_line(first, last, width),
    ]


def _rate_line(first: int, last: int, width: int) -> str:
    line = [" "] * (COLUMNS + 12)
    for power in range(first, last + 1, 1 if last - first < 9 else 2):
        at = round((power - first) / (last - first) * (COLUMNS - 1))
        label = f"{10.0**power:g}"
        line[at : at + len(label)] = label
    return f"{'':>{width}}   {''.join(line).rstrip()}"


def _chart(test: RangeTest, title: str) -> RangeTestChart:
    shown = _shown(test)
    axis = linear_axis([loss for _, loss in shown])
    first, last = _decades(test)

    def x(rate: float) -> str:
        return f"{LEFT + (math.log10(rate) - first) / (last - first) * (WIDTH - LEFT - RIGHT):.1f}"

    def y(loss: float) -> str:
        return f"{HEIGHT - BOTTOM - axis.share(loss) * (HEIGHT - BOTTOM - TOP):.1f}"

    proposed = test.proposed()
    found = "the loss did not fall: no rate is proposed" if proposed is None else f"proposed: {proposed:g}, {RULE}"
    dots = zip(test.rates, test.losses, strict=True)
    return RangeTestChart(
        title=title,
        subtitle=found,
        dots=tuple((x(rate), y(loss)) for rate, loss in dots if axis.low <= loss <= axis.high),
        path="M" + "L".join(f"{x(rate)} {y(loss)}" for rate, loss in shown),
        x_ticks=tuple((x(10.0**power), f"{10.0**power:g}") for power in range(first, last + 1)),
        y_ticks=tuple((y(tick), label) for tick, label in zip(axis.ticks, tick_labels(axis), strict=True)),
        proposed=None if proposed is None else x(proposed),
        proposed_label="" if proposed is None else f"{proposed:g}",
    )


def _shown(test: RangeTest) -> Sequence[tuple[float, float]]:
    """Rates and smoothed losses, without those that would press all others to the ground."""
    smoothed = test.smoothed()
    limit = min(DRAWABLE, max(smoothed[:FIRST_STEPS]) + MARGIN * abs(test.first_loss))
    return [(rate, loss) for rate, loss in zip(test.rates, smoothed, strict=True) if loss <= limit]


def _decades(test: RangeTest) -> tuple[int, int]:
    first, last = math.floor(math.log10(test.rates[0]) + 1e-9), math.ceil(math.log10(test.rates[-1]) - 1e-9)
    return first, max(last, first + 1)
