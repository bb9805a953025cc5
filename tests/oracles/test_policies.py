"""The operations of published policies against torchvision's, to the bit, at every strength that a policy can draw."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from striate.views.augmix import AugMix
from striate.views.autoaugment import TABLES, AutoAugment
from striate.views.operations import KINDS, SIGNED, Steps, perform
from striate.views.randaugment import RandAugment
from striate.views.trivialaugment import TrivialAugment

pytestmark = pytest.mark.oracle
v2 = pytest.importorskip("torchvision.transforms.v2")
functional = v2.functional
NEAREST, BILINEAR = functional.InterpolationMode.NEAREST, functional.InterpolationMode.BILINEAR

SIZES = [(32, 32), (28, 31), (64, 48)]
MANY = torch.arange(30_000)


def pictures(count: int, channels: int, size: tuple[int, int]) -> Tensor:
    """Noise, then pictures of few colours close together, then a plain one."""
    generator = torch.Generator().manual_seed(size[0])
    images = torch.randint(0, 256, (count, channels, *size), dtype=torch.uint8, generator=generator)
    images[1::3] = images[1::3] // 9 + 90
    images[2::3] = (images[2::3, :1] // 2 + images[2::3] // 64).expand(-1, channels, -1, -1)
    images[-1] = 77
    return images


def expected(policy: Any, picture: Tensor, kind: str, strength: float, interpolation: Any = NEAREST) -> Tensor:
    return policy._apply_image_or_video_transform(picture, kind, strength, interpolation=interpolation, fill={})


def strengths_of(policy: Any, space: dict[str, Any], bins: int, size: tuple[int, int]) -> list[tuple[str, float]]:
    """Every kind with every strength that torchvision gives it, both ways."""
    drawn = []
    for kind, (magnitudes, signed) in space.items():
        values = magnitudes(bins, *size)
        values = [0.0] if values is None else [float(value) for value in values]
        drawn += [(kind, value) for value in values] + [(kind, -value) for value in values if signed]
    return drawn


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(
    ("policy", "bins"),
    [(v2.RandAugment(), 31), (v2.TrivialAugmentWide(), 31), (v2.AutoAugment(), 10), (v2.AugMix(), 10)],
)
def test_every_operation_at_every_strength(policy: Any, bins: int, size: tuple[int, int], channels: int):
    drawn = strengths_of(policy, policy._AUGMENTATION_SPACE, bins, size)
    images = pictures(len(drawn), channels, size)
    steps = Steps(
        torch.tensor([[KINDS.index(kind) for kind, _ in drawn]]), torch.tensor([[v for _, v in drawn]]).double()
    )
    done, _ = perform(images, steps)
    wrong = Counter(
        kind
        for seen, picture, (kind, strength) in zip(done, images, drawn, strict=True)
        if not torch.equal(seen, expected(policy, picture, kind, strength))
    )
    assert not wrong
