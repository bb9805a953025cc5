"""The operations of published policies against torchvision's, to the bit, at every magnitude that a policy can draw."""

from collections import Counter
from typing import Any

import pytest
import torch
from torch import Tensor

from striate.views import lookup_tables
from striate.views.autoaugment import TABLES, AutoAugment
from striate.views.color import rotate_hue
from striate.views.pixel_operations import gaussian_blur
from striate.views.published_operations import KINDS, OPERATIONS, Steps, perform
from striate.views.published_policies import AugMix, RandAugment, TrivialAugment

pytestmark = pytest.mark.oracle
v2 = pytest.importorskip("torchvision.transforms.v2")
functional = v2.functional
NEAREST, BILINEAR = functional.InterpolationMode.NEAREST, functional.InterpolationMode.BILINEAR

SIZES = [(32, 32), (28, 31), (64, 48)]


def random_images(count: int, channels: int, size: tuple[int, int]) -> Tensor:
    """Noise, then images of few colors close together, then a plain one."""
    generator = torch.Generator().manual_seed(size[0])
    images = torch.randint(0, 256, (count, channels, *size), dtype=torch.uint8, generator=generator)
    images[1::3] = images[1::3] // 9 + 90
    images[2::3] = (images[2::3, :1] // 2 + images[2::3] // 64).expand(-1, channels, -1, -1)
    images[-1] = 77
    return images


def expected(policy: Any, image: Tensor, kind: str, magnitude: float, interpolation: Any = NEAREST) -> Tensor:
    return policy._apply_image_or_video_transform(image, kind, magnitude, interpolation=interpolation, fill={})


def magnitudes_of(policy: Any, space: dict[str, Any], bins: int, size: tuple[int, int]) -> list[tuple[str, float]]:
    """Every kind with every magnitude that torchvision gives it, both ways."""
    drawn = []
    for kind, (magnitudes, signed) in space.items():
        values = magnitudes(bins, *size)
        values = [0.0] if values is None else [float(value) for value in values]
        drawn += [(kind, value) for value in values] + [(kind, -value) for value in values if signed]
    return drawn


def between_two_pixels(kind: str, magnitude: float, size: tuple[int, int]) -> Tensor:
    """h w: where a warp reads half way between two pixels. The nearest depends on how a CPU rounds a matrix product."""
    affine = next(row.affine for row in OPERATIONS if row.kind == kind)
    height, width = size
    if affine is None:
        return torch.zeros(size, dtype=torch.bool)
    y, x = (torch.arange(side).double() + 0.5 - side / 2 for side in size)
    rows = affine(torch.tensor([magnitude]).double(), height, width)
    sources = [
        a * x[None] + b * y[:, None] + c + side / 2 - 0.5 for (a, b, c), side in zip(rows, (width, height), strict=True)
    ]
    return torch.stack([(one - one.floor() - 0.5).abs() < 1e-4 for one in sources]).any(0)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(
    ("policy", "bins"),
    [(v2.RandAugment(), 31), (v2.TrivialAugmentWide(), 31), (v2.AutoAugment(), 10), (v2.AugMix(), 10)],
)
def test_every_operation_at_every_strength(policy: Any, bins: int, size: tuple[int, int], channels: int):
    drawn = magnitudes_of(policy, policy._AUGMENTATION_SPACE, bins, size)
    images = random_images(len(drawn), channels, size)
    steps = Steps(
        torch.tensor([[KINDS.index(kind) for kind, _ in drawn]]), torch.tensor([[v for _, v in drawn]]).double()
    )
    done, _ = perform(images, steps)
    wrong = Counter(
        kind
        for result, image, (kind, magnitude) in zip(done, images, drawn, strict=True)
        if ((result != expected(policy, image, kind, magnitude)) & ~between_two_pixels(kind, magnitude, size)).any()
    )
    assert not wrong


@pytest.mark.parametrize("size", SIZES)
def test_the_magnitudes_of_each_policy_are_torchvisions(size: tuple[int, int]):
    """All magnitudes that are drawn are in torchvision's table of that policy, at its bin."""
    ids = torch.arange(30_000)
    drawn = {
        v2.RandAugment: (31, {9}, RandAugment(2, 9).steps(ids, 0, 0, size)),
        v2.TrivialAugmentWide: (31, set(range(31)), TrivialAugment().steps(ids, 0, 0)),
        v2.AugMix: (10, set(range(3)), AugMix(3).steps(ids, 0, 0, size)),
    }
    for policy, (bins, used, steps) in drawn.items():
        for kind, (magnitudes, signed) in policy._AUGMENTATION_SPACE.items():
            result = set(steps.magnitudes[steps.kinds == KINDS.index(kind)].tolist())
            values = magnitudes(bins, *size)
            offered = {0.0} if values is None else {float(values[number]) for number in used}
            offered |= {-value for value in offered} if signed else set()
            if kind != "Identity":
                assert result == offered, (policy.__name__, kind)


@pytest.mark.parametrize("name", TABLES)
def test_the_pairs_of_autoaugment_are_torchvisions(name: Any):
    policy = v2.AutoAugment(v2.AutoAugmentPolicy[name.upper()])
    expected = [tuple((kind, chance, number or 0) for kind, chance, number in pair) for pair in policy._policies]
    rows = [[step.split() for step in row.split(",")] for row in TABLES[name].strip().splitlines()]
    assert [tuple((kind, float(chance), int(number)) for kind, chance, number in row) for row in rows] == expected


@pytest.mark.parametrize("operations", [RandAugment(3, 17), TrivialAugment(), AutoAugment(), AutoAugment("svhn")])
def test_a_whole_policy_is_torchvisions_operations_in_turn(operations: Any):
    images, ids = random_images(90, 3, (32, 32)), torch.arange(90)
    result, _ = operations.apply(images, ids, seed=1, epoch=2)
    steps = operations.steps(ids, 1, 2) if operations == TrivialAugment() else operations.steps(ids, 1, 2, (32, 32))
    policy = v2.RandAugment()
    for sample, image in enumerate(images):
        for kind, magnitude in zip(steps.kinds[:, sample], steps.magnitudes[:, sample].tolist(), strict=True):
            image = expected(policy, image, KINDS[kind], magnitude)
        assert torch.equal(result[sample], image)


def test_augmix_blends_torchvisions_chains():
    """Bilinear, as AugMix is there: one level off where a blend of four rounds otherwise, and torchvision rounds down."""
    images, ids, operations = random_images(60, 3, (32, 32)), torch.arange(60), AugMix(3)
    result, _ = operations.apply(images, ids, seed=1, epoch=2)
    steps, weights = operations.steps(ids, 1, 2, (32, 32)), operations.weights(ids, 1, 2)
    policy = v2.AugMix()
    for sample, image in enumerate(images):
        mixed = weights[0, sample] * image
        for chain in range(3):
            done = image
            for step in range(3 * chain, 3 * chain + 3):
                kind, magnitude = KINDS[steps.kinds[step, sample]], steps.magnitudes[step, sample].item()
                done = expected(policy, done, kind, magnitude, BILINEAR)
            mixed += weights[chain + 1, sample] * done
        off = (result[sample].float() - mixed.to(torch.uint8).float()).abs()
        assert (off > 1).double().mean() < 0.001
        assert (
            off.max() <= 2
        )  # where a CPU puts a warped whole number just below itself, it is rounded down in one of the two


@pytest.mark.parametrize("std", [0.5, 1.0, 2.0])
def test_blur(std: float):
    images = random_images(3, 3, (30, 34))
    result = gaussian_blur(images, torch.full((3,), std, dtype=torch.float64), 6)
    assert (result.float() - functional.gaussian_blur(images, [13, 13], [std] * 2).float()).abs().max() <= 1


@pytest.mark.parametrize("exponent", [0.4, 1.0, 1.7])
def test_gamma(exponent: float):
    """torchvision turns floats into levels by its own rule, hence one level."""
    images = random_images(3, 3, (16, 16))
    result = lookup_tables.look_up(images, lookup_tables.gamma(torch.full((3,), exponent, dtype=torch.float64)))
    assert (result.float() - functional.adjust_gamma(images, exponent).float()).abs().max() <= 1


def test_a_hue_rotation_of_120_degrees_is_torchvisions_on_pure_colors():
    """The two hues differ elsewhere: only on the primaries does a turn about gray agree with a turn of HSV."""
    colors = torch.eye(3).view(3, 3, 1, 1)
    turned = rotate_hue(torch.full((3,), 120.0), 3)[:, :3, :3] @ colors.flatten(1)[:, :, None]
    assert torch.allclose(turned[..., 0], functional.adjust_hue(colors, 1 / 3).flatten(1), atol=1e-5)
