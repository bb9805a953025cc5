"""The bilinear warp: images follow points, rims stay bright, shrinking does not alias, precision is float32."""

import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import example, given, settings
from hypothesis import strategies as st
from torch import Tensor

from striate.views import View
from striate.views.geometry import compose, invert
from striate.views.warping import warp_images

SAME_COLOR = torch.eye(4)[None]

angles = st.floats(-180, 180)
zooms = st.floats(0.6, 3)


def similarity(degrees: float, zoom: float, image: tuple[int, int], size: tuple[int, int]) -> Tensor:
    """1 3 3: turn and zoom about the image's center, which comes to the frame's center."""
    cos, sin = zoom * math.cos(math.radians(degrees)), zoom * math.sin(math.radians(degrees))
    x, y = image[1] / 2, image[0] / 2
    return torch.tensor(
        [[[cos, -sin, size[1] / 2 - cos * x + sin * y], [sin, cos, size[0] / 2 - sin * x - cos * y], [0, 0, 1]]]
    )


def zone_plate(side: int) -> Tensor:
    """1 1 H W: every frequency up to one in two pixels, at the rim."""
    x = torch.arange(side) + 0.5 - side / 2
    return (0.5 + 0.5 * torch.cos(math.pi * (x * x + x[:, None] ** 2) / side))[None, None]


def decibels(a: Tensor, b: Tensor) -> float:
    return -10 * math.log10((a - b).square().mean().item())


@given(degrees=angles, zoom=st.floats(1, 3), row=st.integers(6, 14), column=st.integers(6, 14), mirror=st.booleans())
@settings(max_examples=100, deadline=None)
def test_a_bright_pixel_goes_where_its_point_goes(degrees: float, zoom: float, row: int, column: int, mirror: bool):
    images = torch.zeros(1, 3, 21, 23)
    images[:, :, row, column] = 1
    geometry = similarity(degrees, zoom, (21, 23), (70, 72))
    if mirror:
        geometry = compose(torch.tensor([[[-1.0, 0, 72], [0, 1, 0], [0, 0, 1]]]), geometry)
    view = View(geometry, SAME_COLOR, (70, 72))
    result = view.resample(images)[0, 0]
    weight = result / result.sum()
    x = (weight.sum(0) * (torch.arange(72) + 0.5)).sum()
    y = (weight.sum(1) * (torch.arange(70) + 0.5)).sum()
    (expected,) = view.points(torch.tensor([[[column + 0.5, row + 0.5]]]))[0]
    assert torch.allclose(torch.stack([x, y]), expected, atol=0.15)
    assert torch.allclose(view.inverse_points(expected[None, None]), torch.tensor([column + 0.5, row + 0.5]), atol=1e-3)


@given(degrees=angles, zoom=zooms, second=angles)
@settings(max_examples=50, deadline=None)
def test_inverse_and_composition_of_matrices(degrees: float, zoom: float, second: float):
    geometry = similarity(degrees, zoom, (20, 30), (40, 50))
    after = similarity(second, 0.7, (40, 50), (16, 17))
    assert torch.allclose(compose(invert(geometry), geometry), torch.eye(3), atol=1e-4)
    assert torch.equal(invert(geometry)[:, 2], torch.tensor([[0.0, 0, 1]]))
    assert torch.allclose(invert(geometry), torch.linalg.inv(geometry.double()).float(), rtol=1e-4, atol=1e-4)
    view = View(geometry, SAME_COLOR, (40, 50)).then(after, (16, 17))
    points = torch.rand(1, 9, 2) * 20
    twice = View(after, SAME_COLOR, (16, 17)).points(View(geometry, SAME_COLOR, (40, 50)).points(points))
    assert torch.allclose(view.points(points), twice, atol=1e-3)
    assert view.size == (16, 17)


@given(degrees=angles, zoom=st.floats(1.0, 1.6))
@settings(max_examples=30, deadline=None)
def test_inverse_image_undoes(degrees: float, zoom: float):
    """A smooth image, turned and back, is itself but for interpolation; away from the rim, which may have left."""
    x = torch.linspace(0, 6, 48)
    image = (x.sin() * x.cos()[:, None] * 0.5 + 0.5)[None, None]
    view = View(similarity(degrees, zoom, (48, 48), (140, 140)), SAME_COLOR, (140, 140))
    back = view.inverse_image(view.resample(image), (48, 48))
    assert back.shape == image.shape
    assert (back - image)[:, :, 3:-3, 3:-3].abs().max() < 0.02


def test_a_coarse_map_covers_the_image():
    """7x7 of a network that looked at the middle 224 of 256x300, as class activation maps are."""
    geometry = torch.tensor([[[1.0, 0, -38], [0, 1, -16], [0, 0, 1]]])
    view = View(geometry, SAME_COLOR, (224, 224))
    maps = torch.rand(2, 1, 7, 7)
    laid = view.inverse_image(maps, (256, 300))
    assert torch.allclose(laid[:, :, 16:240, 38:262], F.interpolate(maps, (224, 224), mode="bilinear"), atol=1e-4)
    laid[:, :, 15:241, 37:263] = 0
    assert laid.count_nonzero() == 0


@given(zoom=st.floats(0.05, 6), degrees=st.sampled_from([0.0, 90.0, 17.0, 45.0]), count=st.integers(1, 3))
@example(zoom=1.1, degrees=0.0, count=1)
@settings(max_examples=60, deadline=None)
def test_a_frame_within_the_image_has_no_dark_border(zoom: float, degrees: float, count: int):
    cos, sin = abs(math.cos(math.radians(degrees))), abs(math.sin(math.radians(degrees)))
    side = max(1, int(40 * zoom / (cos + sin)))  # the largest turned frame that lies within
    geometry = similarity(degrees, zoom, (40, 40), (side, side)).repeat(count, 1, 1)
    result = warp_images(torch.full((count, 3, 40, 40), 255, dtype=torch.uint8), geometry, (side, side))
    assert torch.allclose(result, torch.ones(()), atol=1e-4)


@given(zoom=st.floats(1.3, 8), right=st.floats(-30, 30))
@settings(max_examples=60, deadline=None)
def test_an_enlarged_border_is_one_network_pixel_wide(zoom: float, right: float):
    geometry = torch.tensor([[[zoom, 0, 40 + right], [0, zoom, 0], [0, 0, 1]]])
    row = warp_images(torch.ones(1, 1, 12, 12), geometry, (3, 170))[0, 0, 1]
    x = torch.arange(170) + 0.5
    covered = torch.minimum(x - 40 - right, 40 + right + 12 * zoom - x) + 0.5  # of each network pixel
    assert torch.allclose(row, covered.clamp(0, 1), atol=1e-3)


@given(zoom=st.floats(0.05, 1.3), right=st.floats(-30, 30))
@settings(max_examples=60, deadline=None)
def test_a_border_is_hardly_wider_where_nothing_is_enlarged(zoom: float, right: float):
    geometry = torch.tensor([[[zoom, 0, 40 + right], [0, 1, 0], [0, 0, 1]]])
    row = warp_images(torch.ones(1, 1, 12, 12), geometry, (12, 170))[0, 0, 6]
    x = torch.arange(170) + 0.5
    first, last = 40 + right, 40 + right + 12 * zoom
    assert (row[(x > first + 1.25) & (x < last - 1.25)] > 0.999).all()
    assert (row[(x < first - 1.25) | (x > last + 2.25)] < 1e-3).all()  # a box reduce ends with a whole box


def test_enlarging_equals_interpolation_up_to_the_border():
    images = torch.rand(2, 3, 10, 12)
    geometry = torch.tensor([[[2.5, 0, 0], [0, 3, 0], [0, 0, 1]]])
    result = View(geometry, SAME_COLOR, (30, 30)).resample(images)
    assert torch.allclose(result, F.interpolate(images, (30, 30), mode="bilinear"), atol=1e-4)


def test_what_lies_beyond_the_border_is_black():
    result = View(similarity(45, 1, (20, 20), (20, 20)), SAME_COLOR, (20, 20)).resample(torch.ones(1, 3, 20, 20))[0, 0]
    assert result[0, 0] == result[0, -1] == result[-1, 0] == result[-1, -1] == 0
    assert torch.allclose(result[10, 2:-2], torch.ones(()))


@pytest.mark.parametrize("step", [2.3, 2.5, 3.0, 3.7, 5.0])
def test_shrinking_does_not_alias(step: float):
    image = zone_plate(480)
    side = round(480 / step)
    geometry = torch.diag(torch.tensor([side / 480, side / 480, 1.0]))[None]
    result = warp_images(image, geometry, (side, side))
    smooth = F.interpolate(image, (side, side), mode="bilinear", antialias=True)
    plain = F.interpolate(image, (side, side), mode="bilinear")
    assert decibels(result, smooth) > 24  # measured 24.1 to 28.3
    assert decibels(plain, smooth) < 16  # and 9.3 to 15.4 for bilinear sampling alone
    geometry[0, 2, 0] = 1e-8  # all but affine: the factor comes from the local Jacobian
    assert torch.allclose(warp_images(image, geometry, (side, side)), result, atol=2e-3)


def test_each_axis_is_reduced_by_its_own_factor():
    """A factor of 4 across and 1 down, turned or not: the mean of each run of four columns."""
    image = torch.rand(1, 1, 8, 32)
    means = image.view(1, 1, 8, 8, 4).mean(4)
    across = torch.tensor([[[0.25, 0, 0], [0, 1, 0], [0, 0, 1]]])
    assert torch.allclose(warp_images(image, across, (8, 8)), means, atol=1e-5)
    turned = compose(torch.tensor([[[0.0, 1, 0], [1, 0, 0], [0, 0, 1]]]), across)
    assert torch.allclose(warp_images(image, turned, (8, 8)), means.mT, atol=1e-5)


@given(zooms=st.lists(st.floats(0.05, 4), min_size=2, max_size=6), chosen=st.integers(0, 5))
@settings(max_examples=40, deadline=None)
def test_warping_is_independent_of_the_batch(zooms: list[float], chosen: int):
    """Samples that are reduced by other factors, or lie within the image, change nothing for the next one."""
    chosen %= len(zooms)
    images = torch.rand(len(zooms), 3, 24, 24)
    geometry = torch.cat([similarity(5, zoom, (24, 24), (16, 16)) for zoom in zooms])
    together = warp_images(images, geometry, (16, 16))
    alone = warp_images(images[[chosen]], geometry[[chosen]], (16, 16))
    assert torch.equal(together[[chosen]], alone)


def test_uint8_and_float_are_the_same_image():
    images = torch.randint(0, 256, (3, 3, 20, 20), dtype=torch.uint8)
    geometry = similarity(20, 1.1, (20, 20), (18, 18))
    view = View(geometry, SAME_COLOR, (18, 18))
    assert torch.allclose(view.resample(images), view.resample(images / 255), atol=1e-6)
    assert torch.allclose(view.resample(images), view.resample((images / 255).double()), atol=1e-6)


@pytest.mark.parametrize("precision", ["highest", "medium"])
def test_half_precision_around_it_changes_nothing(precision: str):
    images = torch.randint(0, 256, (4, 3, 224, 224), dtype=torch.uint8)
    geometry = similarity(7, 0.9, (224, 224), (224, 224)).repeat(4, 1, 1)
    color = torch.eye(4).repeat(4, 1, 1) + 0.01
    color[:, 3] = torch.tensor([0.0, 0, 0, 1])
    view = View(geometry, color, (224, 224))
    points = torch.rand(4, 5, 2) * 224
    expected = view.image(images), view.points(points), view.inverse_points(points), view.then(geometry).geometry
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision(precision)
    try:
        with torch.autocast("cpu", dtype=torch.bfloat16):
            found = view.image(images), view.points(points), view.inverse_points(points), view.then(geometry).geometry
    finally:
        torch.set_float32_matmul_precision(before)
    for one, other in zip(expected, found, strict=True):
        assert other.dtype == torch.float32
        assert torch.equal(one, other)


def test_gradients_flow_back_to_the_image():
    image = torch.rand(1, 3, 12, 12, requires_grad=True)
    mix = torch.eye(4)[None] + 0.1
    for geometry in (similarity(9, 0.4, (12, 12), (10, 10)), torch.eye(3)[None], torch.eye(3).repeat(1, 1, 1)):
        for color in (SAME_COLOR, mix):
            (gradient,) = torch.autograd.grad(View(geometry, color, (10, 10)).image(image).sum(), image)
            assert gradient.abs().sum() > 0


def test_what_cannot_be_warped_is_refused():
    images = torch.zeros(2, 3, 8, 8)
    flat = torch.diag(torch.tensor([1.0, 0.0, 1.0]))[None]
    with pytest.raises(ValueError, match="no inverse"):
        View(flat, SAME_COLOR, (8, 8)).resample(images)
    with pytest.raises(ValueError, match="no inverse"):
        View(
            torch.full((1, 3, 3), torch.nan).index_put(
                (torch.tensor([0]), torch.tensor([2])), torch.tensor([0.0, 0, 1])
            ),
            SAME_COLOR,
            (8, 8),
        ).resample(images)
    with pytest.raises(ValueError, match="border must be"):
        View(torch.eye(3)[None], SAME_COLOR, (8, 8), border="mirror")  # type: ignore[arg-type]  # refused is the point
    with pytest.raises(ValueError, match="displacement must be"):
        View(torch.eye(3)[None], SAME_COLOR, (8, 8), displacement=torch.zeros(2, 8, 8))
    with pytest.raises(ValueError, match="3 matrices"):
        View(torch.eye(3).repeat(3, 1, 1), SAME_COLOR, (8, 8)).resample(images)
    with pytest.raises(TypeError, match="int64"):
        View(torch.eye(3)[None], SAME_COLOR, (8, 8)).resample(images.long())
    with pytest.raises(TypeError, match="float64"):
        View(torch.eye(3).double()[None], SAME_COLOR, (8, 8))
    with pytest.raises(ValueError, match="B 3 3"):
        View(torch.eye(3), SAME_COLOR, (8, 8))
    with pytest.raises(ValueError, match=r"C\+1"):
        View(torch.eye(3)[None], torch.eye(3), (8, 8))
