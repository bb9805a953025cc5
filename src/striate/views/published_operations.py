"""The operations of published policies, each a function and a row of one table, on uint8 images clamped after each.

Clamping is no matrix, so they are done one after another, as published. In each step of a batch every sample
has its own kind and magnitude; samples of a kind are done together, and a sample's result depends on no other.

All follow torchvision to the bit: a result is rounded once, as by a fused multiply-add, clamped, and rounded down.
Types are changed by hand, because torch takes ten times as long for a product of two types.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Literal, final

import torch
from torch import Tensor
from torch.nn.functional import grid_sample

from striate.views import lookup_tables
from striate.views.chunks import chunk_size
from striate.views.geometry import compose, invert
from striate.views.lookup_tables import clamp_to_uint8, gray, look_up
from striate.views.settings import Policy

__all__ = [
    "KINDS",
    "SIGNED",
    "Interpolation",
    "Operations",
    "Ranges",
    "Steps",
    "magnitudes_of",
    "perform",
    "published_ranges",
    "random_steps",
    "signed_magnitudes",
]

Interpolation = Literal["nearest", "bilinear"]
Affine = tuple[tuple[Tensor | float, ...], ...]  # 2 x 3: where a pixel comes from, measured from the center
Ranges = Mapping[str, tuple[float, float]]  # kind -> its magnitude in the first and in the last bin


class Operations(ABC):
    """A published policy of augmentation: what it does to a sample is a function of (seed, epoch, id) only."""

    @classmethod
    @abstractmethod
    def of(cls, policy: Policy, /) -> "Operations":
        """Those of a policy whose row names this class, with its settings."""

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
    magnitudes: Tensor  # S B float64


@final
@dataclass(frozen=True)
class Operation:
    """A row of the table: one of `affine`, `table` and `pixels` does it; none of them is the identity.

    The matrices of a batch are applied at once, whatever their kinds, and so are the tables.
    """

    kind: str  # as it was published
    signed: bool = False  # half of the samples go the other way, by a negative magnitude
    affine: Callable[[Tensor, int, int], Affine] | None = None  # B, height, width
    table: Callable[[Tensor, Tensor], Tensor] | None = None  # B C h w, B -> B C 256 or B 1 256
    pixels: Callable[[Tensor, Tensor], Tensor] | None = None  # B C h w, B -> B C h w

    @property
    def applied_with(self) -> str:
        """The operations of a batch for which this is the same are applied at once."""
        return "affine" if self.affine else "table" if self.table else self.kind


def _rotate(degrees: Tensor) -> Affine:
    """Anticlockwise."""
    cos, sin = degrees.deg2rad().cos(), degrees.deg2rad().sin()
    return (cos, -sin, 0.0), (sin, cos, 0.0)


def saturate(images: Tensor, factors: Tensor) -> Tensor:
    """Each pixel's distance from its own gray times a factor; images that are not RGB stay as they are."""
    if images.shape[1] != 3:
        return images
    factors = factors.to(images.device)[:, None, None, None]
    rest = (1 - factors).float().double()
    scaled = images.float().mul_(factors.float()).double()
    return clamp_to_uint8(scaled.add_(gray(images).double().mul_(rest)))


def sharpen(images: Tensor, factors: Tensor) -> Tensor:
    """Each pixel's distance from a smoothed image times a factor: below 1 it blurs; the outermost pixels stay.

    Smooth is the mean of a pixel, five times, and its eight neighbors.
    """
    if min(images.shape[-2:]) <= 2:
        return images
    values = images.float()
    rows = values[:, :, :-2] + values[:, :, 1:-1] + values[:, :, 2:]
    sums = rows[..., :-2] + rows[..., 1:-1] + rows[..., 2:]
    inner = values[:, :, 1:-1, 1:-1]
    smooth = sums.add_(inner, alpha=4).add_(6.5).div_(13).floor_()  # a thirteenth is never half: rounding is certain
    rest = (1 - factors.to(images.device)[:, None, None, None]).float().double()
    sharpened = images.clone()
    sharpened[:, :, 1:-1, 1:-1] = clamp_to_uint8((smooth - inner).double().mul_(rest).add_(inner.double()))
    return sharpened


# A magnitude is the tangent of a shear about the upper left corner, whole pixels of a translation to the right or down,
# degrees, a change of a factor, bits, or a share of the full range.
OPERATIONS: Final = (
    Operation("ShearX", True, affine=lambda s, height, _: ((1.0, s, s * height / 2), (0.0, 1.0, 0.0))),
    Operation("ShearY", True, affine=lambda s, _, width: ((1.0, 0.0, 0.0), (s, 1.0, s * width / 2))),
    Operation("TranslateX", True, affine=lambda s, *_: ((1.0, 0.0, -s.trunc()), (0.0, 1.0, 0.0))),
    Operation("TranslateY", True, affine=lambda s, *_: ((1.0, 0.0, 0.0), (0.0, 1.0, -s.trunc()))),
    Operation("Rotate", True, affine=lambda degrees, *_: _rotate(degrees)),
    Operation("Brightness", True, table=lambda _, s: lookup_tables.brighten(1 + s)),
    Operation("Contrast", True, table=lambda images, s: lookup_tables.change_contrast(images, 1 + s)),
    Operation("Posterize", table=lambda _, s: lookup_tables.posterize(s)),
    Operation("Solarize", table=lambda _, s: lookup_tables.solarize(255 * s)),
    Operation("AutoContrast", table=lambda images, _: lookup_tables.auto_contrast(images)),
    Operation("Equalize", table=lambda images, _: lookup_tables.equalize(images)),
    Operation("Invert", table=lambda images, _: lookup_tables.invert(len(images), images.device)),
    Operation("Color", True, pixels=lambda images, s: saturate(images, 1 + s)),
    Operation("Sharpness", True, pixels=lambda images, s: sharpen(images, 1 + s)),
    Operation("Identity"),
)
KINDS: Final = tuple(row.kind for row in OPERATIONS)
SIGNED: Final = tuple(row.kind for row in OPERATIONS if row.signed)
APPLIED_AT_ONCE: Final = tuple(dict.fromkeys(row.applied_with for row in OPERATIONS))


def published_ranges(height: int, width: int) -> Ranges:
    """The kinds that RandAugment draws from, and their magnitudes, which are those of AutoAugment, at this size."""
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


def magnitudes_of(ranges: Ranges, bins: int) -> Tensor:
    """The magnitude of every kind in every bin, evenly spaced: KINDS bins float64; whole bits of Posterize."""
    table = torch.zeros(len(KINDS), bins, dtype=torch.float64)
    for kind, (first, last) in ranges.items():
        row = torch.linspace(first, last, bins)  # float32, as it was published
        table[KINDS.index(kind)] = row.round() if kind == "Posterize" else row
    return table


def signed_magnitudes(kinds: Tensor, magnitudes: Tensor, bins: Tensor, signs: Tensor) -> Tensor:
    """The magnitudes of `kinds` in their `bins`, B float64, from a table KINDS bins.

    Half of those that are signed are negated, by `signs` in [0, 1).
    """
    magnitude = magnitudes[kinds, bins]
    has_sign = torch.tensor([row.signed for row in OPERATIONS])[kinds]
    return torch.where(has_sign & (signs < 0.5), -magnitude, magnitude)


def random_steps(draws: Tensor, ranges: Ranges, count: int, bins: Tensor) -> Steps:
    """Steps of kinds that are all as likely, of magnitudes in `bins`, S B or one for all, out of `count`.

    `draws` S 4 B in [0, 1): kind, one that `bins` may be made of, sign, one that is not used.
    """
    offered = torch.tensor([KINDS.index(kind) for kind in ranges])
    kinds = offered[(draws[:, 0] * len(offered)).long()]
    return Steps(kinds, signed_magnitudes(kinds, magnitudes_of(ranges, count), bins.expand_as(kinds), draws[:, 2]))


def perform(images: Tensor, steps: Steps, interpolation: Interpolation = "nearest") -> tuple[Tensor, Tensor]:
    """All steps, one after another: B C h w uint8 -> B C h w uint8, and where its pixels went, B 3 3."""
    geometry = torch.eye(3)[None].expand(len(images), -1, -1)
    images = images.contiguous()
    for kinds, magnitudes in zip(steps.kinds, steps.magnitudes, strict=True):
        images, moved = _perform_one(images, kinds, magnitudes, interpolation)
        geometry = compose(moved, geometry)
    return images, geometry


def _perform_one(
    images: Tensor, kinds: Tensor, magnitudes: Tensor, interpolation: Interpolation
) -> tuple[Tensor, Tensor]:
    geometry = torch.eye(3).repeat(len(images), 1, 1)
    group = torch.tensor([APPLIED_AT_ONCE.index(row.applied_with) for row in OPERATIONS])[kinds]
    order, result = group.argsort(stable=True), torch.empty_like(images)
    for chosen in order.split(torch.bincount(group, minlength=len(APPLIED_AT_ONCE)).tolist()):
        for chunk in chosen.split(chunk_size(images)) if len(chosen) else ():
            before = images.index_select(0, chunk.to(images.device))
            changed, moved = _perform_together(before, kinds[chunk], magnitudes[chunk], interpolation)
            geometry[chunk] = moved
            for row, image in zip(chunk.tolist(), changed, strict=True):
                result[row].copy_(image)  # of one block, which is ten times faster than writing to chosen rows at once
    return result, geometry


def _perform_together(
    images: Tensor, kinds: Tensor, magnitudes: Tensor, interpolation: Interpolation
) -> tuple[Tensor, Tensor]:
    size, unmoved = (images.shape[-2], images.shape[-1]), torch.eye(3)[None]
    operation = OPERATIONS[kinds[0]]
    if operation.affine:
        back = _affine_matrices(kinds, magnitudes, size)
        return _transform(images, back, interpolation), _geometry(back, size)
    if operation.table:
        return look_up(images, _tables(images, kinds, magnitudes)), unmoved
    return (operation.pixels(images, magnitudes) if operation.pixels else images), unmoved


def _tables(images: Tensor, kinds: Tensor, magnitudes: Tensor) -> Tensor:
    """The table of each sample: B C 256 uint8."""
    tables = images.new_empty((len(images), images.shape[1], 256))
    magnitudes = magnitudes.to(images.device)
    for kind in kinds.unique().tolist():
        chosen, table = (kinds == kind).nonzero()[:, 0].to(images.device), OPERATIONS[kind].table
        assert table
        tables[chosen] = table(images.index_select(0, chosen), magnitudes[chosen])
    return tables


def _affine_matrices(kinds: Tensor, magnitudes: Tensor, size: tuple[int, int]) -> Tensor:
    """Where each pixel comes from, measured from the center: B 2 3 float64."""
    back = torch.empty(len(kinds), 2, 3, dtype=torch.float64)
    for kind in kinds.unique().tolist():
        chosen, affine = kinds == kind, OPERATIONS[kind].affine
        assert affine
        for row, numbers in enumerate(affine(magnitudes[chosen], *size)):
            for column, number in enumerate(numbers):
                back[chosen, row, column] = number
    return back


def _geometry(back: Tensor, size: tuple[int, int]) -> Tensor:
    """The same as a view's geometry: B 2 3 -> B 3 3 float32."""
    center = back.new_tensor([size[1] / 2, size[0] / 2])
    shift = back[:, :, 2] + center - (back[:, :, :2] * center).sum(2)
    rows = torch.cat([back[:, :, :2], shift[:, :, None]], 2)
    last = back.new_tensor([[[0.0, 0.0, 1.0]]]).expand(len(back), -1, -1)
    return invert(torch.cat([rows, last], 1)).float()


def _transform(images: Tensor, back: Tensor, interpolation: Interpolation) -> Tensor:
    """B C h w uint8, B 2 3 -> B C h w uint8."""
    height, width = images.shape[-2:]
    half = torch.tensor([0.5 * width, 0.5 * height])
    back = (back.float() / half[:, None]).to(images.device)
    x = torch.linspace((1.0 - width) * 0.5, (width - 1.0) * 0.5, width, device=images.device)
    y = torch.linspace((1.0 - height) * 0.5, (height - 1.0) * 0.5, height, device=images.device)
    across, down = back[:, :, 0, None] * x, back[:, :, 1, None] * y  # B 2 w, B 2 h
    grid = (across[:, :, None, :] + down[:, :, :, None]).add_(back[:, :, 2, None, None])  # B 2 h w
    values = images.to(torch.float32, memory_format=torch.contiguous_format)
    moved = grid_sample(values, grid.permute(0, 2, 3, 1), mode=interpolation, padding_mode="zeros", align_corners=False)
    return clamp_to_uint8(moved.round_())
