"""Mixing of samples: an input is made of two images, or four, and its target holds the share of each.

The last step, after the color matrix. Randomness is torch's default generator on the CPU, which a run saves with its state. One
weight is drawn for the batch, as in the papers, and no device is waited for.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor

from striate.errors import SettingError
from striate.settings import annotations
from striate.views.policy import mixing_steps, named
from striate.views.settings import Mixing, Policy

__all__ = ["MixFunction", "Mosaic", "cutmix", "mix", "mixup", "mosaic", "mosaic_of_batch", "one_hot"]

# images B C h w, targets B K, and the value of the setting -> mixed images and targets of the same shapes
MixFunction = Callable[[Tensor, Tensor, float], tuple[Tensor, Tensor]]


@final
@dataclass(frozen=True, eq=False)
class Mosaic:
    """Four images about a center, and where each of them is; quadrants from the top left, row by row."""

    images: Tensor  # B C h w
    targets: Tensor  # B K, weighted by area
    partners: Tensor  # 4 B int64: whose image is in each quadrant; in the first, each sample's own
    geometries: Tensor  # 4 3 3 float32: that image's pixels -> pixels of the mosaic
    quadrants: Tensor  # 4 4 int64 (x1, y1, x2, y2): what is shown of it, in pixels of the mosaic


def mix(policy: Policy, images: Tensor, targets: Tensor, soften: Callable[[Tensor], Tensor]) -> tuple[Tensor, Tensor]:
    """A batch as the policy mixes it: images B C h w and targets -> the same, or mixed images and targets B K.

    soften: makes B K of targets, such as one-hot vectors of labels.

    Kinds with a share of the batches are asked first, in the order of their rows; of the others that are on, one has its
    turn by chance.
    """
    kinds, others = annotations(Policy, Mixing), []
    for setting in mixing_steps(policy):
        if kinds[setting].setting == "strength":
            others.append(setting)
        elif torch.rand(()).item() < getattr(policy, setting):
            return _mixed(policy, setting, images, soften(targets))
    if not others:
        return images, targets
    # counted from the last row, and not drawn where one is on alone: old runs can be repeated
    chosen = others[-1 - int(len(others) * torch.rand(()).item())] if len(others) > 1 else others[0]
    return _mixed(policy, chosen, images, soften(targets))


def _mixed(policy: Policy, setting: str, images: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    function: MixFunction = named(annotations(Policy, Mixing)[setting].function)
    return function(images, targets, getattr(policy, setting))


def one_hot(labels: Tensor, classes: int) -> Tensor:
    """B int64 -> B K float32."""
    return torch.zeros(len(labels), classes, device=labels.device).scatter_(1, labels[:, None], 1.0)


def mixup(images: Tensor, targets: Tensor, alpha: float) -> tuple[Tensor, Tensor]:
    """Blend each sample with another: images B C h w, targets B K (one-hot or soft) -> the same shapes.

    The weight is drawn from Beta(alpha, alpha). Raises SettingError for an alpha that is not above 0.
    Source: Zhang, Cisse, Dauphin, Lopez-Paz, "mixup: Beyond Empirical Risk Minimization", arXiv:1710.09412.
    """
    weight = _beta(alpha)
    partner = torch.randperm(len(images)).to(images.device, non_blocking=True)
    return images.lerp(images[partner], 1 - weight), targets.lerp(targets[partner], 1 - weight)


def cutmix(images: Tensor, targets: Tensor, alpha: float) -> tuple[Tensor, Tensor]:
    """Paste one rectangle from another sample: images B C h w, targets B K (one-hot or soft) -> the same shapes.

    Its share of the area is 1 - Beta(alpha, alpha) before it is cut at the border; the targets are weighed by the
    pixels pasted in the end. Raises SettingError for an alpha that is not above 0.
    Source: Yun, Han, Oh, Chun, Choe, Yoo, "CutMix", arXiv:1905.04899.
    """
    height, width = images.shape[-2:]
    side = math.sqrt(1 - _beta(alpha))
    partner = torch.randperm(len(images)).to(images.device, non_blocking=True)
    top, bottom = _span(height, side)
    left, right = _span(width, side)
    mixed = images.clone()
    mixed[:, :, top:bottom, left:right] = images[partner, :, top:bottom, left:right]
    pasted = (bottom - top) * (right - left) / (height * width)
    return mixed, targets.lerp(targets[partner], pasted)


def mosaic(images: Tensor, targets: Tensor) -> Mosaic:
    """Four images in one: images B C h w, targets B K (one-hot or soft).

    The center is drawn between a quarter and three quarters of each side; each quadrant shows a random window of its
    image, pixel for pixel, and one layout serves the batch.
    Source: Bochkovskiy, Wang, Liao, "YOLOv4", arXiv:2004.10934; windows and weights as in Takahashi, Matsubara, Uehara,
    "Data Augmentation using Random Image Cropping and Patching for Deep CNNs", arXiv:1811.09030.
    """
    height, width = images.shape[-2:]
    x, y = (round(side * (0.25 + 0.5 * torch.rand(()).item())) for side in (width, height))
    corners = ((0, 0, x, y), (x, 0, width, y), (0, y, x, height), (x, y, width, height))
    mixed, weighed = torch.empty_like(images), torch.zeros_like(targets)
    partners, geometries = [], torch.eye(3).repeat(4, 1, 1)
    for number, (x1, y1, x2, y2) in enumerate(corners):
        partner = torch.randperm(len(images)) if number else torch.arange(len(images))
        left, top = (int(torch.randint(rest + 1, ())) for rest in (width - x2 + x1, height - y2 + y1))
        here = partner.to(images.device, non_blocking=True)
        mixed[:, :, y1:y2, x1:x2] = images[here, :, top : top + y2 - y1, left : left + x2 - x1]
        weighed += targets[here] * ((x2 - x1) * (y2 - y1) / (height * width))
        geometries[number, 0, 2], geometries[number, 1, 2] = x1 - left, y1 - top
        partners.append(partner)
    return Mosaic(mixed, weighed, torch.stack(partners), geometries, torch.tensor(corners))


def mosaic_of_batch(images: Tensor, targets: Tensor, _share: float) -> tuple[Tensor, Tensor]:
    """The images and targets of a mosaic."""
    made = mosaic(images, targets)
    return made.images, made.targets


def _beta(alpha: float) -> float:
    if not 0 < alpha < math.inf:
        raise SettingError(f"the alpha of mixup and cutmix must be above 0, not {alpha}")
    return torch.distributions.Beta(alpha, alpha).sample().item()


def _span(length: int, share: float) -> tuple[int, int]:
    """A run of about `share` of `length` about a uniform center, cut at the ends."""
    center = int(torch.randint(length, ()))
    run = round(length * share)
    return max(0, center - run // 2), min(length, center - run // 2 + run)
