"""What is known of an image goes where its pixels go: by whatever view, and onto the canvas."""

import numpy as np
import pytest
import torch

from striate.data import ArrayStore, Canvas, Instances, Limits, Skeleton, canvas_view, transform_target
from striate.data.decoding.resize import canvas_boxes
from striate.data.targets import IGNORE
from striate.sources import open_source
from striate.views import POLICIES, Normalization, View, apply_policy

LIMITS = Limits()
SAME_COLOR = torch.eye(4)[None]
MIRROR = View(torch.tensor([[[-1.0, 0, 8], [0, 1, 0], [0, 0, 1]]]), SAME_COLOR, (6, 8))
SHIFT = View(torch.tensor([[[1.0, 0, 3], [0, 1, 0], [0, 0, 1]]]), SAME_COLOR, (6, 8))


def some_objects() -> Instances:
    masks = np.zeros((2, 6, 8), np.bool_)
    masks[0, 1:3, 0:2] = masks[1, 2:6, 5:8] = True
    keypoints = np.array([[[0.5, 1.5, 2], [1.5, 2.5, 1]], [[6, 3, 2], [0, 0, 0]]], np.float32)
    boxes = np.array([[0, 1, 2, 3], [5, 2, 8, 6]], np.float32)
    return Instances(boxes, np.array([4, 7]), masks, keypoints)


def test_a_mirror_by_hand():
    seen = transform_target(some_objects(), MIRROR, Skeleton(("left", "right"), pairs=((0, 1),)))
    assert isinstance(seen, Instances)
    assert seen.masks is not None
    assert seen.keypoints is not None
    assert seen.boxes.tolist() == [[6, 1, 8, 3], [0, 2, 3, 6]]
    assert (seen.masks == some_objects().masks[:, :, ::-1]).all()  # type: ignore[index]
    assert seen.keypoints.tolist() == [[[6.5, 2.5, 1], [7.5, 1.5, 2]], [[8, 0, 0], [2, 3, 2]]]
    assert seen.labels.tolist() == [4, 7]


def test_what_mostly_left_is_dropped_with_all_that_belongs_to_it():
    seen = transform_target(some_objects(), SHIFT, None)
    assert isinstance(seen, Instances)
    assert seen.masks is not None
    assert seen.keypoints is not None
    assert seen.labels.tolist() == [4]
    assert seen.boxes.tolist() == [[3, 1, 5, 3]]
    assert seen.masks.shape == (1, 6, 8)
    assert seen.masks[0, 1:3, 3:5].all()
    assert seen.masks.sum() == 4
    assert seen.keypoints.shape == (1, 2, 3)


def test_an_image_without_objects_stays_without():
    empty = Instances(
        np.zeros((0, 4), np.float32),
        np.zeros(0, np.int64),
        np.zeros((0, 9, 9), np.bool_),
        np.zeros((0, 1, 3), np.float32),
    )
    seen = transform_target(empty, SHIFT, None)
    assert isinstance(seen, Instances)
    assert seen.masks is not None
    assert len(seen) == 0
    assert seen.masks.shape == (0, 6, 8)


def test_boxes_alone_need_no_masks_and_no_keypoints():
    seen = transform_target(Instances(some_objects().boxes, some_objects().labels), MIRROR, None)
    assert isinstance(seen, Instances)
    assert (seen.masks, seen.keypoints) == (None, None)


def test_classes_of_pixels_beyond_the_image_are_ignored():
    classes = np.arange(48).reshape(6, 8)
    seen = transform_target(classes, SHIFT, None)
    assert isinstance(seen, np.ndarray)
    assert (seen[:, 3:] == classes[:, :5]).all()
    assert (seen[:, :3] == IGNORE).all()


@pytest.mark.parametrize("target", [np.int64(3), np.array([True, False]), np.array([1.5], np.float32)])
def test_what_has_no_place_stays_as_it_is(target):
    assert transform_target(target, SHIFT, None) is target


@pytest.mark.parametrize("policy", ["none", "digits", "strong", "randaugment"])
def test_boxes_masks_centers_and_pixels_agree_after_any_policy(policy):
    """A moved box holds its moved mask, and touches it on all sides where nothing turns; each center is on its digit."""
    source = open_source("mnist-scenes:40")
    normalization = Normalization((0.5,) * 3, (0.5,) * 3)
    kept = 0
    for i in range(8):
        sample = source.sample("train", i)
        images = torch.from_numpy(sample.image).permute(2, 0, 1)[None]
        _, view = apply_policy(
            POLICIES[policy], images, torch.tensor([i]), seed=1, epoch=0, size=(128, 128), normalization=normalization
        )
        seen = transform_target(sample.target, view, source.skeleton)
        assert isinstance(seen, Instances)
        assert isinstance(sample.target, Instances)
        assert seen.masks is not None
        assert sample.target.masks is not None
        kept += len(seen)
        for box, mask in zip(seen.boxes, seen.masks, strict=True):
            y, x = np.nonzero(mask)
            assert (x + 1 > box[0] - 1).all()
            assert (x < box[2] + 1).all()
            assert (y + 1 > box[1] - 1).all()
            assert (y < box[3] + 1).all()
            if policy == "none":
                assert (x.min(), y.min(), x.max() + 1, y.max() + 1) == tuple(box)
    assert kept > 5


@pytest.mark.parametrize(
    ("image", "canvas"), [((40, 60), (40, 40)), ((90, 61), (32, 32)), ((31, 100), (64, 48)), ((64, 64), (64, 64))]
)
@pytest.mark.parametrize("fit", ["cover", "contain"])
def test_targets_reach_the_canvas_as_the_pixels_do(image, canvas, fit):
    """The decoded image is a ramp, so that each pixel tells where it came from; the view must say the same."""
    height, width = image
    ramps = np.stack(np.broadcast_arrays(np.arange(width)[None] * 2, np.arange(height)[:, None] * 2, 0), -1).astype(
        np.uint8
    )
    store = ArrayStore((1, height, width, 3), lambda: ramps[None])
    decoded = store.decode(0, Canvas(canvas[0], canvas[1], 3, fit=fit))[..., :2] / 2 + 0.5  # x, y in it
    rows, columns = np.mgrid[: canvas[0], : canvas[1]] + 0.5
    points = torch.from_numpy(np.stack([columns, rows], -1).reshape(1, -1, 2)).float()
    expected = canvas_view(image, canvas, fit).inverse_points(points).numpy().reshape(*canvas, 2)
    _, (left, top, right, bottom) = canvas_boxes(canvas[0], canvas[1], (0, 0, width, height), fit)
    assert (fit == "cover") == ((left, top, right, bottom) == (0, 0, canvas[1], canvas[0])) or height == width
    inside = (slice(top + 4, bottom - 4), slice(left + 4, right - 4))  # near the border an enlarged ramp is flat
    assert np.abs(expected - decoded)[inside].max() < 0.8
    assert np.abs((expected - decoded)[inside].mean((0, 1))).max() < 0.25


def test_what_lies_beside_a_whole_image_belongs_to_no_class():
    view = canvas_view((4, 12), (12, 12), "contain")
    seen = transform_target(np.ones((4, 12), np.int64), view, None)
    assert isinstance(seen, np.ndarray)
    assert (seen[4:8] == 1).all()
    assert (seen[:4] == IGNORE).all()
    assert (seen[8:] == IGNORE).all()
    boxes = transform_target(Instances(np.array([[0, 0, 12, 4]], np.float32), np.array([1])), view, None)
    assert isinstance(boxes, Instances)
    assert boxes.boxes.tolist() == [[0, 4, 12, 8]]
