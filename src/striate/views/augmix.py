"""AugMix: the image blended with several chains of operations on it, so that it is never far from itself."""

from dataclasses import dataclass
from typing import Final, final

import torch
from torch import Tensor

from striate.errors import SettingError
from striate.views.draws import uniforms
from striate.views.levels import cut_off
from striate.views.operations import AT_ONCE, KINDS, Operations, Ranges, Steps, bins_of, choose, perform
from striate.views.streams import CHAINS, OPERATIONS

__all__ = ["AugMix"]

BINS: Final = 10
WIDTH, DEPTH = 3, 3  # chains, and the longest of them


@final
@dataclass(frozen=True)
class AugMix(Operations):
    """Three chains of one to three operations, of strengths below `severity`, 1 to 10; SettingError out of range.

    The chains are weighed by Dirichlet(1, 1, 1) and their blend against the image by Beta(1, 1), which is uniform.
    Source: Hendrycks, Mu, Cubuk, Zoph, Gilmer, Lakshminarayanan, "AugMix: A Simple Data Processing Method to Improve
    Robustness and Uncertainty", arXiv:1912.02781, with torchvision's operations and strengths and all of them.
    """

    severity: int = 3

    def __post_init__(self) -> None:
        if not 1 <= self.severity <= BINS:
            raise SettingError(f"the severity of augmix must be within 1 and {BINS}, not {self.severity}")

    def apply(self, images: Tensor, ids: Tensor, *, seed: int, epoch: int) -> tuple[Tensor, Tensor]:
        """As of all operations; each chain moves the image its own way, so what belongs to it stays where it is."""
        steps = self.draw(ids, seed, epoch, (images.shape[-2], images.shape[-1]))
        weights = self.weights(ids, seed, epoch).to(images.device)[:, :, None, None, None]
        chains = [
            perform(images, Steps(kinds, strengths), "bilinear")[0]
            for kinds, strengths in zip(steps.kinds.split(DEPTH), steps.strengths.split(DEPTH), strict=True)
        ]
        at_once = max(1, AT_ONCE // images[0].numel())
        parts = zip(*(part.split(at_once) for part in (images, *chains)), strict=True)
        mixed = [_blend(part, weight) for part, weight in zip(parts, weights.split(at_once, 1), strict=True)]
        return torch.cat(mixed), torch.eye(3)[None].expand(len(images), -1, -1)

    def draw(self, ids: Tensor, seed: int, epoch: int, size: tuple[int, int]) -> Steps:
        """`ids` B int64, `size` height and width -> nine steps for each sample, three a chain; a chain ends in identities."""
        ranges = _ranges(*size)
        offered = torch.tensor([KINDS.index(kind) for kind in ranges])
        draws = uniforms(seed, epoch, ids, OPERATIONS[: 4 * WIDTH * DEPTH]).cpu().view(WIDTH * DEPTH, 4, -1)
        kinds = offered[(draws[:, 0] * len(offered)).long()]
        bins = (draws[:, 1] * self.severity).long()
        strengths = choose(kinds, bins_of(ranges, BINS), bins, draws[:, 2])
        lengths = uniforms(seed, epoch, ids, CHAINS[4 : 4 + WIDTH]).cpu().mul_(DEPTH).floor_()  # less one
        beyond = torch.arange(DEPTH)[:, None] > lengths[:, None]
        return Steps(torch.where(beyond.flatten(0, 1), KINDS.index("Identity"), kinds), strengths)

    def weights(self, ids: Tensor, seed: int, epoch: int) -> Tensor:
        """How much of the image and of each chain: 4 B, summing to 1."""
        draws = uniforms(seed, epoch, ids, CHAINS[: 1 + WIDTH]).cpu()
        share = -(1 - draws[1:]).log() + 1e-12  # exponential; in proportion they are of Dirichlet(1, 1, 1)
        return torch.cat([draws[:1], (1 - draws[:1]) * share / share.sum(0)])

    def describe(self) -> str:
        return f"AugMix: the image blended with {WIDTH} chains of up to {DEPTH} operations, strengths below {self.severity}"


def _blend(parts: tuple[Tensor, ...], weights: Tensor) -> Tensor:
    """Four batches B C h w uint8 by 4 B 1 1 1 -> B C h w uint8, rounded."""
    mixed = torch.zeros(parts[0].shape, device=parts[0].device)
    for part, weight in zip(parts, weights, strict=True):
        mixed += part.float().mul_(weight)
    return cut_off(mixed.round_())


def _ranges(height: int, width: int) -> Ranges:
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
