"""A window moved over larger images: what it gives is what the network gives for the whole, and nothing shows where windows end."""

from itertools import pairwise

import pytest
import torch
from torch import Tensor, nn

from striate.training import slide
from striate.training.sliding_window import window_starts, window_weights

SIZES = [((16, 16), (16, 16)), ((40, 33), (16, 16)), ((17, 90), (16, 12)), ((64, 31), (31, 31)), ((9, 9), (1, 4))]


class Recorded(nn.Module):
    """Counts the images of each call; gives each image's mean at every pixel."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[int] = []

    def forward(self, images: Tensor) -> Tensor:
        self.calls.append(len(images))
        return images.mean((1, 2, 3), keepdim=True).expand(-1, 1, *images.shape[2:])


@pytest.mark.parametrize(("side", "window"), [(16, 16), (17, 16), (24, 16), (25, 16), (100, 7), (5, 1)])
def test_windows_reach_from_end_to_end_and_overlap_by_half(side, window):
    starts = window_starts(side, window)
    assert (starts[0], starts[-1]) == (0, side - window)
    steps = [after - before for before, after in pairwise(starts)]
    assert all(1 <= step <= max(1, window // 2 + 1) for step in steps)


@pytest.mark.parametrize(("image", "window"), SIZES)
def test_weights_sum_to_one_at_each_pixel(image, window):
    blended = slide(nn.Conv2d(3, 2, 1).eval(), torch.zeros(2, 3, *image), window, together=3)
    constant = blended[:, :, :1, :1]
    torch.testing.assert_close(blended, constant.expand_as(blended), rtol=1e-6, atol=1e-7)
    assert (window_weights(window) > 0).all()


@pytest.mark.parametrize(("image", "window"), SIZES)
def test_a_pointwise_network_gives_what_it_gives_for_the_whole_image(image, window):
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(3, 8, 1), nn.ReLU(), nn.Conv2d(8, 4, 1)).eval()
    images = torch.randn(2, 3, *image)
    with torch.inference_mode():
        for together in (1, 5, 64):
            torch.testing.assert_close(slide(network, images, window, together), network(images), rtol=1e-5, atol=1e-6)


def test_where_windows_disagree_there_is_no_seam():
    ramp = torch.linspace(0, 1, 96).expand(1, 1, 32, 96)
    blended = slide(Recorded(), ramp, (32, 32), together=4)[0, 0, 16]
    apart = torch.cat([ramp[0, 0, 16, start : start + 32].mean().expand(32) for start in (0, 32, 64)])
    assert blended.diff().abs().max() < apart.diff().abs().max() / 6
    assert (blended.diff() > -1e-6).all()


def test_an_image_of_the_windows_size_is_passed_on_as_it_is():
    images, network = torch.randn(5, 3, 16, 12), Recorded()
    assert torch.equal(slide(network, images, (16, 12), together=2), network(images))
    assert network.calls == [5, 5]
    network.calls.clear()
    slide(network, torch.randn(1, 3, 32, 12), (16, 12), together=2)
    assert network.calls == [2, 1]


def test_blending_is_the_weighted_mean_of_the_windows_one_by_one():
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(3, 8, 5, padding=2), nn.ReLU(), nn.Conv2d(8, 4, 5, padding=2)).eval()
    images = torch.randn(1, 3, 50, 71).contiguous(memory_format=torch.channels_last)
    weights = window_weights((24, 20)).double()
    total, count = torch.zeros(1, 4, 50, 71, dtype=torch.float64), torch.zeros(50, 71, dtype=torch.float64)
    with torch.inference_mode():
        for y in window_starts(50, 24):
            for x in window_starts(71, 20):
                total[..., y : y + 24, x : x + 20] += network(images[..., y : y + 24, x : x + 20]).double() * weights
                count[y : y + 24, x : x + 20] += weights
        blended = slide(network, images, (24, 20), together=7)
    torch.testing.assert_close(blended.double(), total / count, rtol=1e-5, atol=1e-6)
