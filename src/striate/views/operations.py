"""Published policies are sequences of operations on uint8 images, each cut off at 0 and 255 before the next begins.

So they are no matrices and not composed, but done one after another as published. In each step of a batch every sample
has its own kind and strength; samples of a kind are done together, and a sample's result depends on no other.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, final

import torch
from torch import Tensor

from striate.views import tones
from striate.views.geometry import compose
from striate.views.moves import MOVES, Interpolation, back_matrices, geometry_of, move_images
from striate.views.pixels import saturate, sharpen

__all__ = ["AT_ONCE", "KINDS", "Operations", "Ranges", "Steps", "bins_of", "choose", "perform", "published_ranges"]

TONES: Final = ("Brightness", "Contrast", "Posterize", "Solarize", "AutoContrast", "Equalize", "Invert")
FAMILIES: Final = (
    MOVES,
    TONES,
    ("Color",),
    ("Sharpness",),
    ("Identity",),
)  # what is done together, by its published name
KINDS: Final = tuple(kind for family in FAMILIES for kind in family)
SIGNED: Final = (*MOVES, "Brightness", "Contrast", "Color", "Sharpness")  # to the left as well as to the right

AT_ONCE: Final = 2**20  # numbers: what is larger leaves the processor's cache between one pass over it and the next

Ranges = Mapping[str, tuple[float, float]]  # kind -> its strength in the first and in the last bin


class Operations(ABC):
    """A published policy: draws for each sample, a function of (seed, epoch, id) only, and does it."""

    @abstractmethod
    def apply(self, images: Tensor, ids: Tensor, *, seed: int, epoch: int) -> tuple[Tensor, Tensor]:
        """B C h w uint8, `ids` B int64 -> B C h w uint8, and where its pixels went: B 3 3, for boxes, masks and points."""

    @abstractmethod
    def describe(self) -> str:
        """What it does, in one line."""


@final
@dataclass(frozen=True, eq=False)
class Steps:
    """What is done to each of B samples in each of S steps."""

    kinds: Tensor  # S B int64: positions in KINDS
    strengths: Tensor  # S B float64


def bins_of(ranges: Ranges, bins: int) -> Tensor:
    """The strength of every kind in every bin, evenly spaced: KINDS bins float64; whole bits of Posterize."""
    table = torch.zeros(len(KINDS), bins, dtype=torch.float64)
    for kind, (first, last) in ranges.items():
        row = torch.linspace(first, last, bins)  # float32, as it was published
        table[KINDS.index(kind)] = row.round() if kind == "Posterize" else row
    return table


def published_ranges(height: int, width: int) -> Ranges:
    """The kinds that RandAugment draws from, and their strengths, which are those of AutoAugment, at this size."""
    return {
        "Identity": (0.0, 0.0),
        "ShearX": (0.0, 0.3),
        "ShearY": (0.0, 0.3),
        "TranslateX": (0.0, 150 / 331 * width),
        "TranslateY": (0.0, 150 / 331 * height),
        "Rotate": (0.0, 30.0),
        "Brightness": (0.0, 0.9),
        "Color": (0.0, 0.9),
        "Contrast": (0.0, 0.9),
        "Sharpness": (0.0, 0.9),
        "Posterize": (8.0, 4.0),
        "Solarize": (1.0, 0.0),
        "AutoContrast": (0.0, 0.0),
        "Equalize": (0.0, 0.0),
    }


def choose(kinds: Tensor, table: Tensor, bins: Tensor, signs: Tensor) -> Tensor:
    """Strengths B float64 of `kinds` from a table KINDS bins; `signs` in [0, 1): half are turned, where that has a meaning."""
    strength = table[kinds, bins]
    has_sign = torch.tensor([kind in SIGNED for kind in KINDS])[kinds]
    return torch.where(has_sign & (signs < 0.5), -strength, strength)


def perform(images: Tensor, steps: Steps, interpolation: Interpolation = "nearest") -> tuple[Tensor, Tensor]:
    """All steps, one after another: B C h w uint8 -> B C h w uint8, and where its pixels went, B 3 3."""
    geometry = torch.eye(3)[None].expand(len(images), -1, -1)
    images = images.contiguous()
    for kinds, strengths in zip(steps.kinds, steps.strengths, strict=True):
        images, moved = _perform_one(images, kinds, strengths, interpolation)
        geometry = compose(moved, geometry)
    return images, geometry


def _perform_one(
    images: Tensor, kinds: Tensor, strengths: Tensor, interpolation: Interpolation
) -> tuple[Tensor, Tensor]:
    geometry = torch.eye(3).repeat(len(images), 1, 1)
    family = torch.tensor([number for number, family in enumerate(FAMILIES) for _ in family])[kinds]
    order, result = family.argsort(stable=True), torch.empty_like(images)
    at_once = max(1, AT_ONCE // images[0].numel())
    for chosen in order.split(torch.bincount(family, minlength=len(FAMILIES)).tolist()):
        for part in chosen.split(at_once) if len(chosen) else ():
            originals = images.index_select(0, part.to(images.device))
            changed, moved = _perform_family(originals, kinds[part], strengths[part], interpolation)
            geometry[part] = moved
            for row, image in zip(part.tolist(), changed, strict=True):
                result[row].copy_(image)  # of one block, which is ten times faster than writing to chosen rows at once
    return result, geometry


def _perform_family(
    images: Tensor, kinds: Tensor, strengths: Tensor, interpolation: Interpolation
) -> tuple[Tensor, Tensor]:
    """Images whose kinds are of one family."""
    size, still = (images.shape[-2], images.shape[-1]), torch.eye(3)[None]
    kind = KINDS[kinds[0]]
    if kind in MOVES:
        back = back_matrices(kinds, strengths, size)
        return move_images(images, back, interpolation), geometry_of(back, size)
    if kind in TONES:
        return tones.look_up(images, _tables(images, kinds, strengths)), still
    if kind == "Color":
        return saturate(images, 1 + strengths), still
    if kind == "Sharpness":
        return sharpen(images, 1 + strengths), still
    return images, still


def _tables(images: Tensor, kinds: Tensor, strengths: Tensor) -> Tensor:
    """The table of each sample: B C 256 uint8."""
    tables = images.new_empty((len(images), images.shape[1], 256))
    strengths = strengths.to(images.device)
    for kind in kinds.unique().tolist():
        chosen = (kinds == kind).nonzero()[:, 0].to(images.device)
        tables[chosen] = _table(KINDS[kind], images.index_select(0, chosen), strengths[chosen])
    return tables


def _table(kind: str, images: Tensor, strengths: Tensor) -> Tensor:
    match kind:
        case "Brightness":
            return tones.brighten(1 + strengths)
        case "Contrast":
            return tones.change_contrast(images, 1 + strengths)
        case "Posterize":
            return tones.posterize(strengths)
        case "Solarize":
            return tones.solarize(255 * strengths)
        case "AutoContrast":
            return tones.auto_contrast(images)
        case "Equalize":
            return tones.equalize(images)
    return tones.invert(len(images), images.device)
