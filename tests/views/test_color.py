"""Color as a matrix: equal to the sequence of operations that it stands for, written out."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from striate.errors import SettingError
from striate.views import Normalization, View, evaluation_view, image_means
from striate.views.color import color_jitter, recolor
from striate.views.geometry import compose

LUMA = torch.tensor([0.299, 0.587, 0.114])
factors = st.lists(st.floats(0, 2, width=32), min_size=3, max_size=3).map(torch.tensor)


def images_of(channels: int, kind: str) -> Tensor:
    """3 C 5 7 as they may arrive."""
    if kind == "uint8, channels last":
        return torch.randint(0, 256, (3, 5, 7, channels), dtype=torch.uint8).permute(0, 3, 1, 2)
    if kind == "uint8":
        return torch.randint(0, 256, (3, channels, 5, 7), dtype=torch.uint8)
    images = torch.rand(3, channels, 5, 7)
    return images.contiguous(memory_format=torch.channels_last) if kind == "float, channels last" else images


KINDS = ["uint8, channels last", "uint8", "float, channels last", "float"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_normalization(channels: int, kind: str):
    images = images_of(channels, kind)
    mean, std = tuple(0.1 * (n + 1) for n in range(channels)), tuple(0.2 + 0.05 * n for n in range(channels))
    view = evaluation_view(3, image_size=(5, 7), size=(5, 7), normalization=Normalization(mean, std))
    before = images.clone()
    result = view.image(images)
    colors = images.double() / (255 if images.dtype == torch.uint8 else 1)
    expected = (colors - torch.tensor(mean).view(-1, 1, 1).double()) / torch.tensor(std).view(-1, 1, 1).double()
    assert result.dtype == torch.float32
    assert result.is_contiguous(memory_format=torch.channels_last)
    assert torch.allclose(result.double(), expected, atol=2e-6)
    assert torch.equal(images, before), "the images were written to"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_any_matrix_for_each_sample(channels: int, kind: str):
    images = images_of(channels, kind)
    before = images.clone()
    color = torch.randn(3, channels + 1, channels + 1)
    color[:, channels] = torch.eye(channels + 1)[channels]
    result = recolor(images, color)
    colors = images / 255 if images.dtype == torch.uint8 else images
    with_one = torch.cat([colors, torch.ones(3, 1, 5, 7)], 1)
    expected = torch.einsum("bij,bjhw->bihw", color, with_one)[:, :channels]
    assert result.is_contiguous(memory_format=torch.channels_last)
    assert torch.allclose(result, expected, atol=1e-5)
    assert torch.equal(images, before), "the images were written to"
    shared = recolor(images, color[:1])
    assert torch.equal(shared, recolor(images, color[:1].repeat(3, 1, 1)))
    assert torch.equal(shared, View(torch.eye(3)[None], color[:1].expand(3, -1, -1), (5, 7)).apply_color(images))


@given(brightness=factors, contrast=factors, saturation=factors, channels=st.sampled_from([1, 2, 3, 4]))
@settings(max_examples=60, deadline=None)
def test_jitter_equals_the_unclamped_sequence(brightness: Tensor, contrast: Tensor, saturation: Tensor, channels: int):
    images = images_of(channels, "uint8, channels last")
    normalization = Normalization((0.4,) * channels, (0.3,) * channels)
    color = color_jitter(brightness, contrast, saturation, image_means(images), channels)
    result = recolor(images, compose(normalization.matrix(), color))

    def gray(image: Tensor) -> Tensor:
        luma = LUMA if channels == 3 else torch.full((channels,), 1 / channels)
        return (image * luma[:, None, None]).sum(1, keepdim=True)

    brightness, contrast, saturation = (factor.view(-1, 1, 1, 1) for factor in (brightness, contrast, saturation))
    image = images / 255 * brightness
    image = image * contrast + gray(image).mean((1, 2, 3), keepdim=True) * (1 - contrast)
    if channels == 3:
        image = image * saturation + gray(image) * (1 - saturation)
    assert torch.allclose(result, (image - 0.4) / 0.3, atol=2e-5)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("channels", [1, 3])
def test_means(channels: int, kind: str):
    images = images_of(channels, kind)
    colors = images.double() / (255 if images.dtype == torch.uint8 else 1)
    assert torch.allclose(image_means(images).double(), colors.mean((2, 3)), atol=1e-6)


def test_the_color_matrix_applies_to_black_beyond_the_border():
    view = evaluation_view(1, image_size=(2, 2), size=(4, 4), normalization=Normalization((0.5,), (0.25,)))
    assert torch.equal(view.image(torch.full((1, 1, 2, 2), 255, dtype=torch.uint8))[0, 0, 0], torch.full((4,), -2.0))


@pytest.mark.parametrize(
    ("mean", "std"),
    [
        ((0.5,), (0.0,)),
        ((0.5,), (-1.0,)),
        ((0.5,), (float("nan"),)),
        ((0.5,), (float("inf"),)),
        ((float("nan"),), (1.0,)),
        ((1e38,), (1.0,)),
        ((0.5, 0.5), (1.0,)),
        ((), ()),
    ],
)
def test_a_normalization_of_no_images_is_refused(mean: tuple[float, ...], std: tuple[float, ...]):
    with pytest.raises(SettingError, match="normalization"):
        Normalization(mean, std)


def test_a_color_matrix_for_other_channels_is_refused():
    view = evaluation_view(1, image_size=(4, 4), size=(4, 4), normalization=Normalization((0.5,), (0.25,)))
    with pytest.raises(ValueError, match="color"):
        view.image(torch.zeros(1, 3, 4, 4))
