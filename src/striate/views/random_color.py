"""Random color as one matrix a sample: brightness, contrast, saturation and hue, then the normalization."""

from torch import Tensor

from striate.settings import annotations
from striate.views.color import Normalization, color_jitter, rotate_hue
from striate.views.geometry import compose
from striate.views.random_geometry import signed
from striate.views.randomness import Streams, uniforms
from striate.views.settings import Policy, Step

__all__ = ["random_color"]


def random_color(
    policy: Policy, ids: Tensor, seed: int, epoch: int, normalization: Normalization, means: Tensor | None
) -> Tensor:
    """`ids` B int64, `means` B C in 0..1 -> B C+1 C+1, expanded from one where nothing is random."""
    if not any(policy.is_on(name) for name, step in annotations(Policy, Step).items() if step.stage == "color"):
        return normalization.matrix().expand(len(ids), -1, -1)
    draws = uniforms(seed, epoch, ids, (*Streams.COLORS, Streams.HUE))
    draws = signed(draws if means is None else draws.to(means.device, non_blocking=True))
    channels = len(normalization.mean)
    amounts = (policy.brightness, policy.contrast, policy.saturation)
    brightness, contrast, saturation = (1 + amount * one for amount, one in zip(amounts, draws[:3], strict=True))
    color = color_jitter(brightness, contrast, saturation, means, channels)
    if policy.hue:
        color = compose(rotate_hue(policy.hue * draws[3], channels), color)
    return compose(normalization.matrix().to(color.device, non_blocking=True), color)
