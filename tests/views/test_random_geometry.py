"""Random geometry: within its settings, and spread as promised."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.views.draws import MANY, drawn, spread_evenly

from striate.views import Policy, View
from striate.views.cropping import is_exact
from striate.views.random_geometry import random_boxes, random_geometry


def test_rotation_and_zoom_are_about_the_center():
    geometry = drawn(Policy(rotate=30, zoom=0.25)).geometry
    degrees = torch.atan2(geometry[:, 1, 0], geometry[:, 0, 0]).rad2deg()
    zoom = torch.linalg.det(geometry[:, :2, :2].double()).sqrt()
    assert spread_evenly(degrees, -30, 30)
    assert spread_evenly(zoom.log(), math.log(0.75), math.log(1.25))
    assert torch.allclose(geometry[:, 0, 0], geometry[:, 1, 1], atol=1e-5)
    center = geometry[:, :2, :2].sum(2) * 20 + geometry[:, :2, 2]
    assert torch.allclose(center, torch.tensor(16.0), atol=1e-4)


def test_what_is_drawn_happens_to_the_given_boxes():
    ids = torch.arange(200)
    corners = torch.stack([ids % 7, ids % 5], 1).float()
    boxes = torch.cat([corners, corners + 32], 1)
    for policy in (Policy(), Policy(flip=True, flip_vertical=True)):
        geometry = random_geometry(policy, ids, 0, 0, (40, 40), (32, 32), boxes)
        assert is_exact(geometry).all()
        moved = View(geometry, torch.eye(4)[None], (32, 32)).points(boxes.view(-1, 2, 2)).sort(1).values
        assert torch.equal(moved, torch.tensor([[0.0, 0.0], [32.0, 32.0]]).expand(200, -1, -1))
    geometry = random_geometry(Policy(rotate=30, zoom=0.25), ids, 0, 0, (40, 40), (32, 32), boxes)
    middle = View(geometry, torch.eye(4)[None], (32, 32)).points((corners + 16)[:, None])
    assert torch.allclose(middle, torch.tensor(16.0), atol=1e-4)


def test_shear_keeps_rows_level():
    geometry = drawn(Policy(shear=20)).geometry
    assert torch.equal(geometry[:, 1, :2], torch.tensor([0.0, 1.0]).expand(len(MANY), -1))
    slant = geometry[:, 0, 1].atan().rad2deg()
    assert spread_evenly(slant, -20, 20)


def test_shifts_alone_are_whole_pixels_each_as_likely():
    view = drawn(Policy(shift=0.125))
    assert is_exact(view.geometry).all()
    for axis in range(2):
        right = view.geometry[:, axis, 2] + 4  # the center crop of 40 to 32 takes off 4
        assert set(right.tolist()) == set(range(-4, 5))
        assert torch.bincount(right.long() + 4).double().div(len(MANY)).sub(1 / 9).abs().max() < 0.012


def test_shifts_with_rotation_are_continuous():
    geometry = drawn(Policy(shift=0.125, rotate=1e-6)).geometry
    assert spread_evenly(geometry[:, 0, 2], -4 - 4, -4 + 4)
    assert not is_exact(geometry).any()


def test_flips_are_half_and_exact():
    geometry = drawn(Policy(flip=True)).geometry
    mirrored = geometry[:, 0, 0] == -1
    assert abs(mirrored.double().mean() - 0.5) < 4 * 0.5 / len(MANY) ** 0.5
    assert is_exact(geometry).all()
    left = torch.tensor([[[4.0, 4.0]]]).expand(len(MANY), -1, -1)
    result = View(geometry, torch.eye(4)[None], (32, 32)).points(left)[:, 0]
    assert torch.equal(result, torch.where(mirrored[:, None], torch.tensor([32.0, 0]), torch.tensor([0.0, 0])))


def test_vertical_flips_are_half_exact_and_independent():
    geometry = drawn(Policy(flip=True, flip_vertical=True)).geometry
    upturned, mirrored = geometry[:, 1, 1] == -1, geometry[:, 0, 0] == -1
    assert abs(upturned.double().mean() - 0.5) < 4 * 0.5 / len(MANY) ** 0.5
    assert abs((upturned & mirrored).double().mean() - 0.25) < 0.015
    assert is_exact(geometry).all()
    images = torch.randint(0, 256, (200, 3, 32, 32), dtype=torch.uint8)
    view = drawn(Policy(flip_vertical=True), MANY[:200], image_size=(32, 32))
    expected = torch.where(view.geometry[:, 1, 1].view(-1, 1, 1, 1) < 0, images.flip(2), images)
    assert torch.equal(view.resample(images), expected)


@pytest.mark.parametrize(("image", "size"), [((48, 64), (32, 32)), ((100, 30), (20, 40)), ((32, 32), (64, 64))])
def test_random_resized_crops_lie_within_the_image(image: tuple[int, int], size: tuple[int, int]):
    view = drawn(Policy(crop=0.35), image_size=image, size=size)
    frame = torch.tensor([[[0.0, 0], [size[1], size[0]]]]).expand(len(MANY), -1, -1)
    (x1, y1), (x2, y2) = (corner.unbind(1) for corner in view.inverse_points(frame).unbind(1))
    assert min(x1.min(), y1.min()) > -1e-3
    assert x2.max() < image[1] + 1e-3
    assert y2.max() < image[0] + 1e-3
    assert torch.stack([x1, y1, x2, y2]).frac().sub(0.5).abs().min() > 0.499, "a crop of whole pixels is resized"
    relative = (x2 - x1) / (y2 - y1) / (size[1] / size[0])
    assert relative.min() > 0.749 * 0.95  # by rounding
    assert relative.max() < 1.334 * 1.05


def test_random_boxes_follow_their_distribution():
    draws = torch.rand(4, 20_000, generator=torch.Generator().manual_seed(0))
    boxes = random_boxes(draws, (60, 60), (0.1, 0.5), (0.8, 1.25))
    width, height = boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]
    assert spread_evenly(width * height / 3600, 0.1, 0.5)
    assert spread_evenly((width / height).log(), math.log(0.8), math.log(1.25))
    assert spread_evenly(boxes[:, 0] / (60 - width), 0, 1)
    assert spread_evenly(boxes[:, 1] / (60 - height), 0, 1)


@given(
    draws=st.lists(st.floats(0, 1, exclude_max=True, width=32), min_size=4, max_size=4),
    canvas=st.tuples(st.integers(1, 300), st.integers(1, 300)),
)
@settings(max_examples=100, deadline=None)
def test_a_random_box_fits_any_canvas(draws: list[float], canvas: tuple[int, int]):
    x1, y1, x2, y2 = random_boxes(torch.tensor(draws)[:, None], canvas, (0.35, 1.0), (0.75, 1.3334))[0].tolist()
    assert 0 <= x1 < x2 <= canvas[1] * (1 + 1e-6)
    assert 0 <= y1 < y2 <= canvas[0] * (1 + 1e-6)
    assert 0.7499 < (x2 - x1) / (y2 - y1) < 1.3336


def test_perspective_moves_each_corner_within_its_range():
    geometry = drawn(Policy(perspective=0.15), image_size=(32, 40), size=(32, 40)).geometry
    corners = torch.tensor([[[0.0, 0], [40, 0], [40, 32], [0, 32]]]).expand(len(MANY), -1, -1)
    pulled = (View(geometry, torch.eye(4)[None], (32, 40)).points(corners) - corners) / torch.tensor([40.0, 32.0])
    for corner in range(4):
        for axis in range(2):
            assert spread_evenly(pulled[:, corner, axis], -0.15, 0.15)


def test_the_strongest_perspective_still_shows_an_image():
    """With its corners pulled the worst way, too, there is a way back."""
    for seed in range(5):
        view = drawn(Policy(perspective=0.2, rotate=180, zoom=0.9, shear=60, crop=0.01), seed=seed)
        assert view.geometry.isfinite().all()
