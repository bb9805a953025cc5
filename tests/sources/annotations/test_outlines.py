"""Outlines: which pixels are inside a polygon, and what COCO's runs say, as numbers and as text."""

from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image, ImageDraw

from striate.data.decoding.limits import Limits
from striate.data.decoding.orientation import upright, upright_grid, upright_points
from striate.data.skipped_files import Unreadable
from striate.data.targets import Instances
from striate.sources.annotations.frame import Frame
from striate.sources.annotations.outlined_targets import OutlinedInstances
from striate.sources.annotations.outlines import fill, runs_from_text


def as_runs(mask: np.ndarray) -> np.ndarray:
    """Runs of a mask, down the columns, background first."""
    flat = np.concatenate([[False], mask.T.ravel()])
    edges = np.flatnonzero(flat[1:] != flat[:-1])
    return np.diff(np.concatenate([[0], edges, [mask.size]]))


def as_text(runs: np.ndarray) -> str:
    """The format by its description: 5 bits a character, least first, differences from the fourth number on."""
    text = ""
    for i, run in enumerate(runs.tolist()):
        number = run - runs[i - 2].item() if i > 2 else run
        more = True
        while more:
            bits, number = number & 31, number >> 5
            more = number != (-1 if bits & 16 else 0)
            text += chr(48 + bits + (32 if more else 0))
    return text


def polygon(*points: tuple[float, float]) -> tuple[np.ndarray, ...]:
    return (np.array(points, np.float64),)


def test_a_rectangle_on_whole_pixels_is_just_these() -> None:
    mask = fill(polygon((2, 1), (6, 1), (6, 4), (2, 4)), 5, 8)
    expected = np.zeros((5, 8), bool)
    expected[1:4, 2:6] = True
    assert (mask == expected).all()


def test_a_pixel_is_inside_when_its_center_is() -> None:
    assert fill(polygon((0.4, 0.4), (2.6, 0.4), (2.6, 1.6), (0.4, 1.6)), 3, 4).nonzero()[1].tolist() == [
        0,
        1,
        2,
        0,
        1,
        2,
    ]
    assert fill(polygon((0.6, 0.6), (2.4, 0.6), (2.4, 1.4), (0.6, 1.4)), 3, 4).sum() == 0


def test_polygons_of_one_object_are_united_and_a_crossing_one_is_even_odd() -> None:
    two = (*polygon((0, 0), (2, 0), (2, 2), (0, 2)), *polygon((1, 1), (4, 1), (4, 3), (1, 3)))
    assert fill(two, 4, 4).sum() == 4 + 6 - 1
    around_a_hole = polygon((0, 0), (6, 0), (6, 6), (0, 6), (0, 0), (2, 2), (4, 2), (4, 4), (2, 4), (2, 2))
    assert fill(around_a_hole, 6, 6).sum() == 36 - 4


def test_what_lies_outside_the_image_is_cut_off() -> None:
    assert fill(polygon((-50, -50), (50, -50), (50, 50), (-50, 50)), 3, 4).all()
    assert fill(polygon((-50, -50), (2, -50), (2, 50), (-50, 50)), 3, 4).sum() == 6
    assert not fill(polygon((9, 0), (12, 0), (12, 3), (9, 3)), 3, 4).any()
    assert not fill(polygon((-9, 0), (-2, 0), (-2, 3), (-9, 3)), 3, 4).any()


@given(st.lists(st.tuples(st.integers(-5, 45), st.integers(-5, 35)), min_size=3, max_size=3))
def test_a_triangle_is_that_of_pillow_but_for_its_border(points: list[tuple[int, int]]) -> None:
    ours = fill(polygon(*points), 30, 40)
    drawn, border = Image.new("1", (40, 30)), Image.new("1", (40, 30))
    places = [(x - 0.5, y - 0.5) for x, y in points]  # Pillow counts from centers
    ImageDraw.Draw(drawn).polygon(places, fill=1, outline=1)
    ImageDraw.Draw(border).line([*places, places[0]], fill=1, width=3)
    differs = ours ^ np.asarray(drawn)
    assert not (differs & ~np.asarray(border)).any()


coordinates = st.floats(-9, 29, allow_nan=False).map(lambda x: round(x, 2))


@given(st.lists(st.lists(st.tuples(coordinates, coordinates), min_size=3, max_size=6), min_size=1, max_size=3))
def test_polygons_are_those_of_crossings_counted_at_each_pixel(polygons: list[list[tuple[float, float]]]) -> None:
    def crossings(x: float, y: float, points: list[tuple[float, float]]) -> int:
        """How many edges a ray from the point to the right crosses."""
        edges = zip(points, [*points[1:], points[0]], strict=True)
        return sum((y1 > y) != (y2 > y) and x < x1 + (y - y1) * (x2 - x1) / (y2 - y1) for (x1, y1), (x2, y2) in edges)

    ours = fill(tuple(np.array(points) for points in polygons), 14, 20)
    for row, column in np.ndindex(14, 20):
        inside = any(crossings(column + 0.5, row + 0.5, points) % 2 for points in polygons)
        assert ours[row, column] == inside


def test_runs_are_lengths_down_the_columns_background_first() -> None:
    mask = fill(np.array([1, 2, 4, 1, 4]), 3, 4)
    assert mask.tolist() == [[False, False, False, False], [True, False, True, False], [True, False, False, False]]
    assert fill(np.array([0, 12]), 3, 4).all()


@given(arrays(bool, st.tuples(st.integers(1, 60), st.integers(1, 60))))
def test_any_mask_comes_back_from_its_runs_and_from_their_text(mask: np.ndarray) -> None:
    runs = as_runs(mask)
    assert (fill(runs, *mask.shape) == mask).all()
    assert (runs_from_text(as_text(runs)) == runs).all()


def test_text_of_known_runs() -> None:
    # 0, 1, 31 and 32 by hand: 5 bits and a sign, so that 16 to 511 take two characters
    assert runs_from_text("01o0P1").tolist() == [0, 1, 31, 1 + 32]
    assert runs_from_text("5141N").tolist() == [5, 1, 4, 2, 2]  # 1 + 1, and 4 - 2


@pytest.mark.parametrize("text", ["", "o", "1o", "1~", "1 1", "é", "1\x00", "oooooooo0", "ooooooooooooooooooooooo0"])
def test_text_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"cut off|larger than any"):
        runs_from_text(text)


@pytest.mark.parametrize("runs", [[12, -3, 3], [11], [13], []])
def test_runs_of_another_size_are_refused(runs: list[int]) -> None:
    with pytest.raises(ValueError, match="do not add up to 3 x 4"):
        fill(np.array(runs, np.int64), 3, 4)


def test_a_polygon_that_zigzags_for_ever_is_refused() -> None:
    x, y = np.linspace(0, 99, 2000), np.arange(2000) % 2 * 100
    with pytest.raises(ValueError, match=r"a polygon of 2000 points crosses the rows \d+ times"):
        fill((np.stack([x, y], 1),), 100, 100)


def test_masks_of_more_objects_than_memory_holds_are_refused() -> None:
    many = Instances(np.zeros((1000, 4), np.float32), np.zeros(1000, np.int64))
    outlined = partial(OutlinedInstances, (many,), ((None,) * 1000,), (Frame(100, 100),))
    outlined(Limits()).target(0)
    with pytest.raises(Unreadable, match="decompression bomb: 1000 masks of 100 x 100 pixels"):
        outlined(Limits(max_pixels=10_000)).target(0)


@pytest.mark.parametrize("held", range(1, 9))
def test_points_and_grids_turn_as_images_do(held: int) -> None:
    grid = np.arange(12, dtype=np.uint8).reshape(3, 4)
    turned, _ = upright(Image.fromarray(grid), (0, 0, 4, 3), held)
    assert (upright_grid(grid, held) == np.asarray(turned)).all()
    center = np.array([[2.5, 1.5]])  # of the pixel in row 1, column 2
    x, y = upright_points(center, 3, 4, held)[0]
    assert np.asarray(turned)[int(y), int(x)] == grid[1, 2]
