"""Homographies: corners go where they are sent, the way back undoes, and what lies beyond the horizon stays outside."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from striate.views import View, from_corners
from striate.views.geometry import FAR, compose, determinant, invert, is_affine, move

SAME_COLOR = torch.eye(4)[None]
SIZE = (40, 50)
CORNERS = torch.tensor([[[0.0, 0], [50, 0], [50, 40], [0, 40]]])

pulls = st.lists(st.floats(-9, 9, width=32), min_size=8, max_size=8).map(lambda all_: torch.tensor(all_).view(1, 4, 2))


@given(pull=pulls)
@settings(max_examples=80, deadline=None)
def test_corners_move_as_told_and_back(pull: Tensor):
    geometry = from_corners(pull, SIZE)
    assert torch.allclose(move(CORNERS, geometry), CORNERS + pull, atol=2e-3)
    view = View(geometry, SAME_COLOR, SIZE)
    points = torch.rand(1, 20, 2) * torch.tensor([50.0, 40])
    assert torch.allclose(view.inverse_points(view.points(points)), points, atol=5e-3)
    assert torch.allclose(view.points(view.inverse_points(points)), points, atol=5e-3)
    assert determinant(geometry) > 0


@given(first=pulls, second=pulls)
@settings(max_examples=40, deadline=None)
def test_composition_is_the_sequence(first: Tensor, second: Tensor):
    one, other = from_corners(first, SIZE), from_corners(second, SIZE)
    points = torch.rand(1, 20, 2) * torch.tensor([50.0, 40])
    both = View(one, SAME_COLOR, SIZE).then(other)
    assert torch.allclose(both.points(points), move(move(points, one), other), atol=5e-3)
    identity = compose(invert(one), one)
    assert torch.allclose(identity, torch.eye(3), atol=1e-4)


@given(pull=pulls)
@settings(max_examples=25, deadline=None)
def test_a_smooth_image_comes_back(pull: Tensor):
    x = torch.linspace(0, 5, 50)
    image = (x.sin() * x[:40, None].cos() * 0.5 + 0.5)[None, None]
    zoom = torch.tensor([[[3.0, 0, 0], [0, 3, 0], [0, 0, 1]]])
    geometry = compose(
        from_corners(3 * pull.abs() * torch.tensor([[1, 1], [-1, 1], [-1, -1], [1, -1]]), (120, 150)), zoom
    )
    view = View(geometry, SAME_COLOR, (120, 150))  # pulled inward: all of it stays in the frame
    back = view.inverse_image(view.resample(image), (40, 50))
    assert (back - image)[:, :, 4:-4, 4:-4].abs().max() < 0.03


def test_unmoved_corners_are_the_identity():
    geometry = from_corners(torch.zeros(3, 4, 2), SIZE)
    assert torch.allclose(geometry, torch.eye(3), atol=1e-6)
    assert is_affine(torch.eye(3)[None])


def test_crossed_corners_are_refused():
    pull = torch.zeros(1, 4, 2)
    pull[0, 0] = torch.tensor([60.0, 50])
    with pytest.raises(ValueError, match="corners cross"):
        from_corners(pull, SIZE)


def test_beyond_the_horizon_is_outside_and_never_nan():
    """w is 0 in the middle column of the frame and below 0 to its left, where the corner's numerators are 0."""
    geometry = invert(torch.tensor([[[1.0, 0, 0], [0, 1.0, 0], [0.05, 0, -20.5 * 0.05]]]))
    images = torch.ones(1, 3, 60, 60)
    view = View(geometry, SAME_COLOR, (40, 40))
    for border in ("black", "nearest", "reflect"):
        result = View(geometry, SAME_COLOR, (40, 40), border).resample(images)
        assert result.isfinite().all()
        assert border != "black" or result[..., :20].count_nonzero() == 0
    assert view.resample(images).sum() > 0
    classes = view.mask(torch.ones(1, 60, 60, dtype=torch.uint8))
    assert (classes[..., :20] == -1).all()
    assert (classes == 1).any()
    points = view.inverse_points(torch.tensor([[[0.0, 0], [20.5, 20.5], [20.5, 3]]]))
    assert (points.abs() == FAR).any(2).all()


def test_sampling_follows_the_points():
    """A bright pixel is found where its point moves."""
    geometry = from_corners(torch.tensor([[[6.0, 3], [-8, 5], [-2, -6], [1, -2]]]), (90, 90))
    zoom = torch.diag(torch.tensor([3.0, 3.0, 1.0]))[None]
    view = View(compose(geometry, zoom), SAME_COLOR, (90, 90))
    for row, column in ((5, 7), (20, 9), (24, 24)):
        image = torch.zeros(1, 1, 30, 30)
        image[0, 0, row, column] = 1
        result = view.resample(image)[0, 0]
        weight = result / result.sum()
        x = (weight.sum(0) * (torch.arange(90) + 0.5)).sum()
        y = (weight.sum(1) * (torch.arange(90) + 0.5)).sum()
        assert torch.allclose(
            torch.stack([x, y]), view.points(torch.tensor([[[column + 0.5, row + 0.5]]]))[0, 0], atol=0.2
        )
