"""A policy: what may happen to a training image, drawn at random for each sample.

The order is fixed: geometry (crop, then shear, zoom, rotation, mirrors, shift and perspective, as one matrix, and an elastic
displacement), pixel operations (those of a
published policy, then retouching, then erasing), color (brightness, contrast, saturation, hue and normalization, as one
matrix). Mixing of samples comes last and belongs to the training step.
"""

from dataclasses import dataclass, fields
from types import MappingProxyType
from typing import Final, final, get_args

from torch import Tensor

from striate.errors import SettingError
from striate.views.colors import Normalization, image_means, jitter, room_for_colors
from striate.views.displacement import random_displacement
from striate.views.draws import uniforms
from striate.views.erasing import draw_rectangles, erase
from striate.views.geometry import compose
from striate.views.hue import turn_hue
from striate.views.levels import as_levels
from striate.views.operations import Operations
from striate.views.placing import Placing, signed
from striate.views.retouching import Retouching
from striate.views.streams import COLORS, ELASTIC, ERASING, HUE
from striate.views.view import View
from striate.views.warping import Border

__all__ = ["Policy"]

LIMITS: Final = MappingProxyType(  # the other settings: 1; corners pulled by less than a quarter never make a dent
    {
        "rotate": 180.0,
        "zoom": 0.9,
        "shear": 60.0,
        "hue": 180.0,
        "blur": 10.0,
        "gamma": 0.9,
        "perspective": 0.2,
        "elastic": 0.1,
    }
)


@final
@dataclass(frozen=True, kw_only=True)
class Policy:
    """What may happen to a training image; the defaults are nothing. Raises SettingError for a value out of range."""

    # geometry
    rotate: float = 0.0  # largest angle, degrees
    shift: float = 0.0  # largest shift, share of the side; by whole pixels where nothing else interpolates
    shear: float = 0.0  # largest shear, degrees
    zoom: float = 0.0  # a factor between 1 - zoom and 1 + zoom, log-uniform
    flip: bool = False  # mirror left and right with probability 1/2
    flip_vertical: bool = False  # mirror top and bottom with probability 1/2
    crop: float = 1.0  # smallest share of the area that a random resized crop keeps; 1 = center crop
    perspective: float = 0.0  # largest pull of a corner along either side, share of the side
    elastic: float = 0.0  # standard deviation of a smooth displacement, share of the shorter side
    fill: Border = "black"  # beyond the image: black, its nearest pixel, or its mirror image

    # pixel operations
    operations: Operations | None = None  # of a published policy
    blur: float = 0.0  # largest standard deviation, pixels; half of the images stay sharp
    noise: float = 0.0  # largest standard deviation, share of full range; half of the images stay clean
    equalize: float = 0.0  # probability that the levels of each channel are spread evenly
    gamma: float = 0.0  # an exponent between 1 - gamma and 1 + gamma, log-uniform
    solarize: float = 0.0  # probability that levels above a random one of the upper half are inverted
    posterize: float = 0.0  # probability that only the highest 4 to 7 bits are kept
    erase: float = 0.0  # probability that a rectangle is painted over

    # color
    brightness: float = 0.0  # a factor between 1 - brightness and 1 + brightness; so for the next two
    contrast: float = 0.0  # about the image's mean gray
    saturation: float = 0.0  # about each pixel's gray; only RGB has it
    hue: float = 0.0  # largest turn about the gray axis, degrees; only RGB has it

    def __post_init__(self) -> None:
        for field in fields(self):
            value, limit = getattr(self, field.name), LIMITS.get(field.name, 1.0)
            if field.name not in ("operations", "fill") and not 0 <= value <= limit:
                raise SettingError(f"{field.name} must be within 0 and {limit:g}, not {value}")
        if self.crop < 0.01:
            raise SettingError(f"crop must keep at least 0.01 of the area, not {self.crop}")
        if self.fill not in get_args(Border):
            raise SettingError(f"fill must be one of {', '.join(get_args(Border))}, not {self.fill!r}")
        if self.elastic and self.operations:
            raise SettingError(
                "elastic does not go with a published policy, which moves images after they were displaced"
            )

    def draw(
        self,
        ids: Tensor,  # B int64
        *,
        seed: int,
        epoch: int,
        image_size: tuple[int, int],
        size: tuple[int, int],
        normalization: Normalization,
        means: Tensor | None = None,
    ) -> View:
        """A view for each sample, a function of (seed, epoch, id) only; `image_size` and `size` are height, width.

        `means` B C in 0..1, the images' mean colors (`image_means`), are needed where contrast changes. What
        `operations` move is not in it; the view that `apply` returns has that too.
        """
        if self.contrast and means is None:
            raise ValueError("contrast turns about the mean gray of each image: pass means")
        placing = Placing(
            rotate=self.rotate,
            shift=self.shift,
            zoom=self.zoom,
            shear=self.shear,
            flip=self.flip,
            flip_vertical=self.flip_vertical,
            crop=self.crop,
            perspective=self.perspective,
        )
        geometry = placing.draw(ids, seed, epoch, image_size, size)
        displacement = (
            random_displacement(uniforms(seed, epoch, ids, ELASTIC), size, self.elastic * min(size))
            if self.elastic
            else None
        )
        return View(geometry, self._color(ids, seed, epoch, normalization, means), size, self.fill, displacement)

    def apply(
        self,
        originals: Tensor,  # B C H W uint8, or float in 0..1
        ids: Tensor,  # B int64
        *,
        seed: int,
        epoch: int,
        size: tuple[int, int],
        normalization: Normalization,
        out: Tensor | None = None,
    ) -> tuple[Tensor, View]:
        """Draw and look, in the fixed order: what the network sees, B C h w float32, and the view it came by.

        `out`: memory for it that may be written over, as in `View.image`.
        """
        height, width = originals.shape[-2:]
        means = image_means(originals) if self.contrast else None
        view = self.draw(
            ids,
            seed=seed,
            epoch=epoch,
            image_size=(height, width),
            size=size,
            normalization=normalization,
            means=means,
        )
        images = view.resample(originals, out)
        if self.operations:
            images, moved = self.operations.apply(as_levels(images), ids, seed=seed, epoch=epoch)
            view = view.then(moved)
        retouching = self._retouching()
        if not retouching.does_nothing():
            images = retouching.apply(as_levels(images), ids, seed, epoch)
        if self.erase:
            rectangles = draw_rectangles(uniforms(seed, epoch, ids, ERASING), self.erase, size)
            images = erase(images, rectangles, normalization.mean)
        return view.apply_color(images, room_for_colors(images, originals, out)), view

    def _retouching(self) -> Retouching:
        return Retouching(
            blur=self.blur,
            noise=self.noise,
            equalize=self.equalize,
            gamma=self.gamma,
            solarize=self.solarize,
            posterize=self.posterize,
        )

    def _color(self, ids: Tensor, seed: int, epoch: int, normalization: Normalization, means: Tensor | None) -> Tensor:
        """B C+1 C+1, expanded from one where nothing is random."""
        if not (self.brightness or self.contrast or self.saturation or self.hue):
            return normalization.matrix().expand(len(ids), -1, -1)
        draws = uniforms(seed, epoch, ids, (*COLORS, HUE))
        draws = signed(draws if means is None else draws.to(means.device, non_blocking=True))
        channels = len(normalization.mean)
        amounts = (self.brightness, self.contrast, self.saturation)
        brightness, contrast, saturation = (1 + amount * draw for amount, draw in zip(amounts, draws[:3], strict=True))
        color = jitter(brightness, contrast, saturation, means, channels)
        if self.hue:
            color = compose(turn_hue(self.hue * draws[3], channels), color)
        return compose(normalization.matrix().to(color.device, non_blocking=True), color)
