"""A policy: what may happen to a training image, at random for each sample.

The order is fixed. Geometry: crop, then shear, zoom, rotation, flips, shift and perspective, as one 3x3 matrix, and an
elastic displacement. Pixel operations: those of a published policy, then those of their table. Color: brightness,
contrast, saturation, hue and normalization, as one 4x4 matrix. Mixing of samples comes last and belongs to the loop.
"""

from dataclasses import dataclass, fields
from typing import Final, final

from torch import Tensor

from striate.errors import SettingError
from striate.settings import declared_settings
from striate.views.color import Normalization, color_buffer, color_jitter, image_means, rotate_hue
from striate.views.displacement import random_displacement
from striate.views.geometry import compose
from striate.views.lookup_tables import to_uint8
from striate.views.pixel_operations import PIXEL_OPERATIONS, apply_pixel_operations
from striate.views.published_operations import Operations
from striate.views.random_geometry import GeometricParameters, signed
from striate.views.randomness import Streams, uniforms
from striate.views.settings import AugmentSettings, Border
from striate.views.view import View

__all__ = ["Policy", "describe"]

RANGES: Final = declared_settings(AugmentSettings)


@final
@dataclass(frozen=True, kw_only=True)
class Policy:
    """What may happen to a training image; the defaults change nothing. Raises SettingError for a value out of range.

    The ranges are those of `AugmentSettings`.
    """

    # geometry
    rotate: float = 0.0  # largest angle, degrees
    shift: float = 0.0  # largest shift, share of the side; by whole pixels where nothing else interpolates
    shear: float = 0.0  # largest shear, degrees
    zoom: float = 0.0  # a factor between 1 - zoom and 1 + zoom, log-uniform
    flip: bool = False  # horizontal, with probability 1/2
    flip_vertical: bool = False  # vertical, with probability 1/2
    crop: float = 1.0  # smallest share of the area that a random resized crop keeps; 1: center crop
    perspective: float = 0.0  # largest movement of a corner along either side, share of the side
    elastic: float = 0.0  # std of a smooth displacement, share of the shorter side
    fill: Border = "black"  # beyond the image: black, its nearest pixel, or its mirror image

    # pixel operations
    operations: Operations | None = None  # of a published policy
    blur: float = 0.0  # largest std, pixels; half of the images stay sharp
    noise: float = 0.0  # largest std, share of full range; half of the images stay clean
    equalize: float = 0.0  # probability of histogram equalization of each channel
    gamma: float = 0.0  # an exponent between 1 - gamma and 1 + gamma, log-uniform
    solarize: float = 0.0  # probability that values above a random one of the upper half are inverted
    posterize: float = 0.0  # probability that only the highest 4 to 7 bits are kept
    erase: float = 0.0  # probability that a rectangle is erased

    # color
    brightness: float = 0.0  # a factor between 1 - brightness and 1 + brightness; so for the next two
    contrast: float = 0.0  # about the image's mean gray
    saturation: float = 0.0  # about each pixel's gray; only RGB has it
    hue: float = 0.0  # largest rotation about the gray axis, degrees; only RGB has it

    def __post_init__(self) -> None:
        for field in fields(self):
            if field.name in RANGES:
                RANGES[field.name].check(getattr(self, field.name))
        if self.elastic and self.operations:
            raise SettingError(
                "elastic cannot be combined with a published policy, which moves images after the displacement"
            )

    def random_view(
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

        `means` B C in 0..1, the images' mean colors (`image_means`), are needed where contrast changes. It lacks
        what `operations` move; the view that `apply` returns has that too.
        """
        if self.contrast and means is None:
            raise ValueError("contrast scales about the mean gray of each image: pass means")
        parameters = GeometricParameters(**{f.name: getattr(self, f.name) for f in fields(GeometricParameters)})
        geometry = parameters.random_matrix(ids, seed, epoch, image_size, size)
        displacement = (
            random_displacement(uniforms(seed, epoch, ids, Streams.ELASTIC), size, self.elastic * min(size))
            if self.elastic
            else None
        )
        return View(geometry, self._color(ids, seed, epoch, normalization, means), size, self.fill, displacement)

    def apply(
        self,
        images: Tensor,  # B C H W uint8, or float in 0..1
        ids: Tensor,  # B int64
        *,
        seed: int,
        epoch: int,
        size: tuple[int, int],
        normalization: Normalization,
        out: Tensor | None = None,
    ) -> tuple[Tensor, View]:
        """A random view of each image, in the fixed order: the network's inputs, B C h w float32, and the views.

        `out`: memory for the inputs that may be written over, as in `View.image`.
        """
        height, width = images.shape[-2:]
        means = image_means(images) if self.contrast else None
        view = self.random_view(
            ids,
            seed=seed,
            epoch=epoch,
            image_size=(height, width),
            size=size,
            normalization=normalization,
            means=means,
        )
        moved = view.resample(images, out)
        if self.operations:
            moved, geometry = self.operations.apply(to_uint8(moved), ids, seed=seed, epoch=epoch)
            view = view.then(geometry)
        values = [getattr(self, operation.setting) for operation in PIXEL_OPERATIONS]
        moved = apply_pixel_operations(moved, values, ids, seed=seed, epoch=epoch, mean=normalization.mean)
        return view.apply_color(moved, color_buffer(moved, images, out)), view

    def _color(self, ids: Tensor, seed: int, epoch: int, normalization: Normalization, means: Tensor | None) -> Tensor:
        """B C+1 C+1, expanded from one where nothing is random."""
        if not (self.brightness or self.contrast or self.saturation or self.hue):
            return normalization.matrix().expand(len(ids), -1, -1)
        draws = uniforms(seed, epoch, ids, (*Streams.COLORS, Streams.HUE))
        draws = signed(draws if means is None else draws.to(means.device, non_blocking=True))
        channels = len(normalization.mean)
        amounts = (self.brightness, self.contrast, self.saturation)
        brightness, contrast, saturation = (1 + amount * one for amount, one in zip(amounts, draws[:3], strict=True))
        color = color_jitter(brightness, contrast, saturation, means, channels)
        if self.hue:
            color = compose(rotate_hue(self.hue * draws[3], channels), color)
        return compose(normalization.matrix().to(color.device, non_blocking=True), color)


def describe(policy: Policy) -> list[str]:
    """A short sentence for each step that is on, in the order of application, each after its stage."""
    geometry = (
        (policy.crop < 1, f"crop at random, {policy.crop:.3g} of the area or more, to the whole frame"),
        (policy.crop == 1, "the center of the image"),
        (policy.shear, f"shear by up to {policy.shear:.3g} degrees"),
        (policy.zoom, f"zoom by a factor of {1 - policy.zoom:.3g} to {1 + policy.zoom:.3g}"),
        (policy.rotate, f"rotate by up to {policy.rotate:.3g} degrees"),
        (policy.flip, "flip horizontally, every other image"),
        (policy.flip_vertical, "flip vertically, every other image"),
        (policy.shift, f"shift by up to {policy.shift:.3g} of the side"),
        (policy.perspective, f"move each corner by up to {policy.perspective:.3g} of the side"),
        (policy.elastic, f"elastic displacement of about {policy.elastic:.3g} of the side"),
        (policy.fill != "black", f"fill what is beyond the image: {policy.fill}"),
    )
    pixels = [(policy.operations is not None, policy.operations.describe() if policy.operations else "")]
    for operation in PIXEL_OPERATIONS:
        value = getattr(policy, operation.setting)
        pixels.append((value > 0, operation.description.format(value, low=1 - value, high=1 + value)))
    color = (
        (policy.brightness, f"brightness by a factor of {1 - policy.brightness:.3g} to {1 + policy.brightness:.3g}"),
        (policy.contrast, f"contrast by a factor of {1 - policy.contrast:.3g} to {1 + policy.contrast:.3g}"),
        (policy.saturation, f"saturation by a factor of {1 - policy.saturation:.3g} to {1 + policy.saturation:.3g}"),
        (policy.hue, f"rotate the hue by up to {policy.hue:.3g} degrees"),
        (True, "normalize"),
    )
    stages = (("geometry", geometry), ("pixels", pixels), ("color", color))
    return [f"{stage}: {text}" for stage, steps in stages for on, text in steps if on]
