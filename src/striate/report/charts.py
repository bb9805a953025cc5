"""Training curves: from the rows of metrics.csv to coordinates. The SVG itself is templates/chart.html.j2."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import final

from striate.number_format import UNKNOWN, count, finite, four_digits
from striate.report.axes import DRAWABLE, Axis, epoch_ticks, linear_axis, loss_axis, percent_axis, tick_labels
from striate.tasks.figure import SHARE
from striate.training import Epoch

WIDTH, HEIGHT = 360.0, 210.0
TOP, RIGHT, BOTTOM = 22.0, 16.0, 26.0  # room for the mark of the kept epoch, for half a label, for the epochs
MOST_HOVERS, MOST_DOTS = 150, 30

Values = Sequence[float | None]


@final
@dataclass(frozen=True)
class Line:
    """One series: an SVG path, and dots where a line alone would not show the values."""

    name: str
    path: str
    dots: tuple[tuple[str, str], ...]


@final
@dataclass(frozen=True)
class Hover:
    """A band over one epoch whose tooltip shows the values."""

    x: str
    width: str
    text: str


@final
@dataclass(frozen=True)
class Chart:
    """One chart, in coordinates of a view box of WIDTH by HEIGHT; no lines where nothing was recorded."""

    title: str
    summary: str  # the chart in words, for screen readers
    left: str = "0"
    x_ticks: tuple[tuple[str, str], ...] = ()  # position, label
    y_ticks: tuple[tuple[str, str], ...] = ()
    lines: tuple[Line, ...] = ()
    hovers: tuple[Hover, ...] = ()
    kept: str | None = None  # position of the kept epoch
    kept_epoch: int | None = None
    notes: tuple[str, ...] = ()  # shown below the chart

    width: str = f"{WIDTH:g}"
    height: str = f"{HEIGHT:g}"
    top: str = f"{TOP:g}"
    right: str = f"{WIDTH - RIGHT:g}"
    bottom: str = f"{HEIGHT - BOTTOM:g}"
    inner: str = f"{HEIGHT - BOTTOM - TOP:g}"  # height between the two


def training_curves(history: Sequence[Epoch], kept: int | None) -> list[Chart]:
    """The charts of a run: loss, the task's metrics, learning rate."""
    rows = sorted(history, key=lambda row: row.epoch)
    epochs = [row.epoch for row in rows]
    rate = {"learning rate": _drawable(row.learning_rate for row in rows)}
    return [
        loss_chart(epochs, [row.train_loss for row in rows], [row.val_loss for row in rows], kept),
        *(_metric_chart(rows, index, kept) for index in range(len(rows[0].train) if rows else 0)),
        line_chart("Learning rate", epochs, rate, linear_axis, kept=kept),
    ]


def loss_chart(epochs: Sequence[int], train: Values, validation: Values, kept: int | None) -> Chart:
    """The loss on the training and the validation images, one value an epoch."""
    series = {"train": _drawable(train), "validation": _drawable(validation)}
    return line_chart("Loss", epochs, series, loss_axis, kept=kept)


def _metric_chart(rows: Sequence[Epoch], index: int, kept: int | None) -> Chart:
    metric, epochs = rows[0].train[index], [row.epoch for row in rows]
    factor = 100 if metric.unit == SHARE else 1
    series = {
        "train": _drawable(factor * row.train[index].value for row in rows),
        "validation": _drawable(factor * row.val[index].value if row.val else None for row in rows),
    }
    title = f"{metric.title}, {metric.unit}" if metric.unit else metric.title
    axis = percent_axis if metric.unit == SHARE else linear_axis
    return line_chart(
        title, epochs, series, axis, kept=kept, format_value=lambda value: replace(metric, value=value / factor).text(2)
    )


def _drawable(values: Iterable[float | None]) -> Values:
    found = (finite(value) for value in values)
    return [None if value is None or abs(value) > DRAWABLE else value for value in found]


def line_chart(
    title: str,
    epochs: Sequence[int],
    series: Mapping[str, Values],
    axis: Callable[[Sequence[float]], Axis],
    *,
    kept: int | None,
    format_value: Callable[[float], str] = four_digits,
) -> Chart:
    """Named series, one value an epoch, on axes that suit them; missing values leave gaps."""
    shown = {name: values for name, values in series.items() if any(value is not None for value in values)}
    if not shown:
        return Chart(title, summary="Nothing was recorded.")

    y_axis = axis([value for values in shown.values() for value in values if value is not None])
    labels = tick_labels(y_axis)
    left = max(42.0, 10.0 + 6.0 * max(len(label) for label in labels))
    first, last = epochs[0], epochs[-1]

    def x(epoch: int) -> float:
        share = (epoch - first) / (last - first) if last > first else 0.5
        return left + share * (WIDTH - RIGHT - left)

    def y(value: float) -> float:
        return HEIGHT - BOTTOM - y_axis.share(value) * (HEIGHT - BOTTOM - TOP)

    marked = kept if kept is not None and first <= kept <= last else None
    return Chart(
        title,
        summary=f"{title} over {count(len(epochs), 'epoch')}: "
        + "; ".join(_in_words(name, values, format_value) for name, values in shown.items()),
        left=_at(left),
        x_ticks=tuple((_at(x(epoch)), str(epoch)) for epoch in epoch_ticks(first, last)),
        y_ticks=tuple((_at(y(tick)), label) for tick, label in zip(y_axis.ticks, labels, strict=True)),
        lines=tuple(_line(name, [x(epoch) for epoch in epochs], values, y) for name, values in shown.items()),
        hovers=_hovers(epochs, shown, x, left, format_value),
        kept=None if marked is None else _at(x(marked)),
        kept_epoch=marked,
        notes=(*(["log scale"] if y_axis.logarithmic else []), *_gaps(shown)),
    )


def _at(position: float) -> str:
    return f"{position:.1f}".removesuffix(".0")


def _line(name: str, xs: Sequence[float], values: Values, y: Callable[[float], float]) -> Line:
    pieces, dots = [], []
    for n, value in enumerate(values):
        if value is None:
            continue
        follows = n > 0 and values[n - 1] is not None
        leads = n + 1 < len(values) and values[n + 1] is not None
        here = (_at(xs[n]), _at(y(value)))
        pieces.append(f"{'L' if follows else 'M'}{here[0]} {here[1]}")
        if len(values) <= MOST_DOTS or not (follows or leads):  # a value without neighbors has no line through it
            dots.append(here)
    return Line(name, "".join(pieces), tuple(dots))


def _hovers(
    epochs: Sequence[int],
    series: Mapping[str, Values],
    x: Callable[[int], float],
    left: float,
    format_value: Callable[[float], str],
) -> tuple[Hover, ...]:
    visited = range(0, len(epochs), math.ceil(len(epochs) / MOST_HOVERS))
    middles = [x(epochs[n]) for n in visited]
    edges = [left, *((a + b) / 2 for a, b in pairwise(middles)), WIDTH - RIGHT]
    bands = []
    for n, (start, end) in zip(visited, pairwise(edges), strict=True):
        values_of = ", ".join(f"{name} {_formatted(values[n], format_value)}" for name, values in series.items())
        bands.append(Hover(_at(start), _at(end - start), f"epoch {epochs[n]}: {values_of}"))
    return tuple(bands)


def _gaps(series: Mapping[str, Values]) -> list[str]:
    missing = {name: sum(value is None for value in values) for name, values in series.items()}
    return [f"no value of {name} in {count(gaps, 'epoch')}" for name, gaps in missing.items() if gaps]


def _in_words(name: str, values: Values, format_value: Callable[[float], str]) -> str:
    known = [value for value in values if value is not None]
    if len(known) == 1:
        return f"{name} {format_value(known[0])}"
    first, last, lowest, highest = map(format_value, (known[0], known[-1], min(known), max(known)))
    return f"{name} from {first} to {last}, lowest {lowest}, highest {highest}"


def _formatted(value: float | None, format_value: Callable[[float], str]) -> str:
    return UNKNOWN if value is None else format_value(value)
