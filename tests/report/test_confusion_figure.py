"""The confusion matrix: nothing is lost, shades follow the numbers, labels have room."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from striate.report.confusion_figure import LABEL, MOST_TOOLTIPS, SHADES, columns, heat_map, read_matrix, shorten

SQUARES = st.integers(1, 8).flatmap(lambda side: arrays.arrays(np.int64, (side, side), elements=st.integers(0, 1000)))


@settings(deadline=None)
@given(SQUARES)
def test_cells_and_totals_are_the_data(square):
    matrix = read_matrix([str(n) for n in range(len(square))], square.tolist())
    found = np.zeros_like(square)
    for cell in matrix.cells:
        found[cell.label, cell.prediction] = cell.images
        assert cell.rate == pytest.approx(cell.images / square[cell.label].sum())
        assert 1 <= min(cell.count_shade, cell.rate_shade) <= max(cell.count_shade, cell.rate_shade) <= SHADES
    assert (found == square).all()
    assert matrix.label_totals == tuple(square.sum(1))
    assert matrix.prediction_totals == tuple(square.sum(0))
    assert [[cell.images if cell else 0 for cell in row] for row in matrix.rows] == square.tolist()


@settings(deadline=None)
@given(SQUARES)
def test_more_is_never_lighter_and_the_most_is_strongest(square):
    cells = read_matrix([""] * len(square), square.tolist()).cells
    for correct in (True, False):
        mine = sorted((cell for cell in cells if cell.correct == correct), key=lambda cell: cell.images)
        shades = [cell.count_shade for cell in mine]
        assert shades == sorted(shades)
        assert not shades or shades[-1] == SHADES
        rates = [cell.rate_shade for cell in sorted(mine, key=lambda cell: cell.rate)]
        assert rates == sorted(rates)


def test_confused_pairs_are_the_most_frequent_first():
    matrix = read_matrix(["a", "b", "c"], [[90, 3, 7], [3, 5, 0], [0, 1, 50]])
    assert [(m.label, m.prediction, m.images) for m in matrix.confused] == [(0, 2, 7), (1, 0, 3), (0, 1, 3), (2, 1, 1)]


@settings(deadline=None)
@given(st.integers(21, 600), st.integers(0, 60))
def test_labels_of_a_heat_map_do_not_overlap_nor_leave_it(classes, length):
    matrix = read_matrix(["x" * length or "y"] * classes, [[0] * classes] * classes)
    heat = heat_map(matrix)
    positions = [n * heat.side for n, _ in heat.labels]
    assert all(b - a >= heat.font for a, b in pairwise(positions))
    assert all(0.6 * heat.font * columns(label) + 5 <= heat.margin for _, label in heat.labels)
    assert heat.margin + heat.side * classes <= float(heat.size) + 0.1


def test_a_thousand_classes_keep_the_tooltips_of_the_fullest_cells():
    side = 60
    matrix = read_matrix([str(n) for n in range(side)], [[1 + i * side + j for j in range(side)] for i in range(side)])
    tooltips = heat_map(matrix).tooltips
    assert len(tooltips) == MOST_TOOLTIPS
    assert min(cell.images for cell in tooltips) > max(cell.images for cell in set(matrix.cells) - tooltips)


@settings(deadline=None)
@given(st.text())
def test_short_names_have_one_line_and_fit(name):
    short = shorten(name, LABEL)
    assert columns(short) <= LABEL
    assert "\n" not in short
    assert shorten("plain", LABEL) == "plain"
