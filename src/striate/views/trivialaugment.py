"""TrivialAugment: one operation of a random strength an image, and nothing to tune."""

from dataclasses import dataclass
from typing import Final, final

import torch
from torch import Tensor

from striate.views.draws import uniforms
from striate.views.operations import KINDS, Operations, Ranges, Steps, bins_of, choose, perform
from striate.views.streams import OPERATIONS

__all__ = ["TrivialAugment"]

BINS: Final = 31
WIDE: Final[Ranges] = {
    "Identity": (0.0, 0.0),
    "ShearX": (0.0, 0.99),
    "ShearY": (0.0, 0.99),
    "TranslateX": (0.0, 32.0),
    "TranslateY": (0.0, 32.0),
    "Rotate": (0.0, 135.0),
    "Brightness": (0.0, 0.99),
    "Color": (0.0, 0.99),
    "Contrast": (0.0, 0.99),
    "Sharpness": (0.0, 0.99),
    "Posterize": (8.0, 2.0),
    "Solarize": (1.0, 0.0),
    "AutoContrast": (0.0, 0.0),
    "Equalize": (0.0, 0.0),
}


@final
@dataclass(frozen=True)
class TrivialAugment(Operations):
    """One operation of a strength drawn from 31, of the wide set.

    Source: Mueller, Hutter, "TrivialAugment: Tuning-free Yet State-of-the-Art Data Augmentation", arXiv:2103.10158,
    with torchvision's operations and strengths.
    """

    def apply(self, images: Tensor, ids: Tensor, *, seed: int, epoch: int) -> tuple[Tensor, Tensor]:
        return perform(images, self.draw(ids, seed, epoch))

    def draw(self, ids: Tensor, seed: int, epoch: int) -> Steps:
        """`ids` B int64 -> the one step of each sample."""
        offered = torch.tensor([KINDS.index(kind) for kind in WIDE])
        draws = uniforms(seed, epoch, ids, OPERATIONS[:4]).cpu().view(1, 4, -1)
        kinds = offered[(draws[:, 0] * len(offered)).long()]
        bins = (draws[:, 1] * BINS).long()
        return Steps(kinds, choose(kinds, bins_of(WIDE, BINS), bins, draws[:, 2]))

    def describe(self) -> str:
        return "TrivialAugment: one operation of any strength"
