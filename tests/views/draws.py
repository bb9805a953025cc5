"""Views drawn for many samples, and whether values are spread evenly."""

import torch
from torch import Tensor

from striate.views import Normalization, Policy, View, random_view

RGB = Normalization((0.5, 0.4, 0.3), (0.2, 0.25, 0.3))
EVERYTHING = Policy(
    rotate=20,
    shift=0.1,
    zoom=0.2,
    shear=10,
    flip=True,
    crop=0.3,
    brightness=0.2,
    contrast=0.2,
    saturation=0.2,
    erase=0.5,
)
MANY = torch.arange(20_000)


def drawn(
    policy: Policy, ids: Tensor = MANY, seed: int = 0, epoch: int = 0, image_size=(40, 40), size=(32, 32)
) -> View:
    means = torch.full((len(ids), 3), 0.5)
    return random_view(
        policy, ids, seed=seed, epoch=epoch, image_size=image_size, size=size, normalization=RGB, means=means
    )


def spread_evenly(values: Tensor, low: float, high: float) -> bool:
    """Within the interval and, by Kolmogorov and Smirnov, uniform on it."""
    values = ((values.double() - low) / (high - low)).sort().values
    ladder = torch.arange(1, len(values) + 1) / len(values)
    return bool(
        values.min() > -1e-4 and values.max() < 1 + 1e-4 and (values - ladder).abs().max() < 2.2 / len(values) ** 0.5
    )
