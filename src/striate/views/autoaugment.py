"""AutoAugment: one of 25 pairs of operations an image; the pairs were found by search, for one of three sets of images."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal, cast, final

import torch
from torch import Tensor

from striate.views.published_operations import (
    KINDS,
    Operations,
    Steps,
    magnitudes_of,
    perform,
    published_ranges,
    signed_magnitudes,
)
from striate.views.randomness import Streams, uniforms
from striate.views.settings import Policy

__all__ = ["TABLES", "AutoAugment", "Table"]

BINS: Final = 10
Table = Literal["imagenet", "cifar10", "svhn"]


@final
@dataclass(frozen=True)
class AutoAugment(Operations):
    """A pair from the `table`, each operation with its own probability and magnitude, half of them to the other side.

    Source: Cubuk, Zoph, Mane, Vasudevan, Le, "AutoAugment: Learning Augmentation Policies from Data",
    arXiv:1805.09501, tables 7 to 9, with torchvision's operations and magnitudes.
    """

    table: Table = "imagenet"

    @classmethod
    def of(cls, policy: Policy, /) -> "AutoAugment":
        """By the last word of the policy's name; without one the table is that of ImageNet."""
        last = policy.name.rpartition("-")[2]
        return cls(cast(Table, last) if last in TABLES else "imagenet")

    def apply(self, images: Tensor, ids: Tensor, *, seed: int, epoch: int) -> tuple[Tensor, Tensor]:
        return perform(images, self.steps(ids, seed, epoch, (images.shape[-2], images.shape[-1])))

    def steps(self, ids: Tensor, seed: int, epoch: int, size: tuple[int, int]) -> Steps:
        """`ids` B int64, `size` height and width -> two steps for each sample."""
        pairs = [[step.split() for step in row.split(",")] for row in TABLES[self.table].strip().splitlines()]
        kinds_of = torch.tensor([[KINDS.index(kind) for kind, _, _ in pair] for pair in pairs])  # 25 2
        chances_of = torch.tensor([[float(chance) for _, chance, _ in pair] for pair in pairs])
        bins_at = torch.tensor([[int(level) for _, _, level in pair] for pair in pairs])

        draws = uniforms(seed, epoch, ids, Streams.OPERATIONS[:8]).cpu().view(2, 4, -1)
        pair = (draws[0, 0] * len(pairs)).long()
        kinds, chances, bins = kinds_of[pair].mT, chances_of[pair].mT, bins_at[pair].mT  # 2 B
        magnitudes = signed_magnitudes(kinds, magnitudes_of(published_ranges(*size), BINS), bins, draws[:, 2])
        return Steps(torch.where(draws[:, 3] < chances, kinds, KINDS.index("Identity")), magnitudes)

    def describe(self) -> str:
        return f"AutoAugment: one of the 25 pairs of operations found for {self.table}"


# Two operations a row: kind, probability, magnitude 0 to 9 (0 where it has none).
TABLES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "imagenet": """
Posterize 0.4 8, Rotate 0.6 9
Solarize 0.6 5, AutoContrast 0.6 0
Equalize 0.8 0, Equalize 0.6 0
Posterize 0.6 7, Posterize 0.6 6
Equalize 0.4 0, Solarize 0.2 4
Equalize 0.4 0, Rotate 0.8 8
Solarize 0.6 3, Equalize 0.6 0
Posterize 0.8 5, Equalize 1.0 0
Rotate 0.2 3, Solarize 0.6 8
Equalize 0.6 0, Posterize 0.4 6
Rotate 0.8 8, Color 0.4 0
Rotate 0.4 9, Equalize 0.6 0
Equalize 0.0 0, Equalize 0.8 0
Invert 0.6 0, Equalize 1.0 0
Color 0.6 4, Contrast 1.0 8
Rotate 0.8 8, Color 1.0 2
Color 0.8 8, Solarize 0.8 7
Sharpness 0.4 7, Invert 0.6 0
ShearX 0.6 5, Equalize 1.0 0
Color 0.4 0, Equalize 0.6 0
Equalize 0.4 0, Solarize 0.2 4
Solarize 0.6 5, AutoContrast 0.6 0
Invert 0.6 0, Equalize 1.0 0
Color 0.6 4, Contrast 1.0 8
Equalize 0.8 0, Equalize 0.6 0
""",
        "cifar10": """
Invert 0.1 0, Contrast 0.2 6
Rotate 0.7 2, TranslateX 0.3 9
Sharpness 0.8 1, Sharpness 0.9 3
ShearY 0.5 8, TranslateY 0.7 9
AutoContrast 0.5 0, Equalize 0.9 0
ShearY 0.2 7, Posterize 0.3 7
Color 0.4 3, Brightness 0.6 7
Sharpness 0.3 9, Brightness 0.7 9
Equalize 0.6 0, Equalize 0.5 0
Contrast 0.6 7, Sharpness 0.6 5
Color 0.7 7, TranslateX 0.5 8
Equalize 0.3 0, AutoContrast 0.4 0
TranslateY 0.4 3, Sharpness 0.2 6
Brightness 0.9 6, Color 0.2 8
Solarize 0.5 2, Invert 0.0 0
Equalize 0.2 0, AutoContrast 0.6 0
Equalize 0.2 0, Equalize 0.6 0
Color 0.9 9, Equalize 0.6 0
AutoContrast 0.8 0, Solarize 0.2 8
Brightness 0.1 3, Color 0.7 0
Solarize 0.4 5, AutoContrast 0.9 0
TranslateY 0.9 9, TranslateY 0.7 9
AutoContrast 0.9 0, Solarize 0.8 3
Equalize 0.8 0, Invert 0.1 0
TranslateY 0.7 9, AutoContrast 0.9 0
""",
        "svhn": """
ShearX 0.9 4, Invert 0.2 0
ShearY 0.9 8, Invert 0.7 0
Equalize 0.6 0, Solarize 0.6 6
Invert 0.9 0, Equalize 0.6 0
Equalize 0.6 0, Rotate 0.9 3
ShearX 0.9 4, AutoContrast 0.8 0
ShearY 0.9 8, Invert 0.4 0
ShearY 0.9 5, Solarize 0.2 6
Invert 0.9 0, AutoContrast 0.8 0
Equalize 0.6 0, Rotate 0.9 3
ShearX 0.9 4, Solarize 0.3 3
ShearY 0.8 8, Invert 0.7 0
Equalize 0.9 0, TranslateY 0.6 6
Invert 0.9 0, Equalize 0.6 0
Contrast 0.3 3, Rotate 0.8 4
Invert 0.8 0, TranslateY 0.0 2
ShearY 0.7 6, Solarize 0.4 8
Invert 0.6 0, Rotate 0.8 4
ShearY 0.3 7, TranslateX 0.9 3
ShearX 0.1 6, Invert 0.6 0
Solarize 0.7 2, TranslateY 0.6 7
ShearY 0.8 4, Invert 0.8 0
ShearX 0.7 9, TranslateY 0.8 3
ShearY 0.8 5, AutoContrast 0.7 0
ShearX 0.7 2, Invert 0.1 0
""",
    }
)
