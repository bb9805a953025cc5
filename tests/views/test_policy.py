"""A policy applied to images: its operations in their order, for images of any kind, and into a lent buffer."""

from dataclasses import replace
from functools import partial

import pytest
import torch
from tests.views.draws import EVERYTHING, MANY, RGB, drawn

from striate.errors import SettingError
from striate.views import POLICIES, Normalization, Policy, apply_policy, evaluation_view, image_means, random_view


def test_gray_images_take_every_policy():
    images = torch.randint(0, 256, (6, 1, 28, 28), dtype=torch.uint8)
    for policy in (*POLICIES.values(), EVERYTHING):
        result, view = apply_policy(
            policy, images, MANY[:6], seed=0, epoch=0, size=(24, 26), normalization=Normalization((0.1,), (0.3,))
        )
        assert result.shape == (6, 1, 24, 26)
        assert view.color.shape == (6, 2, 2)


def test_the_policy_none_equals_the_evaluation_view():
    images = torch.randint(0, 256, (5, 3, 40, 41), dtype=torch.uint8)
    view = evaluation_view(5, image_size=(40, 41), size=(32, 32), normalization=RGB)
    result, drawn_view = apply_policy(
        POLICIES["none"], images, MANY[:5], seed=3, epoch=4, size=(32, 32), normalization=RGB
    )
    assert torch.equal(result, view.image(images))
    assert torch.equal(view.resample(images), images[:, :, 4:36, 4:36])
    assert torch.equal(drawn_view.geometry, view.geometry)
    assert len(view.geometry) == len(view.color) == 5


def test_a_smaller_image_is_centered():
    images = torch.randint(0, 256, (2, 1, 28, 28), dtype=torch.uint8)
    view = evaluation_view(2, image_size=(28, 28), size=(32, 33), normalization=Normalization((0.5,), (0.5,)))
    result = view.resample(images)
    assert torch.equal(result[:, :, 2:30, 3:31], images)
    assert result.sum() == images.sum()


def test_apply_is_a_random_view_then_its_image():
    images = torch.randint(0, 256, (8, 40, 40, 3), dtype=torch.uint8).permute(0, 3, 1, 2)
    policy = replace(EVERYTHING, erase=0.0)
    result, view = apply_policy(policy, images, MANY[:8], seed=1, epoch=2, size=(32, 32), normalization=RGB)
    means = image_means(images)
    expected = random_view(
        policy, MANY[:8], seed=1, epoch=2, image_size=(40, 40), size=(32, 32), normalization=RGB, means=means
    )
    assert torch.equal(view.geometry, expected.geometry)
    assert torch.equal(view.color, expected.color)
    assert torch.equal(result, expected.image(images))


@pytest.mark.parametrize("name", [*POLICIES, "everything"])
@pytest.mark.parametrize("kind", [torch.uint8, torch.float32])
@pytest.mark.parametrize("channels", [1, 3])
def test_a_lent_output_buffer_changes_nothing_and_is_filled(name: str, kind: torch.dtype, channels: int):
    policy = POLICIES.get(name, EVERYTHING)
    images = torch.randint(0, 256, (11, channels, 24, 20), generator=torch.Generator().manual_seed(0))
    images = images.to(torch.uint8) if kind == torch.uint8 else images.float() / 255
    before = images.clone()
    normalization = Normalization((0.5,) * channels, (0.2,) * channels)
    run = partial(
        apply_policy, policy, images, torch.arange(11), seed=1, epoch=2, size=(16, 16), normalization=normalization
    )
    lent = torch.full((11, 16, 16, channels), torch.nan).permute(0, 3, 1, 2)
    expected, _ = run()
    result, view = run(out=lent)
    assert torch.equal(result, expected)
    assert torch.equal(images, before)
    assert torch.equal(view.image(images), view.image(images, out=lent))
    if kind == torch.uint8:
        assert view.image(images, out=lent).data_ptr() == lent.data_ptr()


def test_erasing_comes_before_the_color_matrix():
    """On white images the painted rectangle has the mean color, which the normalization turns into nothing."""
    images = torch.full((64, 32, 32, 3), 255, dtype=torch.uint8).permute(0, 3, 1, 2)
    policy = Policy(flip=True, erase=0.5)
    result, _ = apply_policy(policy, images, MANY[:64], seed=1, epoch=2, size=(32, 32), normalization=RGB)
    bare, _ = apply_policy(
        replace(policy, erase=0.0), images, MANY[:64], seed=1, epoch=2, size=(32, 32), normalization=RGB
    )
    erased = (result != bare).any(1)
    assert 16 < erased.flatten(1).any(1).sum() < 48
    assert result.movedim(1, -1)[erased].abs().max() < 0.5 / 255 / 0.2 + 1e-5  # within the rounding of uint8


def test_elastic_has_its_std_and_is_in_the_view():
    view = drawn(Policy(elastic=0.03), MANY[:2000], image_size=(32, 32))
    assert view.displacement is not None
    assert view.displacement.shape[:2] == (2000, 2)
    assert 0.5 < view.displacement.std() / (0.03 * 32) < 1.1  # the steepest are weakened
    displaced = apply_policy(
        Policy(elastic=0.03), torch.rand(4, 3, 32, 32), MANY[:4], seed=0, epoch=0, size=(32, 32), normalization=RGB
    )
    assert displaced[1].displacement is not None
    with pytest.raises(SettingError, match="augment = randaugment does not take elastic; elastic is for none, light"):
        replace(POLICIES["randaugment"], elastic=0.02)


def test_fill_is_what_lies_beyond_the_image():
    white = torch.full((50, 3, 32, 32), 255, dtype=torch.uint8)
    darkest = {
        fill: apply_policy(
            Policy(shift=0.2, fill=fill),
            white,
            MANY[:50],
            seed=0,
            epoch=0,
            size=(32, 32),
            normalization=Normalization((0.0,) * 3, (1.0,) * 3),
        )[0]
        .min()
        .item()
        for fill in ("black", "nearest", "reflect")
    }
    assert darkest == {"black": 0.0, "nearest": 1.0, "reflect": 1.0}
    with pytest.raises(SettingError, match="fill = 'gray': takes one of black, nearest, reflect"):
        Policy(fill="gray")
