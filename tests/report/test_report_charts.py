"""Curves stay inside their image, whatever the numbers are."""

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from striate.report.axes import epoch_ticks, linear_axis, loss_axis, percent_axis, tick_labels
from striate.report.charts import BOTTOM, HEIGHT, MOST_HOVERS, RIGHT, TOP, WIDTH, Line, training_curves
from striate.tasks import Figure
from striate.training import Epoch

LOSSES = st.one_of(st.floats(), st.floats(0, 10), st.sampled_from([0.0, 1.0, 5e-324, 1e-9, 1e308]))
SHARES = st.one_of(st.floats(0, 1), st.sampled_from([0.99, math.nan, 1.0]))
ROWS = st.fixed_dictionaries(
    {
        "learning_rate": st.floats(0, 10),
        "train_loss": LOSSES,
        "val_loss": LOSSES,
        "train_accuracy": SHARES,
        "val_accuracy": SHARES,
    }
)
FINITE = st.floats(-1e100, 1e100) | st.floats(0, 1) | st.floats(0.99, 1.0)


def run(rows: Sequence[Mapping[str, Any]], first: int = 1) -> list[Epoch]:
    return [
        Epoch(
            epoch,
            epoch,
            row.get("learning_rate", 0.1),
            row.get("train_loss", math.nan),
            (Figure("accuracy", row.get("train_accuracy", math.nan)),),
            row.get("val_loss"),
            (Figure("accuracy", row.get("val_accuracy", math.nan)),),
            1.0,
            1.0,
        )
        for epoch, row in enumerate(rows, first)
    ]


def drawn(row: Mapping[str, Any], name: str) -> bool:
    """Whether a number can be drawn, told apart from the code under test."""
    try:
        return abs(float(row[name])) <= 1e100
    except (TypeError, ValueError):
        return False


def points(line: Line) -> list[tuple[float, float]]:
    return [(float(x), float(y)) for x, y in re.findall(r"[ML](\S+?) ([^ML]+)", line.path)]


@settings(max_examples=80, deadline=None)
@given(st.lists(ROWS, max_size=40), st.integers(0, 3), st.none() | st.integers(-1, 50))
def test_everything_is_drawn_inside_the_image(rows, first, kept):
    for chart in training_curves(run(rows, first), kept):
        left, right, bottom = float(chart.left), WIDTH - RIGHT, HEIGHT - BOTTOM
        for line in chart.lines:
            for x, y in [*points(line), *((float(x), float(y)) for x, y in line.dots)]:
                assert left - 0.1 <= x <= right + 0.1
                assert TOP - 0.1 <= y <= bottom + 0.1
        assert all(left - 0.1 <= float(x) <= right + 0.1 for x, _ in chart.x_ticks)
        assert all(TOP - 0.1 <= float(y) <= bottom + 0.1 for y, _ in chart.y_ticks)
        assert all(6 + 5.5 * len(label) <= left for _, label in chart.y_ticks)  # labels have room left of the axis
        assert all(left - 0.1 <= float(h.x) and float(h.x) + float(h.width) <= right + 0.2 for h in chart.hovers)
        assert chart.kept is None or left <= float(chart.kept) <= right


@settings(max_examples=50, deadline=None)
@given(st.lists(ROWS, min_size=1, max_size=40))
def test_every_number_has_its_point_and_gaps_stay_gaps(rows):
    for chart, names in zip(
        training_curves(run(rows), None)[:2],
        [("train_loss", "val_loss"), ("train_accuracy", "val_accuracy")],
        strict=True,
    ):
        known = [[drawn(row, name) for row in rows] for name in names]
        assert [len(points(line)) for line in chart.lines] == [sum(k) for k in known if any(k)]
        starts = [
            sum(here and not before for before, here in zip([False, *k], k, strict=False)) for k in known if any(k)
        ]
        assert [line.path.count("M") for line in chart.lines] == starts


def test_higher_numbers_are_drawn_higher():
    rows = run([{"train_loss": loss} for loss in (3.0, 1.0, 2.0, 0.001)])
    heights = [y for _, y in points(training_curves(rows, None)[0].lines[0])]
    assert heights[0] < heights[2] < heights[1] < heights[3]


def test_one_epoch_is_a_point_in_the_middle():
    loss, accuracy, _ = training_curves(run([{"train_loss": 0.3, "val_loss": 0.4, "train_accuracy": 1.0}]), 1)
    (x, _), (same, _) = (line.dots[0] for line in loss.lines)
    assert x == same == loss.kept
    assert float(loss.left) < float(x) < WIDTH - RIGHT
    assert len(accuracy.lines) == 1


def test_many_epochs_have_few_hovers_and_no_dots():
    loss = training_curves(run([{"train_loss": 1 / n} for n in range(1, 3001)]), 2718)[0]
    assert len(loss.hovers) <= MOST_HOVERS
    assert loss.lines[0].dots == ()
    assert loss.kept_epoch == 2718


def test_a_number_between_gaps_is_a_dot():
    rows = [{"train_loss": 1.0 if n == 50 else math.nan} for n in range(100)]
    assert len(training_curves(run(rows), None)[0].lines[0].dots) == 1


def test_a_kept_epoch_that_is_not_there_is_not_marked():
    assert training_curves(run([{"train_loss": 1.0}] * 3), 7)[0].kept is None


def test_losses_over_decades_are_on_a_log_scale_and_others_are_not():
    wide, narrow = ([{"train_loss": loss} for loss in losses] for losses in ((1e6, 3.0, 2e-3), (3.0, 1.0, 0.5)))
    assert training_curves(run(wide), None)[0].notes == ("log scale",)
    assert training_curves(run(narrow), None)[0].notes == ()
    assert [label for _, label in training_curves(run([{"train_loss": 2.0}, {"train_loss": 0.002}]), None)[0].y_ticks] == [
        "0.001", "0.01", "0.1", "1", "10",
    ]  # fmt: skip


def test_what_is_missing_is_noted():
    loss = training_curves(
        run([{"train_loss": 1.0, "val_loss": math.nan}, {"train_loss": 1.0, "val_loss": 2.0}]), None
    )[0]
    assert loss.notes == ("no value of validation in 1 epoch",)
    assert training_curves([], None)[0].lines == ()


@settings(deadline=None)
@given(st.lists(FINITE, min_size=1, max_size=5))
def test_axes_hold_their_values_between_even_and_distinct_ticks(values):
    axis = linear_axis(values)
    assert axis.low <= min(values)
    assert max(values) <= axis.high
    assert 2 <= len(axis.ticks) <= 8
    assert len(set(tick_labels(axis))) == len(axis.ticks)
    step = axis.ticks[1] - axis.ticks[0]
    for tick, label in zip(axis.ticks, tick_labels(axis), strict=True):
        assert math.isclose(float(label.replace(",", "")), tick, rel_tol=1e-6, abs_tol=step / 10)


@settings(deadline=None)
@given(st.lists(st.floats(1e-99, 1e100), min_size=1, max_size=5))
def test_log_axes_hold_their_values(values):
    axis = loss_axis(values)
    assert axis.low <= min(values)
    assert max(values) <= axis.high
    assert len(set(tick_labels(axis))) == len(axis.ticks)


@settings(deadline=None)
@given(st.lists(st.floats(0, 100), min_size=1, max_size=5))
def test_accuracy_never_reaches_beyond_100(values):
    axis = percent_axis(values)
    assert axis.low >= 0
    assert axis.high <= 100 + 1e-9


@settings(deadline=None)
@given(st.integers(0, 10_000), st.integers(0, 10_000))
def test_epoch_ticks_are_few_and_whole(first, more):
    ticks = epoch_ticks(first, first + more)
    assert len(ticks) <= 8
    assert all(first <= tick <= first + more for tick in ticks)
    assert ticks or more
