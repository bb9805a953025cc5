"""Images that are unlike those of the training are found, and healthy ones are not, be they few, of one class, or other crops."""

import sys
from functools import cache

import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from striate.analysis import shift_findings
from striate.data import TrainingStatistics, image_statistics, training_statistics
from striate.data.statistics import ImageStatistics

Pixels = npt.NDArray[np.uint8]


def digits(count: int, seed: int) -> Pixels:
    """Bright strokes on black, N 28 28 1; a third of them has twice the ink."""
    rng = np.random.default_rng(seed)
    images = np.zeros((count, 28, 28, 1), np.uint8)
    for n, image in enumerate(images):
        for _ in range(2 + 2 * (n % 3 == 0)):
            y, x = rng.integers(4, 20, 2)
            image[y : y + 3, x - 4 : x + 8] = rng.integers(200, 256)
    return images


def shapes(count: int, seed: int) -> Pixels:
    """A bright square on a dark, noisy ground, in colors: N 32 32 3."""
    rng = np.random.default_rng(seed)
    images = rng.integers(0, 90, (count, 1, 1, 3)) + rng.normal(0, 8, (count, 32, 32, 3))
    for image in images:
        y, x, side = rng.integers(2, 12, 3)
        image[y : y + 8 + side, x : x + 8 + side] = rng.integers(150, 256, 3)
    return np.clip(images, 0, 255).astype(np.uint8)


def scenes(count: int, seed: int, side: int = 32) -> Pixels:
    """Smooth colored images with exposures that differ, N side side 3: much of the energy is in low frequencies."""
    rng = np.random.default_rng(seed)
    frequency = np.hypot(*np.meshgrid(np.fft.fftfreq(side), np.fft.fftfreq(side)))
    frequency[0, 0] = 1 / side
    found = []
    for _ in range(count):
        waves = np.exp(2j * np.pi * rng.random((4, side, side))) / frequency**1.2
        common, *own = np.fft.ifft2(waves).real
        channels = [common + 0.4 * one for one in own]
        normal = np.stack([(one - one.mean()) / one.std() + rng.normal(0, 0.25) for one in channels], -1)
        found.append(np.clip(255 * (rng.normal(0.45, 0.1) + normal * rng.uniform(0.12, 0.28)), 0, 255))
    return np.stack(found).astype(np.uint8)


def measure(images: Pixels) -> ImageStatistics:
    return image_statistics(torch.from_numpy(np.ascontiguousarray(images)))


@cache
def trained_on(kind, count: int) -> TrainingStatistics:
    return training_statistics(measure(kind(count, 1)), np.arange(count) % 3)


def found(kind, images: Pixels, count: int = 300):
    return shift_findings(trained_on(kind, count), measure(images), [str(n) for n in range(len(images))])


def gray(images: Pixels) -> Pixels:
    return images.mean(3, keepdims=True).repeat(3, 3).astype(np.uint8)


@pytest.mark.parametrize("count", [1, 3, 12, 100])
@pytest.mark.parametrize("trained", [30, 300])
@pytest.mark.parametrize("kind", [digits, shapes, scenes])
def test_like_images_are_healthy_however_few(kind, trained, count):
    new = kind(100, 2)
    for first in range(0, 100, count):
        assert found(kind, new[first : first + count], trained) == []


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("12 bits read as 16", lambda x: (x / 16).round().astype(np.uint8)),
        ("8 bits read as 16", lambda x: (x / 257).round().astype(np.uint8)),
        ("brighter", lambda x: np.clip(x.astype(int) + 110, 0, 255).astype(np.uint8)),
        ("darker", lambda x: (x * 0.25).astype(np.uint8)),
        ("flat", lambda x: (100 + 0.2 * x).astype(np.uint8)),
        ("black", np.zeros_like),
        ("mid gray", lambda x: np.full_like(x, 128)),
        ("white", lambda x: np.full_like(x, 255)),
    ],
)
@pytest.mark.parametrize("kind", [digits, shapes, scenes])
def test_planted_faults_are_found(kind, name, change):
    (finding,) = found(kind, change(kind(60, 2)))
    assert (finding.id, finding.severity) == ("data-shift", "warning")
    assert finding.evidence["count"] > 15
    assert finding.evidence["first"]


@pytest.mark.parametrize("kind", [digits, shapes])
def test_inverted_images_are_found(kind):
    assert found(kind, 255 - kind(60, 2))


@pytest.mark.parametrize(
    ("kind", "change", "causes"),
    [
        (scenes, gray, "gray instead of color"),
        (digits, lambda x: 255 - x, "inverted colors, background"),
        (scenes, lambda x: (100 + 0.2 * x).astype(np.uint8), "range of the values, gray instead of color"),
        (scenes, lambda x: np.clip(x.astype(int) + 150, 0, 255).astype(np.uint8), "exposure"),
    ],
)
def test_the_fix_names_what_the_figures_support(kind, change, causes):
    (finding,) = found(kind, change(kind(60, 2)))
    assert f"training images: {causes}" in finding.fix


def test_other_bits_are_named_where_they_are_known():
    dark = measure((scenes(60, 2) / 16).astype(np.uint8))
    (finding,) = shift_findings(trained_on(scenes, 300), dark, [""] * 60, (16, 12))
    assert "12 bits in use, in training 16" in finding.message
    assert finding.evidence["bits"] == {"training": 16, "new": 12}
    assert "training images: bits of the values" in finding.fix
    assert shift_findings(trained_on(scenes, 300), measure(scenes(60, 2)), [""] * 60, (16, 12)) == []


def test_gray_images_are_unlike_colored_ones_and_like_a_mixture():
    assert found(scenes, gray(scenes(40, 2)))
    mixed = training_statistics(measure(np.concatenate([scenes(100, 1), gray(scenes(50, 3))])), np.zeros(150, np.int64))
    assert shift_findings(mixed, measure(gray(scenes(40, 2))), [""] * 40) == []


def test_one_bad_image_alone_is_found_and_one_among_many_is_not():
    black = np.zeros((1, 32, 32, 3), np.uint8)
    (finding,) = found(scenes, black)
    assert finding.evidence["first"] == ["0"]
    assert finding.message.startswith("1 of 1 image")
    assert found(scenes, np.concatenate([scenes(20, 2), black])) == []


def test_one_dark_image_alone_is_plausible_and_many_are_not():
    night = (scenes(40, 2) * 0.13).astype(np.uint8)
    assert found(scenes, night[:1]) == []
    assert found(scenes, night)


def test_images_of_one_exposure_may_be_a_little_brighter():
    """However equal the images of the training are, a shift that no network minds is none."""
    equal = np.clip(np.random.default_rng(0).normal(128, 30, (100, 32, 32, 3)), 0, 255).astype(np.uint8)
    trained = training_statistics(measure(equal), np.zeros(100, np.int64))
    for count in (1, 40):
        assert shift_findings(trained, measure(equal[:count] + 5), [""] * count) == []
    assert shift_findings(trained, measure(equal[:40] + 60), [""] * 40)


def test_splits_that_are_all_bright_or_dark_are_healthy():
    """Of one class, or the brightest tenth of all."""
    bright = np.clip(scenes(5, 7).astype(int) + 120, 0, 255).astype(np.uint8)
    images = np.concatenate([scenes(600, 1), bright])
    trained = training_statistics(measure(images), (np.arange(605) >= 600).astype(np.int64))
    again = np.clip(scenes(40, 8).astype(int) + 120, 0, 255).astype(np.uint8)
    assert shift_findings(trained, measure(again), [""] * 40) == []
    measured = measure(scenes(400, 2))
    order = measured[:, 0].argsort()
    for tenth in (order[:40], order[-40:]):
        assert shift_findings(trained, measured[tenth], [""] * 40) == []


def test_other_sizes_and_crops_are_healthy():
    large = scenes(40, 2, side=64)
    halved = large.reshape(40, 32, 2, 32, 2, 3).mean((2, 4)).astype(np.uint8)
    doubled = scenes(40, 3, side=16).repeat(2, 1).repeat(2, 2)
    for images in (halved, doubled, large[:, 16:48, 16:48]):
        assert found(scenes, images) == []


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 40), st.integers(0, sys.maxsize), st.floats(0, 0.9), st.floats(0.001, 0.5))
def test_what_lies_within_the_range_is_never_found_and_what_lies_far_above_always(count, seed, low, wide):
    rng = np.random.default_rng(seed)
    trained = training_statistics(low + wide * rng.random((200, 3)), rng.integers(0, 4, 200))
    ranges = np.array([(one.low, one.high) for one in trained.ranges()])
    inside = rng.uniform(ranges[:, 0], ranges[:, 1], (count, 3))
    assert shift_findings(trained, inside, [""] * count) == []
    far = inside.copy()
    far[:, rng.integers(3)] += 0.201 + 2.01 * wide
    (finding,) = shift_findings(trained, far, [""] * count)
    assert finding.evidence["count"] == count
