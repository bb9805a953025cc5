"""What moves with the image: masks, boxes and keypoints follow it by every path; borders; independence of the batch."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from striate.views import View, from_corners
from striate.views.settings import Border
from striate.views.warping import pick_classes, warp_images

SAME_COLOR = torch.eye(4)[None]
RECTANGLE = torch.tensor([[[10.0, 8, 31, 26]]])  # of a mask of 40 x 44


def rectangle_mask() -> Tensor:
    mask = torch.zeros(1, 40, 44, dtype=torch.uint8)
    mask[:, 8:26, 10:31] = 1
    return mask


def turned(degrees: float, zoom: float, size: tuple[int, int], mirror: bool = False) -> Tensor:
    """1 3 3: about the center of an image of 40 x 44, which comes to the frame's."""
    cos, sin = zoom * math.cos(math.radians(degrees)), zoom * math.sin(math.radians(degrees))
    x, y = size[1] / 2, size[0] / 2
    sign = -1 if mirror else 1
    rows = [[sign * cos, -sign * sin, x - sign * (cos * 22 - sin * 20)], [sin, cos, y - sin * 22 - cos * 20], [0, 0, 1]]
    return torch.tensor([rows])


def box_of(mask: Tensor) -> Tensor:
    rows, columns = mask.any(1).nonzero(), mask.any(0).nonzero()
    return torch.stack([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]).float()


exact_moves = st.tuples(st.integers(-9, 9), st.integers(-9, 9), st.booleans(), st.booleans())


def exact_geometry(move: tuple[int, int, bool, bool], size: tuple[int, int]) -> Tensor:
    right, down, mirror, flip = move
    geometry = torch.tensor([[[1.0, 0, right], [0, 1, down], [0, 0, 1]]])
    if mirror:
        geometry[0, 0] = torch.tensor([-1.0, 0, size[1] - right])
    if flip:
        geometry[0, 1] = torch.tensor([0.0, -1, size[0] - down])
    return geometry


@given(first=exact_moves, second=exact_moves)
@settings(max_examples=60, deadline=None)
def test_flips_and_crops_are_exact_for_images_masks_and_boxes(
    first: tuple[int, int, bool, bool], second: tuple[int, int, bool, bool]
):
    """An image, its mask as an image, and the box of the mask, by one view and by a composition of two."""
    masks = torch.randint(0, 5, (2, 40, 44), dtype=torch.uint8)
    view = View(exact_geometry(first, (50, 52)), SAME_COLOR, (50, 52)).then(exact_geometry(second, (48, 51)), (48, 51))
    result = view.resample(masks[:, None] + 1)[:, 0].long() - 1
    assert torch.equal(view.mask(masks), result)
    assert torch.equal(pick_classes(masks.long(), view.geometry, view.size, -1), result)
    wide = View(view.then(torch.tensor([[[1.0, 0, 30], [0, 1, 30], [0, 0, 1]]])).geometry, SAME_COLOR, (120, 120))
    assert torch.equal(wide.boxes(RECTANGLE).boxes[0, 0], box_of(wide.mask(rectangle_mask())[0] == 1))
    assert torch.equal(wide.inverse_boxes(wide.boxes(RECTANGLE).boxes), RECTANGLE)


@given(zoom=st.floats(0.4, 3), mirror=st.booleans(), quarter=st.sampled_from([0, 90, 180, 270]))
@settings(max_examples=50, deadline=None)
def test_box_of_the_warped_mask_is_the_moved_box(zoom: float, mirror: bool, quarter: int):
    view = View(turned(quarter, zoom, (140, 150), mirror), SAME_COLOR, (140, 150))
    found = box_of(view.mask(rectangle_mask())[0] == 1)
    assert torch.allclose(view.boxes(RECTANGLE).boxes[0, 0], found, atol=1)


@given(degrees=st.floats(-180, 180), zoom=st.floats(0.5, 3), mirror=st.booleans(), pull=st.floats(0, 30))
@settings(max_examples=50, deadline=None)
def test_moved_box_holds_the_warped_mask(degrees: float, zoom: float, mirror: bool, pull: float):
    view = View(turned(degrees, zoom, (140, 150), mirror), SAME_COLOR, (140, 150))
    view = view.then(from_corners(torch.tensor([[[pull, 0], [0, pull], [-pull, -pull], [0, 0]]]), (140, 150)))
    found = box_of(view.mask(rectangle_mask())[0] == 1)
    moved = view.boxes(RECTANGLE).boxes[0, 0]
    assert (moved[:2] <= found[:2] + 0.5).all()
    assert (moved[2:] >= found[2:] - 0.5).all()
    assert torch.allclose(moved, found, atol=2.5)  # the corners of a turned rectangle are thin


def test_masks_are_ignored_outside_whatever_the_border_and_the_dtype():
    masks = torch.full((1, 8, 8), 255, dtype=torch.uint8)
    for border in ("black", "nearest", "reflect"):
        for geometry in (
            torch.tensor([[[1.0, 0, 4], [0, 1, 0], [0, 0, 1]]]),
            torch.tensor([[[0.5, -0.5, 4], [0.5, 0.5, 1], [0, 0, 1]]]),
        ):
            result = View(geometry, SAME_COLOR, (8, 8), border).mask(masks, ignore=7)
            assert result.dtype == torch.int64
            assert set(result.unique().tolist()) == {7, 255}
    with pytest.raises(TypeError, match="integers"):
        View(torch.eye(3)[None], SAME_COLOR, (8, 8)).mask(masks.float())


def test_masks_that_shrink_are_picked_at_pixel_centers():
    masks = torch.arange(81).view(1, 9, 9)
    third = torch.diag(torch.tensor([1 / 3, 1 / 3, 1.0]))[None]
    assert torch.equal(View(third, SAME_COLOR, (3, 3)).mask(masks), masks[:, 1::3, 1::3])
    triple = torch.diag(torch.tensor([3.0, 3.0, 1.0]))[None]
    assert torch.equal(
        View(triple, SAME_COLOR, (27, 27)).mask(masks), masks.repeat_interleave(3, 1).repeat_interleave(3, 2)
    )


def test_boxes_that_left_are_dropped_and_counted():
    boxes = torch.tensor(
        [[[0.0, 0, 10, 10], [30, 0, 40, 10], [16, 0, 26, 10], [18, 0, 28, 10], [3, 3, 3.4, 9], [9, 9, 9, 9]]]
    )
    valid = torch.tensor([[True, True, True, True, True, False]])
    moved = View(torch.eye(3)[None], SAME_COLOR, (20, 20)).boxes(boxes, valid)
    assert moved.kept.tolist() == [[True, False, True, False, False, False]]
    assert moved.dropped.tolist() == [[False, True, False, True, True, False]]
    assert moved.boxes[0, 2].tolist() == [16, 0, 20, 10]
    assert moved.boxes[~moved.kept].count_nonzero() == 0
    all_of_it = View(torch.eye(3)[None], SAME_COLOR, (20, 20)).boxes(boxes, valid, least_visible=1.0)
    assert all_of_it.kept.tolist() == [[True, False, False, False, False, False]]
    padded = torch.cat([boxes[:, :5], torch.full((1, 1, 4), torch.nan)], 1)
    assert torch.equal(View(torch.eye(3)[None], SAME_COLOR, (20, 20)).boxes(padded, valid).boxes, moved.boxes)
    assert View(torch.eye(3)[None], SAME_COLOR, (20, 20)).boxes(torch.zeros(1, 0, 4)).boxes.shape == (1, 0, 4)


def test_boxes_come_back_and_are_clipped_to_the_image():
    view = View(turned(90, 2, (100, 100)), SAME_COLOR, (100, 100))
    assert torch.allclose(view.inverse_boxes(view.boxes(RECTANGLE).boxes), RECTANGLE, atol=1e-3)
    whole = view.inverse_boxes(torch.tensor([[[-50.0, -50, 150, 150]]]), (40, 44))
    assert whole.tolist() == [[[0, 0, 44, 40]]]


@pytest.mark.parametrize("mirror", [False, True])
def test_a_mirrored_left_hand_is_a_right_one(mirror: bool):
    """Nose, left hand, right hand; one sample is upright, the other mirrored or not; turning is no mirror."""
    geometry = torch.cat([turned(180, 1, (40, 44)), turned(0, 1, (40, 44), mirror)])
    view = View(geometry, SAME_COLOR, (40, 44))
    points = torch.tensor([[22.0, 10], [30, 20], [14, 21]]).expand(2, 1, 3, 2)
    visible = torch.tensor([2, 1, 0]).expand(2, 1, 3)
    moved, result = view.keypoints(points, visible, pairs=((1, 2),))
    assert torch.allclose(moved[0, 0], torch.tensor([44.0, 40]) - points[0, 0], atol=1e-4)
    assert result[0].tolist() == [[2, 1, 0]]
    expected = [[22.0, 10], [30, 21], [14, 20]] if mirror else points[0, 0].tolist()
    assert torch.allclose(moved[1, 0], torch.tensor(expected), atol=1e-4)
    assert result[1].tolist() == [[2, 0, 1]] if mirror else [[2, 1, 0]]


def test_keypoints_outside_are_not_visible():
    view = View(torch.tensor([[[1.0, 0, -10], [0, 1, 0], [0, 0, 1]]]), SAME_COLOR, (20, 20))
    points = torch.tensor([[[[9.0, 5], [10, 5], [30, 5], [31, 5], [torch.nan, 5]]]])
    _, result = view.keypoints(points, torch.ones(1, 1, 5, dtype=torch.bool))
    assert result.tolist() == [[[False, True, True, False, False]]]


@given(move=exact_moves, far=st.integers(-60, 60), border=st.sampled_from(["nearest", "reflect"]))
@settings(max_examples=60, deadline=None)
def test_borders_are_extended_by_every_path(move: tuple[int, int, bool, bool], far: int, border: Border):
    """Sliced: to the bit what a wide border of the same kind gives; warped: nearly."""
    images = torch.randint(0, 256, (2, 3, 9, 11), dtype=torch.uint8)
    geometry = exact_geometry((move[0] + far, *move[1:]), (14, 15))
    geometries = torch.cat([geometry, exact_geometry(move, (14, 15))])
    result = View(geometries, SAME_COLOR, (14, 15), border).resample(images)

    def beyond(count: int, side: int) -> Tensor:
        index = torch.arange(-count, side + count)
        return (
            index.clamp(0, side - 1)
            if border == "nearest"
            else torch.cat([torch.arange(side), torch.arange(side).flip(0)])[index.remainder(2 * side)]
        )

    wide = images[:, :, beyond(99, 9)][..., beyond(99, 11)]
    shift = torch.tensor([[[1.0, 0, -99], [0, 1, -99], [0, 0, 1]]])
    expected = View(geometries, SAME_COLOR, (14, 15)).geometry
    expected = torch.stack(
        [
            View(View(shift, SAME_COLOR, (14, 15)).then(one[None]).geometry, SAME_COLOR, (14, 15)).resample(
                image[None]
            )[0]
            for one, image in zip(expected, wide, strict=True)
        ]
    )
    assert result.dtype == torch.uint8
    assert torch.equal(result, expected)
    assert torch.allclose(warp_images(images, geometries, (14, 15), border), expected / 255, atol=1e-4)


@pytest.mark.parametrize("border", ["nearest", "reflect"])
def test_a_white_image_stays_white(border: Border):
    images = torch.full((3, 3, 21, 20), 255, dtype=torch.uint8)
    geometry = torch.cat([turned(30, zoom, (16, 17)) for zoom in (0.1, 0.4, 1.3)])
    result = View(geometry, SAME_COLOR, (16, 17), border).resample(images)
    assert torch.allclose(result, torch.ones(()), atol=1e-5)
    assert View(geometry, SAME_COLOR, (16, 17)).resample(images).min() == 0


def test_each_path_is_independent_of_the_batch():
    """Sliced, resized and warped samples in one batch: each to the bit what it is alone, on one thread and on two."""
    size = (32, 32)
    crop = torch.tensor([[[32 / 20, 0, -5 * 32 / 20], [0, 32 / 30, -32 / 30 * 3], [0, 0, 1]]])
    geometry = torch.cat(
        [exact_geometry((3, -2, True, False), size), crop, turned(20, 1.1, size), turned(9, 0.3, size)] * 5
    )
    color = torch.eye(4).repeat(20, 1, 1) * 1.7 + 0.1
    for colors in (color, torch.diag(torch.tensor([2.0, 3, 4, 1])).repeat(20, 1, 1)):
        images = torch.randint(0, 256, (20, 40, 44, 3), dtype=torch.uint8).permute(0, 3, 1, 2)
        together = View(geometry, colors, size).image(images)
        for one in range(20):
            alone = View(geometry[[one]], colors[[one]], size).image(images[[one]])
            assert torch.equal(alone[0], together[one]), one
        torch.set_num_threads(2)
        try:
            assert torch.equal(View(geometry, colors, size).image(images), together)
        finally:
            torch.set_num_threads(1)
    order = torch.randperm(20)
    assert torch.equal(View(geometry[order], colors[order], size).image(images[order]), together[order])


def test_images_are_not_written_to():
    images = torch.rand(2, 3, 16, 16).contiguous(memory_format=torch.channels_last)
    before = images.clone()
    for geometry in (torch.eye(3)[None], torch.eye(3).repeat(2, 1, 1), turned(9, 1, (16, 16))):
        for color in (torch.diag(torch.tensor([2.0, 3, 4, 1]))[None], torch.eye(4)[None] + 0.1):
            View(geometry, color, (16, 16)).image(images)
            assert torch.equal(images, before)
