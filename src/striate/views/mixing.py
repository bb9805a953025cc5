"""Mixing of samples: the network sees two pictures at once, and the target says how much of each.

The last step, after the tint. Randomness is torch's default generator on the CPU, which a run saves with its state. One
weight is drawn for the batch, as in the papers, and no device is waited for.
"""

import math

import torch
from torch import Tensor

from striate.errors import SettingError

__all__ = ["cutmix", "mixup", "one_hot"]


def one_hot(labels: Tensor, classes: int) -> Tensor:
    """B int64 -> B K float32."""
    return torch.zeros(len(labels), classes, device=labels.device).scatter_(1, labels[:, None], 1.0)


def mixup(images: Tensor, targets: Tensor, alpha: float) -> tuple[Tensor, Tensor]:
    """Blend each sample with another: images B C h w, targets B K (one-hot or soft) -> the same shapes.

    The weight is drawn from Beta(alpha, alpha). Raises SettingError for an alpha that is not above 0.
    Source: Zhang, Cisse, Dauphin, Lopez-Paz, "mixup: Beyond Empirical Risk Minimization", arXiv:1710.09412.
    """
    weight = _beta(alpha)
    partner = torch.randperm(len(images)).to(images.device)
    return images.lerp(images[partner], 1 - weight), targets.lerp(targets[partner], 1 - weight)


def cutmix(images: Tensor, targets: Tensor, alpha: float) -> tuple[Tensor, Tensor]:
    """Paste one rectangle from another sample: images B C h w, targets B K (one-hot or soft) -> the same shapes.

    Its share of the area is 1 - Beta(alpha, alpha) before it is cut at the border; the targets are weighed by the
    pixels pasted in the end. Raises SettingError for an alpha that is not above 0.
    Source: Yun, Han, Oh, Chun, Choe, Yoo, "CutMix", arXiv:1905.04899.
    """
    height, width = images.shape[-2:]
    side = math.sqrt(1 - _beta(alpha))
    partner = torch.randperm(len(images)).to(images.device)
    top, bottom = _span(height, side)
    left, right = _span(width, side)
    mixed = images.clone()
    mixed[:, :, top:bottom, left:right] = images[partner, :, top:bottom, left:right]
    pasted = (bottom - top) * (right - left) / (height * width)
    return mixed, targets.lerp(targets[partner], pasted)


def _beta(alpha: float) -> float:
    if not 0 < alpha < math.inf:
        raise SettingError(f"the alpha of mixup and cutmix must be above 0, not {alpha}")
    return torch.distributions.Beta(alpha, alpha).sample().item()


def _span(length: int, share: float) -> tuple[int, int]:
    """A run of about `share` of `length` about a uniform centre, cut at the ends."""
    centre = int(torch.randint(length, ()))
    run = round(length * share)
    return max(0, centre - run // 2), min(length, centre - run // 2 + run)
