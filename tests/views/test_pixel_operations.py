"""Pixel operations: each does what its name tells, to as many images as promised, and draws for each image alone."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from striate.views import Normalization, Policy, apply_policy
from striate.views.color import rotate_hue
from striate.views.pixel_operations import add_noise, gaussian_blur
from striate.views.published_operations import saturate, sharpen
from striate.views.randomness import normals

PLAIN = Normalization((0.0,) * 3, (1.0,) * 3)
RANDOM = torch.randint(0, 256, (60, 3, 16, 18), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
ALL = Policy(flip=True, blur=1.5, noise=0.1, equalize=0.5, gamma=0.4, solarize=0.5, posterize=0.5, hue=90)


def augmented(policy: Policy, ids: Tensor, images: Tensor = RANDOM, epoch: int = 0) -> Tensor:
    """In 0..255 again: B C h w float32."""
    normalization = Normalization((0.0,) * images.shape[1], (1.0,) * images.shape[1])
    images, _ = apply_policy(policy, images[ids], ids, seed=0, epoch=epoch, size=(16, 18), normalization=normalization)
    return images * 255


@given(ids=st.lists(st.integers(0, 59), min_size=1, max_size=20))
@settings(max_examples=25, deadline=None)
def test_pixel_operations_are_independent_of_the_batch(ids: list[int]):
    everyone = augmented(ALL, torch.arange(60))
    assert torch.equal(augmented(ALL, torch.tensor(ids)), everyone[ids])


def test_threads_do_not_matter_and_epochs_differ():
    one = augmented(ALL, torch.arange(60))
    torch.set_num_threads(2)
    try:
        two = augmented(ALL, torch.arange(60))
    finally:
        torch.set_num_threads(1)
    assert torch.equal(one, two)
    assert (one != augmented(ALL, torch.arange(60), epoch=1)).flatten(1).any(1).all()


@pytest.mark.parametrize(
    ("policy", "share"),
    [
        (Policy(blur=2.0), 0.5),
        (Policy(noise=0.2), 0.5),
        (Policy(equalize=0.3), 0.3),
        (Policy(solarize=0.3), 0.3),
        (Policy(posterize=0.3), 0.3),
    ],
    ids=["blur", "noise", "equalize", "solarize", "posterize"],
)
def test_as_many_images_as_promised_are_changed(policy: Policy, share: float):
    images = RANDOM[:1].expand(2000, -1, -1, -1)
    changed = (augmented(policy, torch.arange(2000), images) - images).abs().flatten(1).amax(1) > 0.5
    # the weakest blurs, noises and solarizations are below half a level
    assert share - 0.1 < changed.double().mean() < share + 0.05


@pytest.mark.parametrize("channels", [1, 2, 4])
def test_any_number_of_channels(channels: int):
    images = RANDOM[:, :1].expand(-1, channels, -1, -1)
    assert augmented(ALL, torch.arange(60), images).shape == (60, channels, 16, 18)


def test_float_images_give_the_same_as_uint8():
    ids = torch.arange(60)
    assert torch.equal(augmented(ALL, ids), augmented(ALL, ids, RANDOM / 255))


def test_noise_has_its_std_and_is_white():
    images = torch.full((2, 3, 64, 64), 128, dtype=torch.uint8)
    noisy = add_noise(images, torch.tensor([5.0, 20.0]), 0, 0, torch.tensor([3, 4]), 34).double() - 128
    assert torch.allclose(noisy.flatten(1).std(1), torch.tensor([5.0, 20.0]).double(), rtol=0.03)
    assert noisy.flatten(1).mean(1).abs().max() < 0.8
    rows = torch.stack([noisy[1, 0, :-1].flatten(), noisy[1, 0, 1:].flatten(), noisy[1, 1, 1:].flatten()])
    assert torch.corrcoef(rows).sub(torch.eye(3)).abs().max() < 0.07


def test_normals_are_normal():
    drawn = normals(0, 0, torch.arange(4), 34, 50_001).double()
    assert drawn.shape == (4, 50_001)
    assert abs(drawn.mean()) < 0.01
    assert abs(drawn.var() - 1) < 0.02
    assert abs((drawn**4).mean() - 3) < 0.1
    assert abs((drawn.abs() > 1.96).double().mean() - 0.05) < 0.003
    assert torch.corrcoef(drawn).sub(torch.eye(4)).abs().max() < 0.02


def test_blur_spreads_a_point_as_a_gaussian():
    images = torch.zeros(2, 1, 31, 31, dtype=torch.uint8)
    images[:, :, 15, 15] = 255
    stds = torch.tensor([0.8, 2.0], dtype=torch.float64)
    blurred = gaussian_blur(images, stds, 7).double()[:, 0]
    for result, std in zip(blurred, stds.tolist(), strict=True):
        step = torch.arange(31).double() - 15
        gaussian = (-(step**2) / (2 * std**2)).exp() / (2 * math.pi) ** 0.5 / std
        assert (result - 255 * gaussian[:, None] * gaussian).abs().max() < 2
    plain = torch.full((1, 2, 4, 3), 9, dtype=torch.uint8)
    assert torch.equal(gaussian_blur(plain, stds[1:], 7), plain)


def test_a_blur_of_nothing_changes_nothing():
    assert torch.equal(gaussian_blur(RANDOM, torch.zeros(60, dtype=torch.float64), 3), RANDOM)


def test_saturation_and_sharpness_of_one_change_nothing_and_of_nothing_take_it_away():
    one, nothing = torch.ones(60, dtype=torch.float64), torch.zeros(60, dtype=torch.float64)
    assert torch.equal(saturate(RANDOM, one), RANDOM)
    assert torch.equal(sharpen(RANDOM, one), RANDOM)
    grays = saturate(RANDOM, nothing)
    assert torch.equal(grays[:, 0], grays[:, 1])
    assert torch.equal(grays[:, 0], grays[:, 2])
    assert torch.equal(saturate(RANDOM[:, :2], nothing), RANDOM[:, :2])
    smooth = sharpen(RANDOM, nothing)
    assert torch.equal(smooth[:, :, 0], RANDOM[:, :, 0])
    assert smooth[:, :, 1:-1, 1:-1].double().std() < RANDOM.double().std() / 2
    tiny = RANDOM[:, :, :2]
    assert torch.equal(sharpen(tiny, nothing), tiny)


def test_hue_rotates_about_gray():
    turn = rotate_hue(torch.tensor([0.0, 120.0, 120.0, 37.0]), 3)
    assert torch.allclose(turn[0], torch.eye(4), atol=1e-6)
    assert torch.allclose(turn[1] @ torch.tensor([1.0, 0, 0, 1]), torch.tensor([0.0, 1, 0, 1]), atol=1e-6)
    assert torch.allclose(turn @ torch.tensor([0.3, 0.3, 0.3, 1.0]), torch.tensor([0.3, 0.3, 0.3, 1.0]), atol=1e-6)
    assert torch.allclose(turn @ turn.mT, torch.eye(4).expand(4, -1, -1), atol=1e-6)
    assert torch.allclose(
        rotate_hue(torch.tensor([40.0]), 3) @ rotate_hue(torch.tensor([-40.0]), 3), torch.eye(4), atol=1e-6
    )
    assert torch.equal(rotate_hue(torch.tensor([40.0]), 2), torch.eye(3)[None])
