"""Flips, crops and shifts by whole pixels: plain slicing of a padded image to the bit, and the warp nearly."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from striate.views import View
from striate.views.cropping import is_exact
from striate.views.warping import warp_images

SAME_COLOR = torch.eye(4)[None]
Move = tuple[int, int, bool, bool]  # the image's corner on the frame (right, down), mirrored, upside down

sides = st.integers(1, 9)
moves = st.tuples(st.integers(-12, 12), st.integers(-12, 12), st.booleans(), st.booleans())


def geometry_of(move: Move, size: tuple[int, int]) -> Tensor:
    """Shift first, then flip within a frame of `size`."""
    right, down, mirrored, upside_down = move
    geometry = torch.tensor([[1.0, 0, right], [0, 1, down], [0, 0, 1]])
    if mirrored:
        geometry[0] = torch.tensor([-1.0, 0, size[1] - right])
    if upside_down:
        geometry[1] = torch.tensor([0.0, -1, size[0] - down])
    return geometry


def plainly(image: Tensor, move: Move, size: tuple[int, int]) -> Tensor:
    """C H W -> C h w by a wide black border and one slice."""
    right, down, mirrored, upside_down = move
    border = 40
    channels, height, width = image.shape
    wide = image.new_zeros(channels, height + 2 * border, width + 2 * border)
    wide[:, border : border + height, border : border + width] = image
    top, left = border - down, border - right
    result = wide[:, top : top + size[0], left : left + size[1]]
    return result.flip([axis for axis, turned in ((2, mirrored), (1, upside_down)) if turned])


def batch(count: int, channels: int, height: int, width: int, whole: bool) -> Tensor:
    pixels = torch.randint(1, 256, (count, height, width, channels), dtype=torch.uint8)
    images = pixels.permute(0, 3, 1, 2)  # as they arrive: channels last
    return images if whole else images.float().contiguous() / 255


@given(
    shape=st.tuples(st.sampled_from([1, 3, 4]), sides, sides),
    size=st.tuples(sides, sides),
    drawn=st.lists(moves, min_size=1, max_size=6),
    whole=st.booleans(),
)
@settings(max_examples=150, deadline=None)
def test_equals_slicing_to_the_bit(shape: tuple[int, int, int], size: tuple[int, int], drawn: list[Move], whole: bool):
    images = batch(len(drawn), *shape, whole)
    geometry = torch.stack([geometry_of(move, size) for move in drawn])
    assert is_exact(geometry).all()
    result = View(geometry, SAME_COLOR, size).resample(images)
    expected = torch.stack([plainly(image, move, size) for image, move in zip(images, drawn, strict=True)])
    assert result.dtype == images.dtype
    assert torch.equal(result, expected)
    warped = warp_images(images, geometry, size)
    assert torch.allclose(warped, expected.float() / (255 if whole else 1), atol=1e-4)


@given(shape=st.tuples(st.sampled_from([1, 3]), sides, sides), size=st.tuples(sides, sides), move=moves)
@settings(max_examples=100, deadline=None)
def test_one_geometry_for_all_equals_the_same_for_each(shape: tuple[int, int, int], size: tuple[int, int], move: Move):
    images = batch(3, *shape, whole=True)
    geometry = geometry_of(move, size)[None]
    each = View(geometry.repeat(3, 1, 1), SAME_COLOR, size).resample(images)
    assert torch.equal(View(geometry, SAME_COLOR, size).resample(images), each)
    assert torch.equal(View(geometry.expand(3, -1, -1), SAME_COLOR, size).resample(images), each)
    shifted = geometry + torch.tensor([[[0, 0, 0.25], [0, 0, 0], [0, 0, 0]]])
    each = View(shifted.repeat(3, 1, 1), SAME_COLOR, size).resample(images)
    assert torch.equal(View(shifted.expand(3, -1, -1), SAME_COLOR, size).resample(images), each)


@given(
    sizes=st.lists(st.tuples(st.integers(4, 9), st.integers(4, 9)), min_size=2, max_size=4),
    data=st.data(),
)
@settings(max_examples=80, deadline=None)
def test_composition_equals_the_sequence(sizes: list[tuple[int, int]], data: st.DataObject):
    """Crops within the frame (a part that fell outside cannot come back in the sequence), flips anywhere."""
    count, canvas = 4, (30, 31)
    images = batch(count, 3, *canvas, whole=True)
    view = View(torch.eye(3).expand(count, -1, -1), SAME_COLOR, canvas)
    sequence = images
    for size in sorted(sizes, reverse=True):
        height, width = view.size
        size = min(size[0], height), min(size[1], width)
        rows, columns = st.integers(-(height - size[0]), 0), st.integers(-(width - size[1]), 0)
        step = st.tuples(columns, rows, st.booleans(), st.booleans())
        drawn = data.draw(st.lists(step, min_size=count, max_size=count))
        geometry = torch.stack([geometry_of(move, size) for move in drawn])
        sequence = View(geometry, SAME_COLOR, size).resample(sequence)
        view = view.then(geometry, size)
    assert view.size == tuple(sequence.shape[-2:])
    assert torch.equal(view.resample(images), sequence)


@given(drawn=st.lists(moves, min_size=1, max_size=4))
@settings(max_examples=50, deadline=None)
def test_inverse_undoes(drawn: list[Move]):
    size = (40, 42)  # a frame that holds every shifted image
    images = batch(len(drawn), 3, 8, 9, whole=True)
    geometry = torch.stack([geometry_of((right + 14, down + 15, x, y), size) for right, down, x, y in drawn])
    view = View(geometry, SAME_COLOR, size)
    assert torch.equal(view.inverse_image(view.resample(images), (8, 9)), images)
    points = torch.rand(len(drawn), 5, 2) * 9
    assert torch.allclose(view.inverse_points(view.points(points)), points, atol=1e-4)


def test_an_image_far_outside_is_black_and_costs_nothing():
    geometry = torch.eye(3).repeat(2, 1, 1)
    geometry[0, 0, 2] = 1e9
    geometry[1, 1, 2] = -1e9
    assert View(geometry, SAME_COLOR, (4, 4)).resample(batch(2, 3, 4, 4, whole=True)).count_nonzero() == 0


def test_the_whole_image_is_not_copied():
    images = batch(3, 3, 8, 8, whole=True)
    view = View(torch.eye(3).expand(3, -1, -1), SAME_COLOR, (8, 8))
    assert view.resample(images).data_ptr() == images.data_ptr()


@pytest.mark.parametrize(
    ("row", "column", "value"),
    [
        (0, 0, 1.001),
        (0, 1, 0.001),
        (1, 0, -0.001),
        (1, 1, 0.0),
        (0, 2, 0.5),
        (1, 2, -2.25),
        (2, 2, 2.0),
        (0, 2, float("nan")),
    ],
)
def test_anything_else_is_not_exact(row: int, column: int, value: float):
    geometry = torch.eye(3).repeat(2, 1, 1)
    assert is_exact(geometry).all()
    geometry[1, row, column] = value
    assert is_exact(geometry).tolist() == [True, False]


def test_quarter_rotations_take_the_warp_and_lose_next_to_nothing():
    images = batch(2, 3, 6, 6, whole=False)
    turn = torch.tensor([[[0.0, -1, 6], [1, 0, 0], [0, 0, 1]]])
    assert torch.allclose(View(turn, SAME_COLOR, (6, 6)).resample(images), images.rot90(-1, (2, 3)), atol=1e-4)


@pytest.mark.parametrize("side", [6, 160])  # small images are mirrored all at once, photographs one by one
@pytest.mark.parametrize("shift", [0, 2])
def test_gradients_flow_through_flips(side: int, shift: int):
    images = torch.rand(4, 3, side, side, requires_grad=True)
    geometry = torch.eye(3).repeat(4, 1, 1)
    geometry[::2, 0, 0], geometry[::2, 0, 2] = -1, side
    geometry[:, 1, 2] = shift
    view = View(geometry, SAME_COLOR, (side, side))
    weight = torch.rand(4, 3, side, side)
    (gradient,) = torch.autograd.grad((view.image(images) * weight).sum(), images)
    expected = torch.zeros_like(weight)
    expected[:, :, : side - shift] = weight[:, :, shift:]
    expected[::2] = expected[::2].flip(3)
    assert torch.allclose(gradient, expected)
