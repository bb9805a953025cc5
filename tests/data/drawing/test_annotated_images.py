"""Drawing: the annotations of a sample are visible in its image, and the image below it stays what it was."""

import numpy as np
import pytest

from striate.data import Instances, Sample, Skeleton
from striate.data.drawing.annotated_images import annotated_image, class_color

CLASSES = tuple(f"class {i}" for i in range(30))
BOX = np.array([[20, 40, 120, 160]], np.float32)


def gray(height: int = 240, width: int = 320, channels: int = 3, kind: type = np.uint8) -> np.ndarray:
    return np.full((height, width, channels), 128 if kind is np.uint8 else 128 * 257, kind)


def colors(region: np.ndarray) -> set[tuple[int, ...]]:
    return set(map(tuple, region.reshape(-1, 3).tolist()))


def test_colors_are_distinct_for_24_classes_and_the_same_each_time() -> None:
    found = [class_color(i) for i in range(24)]
    assert len(set(found)) == 24
    assert class_color(24) == found[0]
    assert found[0] == (230, 159, 0)  # orange, as published
    for one in found[:8]:
        assert min(np.abs(np.subtract(one, other)).sum() for other in found[:8] if other != one) > 60


def test_a_box_is_drawn_along_its_pixels() -> None:
    drawn = np.asarray(annotated_image(Sample("a", gray(), Instances(BOX, np.array([1]))), CLASSES))
    assert drawn.shape == (240, 320, 3)
    for row, column in ((40, 70), (159, 70), (100, 20), (100, 119)):
        assert tuple(drawn[row, column].tolist()) == class_color(1)
    assert colors(drawn[45:155, 25:115]) == {(128, 128, 128)}
    assert colors(drawn[170:, 130:]) == {(128, 128, 128)}
    assert drawn[20:38, 20:70].max() > 240  # its name, white in black
    assert drawn[20:38, 20:70].min() == 0


def test_masks_are_overlays_and_pixels_outside_stay() -> None:
    masks = np.zeros((1, 240, 320), bool)
    masks[0, 60:100, 50:90] = True
    drawn = np.asarray(annotated_image(Sample("a", gray(), Instances(BOX, np.array([0]), masks)), CLASSES))
    assert colors(drawn[60:100, 50:90]) == {(179, 144, 64)}  # halfway to 230, 159, 0
    assert colors(drawn[105:150, 50:90]) == {(128, 128, 128)}


def test_keypoints_are_joined_where_both_are_there() -> None:
    points = np.array([[[40, 60, 2], [100, 60, 1], [70, 120, 0]]], np.float32)
    skeleton = Skeleton(("a", "b", "c"), (), ((0, 1), (1, 2)))
    objects = Instances(BOX, np.array([0]), None, points)
    drawn = np.asarray(annotated_image(Sample("a", gray(), objects), CLASSES, skeleton))
    assert colors(drawn[60:61, 50:90]) == {(255, 255, 255)}
    assert tuple(drawn[60, 40].tolist()) == class_color(0)
    assert colors(drawn[70:150, 30:115]) == {(128, 128, 128)}  # nothing to the absent one
    alone = np.asarray(annotated_image(Sample("a", gray(), objects), CLASSES))
    assert colors(alone[60:61, 50:90]) == {(128, 128, 128)}


def test_a_mask_of_classes_has_a_legend_and_hatches_nothing() -> None:
    target = np.zeros((240, 320), np.int64)
    target[:, 100:200], target[:, 200:] = 2, -1
    drawn = np.asarray(annotated_image(Sample("a", gray(), target), CLASSES))
    assert drawn.shape == (240 + 2 * 15, 320, 3)
    assert colors(drawn[:240, :99]) == {(179, 144, 64)}
    assert colors(drawn[:240, 99:100]) == {class_color(0)}  # an outline has the color alone
    assert colors(drawn[:240, 100:101]) == {class_color(2)}
    assert colors(drawn[:240, 200:]) == {(128, 128, 128), (255, 255, 255)}
    assert tuple(drawn[247, 8].tolist()) == class_color(0)
    assert tuple(drawn[262, 8].tolist()) == class_color(2)
    many = np.arange(30).repeat(8)[:, None].repeat(320, 1)
    assert annotated_image(Sample("a", gray(), many), CLASSES).height == 240 + 13 * 15


@pytest.mark.parametrize(
    "target",
    [np.int64(3), np.arange(30) % 2 == 0, np.arange(30, dtype=np.float32)],
)
def test_classes_and_numbers_are_a_line_below(target: np.ndarray) -> None:
    drawn = np.asarray(annotated_image(Sample("a", gray(), target), CLASSES))
    assert drawn.shape == (255, 320, 3)
    assert (drawn[:240] == 128).all()
    assert drawn[240:].min() < 20


@pytest.mark.parametrize(("channels", "kind"), [(1, np.uint8), (3, np.uint16), (4, np.uint8), (7, np.uint16)])
def test_small_images_of_any_kind_are_enlarged(channels: int, kind: type) -> None:
    sample = Sample("a", gray(28, 20, channels, kind), Instances(np.zeros((0, 4), np.float32), np.zeros(0, np.int64)))
    drawn = np.asarray(annotated_image(sample, CLASSES))
    assert drawn.shape == (28 * 8, 20 * 8, 3)
    assert (drawn == 128).all()


def test_objects_at_the_borders_and_long_names_do_not_fail() -> None:
    boxes = np.array([[0, 0, 1, 1], [199, 199, 200, 200], [0, 0, 200, 200], [50, 0, 50.2, 200]], np.float32)
    names = ("x" * 1000, "y", "z", "w\u202e")
    annotated_image(Sample("a", gray(200, 200), Instances(boxes, np.arange(4))), names)
    annotated_image(Sample("a", gray(200, 200), np.int64(0)), names)
