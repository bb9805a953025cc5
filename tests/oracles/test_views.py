"""Views against torchvision's functional transforms, where both define the same thing."""

import math

import pytest
import torch
from torch import Tensor

from striate.views import Normalization, View, evaluation_view, picture_means
from striate.views.colours import jitter
from striate.views.geometry import compose

pytestmark = pytest.mark.oracle
functional = pytest.importorskip("torchvision.transforms.v2.functional")

NO_TINT = torch.eye(4)[None]


def smooth(height: int, width: int, seed: int = 0) -> Tensor:
    """2 3 H W in 0.3..0.5, so that torchvision clamps nothing."""
    coarse = torch.rand(2, 3, 6, 7, generator=torch.Generator().manual_seed(seed))
    return 0.3 + 0.2 * torch.nn.functional.interpolate(coarse, (height, width), mode="bicubic").clamp(0, 1)


def about_centre(a: float, b: float, c: float, d: float, shift: tuple[float, float], side: tuple[int, int]) -> Tensor:
    """1 3 3 with the linear part (a b; c d) about the centre of a picture of (height, width)."""
    x, y = side[1] / 2, side[0] / 2
    return torch.tensor([[[a, b, x - a * x - b * y + shift[0]], [c, d, y - c * x - d * y + shift[1]], [0.0, 0.0, 1.0]]])


@pytest.mark.parametrize("side", [(32, 32), (40, 57)])
@pytest.mark.parametrize(
    ("degrees", "zoom", "shear", "shift"),
    [
        (0, 1.1, 0, (0, 0)),
        (10, 1, 0, (0, 0)),
        (-33, 0.9, 0, (3, -5)),
        (90, 1, 0, (0, 0)),
        (12, 1.2, 8, (2, 1)),
        (0, 1, 20, (0, 0)),
    ],
)
def test_affine(side: tuple[int, int], degrees: float, zoom: float, shear: float, shift: tuple[float, float]):
    pictures = smooth(*side)
    expected = functional.affine(
        pictures,
        angle=degrees,
        translate=list(shift),
        scale=zoom,
        shear=[shear, 0.0],
        interpolation=functional.InterpolationMode.BILINEAR,
    )
    cos, sin = zoom * math.cos(math.radians(degrees)), zoom * math.sin(math.radians(degrees))
    slant = -math.tan(math.radians(shear))
    place = about_centre(cos, cos * slant - sin, sin, sin * slant + cos, shift, side)
    seen = View(place, NO_TINT, side).resample(pictures)
    assert torch.allclose(seen, expected, atol=2e-4)


@pytest.mark.parametrize("degrees", [5, 45, 90, 170, -20])
def test_rotate(degrees: float):
    pictures = smooth(30, 44)
    expected = functional.rotate(pictures, degrees, interpolation=functional.InterpolationMode.BILINEAR)
    cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    seen = View(about_centre(cos, sin, -sin, cos, (0, 0), (30, 44)), NO_TINT, (30, 44)).resample(pictures)
    assert torch.allclose(seen, expected, atol=2e-4)


@pytest.mark.parametrize("antialias", [False, True])
@pytest.mark.parametrize("size", [(40, 40), (56, 48), (80, 80)])
def test_resized_crop_that_enlarges(size: tuple[int, int], antialias: bool):
    """Inside: at its rim torchvision cuts first and knows nothing of the pixels next to the crop."""
    pictures = smooth(64, 70)
    top, left, height, width = 7, 11, 40, 40
    expected = functional.resized_crop(pictures, top, left, height, width, list(size), antialias=antialias)
    x, y = size[1] / width, size[0] / height
    place = torch.tensor([[[x, 0.0, -left * x], [0.0, y, -top * y], [0.0, 0.0, 1.0]]])
    seen = View(place, NO_TINT, size).resample(pictures)
    assert torch.allclose(seen[:, :, 2:-2, 2:-2], expected[:, :, 2:-2, 2:-2], atol=2e-4)
    whole = functional.resize(pictures, [2 * 64, 2 * 70], antialias=antialias)
    double = View(torch.diag(torch.tensor([2.0, 2.0, 1.0]))[None], NO_TINT, (128, 140)).resample(pictures)
    assert torch.allclose(double, whole, atol=2e-4)  # of the whole picture, up to the rim


def test_resized_crop_that_shrinks():
    """By 3 and a half: nearer to the antialiased answer than a plain one by far."""
    pictures = smooth(224, 224) + 0.2 * torch.rand(2, 3, 224, 224, generator=torch.Generator().manual_seed(1))
    place = torch.diag(torch.tensor([64 / 224, 64 / 224, 1.0]))[None]
    seen = View(place, NO_TINT, (64, 64)).resample(pictures)
    best = functional.resized_crop(pictures, 0, 0, 224, 224, [64, 64], antialias=True)
    plain = functional.resized_crop(pictures, 0, 0, 224, 224, [64, 64], antialias=False)
    assert (seen - best).square().mean() < (plain - best).square().mean() / 4


def test_flips_and_crops():
    pictures = torch.randint(0, 256, (2, 3, 20, 30), dtype=torch.uint8)
    mirror = torch.tensor([[[-1.0, 0, 30], [0, 1, 0], [0, 0, 1]]])
    assert torch.equal(View(mirror, NO_TINT, (20, 30)).resample(pictures), functional.horizontal_flip(pictures))
    flip = torch.tensor([[[1.0, 0, 0], [0, -1, 20], [0, 0, 1]]])
    assert torch.equal(View(flip, NO_TINT, (20, 30)).resample(pictures), functional.vertical_flip(pictures))
    crop = torch.tensor([[[1.0, 0, 4], [0, 1, -3], [0, 0, 1]]])
    assert torch.equal(View(crop, NO_TINT, (24, 24)).resample(pictures), functional.crop(pictures, 3, -4, 24, 24))
    centre = evaluation_view(2, picture=(20, 30), size=(16, 12), normalization=Normalization((0.5,) * 3, (0.5,) * 3))
    assert torch.equal(centre.resample(pictures), functional.center_crop(pictures, [16, 12]))


def test_normalize():
    mean, std = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
    pictures = torch.randint(0, 256, (2, 3, 20, 30), dtype=torch.uint8)
    expected = functional.normalize(functional.to_dtype(pictures, torch.float32, scale=True), list(mean), list(std))
    view = evaluation_view(2, picture=(20, 30), size=(20, 30), normalization=Normalization(mean, std))
    assert torch.allclose(view.image(pictures), expected, atol=2e-6)


@pytest.mark.parametrize("factor", [0.7, 1.0, 1.3])
def test_brightness_contrast_saturation(factor: float):
    """torchvision's luma is rounded (0.2989, 0.587, 0.114: they sum to 0.9999), hence the tolerance of the last two."""
    pictures = smooth(20, 30)
    same, changed = torch.ones(2), torch.full((2,), factor)
    means = picture_means(pictures)
    for name, factors, tolerance in (
        ("brightness", (changed, same, same), 1e-5),
        ("contrast", (same, changed, same), 1e-4),
        ("saturation", (same, same, changed), 1e-4),
    ):
        view = View(torch.eye(3)[None], jitter(*factors, means, 3), (20, 30))
        expected = getattr(functional, f"adjust_{name}")(pictures, factor)
        assert torch.allclose(view.image(pictures), expected, atol=tolerance), name
    composed = jitter(changed, changed, changed, means, 3)
    expected = functional.adjust_saturation(
        functional.adjust_contrast(functional.adjust_brightness(pictures, factor), factor), factor
    )
    assert torch.allclose(View(torch.eye(3)[None], composed, (20, 30)).image(pictures), expected, atol=3e-4)


def test_composition_is_one_warp_of_the_sequence():
    """Turned by torchvision and then cropped by it, against one matrix of both."""
    pictures = smooth(60, 60)
    turned = functional.rotate(pictures, -10, interpolation=functional.InterpolationMode.BILINEAR)
    expected = functional.crop(turned, 10, 8, 40, 44)
    cos, sin = math.cos(math.radians(10)), math.sin(math.radians(10))
    crop = torch.tensor([[[1.0, 0, -8], [0, 1, -10], [0, 0, 1]]])
    place = compose(crop, about_centre(cos, -sin, sin, cos, (0, 0), (60, 60)))
    assert torch.allclose(View(place, NO_TINT, (40, 44)).resample(pictures), expected, atol=2e-4)
