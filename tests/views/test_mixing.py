"""Mixup, CutMix and mosaic: targets are convex weights and equal the share of each image."""

import math
from functools import partial

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from striate.errors import SettingError
from striate.views import Policy, View, cutmix, mix, mixup, mosaic, one_hot

alphas = st.sampled_from([0.1, 0.4, 1.0, 8.0])


def telling(count: int, height: int, width: int) -> tuple[Tensor, Tensor]:
    """Images that are their own target: channel k is 1 where the pixel is of sample k."""
    targets = torch.eye(count)
    images = targets[:, :, None, None].expand(-1, -1, height, width)
    return images.contiguous(memory_format=torch.channels_last), targets


@given(alpha=alphas, seed=st.integers(0, 10**6), count=st.integers(2, 9))
@settings(max_examples=60, deadline=None)
def test_mixup_targets_equal_the_blend(alpha: float, seed: int, count: int):
    torch.manual_seed(seed)
    images, targets = telling(count, 3, 4)
    mixed, weights = mixup(images, targets, alpha)
    assert torch.allclose(mixed, weights[:, :, None, None].expand_as(mixed), atol=1e-6)
    assert torch.allclose(weights.sum(1), torch.ones(count))
    assert weights.min() >= 0
    assert (weights.count_nonzero(1) <= 2).all()
    assert mixed.is_contiguous(memory_format=torch.channels_last)


@given(
    alpha=alphas,
    seed=st.integers(0, 10**6),
    count=st.integers(2, 9),
    side=st.tuples(st.integers(1, 9), st.integers(1, 9)),
)
@settings(max_examples=100, deadline=None)
def test_cutmix_targets_equal_the_share_of_pixels(alpha: float, seed: int, count: int, side: tuple[int, int]):
    torch.manual_seed(seed)
    images, targets = telling(count, *side)
    before = images.clone()
    mixed, weights = cutmix(images, targets, alpha)
    assert torch.allclose(mixed.mean((2, 3)), weights, atol=1e-6)
    assert torch.allclose(weights.sum(1), torch.ones(count))
    assert set(mixed.flatten().tolist()) <= {0.0, 1.0}
    assert torch.equal(images, before)
    assert mixed.is_contiguous(memory_format=torch.channels_last)


def test_cutmix_pastes_one_rectangle():
    torch.manual_seed(4)
    images, targets = telling(5, 40, 40)
    mixed, _ = cutmix(images, targets, 1.0)
    others = (mixed.argmax(1) != torch.arange(5)[:, None, None]).any(0)  # samples that met themselves show nothing
    rows, columns = others.any(1), others.any(0)
    assert others.sum() == rows.sum() * columns.sum() > 0


@pytest.mark.parametrize("mix", [mixup, cutmix])
def test_weights_follow_their_distribution(mix):
    """alpha 1 is uniform; cutmix loses what the border cuts off, on average a little under half of the pasted part."""
    torch.manual_seed(0)
    images, targets = telling(2, 32, 32)
    shares: list[float] = []
    while len(shares) < 800:
        weights = mix(images, targets, 1.0)[1]
        partner = torch.equal(weights, targets)
        if not partner:
            shares.append(weights[0, 1].item())
    mean = sum(shares) / len(shares)
    assert 0.45 < mean < 0.55 if mix is mixup else 0.25 < mean < 0.42


@pytest.mark.parametrize("mix", [mixup, cutmix])
def test_the_default_generator_decides(mix):
    images, targets = telling(6, 8, 8)
    torch.manual_seed(7)
    one, two = mix(images, targets, 0.4), mix(images, targets, 0.4)
    torch.manual_seed(7)
    again = mix(images, targets, 0.4)
    assert torch.equal(one[0], again[0])
    assert torch.equal(one[1], again[1])
    assert not torch.equal(one[0], two[0])


@pytest.mark.parametrize("mix", [mixup, cutmix])
@pytest.mark.parametrize("alpha", [0.0, -1.0, math.nan, math.inf])
def test_alpha_out_of_range_is_refused(mix, alpha: float):
    with pytest.raises(SettingError, match="alpha"):
        mix(*telling(2, 4, 4), alpha)


@given(seed=st.integers(0, 10**6), count=st.integers(1, 9), side=st.tuples(st.integers(2, 12), st.integers(2, 12)))
@settings(max_examples=60, deadline=None)
def test_mosaic_targets_equal_the_share_of_pixels(seed: int, count: int, side: tuple[int, int]):
    torch.manual_seed(seed)
    images, targets = telling(count, *side)
    before = images.clone()
    made = mosaic(images, targets)
    assert torch.allclose(made.images.mean((2, 3)), made.targets, atol=1e-6)
    assert torch.allclose(made.targets.sum(1), torch.ones(count))
    assert torch.equal(images, before)
    assert made.images.is_contiguous(memory_format=torch.channels_last)
    assert torch.equal(made.partners[0], torch.arange(count))


@given(seed=st.integers(0, 10**6))
@settings(max_examples=30, deadline=None)
def test_boxes_can_follow_into_a_mosaic(seed: int):
    """Each quadrant is what its partner shows through its geometry, and the quadrants tile the frame."""
    torch.manual_seed(seed)
    images = torch.rand(5, 3, 20, 28).clamp(min=0.01)  # zero is what lies beyond
    made = mosaic(images, torch.eye(5))
    covered = torch.zeros(20, 28)
    for partner, geometry, (x1, y1, x2, y2) in zip(
        made.partners, made.geometries, made.quadrants.tolist(), strict=True
    ):
        whole = View(geometry[None].expand(5, -1, -1), torch.eye(4)[None], (20, 28)).resample(images[partner])
        assert torch.equal(made.images[:, :, y1:y2, x1:x2], whole[:, :, y1:y2, x1:x2])
        assert whole[:, :, y1:y2, x1:x2].min() > 0, "a quadrant shows what is beyond its image"
        covered[y1:y2, x1:x2] += 1
    assert (covered == 1).all()
    x, y = made.quadrants[0, 2:].tolist()
    assert 7 <= x <= 21
    assert 5 <= y <= 15


def test_one_hot():
    assert torch.equal(one_hot(torch.tensor([2, 0]), 3), torch.tensor([[0.0, 0, 1], [1, 0, 0]]))
    assert one_hot(torch.tensor([], dtype=torch.int64), 3).shape == (0, 3)


def by_name(policy: Policy, images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """Each kind by its name, in the order of draws that runs were made with."""
    targets = one_hot(labels, 3)
    if policy.mosaic and torch.rand(()).item() < policy.mosaic:
        made = mosaic(images, targets)
        return made.images, made.targets
    if not policy.mixup and not policy.cutmix:
        return images, labels
    if policy.cutmix and (not policy.mixup or torch.rand(()).item() < 0.5):
        return cutmix(images, targets, policy.cutmix)
    return mixup(images, targets, policy.mixup)


@pytest.mark.parametrize(
    "policy", [Policy(mixup=a, cutmix=b, mosaic=c) for a in (0, 0.3) for b in (0, 0.5) for c in (0, 0.4)]
)
def test_kinds_that_are_on_share_the_batches_by_the_same_draws_for_ever(policy: Policy):
    images, labels = torch.rand(6, 1, 8, 8, generator=torch.Generator().manual_seed(0)), torch.arange(6) % 3
    torch.manual_seed(1)
    expected = [by_name(policy, images, labels) for _ in range(30)]
    state = torch.get_rng_state()
    torch.manual_seed(1)
    for wanted in expected:
        assert all(map(torch.equal, mix(policy, images, labels, partial(one_hot, classes=3)), wanted))
    assert torch.equal(torch.get_rng_state(), state)
