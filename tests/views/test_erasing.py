"""Random erasing: rectangles of the promised size, painted and nothing else."""

import pytest
import torch

from striate.views import erase, random_rectangles, uniforms


def test_rectangles_fit_and_are_as_many_as_promised():
    draws = uniforms(0, 0, torch.arange(10_000), range(5))
    x1, y1, x2, y2 = random_rectangles(draws, 0.25, (28, 32)).unbind(1)
    erased = x2 > x1
    assert abs(erased.double().mean() - 0.25) < 0.02
    assert torch.equal(erased, y2 > y1)
    assert min(x1.min(), y1.min()) >= 0
    assert x2.max() <= 32
    assert y2.max() <= 28
    share = ((x2 - x1) * (y2 - y1))[erased].double() / (28 * 32)
    assert share.min() > 0.02
    assert share.max() < 0.5  # 0.4 and what rounding outwards adds
    assert torch.stack([x1, y1, x2, y2])[:, ~erased].count_nonzero() == 0


def test_never_and_always():
    draws = uniforms(0, 0, torch.arange(500), range(5))
    assert random_rectangles(draws, 0.0, (8, 8)).count_nonzero() == 0
    assert (random_rectangles(draws, 1.0, (8, 8))[:, 2:] > 0).all()


@pytest.mark.parametrize("whole", [True, False])
def test_erase_fills_the_rectangle_only(whole: bool):
    images = torch.randint(1, 255, (4, 9, 7, 3), dtype=torch.uint8).permute(0, 3, 1, 2)
    images = images if whole else images / 255
    rectangles = torch.tensor([[0, 0, 0, 0], [1, 2, 4, 9], [0, 0, 7, 9], [6, 8, 7, 9]])
    before = images.clone()
    painted = erase(images, rectangles, (0.0, 0.5, 1.0))
    expected = images.clone()
    paint = torch.tensor([0, 128, 255], dtype=torch.uint8) if whole else torch.tensor([0.0, 0.5, 1.0])
    for sample, (x1, y1, x2, y2) in enumerate(rectangles.tolist()):
        expected[sample, :, y1:y2, x1:x2] = paint[:, None, None]
    assert torch.equal(painted, expected)
    assert painted.dtype == images.dtype
    assert torch.equal(images, before)
    assert painted.is_contiguous(memory_format=torch.channels_last)
