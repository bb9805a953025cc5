"""Published policies that draw their operations from one range of magnitudes for each kind: a class each.

RandAugment draws some operations of one magnitude, so that two numbers are all there is to tune. TrivialAugment draws one
operation of any magnitude, and leaves nothing to tune. AugMix blends the image with chains of operations, so that it is
never far from itself.
"""

from dataclasses import dataclass
from typing import Final, final

import torch
from torch import Tensor

from striate.errors import SettingError
from striate.settings import declared_settings
from striate.views.chunks import chunk_size
from striate.views.lookup_tables import clamp_to_uint8
from striate.views.published_operations import KINDS, Operations, Ranges, Steps, perform, published_ranges, random_steps
from striate.views.randomness import Streams, uniforms
from striate.views.settings import Policy

__all__ = ["AugMix", "RandAugment", "TrivialAugment"]

RANGES: Final = declared_settings(Policy)
BINS: Final = 31  # magnitudes of RandAugment and TrivialAugment
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
AUGMIX_BINS: Final = 10
WIDTH, DEPTH = 3, 3  # chains of AugMix, and the longest of them


@final
@dataclass(frozen=True)
class RandAugment(Operations):
    """`count` operations of magnitude `magnitude`, 0 to 30, half of them to the other side. SettingError out of range.

    Source: Cubuk, Zoph, Shlens, Le, "RandAugment: Practical automated data augmentation with a reduced search space",
    arXiv:1909.13719, with torchvision's operations and magnitudes.
    """

    count: int = 2
    magnitude: int = 9

    def __post_init__(self) -> None:
        RANGES["randaugment_count"].check(self.count)
        RANGES["randaugment_magnitude"].check(self.magnitude)

    @classmethod
    def of(cls, policy: Policy, /) -> "RandAugment":
        return cls(policy.randaugment_count, policy.randaugment_magnitude)

    def apply(self, images: Tensor, ids: Tensor, *, seed: int, epoch: int) -> tuple[Tensor, Tensor]:
        return perform(images, self.steps(ids, seed, epoch, (images.shape[-2], images.shape[-1])))

    def steps(self, ids: Tensor, seed: int, epoch: int, size: tuple[int, int]) -> Steps:
        """`ids` B int64, `size` height and width -> the steps of each sample."""
        draws = uniforms(seed, epoch, ids, Streams.OPERATIONS[: 4 * self.count]).cpu().view(self.count, 4, -1)
        return random_steps(draws, published_ranges(*size), BINS, torch.tensor(self.magnitude))

    def describe(self) -> str:
        return f"RandAugment: {self.count} operations of magnitude {self.magnitude} of {BINS - 1}"


@final
@dataclass(frozen=True)
class TrivialAugment(Operations):
    """One operation of a magnitude drawn from 31, of the wide set.

    Source: Mueller, Hutter, "TrivialAugment: Tuning-free Yet State-of-the-Art Data Augmentation", arXiv:2103.10158,
    with torchvision's operations and magnitudes.
    """

    @classmethod
    def of(cls, _: Policy, /) -> "TrivialAugment":
        return cls()

    def apply(self, images: Tensor, ids: Tensor, *, seed: int, epoch: int) -> tuple[Tensor, Tensor]:
        return perform(images, self.steps(ids, seed, epoch))

    def steps(self, ids: Tensor, seed: int, epoch: int) -> Steps:
        """`ids` B int64 -> the one step of each sample."""
        draws = uniforms(seed, epoch, ids, Streams.OPERATIONS[:4]).cpu().view(1, 4, -1)
        return random_steps(draws, WIDE, BINS, (draws[:, 1] * BINS).long())

    def describe(self) -> str:
        return "TrivialAugment: one operation of any magnitude"


@final
@dataclass(frozen=True)
class AugMix(Operations):
    """Three chains of one to three operations, of magnitudes below `severity`, 1 to 10; SettingError out of range.

    The weights of the chains are drawn from Dirichlet(1, 1, 1) and that of the image from Beta(1, 1), which is uniform.
    Source: Hendrycks, Mu, Cubuk, Zoph, Gilmer, Lakshminarayanan, "AugMix: A Simple Data Processing Method to Improve
    Robustness and Uncertainty", arXiv:1912.02781, with torchvision's operations and magnitudes and all of them.
    """

    severity: int = 3

    def __post_init__(self) -> None:
        if not 1 <= self.severity <= AUGMIX_BINS:
            raise SettingError(f"the severity of augmix must be within 1 and {AUGMIX_BINS}, not {self.severity}")

    @classmethod
    def of(cls, _: Policy, /) -> "AugMix":
        return cls()

    def apply(self, images: Tensor, ids: Tensor, *, seed: int, epoch: int) -> tuple[Tensor, Tensor]:
        """Of any policy; each chain moves the image its own way, so what belongs to it stays where it is."""
        steps = self.steps(ids, seed, epoch, (images.shape[-2], images.shape[-1]))
        weights = self.weights(ids, seed, epoch).to(images.device)[:, :, None, None, None]
        chains = [
            perform(images, Steps(kinds, magnitudes), "bilinear")[0]
            for kinds, magnitudes in zip(steps.kinds.split(DEPTH), steps.magnitudes.split(DEPTH), strict=True)
        ]
        chunk = chunk_size(images)
        chunks = zip(*(one.split(chunk) for one in (images, *chains)), strict=True)
        mixed = [_blend(versions, weight) for versions, weight in zip(chunks, weights.split(chunk, 1), strict=True)]
        return torch.cat(mixed), torch.eye(3)[None].expand(len(images), -1, -1)

    def steps(self, ids: Tensor, seed: int, epoch: int, size: tuple[int, int]) -> Steps:
        """`ids` B int64, `size` height and width -> nine steps for each sample, three a chain; a chain ends in identities."""
        draws = uniforms(seed, epoch, ids, Streams.OPERATIONS[: 4 * WIDTH * DEPTH]).cpu().view(WIDTH * DEPTH, 4, -1)
        steps = random_steps(draws, _augmix_ranges(*size), AUGMIX_BINS, (draws[:, 1] * self.severity).long())
        lengths = uniforms(seed, epoch, ids, Streams.CHAINS[4 : 4 + WIDTH]).cpu().mul_(DEPTH).floor_()  # less one
        beyond = torch.arange(DEPTH)[:, None] > lengths[:, None]
        return Steps(torch.where(beyond.flatten(0, 1), KINDS.index("Identity"), steps.kinds), steps.magnitudes)

    def weights(self, ids: Tensor, seed: int, epoch: int) -> Tensor:
        """How much of the image and of each chain: 4 B, summing to 1."""
        draws = uniforms(seed, epoch, ids, Streams.CHAINS[: 1 + WIDTH]).cpu()
        share = -(1 - draws[1:]).log() + 1e-12  # exponential; in proportion they are of Dirichlet(1, 1, 1)
        return torch.cat([draws[:1], (1 - draws[:1]) * share / share.sum(0)])

    def describe(self) -> str:
        return f"AugMix: the image blended with {WIDTH} chains of up to {DEPTH} operations, magnitudes below {self.severity}"


def _blend(versions: tuple[Tensor, ...], weights: Tensor) -> Tensor:
    """Four batches B C h w uint8 by 4 B 1 1 1 -> B C h w uint8, rounded."""
    mixed = torch.zeros(versions[0].shape, device=versions[0].device)
    for version, weight in zip(versions, weights, strict=True):
        mixed += version.float().mul_(weight)
    return clamp_to_uint8(mixed.round_())


def _augmix_ranges(height: int, width: int) -> Ranges:
    return {
        "ShearX": (0.0, 0.3),
        "ShearY": (0.0, 0.3),
        "TranslateX": (0.0, width / 3),
        "TranslateY": (0.0, height / 3),
        "Rotate": (0.0, 30.0),
        "Posterize": (4.0, 0.0),
        "Solarize": (1.0, 0.0),
        "AutoContrast": (0.0, 0.0),
        "Equalize": (0.0, 0.0),
        "Brightness": (0.0, 0.9),
        "Color": (0.0, 0.9),
        "Contrast": (0.0, 0.9),
        "Sharpness": (0.0, 0.9),
    }
