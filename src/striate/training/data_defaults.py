"""Settings that the data decide: the size of images, their channels and canvas."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final, Literal, cast

from striate.data import Canvas, Source
from striate.data.decoding.canvas import CONVERTED_CHANNELS
from striate.data.normalization import check_normalization
from striate.data.settings import Background, FitMode
from striate.data.survey import Survey
from striate.errors import SettingError
from striate.training.loss_choice import resolve_loss
from striate.training.recipe import NamedRecipe, Recipe, ResolvedRecipe, resolve

__all__ = ["SMALL_IMAGE", "canvas_of", "default_size", "resolve_with_data"]

LARGEST_SIZE: Final = 128  # default for photographs: what two CPU cores train in minutes
SMALL_IMAGE: Final = 64  # up to this side an image keeps its size, and idx data are taken for digits
NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})
MARGIN: Final = 8 / 7  # side of the canvas over that of the crop, as 256 pixels to 224


def resolve_with_data(
    source: Source, named: NamedRecipe, user: dict[str, Any], of_weights: Mapping[str, Any] = NOTHING
) -> ResolvedRecipe:
    """Every setting that the data decide; those that the machine decides stay open. Raises SettingError.

    of_weights: settings that initial weights decide before the data do.
    """
    native = source.native()
    settings = resolve_loss(resolve(user, named), source.task).with_defaults("weights", **of_weights)
    settings = settings.with_defaults(
        "data",
        normalize="data",
        channels=native.channels,
        bits=native.bits,
        background=native.rendering.background,
        fit="contain" if source.has_maps else native.fit,  # every pixel of a file gets its class
    )
    if settings.recipe.optimizer.momentum is not None and settings.recipe.takes("nesterov"):
        settings = settings.with_defaults("default", nesterov=settings.recipe.optimizer.momentum > 0)
    settings = settings.with_defaults("data", size=default_size(source.survey, cast(FitMode, settings.recipe.data.fit)))
    fit = settings.recipe.data.fit
    whole = fit == "window" or (fit != "cover" and settings.origins["fit"] in ("data", "user"))
    if whole and settings.recipe.augment.crop < 1:  # crops would cut the ends off again; a recipe knows its own
        settings = settings.with_defaults("data", crop=1.0)
    settings = settings.with_reason(_loses_color(native.channels, settings))
    check_normalization(settings.recipe.data.normalize, settings.recipe.model.channels)
    _check_bits(settings.recipe.data.bits)
    return settings


def _loses_color(channels: int, settings: ResolvedRecipe) -> str:
    """That color images are made grayscale, and who decided it; empty where they are not."""
    origin = settings.origins["channels"]
    if settings.recipe.model.channels != 1 or channels not in CONVERTED_CHANNELS - {1}:
        return ""
    why = {"user": "--channels 1 asks for it", "weights": "the initial weights take 1 channel"}.get(
        origin, f"the {origin} takes 1 channel"
    )
    return f"channels: images of {channels} channels are converted to grayscale: {why}"


def default_size(survey: Survey, fit: FitMode) -> int:
    """The side of the network's input where the setting is left out."""
    return min(survey.side(fit), LARGEST_SIZE)


def canvas_of(source: Source, recipe: Recipe) -> Canvas:
    """The canvas on which decoded images are kept: a little larger than the network's input where random crops are taken.

    With `fit = contain` there is no margin, since evaluation would cut it off. With `fit = window` it holds the largest image.
    """
    assert recipe.model.size is not None
    assert recipe.model.channels is not None
    margin = recipe.augment.crop < 1 and recipe.model.size > SMALL_IMAGE and recipe.data.fit == "cover"
    side = round(recipe.model.size * MARGIN) if margin else recipe.model.size
    rendering = source.survey.rendering(cast(Background, recipe.data.background))
    bits: Literal[8, 16] = 16 if recipe.data.bits == 16 else 8
    canvas = Canvas(side, side, recipe.model.channels, bits, rendering, cast(FitMode, recipe.data.fit))
    return canvas.holding(source.largest_size) if canvas.fit == "window" else canvas


def _check_bits(bits: int | None) -> None:
    if bits not in (None, 8, 16):
        raise SettingError(
            f"bits = {bits}: images are kept with 8 or with 16 bits a channel, and 16 keep all of {bits}; leave it out"
        )
