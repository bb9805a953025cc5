"""Retouching: what may happen to the pixels of a placed image that is no matrix, in a fixed order.

Blur is of the lens and noise of the sensor; then come the tones: equalized, gamma, solarized and posterized, which are one
table. All of it works on uint8.
"""

import math
from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor

from striate.views import streams, tones
from striate.views.draws import uniforms
from striate.views.noise import add_noise
from striate.views.pixels import gaussian_blur

__all__ = ["Retouching"]

REACH = 3  # standard deviations after which a blur is cut off
BITS = (4, 7)  # that a posterized image keeps


@final
@dataclass(frozen=True)
class Retouching:
    """The settings of `Policy` that change pixels; their meaning and range stand there."""

    blur: float
    noise: float
    equalize: float
    gamma: float
    solarize: float
    posterize: float

    def does_nothing(self) -> bool:
        return not (self.blur or self.noise or self._has_tones())

    def apply(self, images: Tensor, ids: Tensor, seed: int, epoch: int) -> Tensor:
        """B C h w uint8, `ids` B int64 -> B C h w uint8."""
        if self.blur:
            images = self._blurred(images, uniforms(seed, epoch, ids, streams.BLUR).to(images.device))
        if self.noise:
            images = self._noisy(images, ids, seed, epoch)
        if self._has_tones():
            images = tones.look_up(images, self._tables(images, ids, seed, epoch))
        return images

    def _has_tones(self) -> bool:
        return bool(self.equalize or self.gamma or self.solarize or self.posterize)

    def _blurred(self, images: Tensor, draws: Tensor) -> Tensor:
        chosen = (draws[0] < 0.5).nonzero()[:, 0]
        if not len(chosen):
            return images
        deviations = (self.blur * draws[1, chosen]).double()
        blurred = gaussian_blur(images.index_select(0, chosen), deviations, math.ceil(REACH * self.blur))
        return images.index_copy(0, chosen, blurred)

    def _noisy(self, images: Tensor, ids: Tensor, seed: int, epoch: int) -> Tensor:
        draws = uniforms(seed, epoch, ids, streams.NOISE)
        chosen = (draws[0] < 0.5).nonzero()[:, 0]
        if not len(chosen):
            return images
        here, deviations = chosen.to(images.device), 255 * self.noise * draws[1, chosen]
        noisy = add_noise(images.index_select(0, here), deviations, seed, epoch, ids[chosen], streams.GRAIN)
        return images.index_copy(0, here, noisy)

    def _tables(self, images: Tensor, ids: Tensor, seed: int, epoch: int) -> Tensor:
        """The tones of each image, B C 256: those that are not drawn leave every level as it is."""
        wanted = (streams.EQUALIZE, streams.GAMMA, *streams.SOLARIZE, *streams.POSTERIZE)
        draws = uniforms(seed, epoch, ids, wanted).to(images.device).double()
        tables = torch.arange(256, dtype=torch.uint8, device=images.device).expand(*images.shape[:2], -1)
        if self.equalize:
            tables = torch.where((draws[0] < self.equalize)[:, None, None], tones.equalize(images), tables)
        if self.gamma:
            low, high = math.log(1 - self.gamma), math.log(1 + self.gamma)
            tables = tones.then(tables, tones.gamma((low + (high - low) * draws[1]).exp()))
        if self.solarize:
            thresholds = torch.where(draws[2] < self.solarize, 128 + (128 * draws[3]).floor(), 256.0)
            tables = tones.then(tables, tones.solarize(thresholds))
        if self.posterize:
            bits = BITS[0] + ((BITS[1] - BITS[0] + 1) * draws[5]).floor()
            tables = tones.then(tables, tones.posterize(torch.where(draws[4] < self.posterize, bits, 8.0)))
        return tables
