"""Policies: what may happen to a training picture, drawn at random for each sample as a View.

The order is fixed: place (crop, then shear, zoom, rotation, mirror and shift, as one matrix), erasing, tint
(brightness, contrast, saturation and normalization, as one matrix). Mixing of samples comes last and belongs to the
training step.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from types import MappingProxyType
from typing import Final, final

import torch
from torch import Tensor

from striate.errors import SettingError
from striate.views.boxes import random_boxes
from striate.views.colours import Normalization, jitter, picture_means
from striate.views.draws import uniforms
from striate.views.erasing import draw_rectangles, erase
from striate.views.geometry import compose
from striate.views.view import View

__all__ = ["POLICIES", "Normalization", "Policy", "evaluation_view"]

# The streams of `draws`: a number that was given to one purpose keeps it, or old runs could not be repeated.
GEOMETRY, COLOURS, ERASING = range(10), range(10, 13), range(13, 18)

LIMITS: Final = MappingProxyType({"rotate": 180.0, "scale": 0.9, "shear": 60.0})  # the other settings: 1
ASPECT: Final = (3 / 4, 4 / 3)  # of a random resized crop, relative to what the network sees


@final
@dataclass(frozen=True)
class Policy:
    """What may happen to a training picture; the defaults are nothing. Raises SettingError for a value out of range."""

    rotate: float = 0.0  # largest angle, degrees
    shift: float = 0.0  # largest shift, share of the side; by whole pixels where nothing else interpolates
    scale: float = 0.0  # zoom between 1 - scale and 1 + scale, log-uniform
    shear: float = 0.0  # largest shear, degrees
    flip: bool = False  # mirror left and right with probability 1/2
    crop: float = 1.0  # smallest share of the area that a random resized crop keeps; 1 = centre crop
    brightness: float = 0.0  # a factor between 1 - brightness and 1 + brightness; so for the next two
    contrast: float = 0.0  # about the picture's mean grey
    saturation: float = 0.0  # about each pixel's grey; only RGB has it
    erase: float = 0.0  # probability that a rectangle is painted over

    def __post_init__(self) -> None:
        for field in fields(self):
            value, limit = getattr(self, field.name), LIMITS.get(field.name, 1.0)
            if not 0 <= value <= limit:
                raise SettingError(f"{field.name} must be within 0 and {limit:g}, not {value}")
        if self.crop < 0.01:
            raise SettingError(f"crop must keep at least 0.01 of the area, not {self.crop}")

    def draw(
        self,
        ids: Tensor,  # B int64
        *,
        seed: int,
        epoch: int,
        picture: tuple[int, int],
        size: tuple[int, int],
        normalization: Normalization,
        means: Tensor | None = None,
    ) -> View:
        """A view for each sample, a function of (seed, epoch, id) only; `picture` and `size` are height, width.

        `means` B C in 0..1, the pictures' mean colours (`picture_means`), are needed where contrast changes.
        """
        if self.contrast and means is None:
            raise ValueError("contrast turns about the mean grey of each picture: pass means")
        if self._is_still():
            place = _centre_place(picture, size).expand(len(ids), -1, -1)
        else:
            place = self._place(uniforms(seed, epoch, ids, GEOMETRY), picture, size)
        if not (self.brightness or self.contrast or self.saturation):
            return View(place, normalization.matrix().expand(len(ids), -1, -1), size)
        draws = uniforms(seed, epoch, ids, COLOURS)
        draws = draws if means is None else draws.to(means.device)
        brightness, contrast, saturation = (
            1 + amount * _signed(draw)
            for amount, draw in zip((self.brightness, self.contrast, self.saturation), draws, strict=True)
        )
        tint = jitter(brightness, contrast, saturation, means, channels=len(normalization.mean))
        return View(place, compose(normalization.matrix().to(tint.device), tint), size)

    def apply(
        self,
        pictures: Tensor,  # B C H W uint8, or float in 0..1
        ids: Tensor,  # B int64
        *,
        seed: int,
        epoch: int,
        size: tuple[int, int],
        normalization: Normalization,
    ) -> tuple[Tensor, View]:
        """Draw and look, in the fixed order: what the network sees, B C h w float32, and the view it came by."""
        height, width = pictures.shape[-2:]
        means = picture_means(pictures) if self.contrast else None
        view = self.draw(
            ids,
            seed=seed,
            epoch=epoch,
            picture=(height, width),
            size=size,
            normalization=normalization,
            means=means,
        )
        images = view.resample(pictures)
        if self.erase:
            rectangles = draw_rectangles(uniforms(seed, epoch, ids, ERASING), self.erase, size)
            images = erase(images, rectangles, normalization.mean)
        return view.colour(images), view

    def _place(self, draws: Tensor, picture: tuple[int, int], size: tuple[int, int]) -> Tensor:
        """10 B draws -> B 3 3. What is left at nothing gives exact zeros and ones: the exact path recognizes those."""
        angle, zoom, shear, shift_x, shift_y, flip = draws[:6]
        height, width = size
        turn = math.radians(self.rotate) * _signed(angle)
        slant = (math.radians(self.shear) * _signed(shear)).tan()
        # exp and not a power: torch's power may round the last samples of a batch otherwise than the first
        growth = (1 - self.scale) * (math.log((1 + self.scale) / (1 - self.scale)) * zoom).exp()
        mirror = torch.where(flip < self.flip / 2, -1.0, 1.0)
        cos, sin = growth * turn.cos(), growth * turn.sin()
        a, b, c, d = mirror * cos, mirror * (cos * slant - sin), sin, sin * slant + cos

        box = _centre_box(picture, size).to(draws.device)
        if self.crop < 1:
            aspect = width / height * ASPECT[0], width / height * ASPECT[1]
            box = random_boxes(draws[6:], picture, (self.crop, 1.0), aspect)
        x1, y1, x2, y2 = box.unbind(1)
        zoom_x, zoom_y = width / (x2 - x1), height / (y2 - y1)

        # the box fills the frame; about its centre all the rest happens; then the shift
        left, top = zoom_x * x1 + width / 2, zoom_y * y1 + height / 2
        right, down = self._shift(shift_x, width) + width / 2, self._shift(shift_y, height) + height / 2
        return _affine(
            a * zoom_x, b * zoom_y, right - a * left - b * top, c * zoom_x, d * zoom_y, down - c * left - d * top
        )

    def _is_still(self) -> bool:
        return not (self.rotate or self.shift or self.scale or self.shear or self.flip) and self.crop == 1

    def _shift(self, draw: Tensor, side: int) -> Tensor:
        """Pixels: B in [0, 1) -> B within shift * side either way, whole where nothing else needs interpolation."""
        if self.rotate or self.scale or self.shear or self.crop < 1:
            return self.shift * side * _signed(draw)
        reach = round(self.shift * side)
        return ((2 * reach + 1) * draw).floor() - reach


POLICIES: Final[Mapping[str, Policy]] = MappingProxyType(
    {
        "none": Policy(),
        "digits": Policy(rotate=10.0, shift=1 / 28, scale=0.1, shear=5.0),  # no mirror: a mirrored 2 is no digit
        "photos": Policy(crop=0.35, flip=True, brightness=0.2, contrast=0.2, saturation=0.2),
        # 4 of 32 pixels, black beyond the border as in the published recipe (He et al., arXiv:1512.03385, section 4.2):
        # a reflected border is no matrix, and what it invents has no place in the picture to go back to
        "cifar": Policy(shift=0.125, flip=True),
    }
)


def evaluation_view(
    count: int,
    *,
    picture: tuple[int, int],
    size: tuple[int, int],
    normalization: Normalization,
    device: torch.device | str = "cpu",
) -> View:
    """The same look at each of `count` pictures: the centre, pixel for pixel; a smaller picture gets a black rim."""
    place = _centre_place(picture, size).to(device).expand(count, -1, -1)
    return View(place, normalization.matrix().to(device).expand(count, -1, -1), size)


def _centre_place(picture: tuple[int, int], size: tuple[int, int]) -> Tensor:
    """1 3 3: the centre box fills the frame."""
    x1, y1, _, _ = _centre_box(picture, size).unbind(1)
    one, nothing = torch.ones_like(x1), torch.zeros_like(x1)
    return _affine(one, nothing, -x1, nothing, one, -y1)


def _centre_box(picture: tuple[int, int], size: tuple[int, int]) -> Tensor:
    """1 4 (x1, y1, x2, y2) in whole pixels; of an odd margin the greater part is right and below."""
    left, top = (picture[1] - size[1]) // 2, (picture[0] - size[0]) // 2
    return torch.tensor([[left, top, left + size[1], top + size[0]]], dtype=torch.float32)


def _affine(a: Tensor, b: Tensor, right: Tensor, c: Tensor, d: Tensor, down: Tensor) -> Tensor:
    """Two rows of numbers, B each -> B 3 3."""
    rows = torch.stack([a, b, right, c, d, down], 1).view(-1, 2, 3)
    return torch.cat([rows, rows.new_tensor([[[0.0, 0.0, 1.0]]]).expand(len(rows), -1, -1)], 1)


def _signed(draw: Tensor) -> Tensor:
    """[0, 1) -> [-1, 1)."""
    return 2 * draw - 1
