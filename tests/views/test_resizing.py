"""Crops of whole pixels: recognized whatever rounds their matrix, resized with antialiasing, nothing else taken for one."""

import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from striate.views import View, random_boxes, to_whole_pixels
from striate.views.cropping import is_whole_box
from striate.views.warping import warp_images

SAME_COLOR = torch.eye(4)[None]


def fill(boxes: Tensor, size: tuple[int, int], mirrored: Tensor | None = None) -> Tensor:
    """B 4 -> B 3 3: the box fills the frame; arithmetic as a policy might do it, about the frame's center."""
    height, width = size
    x1, y1, x2, y2 = boxes.unbind(1)
    x, y = width / (x2 - x1), height / (y2 - y1)
    sign = torch.ones_like(x) if mirrored is None else 1 - 2 * mirrored.float()
    geometry = torch.zeros(len(boxes), 3, 3)
    geometry[:, 0, 0], geometry[:, 1, 1], geometry[:, 2, 2] = sign * x, y, 1
    geometry[:, 0, 2] = width / 2 - sign * (x * x1 + width / 2)
    geometry[:, 1, 2] = height / 2 - (y * y1 + height / 2)
    return geometry


@pytest.mark.parametrize("canvas", [(256, 256), (31, 47), (3000, 4000)])
@pytest.mark.parametrize("size", [(224, 224), (64, 48)])
def test_drawn_boxes_are_recognized_once_they_are_rounded(canvas: tuple[int, int], size: tuple[int, int]):
    draws = torch.rand(4, 500, generator=torch.Generator().manual_seed(0))
    boxes = random_boxes(draws, canvas, (0.1, 1.0), (0.75, 1.3333))
    whole = to_whole_pixels(boxes, canvas)
    mirrored = torch.arange(500) % 2 == 0
    assert is_whole_box(fill(whole, size, mirrored), canvas, size).all()
    assert is_whole_box(fill(boxes, size, mirrored), canvas, size).double().mean() < 0.01
    assert torch.equal(whole, whole.round())
    assert (whole - boxes).abs().max() <= 1
    assert (whole[:, :2] >= 0).all()
    assert (whole[:, 2:] <= torch.tensor([canvas[1], canvas[0]])).all()


@given(
    box=st.lists(st.floats(0, 1, width=32), min_size=4, max_size=4),
    canvas=st.tuples(st.integers(1, 300), st.integers(1, 300)),
)
@settings(max_examples=100, deadline=None)
def test_rounded_boxes_are_whole_and_lie_within(box: list[float], canvas: tuple[int, int]):
    frame = torch.tensor([canvas[1], canvas[0], canvas[1], canvas[0]])
    a, b, c, d = box
    drawn = torch.tensor([[min(a, c), min(b, d), max(a, c), max(b, d)]]) * frame
    x1, y1, x2, y2 = to_whole_pixels(drawn, canvas)[0].tolist()
    assert all(value == int(value) for value in (x1, y1, x2, y2))
    assert 0 <= x1 < x2 <= canvas[1]
    assert 0 <= y1 < y2 <= canvas[0]


@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_equals_torch_interpolation_of_each_crop(channels: int, whole: bool):
    pixels = torch.randint(0, 256, (6, 50, 60, channels), dtype=torch.uint8)
    images = pixels.permute(0, 3, 1, 2) if whole else pixels.permute(0, 3, 1, 2) / 255
    boxes = torch.tensor(
        [[3, 4, 33, 44], [0, 0, 60, 50], [10, 11, 12, 13], [59, 49, 60, 50], [0, 10, 60, 20], [5, 5, 29, 21]]
    )
    mirrored = torch.tensor([True, False, True, False, True, False])
    result = View(fill(boxes.float(), (24, 16), mirrored), SAME_COLOR, (24, 16)).resample(images)
    assert result.dtype == images.dtype
    for one, (x1, y1, x2, y2) in enumerate(boxes.tolist()):
        expected = F.interpolate(images[[one], :, y1:y2, x1:x2], (24, 16), mode="bilinear", antialias=True)
        assert torch.equal(result[one], (expected.flip(3) if mirrored[one] else expected)[0])
    one_for_all = View(fill(boxes[:1].float(), (24, 16), mirrored[:1]), SAME_COLOR, (24, 16)).resample(images)
    assert torch.equal(one_for_all[0], result[0])


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_photographs_are_shared_among_threads_and_stay_the_same(threads: int):
    images = torch.randint(0, 256, (27, 50, 60, 3), dtype=torch.uint8).permute(0, 3, 1, 2)
    corners = torch.arange(27)[:, None] % torch.tensor([20, 10]) + 0.0
    boxes = torch.cat([corners, corners + torch.tensor([33, 40])], 1)
    view = View(fill(boxes, (150, 160), torch.arange(27) % 2 == 0), SAME_COLOR, (150, 160))
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        result = view.resample(images)
    finally:
        torch.set_num_threads(before)
    for one, (x1, y1, x2, y2) in enumerate(boxes.int().tolist()):
        expected = F.interpolate(images[[one], :, y1:y2, x1:x2], (150, 160), mode="bilinear", antialias=True)[0]
        assert torch.equal(result[one], expected if one % 2 else expected.flip(2))


def test_what_is_no_whole_box_is_warped():
    geometry = fill(torch.tensor([[4.0, 4, 20, 36]]), (24, 24))
    assert is_whole_box(geometry, (40, 40), (24, 24)).all()
    assert not is_whole_box(geometry, (40, 19), (24, 24)).any(), "it is not within the image"
    for row, column, amount in ((0, 1, 0.01), (1, 0, 0.01), (2, 0, 1e-4), (0, 2, 0.1), (0, 0, 0.01), (0, 0, math.nan)):
        other = geometry.clone()
        other[0, row, column] += amount
        assert not is_whole_box(other, (40, 40), (24, 24)).any()
    flat = geometry.clone()
    flat[0, 0, 0] = 0
    assert not is_whole_box(flat, (40, 40), (24, 24)).any()


def test_three_paths_agree_where_nothing_is_lost():
    """A smooth image, enlarged: the warp takes in a little more at the border of the crop."""
    x = torch.linspace(0, 4, 48)
    image = (x.sin() * x.cos()[:, None] * 0.4 + 0.5)[None, None]
    geometry = fill(torch.tensor([[8.0, 9, 40, 33]]), (48, 64))
    resized = View(geometry, SAME_COLOR, (48, 64)).resample(image)
    assert torch.allclose(warp_images(image, geometry, (48, 64))[..., 2:-2, 2:-2], resized[..., 2:-2, 2:-2], atol=1e-4)


def test_gradients_flow_through_a_crop():
    image = torch.rand(2, 3, 20, 20, requires_grad=True)
    geometry = fill(torch.tensor([[2.0, 2, 18, 12], [0, 0, 9, 9]]), (8, 8))
    (gradient,) = torch.autograd.grad(View(geometry, SAME_COLOR, (8, 8)).image(image).sum(), image)
    assert gradient.sum() > 0
    assert gradient[1, :, 9:].count_nonzero() == 0
