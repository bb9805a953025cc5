"""Elastic distortion: never folds when drawn, is undone exactly, and images, masks, points and boxes follow it alike."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from striate.views import View, random_displacement, uniforms
from striate.views.displacement import displace, displacement_field, steepness, undo_displacement

SAME_COLOR = torch.eye(4)[None]
SIZE = (64, 72)


def drawn(count: int, strength: float, cells: int = 5, seed: int = 0) -> Tensor:
    return random_displacement(uniforms(seed, 0, torch.arange(count), range(2 * cells * cells)), SIZE, strength)


def turned(degrees: float, zoom: float) -> Tensor:
    """1 3 3: about the center of an image of 32 x 36, which comes to the frame's."""
    cos, sin = zoom * math.cos(math.radians(degrees)), zoom * math.sin(math.radians(degrees))
    return torch.tensor([[[cos, -sin, 36 - cos * 18 + sin * 16], [sin, cos, 32 - sin * 18 - cos * 16], [0, 0, 1]]])


@given(seed=st.integers(0, 10**6), strength=st.floats(0.1, 50), cells=st.integers(2, 9))
@settings(max_examples=40, deadline=None)
def test_a_random_displacement_never_folds(seed: int, strength: float, cells: int):
    displacement = drawn(3, strength, cells, seed)
    assert (steepness(displacement, SIZE) <= 0.5 + 1e-4).all()
    x, y = (
        displacement_field(displacement, SIZE)
        + torch.stack(torch.meshgrid(torch.arange(72.0), torch.arange(64.0), indexing="xy"))
    ).unbind(1)
    area = x.diff(dim=2)[:, :-1] * y.diff(dim=1)[..., :-1] - x.diff(dim=1)[..., :-1] * y.diff(dim=2)[:, :-1]
    assert area.min() > 0


def test_the_inverse_of_a_folding_displacement_is_refused():
    displacement = torch.zeros(1, 2, 4, 4)
    displacement[0, 0, :, 1] = 60
    assert steepness(displacement, SIZE) > 1
    with pytest.raises(ValueError, match="folds"):
        undo_displacement(torch.rand(1, 50, 2) * 64, displacement, SIZE)


def test_strength_is_the_std():
    """In the middle: towards the rim there are fewer neighbors, and the field is a little stronger."""
    assert drawn(800, 0.5, 8)[:, :, 8:-8, 8:-8].std().item() == pytest.approx(0.5, rel=0.1)


@given(seed=st.integers(0, 10**6), degrees=st.floats(-180, 180), zoom=st.floats(0.8, 2), strength=st.floats(0, 8))
@settings(max_examples=40, deadline=None)
def test_points_and_boxes_come_back(seed: int, degrees: float, zoom: float, strength: float):
    view = View(turned(degrees, zoom), SAME_COLOR, SIZE, displacement=drawn(2, strength, seed=seed))
    points = torch.rand(2, 30, 2) * torch.tensor([36.0, 32])
    assert torch.allclose(view.inverse_points(view.points(points)), points, atol=2e-3)
    assert torch.allclose(view.points(view.inverse_points(points)), points, atol=2e-3)


def test_a_map_comes_back():
    x = torch.linspace(0, 4, 36)
    image = (x.sin() * x[:32, None].cos() * 0.5 + 0.5)[None, None].expand(2, -1, -1, -1)
    view = View(turned(10, 1.6), SAME_COLOR, SIZE, displacement=drawn(2, 2))
    back = view.inverse_image(view.resample(image), (32, 36))
    error = (back - image)[:, :, 3:-3, 3:-3].abs().max()
    assert error < 0.02
    straight = View(turned(10, 1.6), SAME_COLOR, SIZE)
    wrong = straight.inverse_image(view.resample(image), (32, 36))
    assert (wrong - image)[:, :, 3:-3, 3:-3].abs().max() > 3 * error, "the test does not notice a displacement"


def test_a_bright_pixel_goes_where_its_point_goes():
    view = View(turned(20, 1.5), SAME_COLOR, SIZE, displacement=drawn(1, 3))
    for row, column in ((9, 10), (20, 25), (16, 18)):
        image = torch.zeros(1, 1, 32, 36)
        image[0, 0, row, column] = 1
        result = view.resample(image)[0, 0]
        weight = result / result.sum()
        x = (weight.sum(0) * (torch.arange(72) + 0.5)).sum()
        y = (weight.sum(1) * (torch.arange(64) + 0.5)).sum()
        expected = view.points(torch.tensor([[[column + 0.5, row + 0.5]]]))[0, 0]
        assert torch.allclose(torch.stack([x, y]), expected, atol=0.3)


def test_masks_follow_images():
    mask = torch.zeros(2, 32, 36, dtype=torch.int64)
    mask[:, 8:22, 10:25] = 1
    view = View(turned(0, 1.5), SAME_COLOR, SIZE, displacement=drawn(2, 3))
    result, classes = view.resample(mask[:, None].float()), view.mask(mask)
    certain = (result[:, 0] - 0.5).abs() > 0.45
    assert certain.double().mean() > 0.9
    assert torch.equal(classes[certain] == 1, result[:, 0][certain] > 0.5)


def test_boxes_hold_the_warped_rectangle():
    mask = torch.zeros(2, 32, 36, dtype=torch.int64)
    mask[:, 4:28, 5:31] = 1
    view = View(turned(0, 1.5), SAME_COLOR, SIZE, displacement=drawn(2, 6, seed=1))
    classes = view.mask(mask) == 1
    moved = view.boxes(torch.tensor([[[5.0, 4, 31, 28]]]).expand(2, -1, -1))
    assert moved.kept.all()
    for sample, (x1, y1, x2, y2) in zip(classes, moved.boxes[:, 0].tolist(), strict=True):
        rows, columns = sample.any(1).nonzero(), sample.any(0).nonzero()
        found = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
        assert torch.allclose(torch.tensor([x1, y1, x2, y2]), torch.stack(found).float(), atol=1)


def test_zero_displacement_changes_nothing_and_a_constant_one_is_a_shift():
    images = torch.rand(2, 3, 32, 36)
    straight = View(turned(12, 3), SAME_COLOR, SIZE)
    none = View(straight.geometry, SAME_COLOR, SIZE, displacement=torch.zeros(1, 2, 3, 3))
    assert torch.allclose(none.resample(images), straight.resample(images), atol=1e-4)
    shift = torch.tensor([3.0, -2]).view(1, 2, 1, 1)
    points = torch.rand(1, 5, 2) * 30
    assert torch.allclose(displace(points, shift, SIZE), points + torch.tensor([3.0, -2]), atol=1e-5)


def test_a_displacement_comes_last():
    view = View(turned(0, 1), SAME_COLOR, SIZE, displacement=drawn(1, 1))
    with pytest.raises(ValueError, match="comes last"):
        view.then(torch.eye(3)[None])
    with pytest.raises(ValueError, match="2 \\* g \\* g"):
        random_displacement(torch.rand(7, 3), SIZE, 1.0)


def test_displacement_is_independent_of_batch_and_precision():
    ids = torch.arange(9)
    draws = uniforms(3, 1, ids, range(50))
    together = random_displacement(draws, SIZE, 4.0)
    images = torch.randint(0, 256, (9, 3, 32, 36), dtype=torch.uint8)
    geometry = turned(7, 1.4).repeat(9, 1, 1)
    result = View(geometry, SAME_COLOR, SIZE, displacement=together).image(images)
    for one in (0, 4, 8):
        alone = random_displacement(draws[:, [one]], SIZE, 4.0)
        assert torch.equal(alone, together[[one]])
        assert torch.equal(
            View(geometry[[one]], SAME_COLOR, SIZE, displacement=alone).image(images[[one]]), result[[one]]
        )
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(random_displacement(draws, SIZE, 4.0), together)
        assert torch.equal(View(geometry, SAME_COLOR, SIZE, displacement=together).image(images), result)


def test_one_geometry_for_all_equals_the_same_for_each():
    """And one displacement for all; there and back."""
    images, maps = torch.rand(3, 2, 32, 36), torch.rand(3, 2, 16, 18)
    for geometry, displacement in ((turned(8, 1.3), drawn(3, 3)), (turned(8, 1.3).repeat(3, 1, 1), drawn(1, 3))):
        shared = View(geometry, SAME_COLOR, SIZE, displacement=displacement)
        each = View(
            geometry.expand(3, -1, -1).clone(),
            SAME_COLOR,
            SIZE,
            displacement=displacement.expand(3, -1, -1, -1).clone(),
        )
        assert torch.equal(shared.resample(images), each.resample(images))
        assert torch.equal(shared.inverse_image(maps, (32, 36)), each.inverse_image(maps, (32, 36)))
        mask = torch.randint(0, 5, (3, 32, 36))
        assert torch.equal(shared.mask(mask), each.mask(mask))
        points = torch.rand(3, 4, 2) * 30
        assert torch.equal(shared.points(points), each.points(points))
