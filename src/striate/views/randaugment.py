"""RandAugment: some operations drawn at random, all of one strength, so that two numbers are all there is to tune."""

from dataclasses import dataclass
from typing import Final, final

import torch
from torch import Tensor

from striate.errors import SettingError
from striate.views.draws import uniforms
from striate.views.operations import KINDS, Operations, Steps, bins_of, choose, perform, published_ranges
from striate.views.streams import OPERATIONS

__all__ = ["RandAugment"]

BINS: Final = 31
MOST: Final = 16  # operations an image


@final
@dataclass(frozen=True)
class RandAugment(Operations):
    """`count` operations of strength `magnitude`, 0 to 30, half of them to the other side. SettingError out of range.

    Source: Cubuk, Zoph, Shlens, Le, "RandAugment: Practical automated data augmentation with a reduced search space",
    arXiv:1909.13719, with torchvision's operations and strengths.
    """

    count: int = 2
    magnitude: int = 9

    def __post_init__(self) -> None:
        if not 1 <= self.count <= MOST:
            raise SettingError(f"randaugment takes 1 to {MOST} operations an image, not {self.count}")
        if not 0 <= self.magnitude < BINS:
            raise SettingError(f"the magnitude of randaugment must be within 0 and {BINS - 1}, not {self.magnitude}")

    def apply(self, images: Tensor, ids: Tensor, *, seed: int, epoch: int) -> tuple[Tensor, Tensor]:
        return perform(images, self.draw(ids, seed, epoch, (images.shape[-2], images.shape[-1])))

    def draw(self, ids: Tensor, seed: int, epoch: int, size: tuple[int, int]) -> Steps:
        """`ids` B int64, `size` height and width -> the steps of each sample."""
        ranges = published_ranges(*size)
        offered = torch.tensor([KINDS.index(kind) for kind in ranges])
        draws = uniforms(seed, epoch, ids, OPERATIONS[: 4 * self.count]).cpu().view(self.count, 4, -1)
        kinds = offered[(draws[:, 0] * len(offered)).long()]
        bins = torch.full_like(kinds, self.magnitude)
        return Steps(kinds, choose(kinds, bins_of(ranges, BINS), bins, draws[:, 2]))

    def describe(self) -> str:
        return f"RandAugment: {self.count} operations of strength {self.magnitude} of {BINS - 1}"
