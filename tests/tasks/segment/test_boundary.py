"""The boundary F-score against all distances between all boundary pixels, and on shapes whose score is known."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from striate.data.targets import IGNORE
from striate.tasks.segment.boundary import boundary_f, boundary_tolerance


def outline(mask: np.ndarray, k: int) -> list[tuple[int, int]]:
    height, width = mask.shape
    found = []
    for y, x in np.argwhere(mask == k).tolist():
        beside = [(y - 1, x), (y + 1, x), (y, x - 1), (y, x + 1)]
        inside = [mask[at] for at in beside if 0 <= at[0] < height and 0 <= at[1] < width]
        if any(one not in (k, IGNORE) for one in inside):
            found.append((y, x))
    return found


def share(of: list[tuple[int, int]], near: list[tuple[int, int]], tolerance: float) -> float:
    return sum(any(math.dist(one, other) <= tolerance for other in near) for one in of) / len(of)


def by_distances(predicted: np.ndarray, labels: np.ndarray, classes: int, tolerance: float) -> list[float]:
    found = np.where(labels == IGNORE, IGNORE, predicted)
    scores = []
    for k in range(classes):
        one, other = outline(found, k), outline(labels, k)
        if one and other:
            precision, recall = share(one, other, tolerance), share(other, one, tolerance)
            scores.append(2 * precision * recall / (precision + recall) if precision + recall else 0.0)
        elif other or (k in found) != (k in labels):
            scores.append(0.0)
        else:
            scores.append(math.nan)
    return scores


def blobs(seed: int, size: tuple[int, int], classes: int, ignored: bool) -> np.ndarray:
    """Regions of a few pixels across."""
    generator = np.random.default_rng(seed)
    coarse = generator.integers(-1 if ignored else 0, classes, (size[0] // 3 + 1, size[1] // 3 + 1))
    return coarse.repeat(3, 0).repeat(3, 1)[: size[0], : size[1]]


@given(
    seed=st.integers(0, 10_000),
    height=st.integers(1, 14),
    width=st.integers(1, 14),
    classes=st.integers(1, 4),
    tolerance=st.sampled_from([0.0, 1.0, 1.5, 2.0, 2.9, 5.0]),
    ignored=st.booleans(),
)
@settings(max_examples=150, deadline=None)
def test_scores_are_those_of_all_distances(seed, height, width, classes, tolerance, ignored):
    labels = blobs(seed, (height, width), classes, ignored)
    predicted = blobs(seed + 1, (height, width), classes, False)
    moved = np.roll(np.where(labels == IGNORE, 0, labels), 1, 1)  # nearly right
    for one in (predicted, moved):
        expected = by_distances(one, labels, classes, tolerance)
        assert boundary_f(one, labels, classes, tolerance) == pytest.approx(expected, nan_ok=True)


def square(y: int, x: int, side: int, size: int = 40) -> np.ndarray:
    mask = np.zeros((size, size), np.int64)
    mask[y : y + side, x : x + side] = 1
    return mask


def test_a_right_mask_scores_1_and_one_that_is_moved_scores_by_how_far():
    labels = square(10, 10, 20)
    assert boundary_f(labels, labels, 2).tolist() == [1, 1]
    assert boundary_f(square(10, 12, 20), labels, 2, tolerance=2.0).tolist() == [1, 1]
    near, far = boundary_f(square(10, 12, 20), labels, 2, 1.0), boundary_f(square(14, 14, 20), labels, 2, 1.0)
    assert (near < 1).all()
    assert (far < near).all()
    assert boundary_f(square(0, 0, 3), square(30, 30, 3), 2).tolist() == [0, 0]


def test_the_tolerance_is_a_share_of_the_diagonal_and_a_distance():
    assert boundary_tolerance(300, 400) == pytest.approx(3.75)
    assert boundary_tolerance(28, 28) == 1
    one, other = np.zeros((9, 9), np.int64), np.zeros((9, 9), np.int64)
    one[2, 2], other[4, 4] = 1, 1  # 2.83 apart
    assert [boundary_f(one, other, 2, tolerance)[1] for tolerance in (2.0, 2.8, 2.9)] == [0, 0, 1]


def test_a_class_without_anything_to_compare_has_no_score():
    labels = np.zeros((6, 6), np.int64)
    assert np.isnan(boundary_f(labels, labels, 3)).all()  # class 0 has no boundary, and the others do not occur
    assert np.array_equal(boundary_f(labels + 1, labels, 3), [0, 0, np.nan], equal_nan=True)
    hole = square(2, 2, 2, 6)
    assert np.array_equal(boundary_f(hole, labels, 3), [np.nan, 0, np.nan], equal_nan=True)  # 0 has none to follow
    assert np.array_equal(boundary_f(labels, hole, 3), [0, 0, np.nan], equal_nan=True)
    assert np.isnan(boundary_f(hole, np.full((6, 6), IGNORE), 3)).all()


def test_what_is_ignored_makes_no_boundary():
    labels = square(10, 10, 20)
    labels[9:31, 8:12] = IGNORE  # over the left side
    for inside in (0, 1):
        predicted = np.where(labels == IGNORE, inside, labels)
        assert boundary_f(predicted, labels, 2).tolist() == [1, 1]
    # within a band that is ignored, as around the objects of PASCAL VOC, no outline is known
    band = square(10, 10, 20)
    band[square(8, 8, 24) == 1] = IGNORE
    band[square(12, 12, 16) == 1] = 1
    assert np.isnan(boundary_f(square(10, 10, 20), band, 2)).all()


def test_a_mirror_and_the_names_of_classes_change_nothing():
    labels, predicted = blobs(3, (20, 30), 3, True), blobs(4, (20, 30), 3, False)
    scores = boundary_f(predicted, labels, 3)
    for moved in (np.fliplr, np.flipud, np.transpose):
        assert boundary_f(moved(predicted), moved(labels), 3) == pytest.approx(scores)
    names = np.array([2, 0, 1, IGNORE])  # the last is that of IGNORE
    assert boundary_f(names[predicted], names[labels], 3)[[2, 0, 1]] == pytest.approx(scores)


def test_masks_of_bytes_are_as_good():
    labels, predicted = square(10, 10, 20), square(11, 10, 20)
    expected = boundary_f(predicted, labels, 2).tolist()
    assert boundary_f(predicted.astype(np.uint8), labels.astype(np.uint8), 2).tolist() == expected


def test_a_prediction_in_bytes_is_ignored_where_the_label_is():
    labels = np.full((16, 16), IGNORE, np.int64)
    labels[4:12] = 0
    labels[6:10, 6:10] = 1
    predicted = np.where(labels == IGNORE, 0, labels)
    assert np.array_equal(boundary_f(predicted.astype(np.uint8), labels, 2), boundary_f(predicted, labels, 2))
