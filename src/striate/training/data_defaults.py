"""Settings that the data decide: the recipe, the size of images, their channels and canvas."""

from typing import Any, Final, Literal, cast

from striate.data import Canvas, Source
from striate.data.normalization import check_normalization
from striate.data.settings import Background, FitMode
from striate.data.survey import Survey
from striate.errors import SettingError
from striate.training.recipe import NamedRecipe, Recipe, ResolvedRecipe, resolve
from striate.training.recipes import find_recipe

__all__ = ["DEFAULT_RECIPES", "canvas_of", "default_recipe", "default_size", "resolve_with_data"]

LARGEST_SIZE: Final = 128  # default for photographs: what two CPU cores train in minutes
SMALL_IMAGE: Final = 64  # up to this side an image keeps its size, and idx data are taken for digits
DEFAULT_RECIPES: Final = ("mnist", "photos")  # of digits, and of all other images
MARGIN: Final = 8 / 7  # side of the canvas over that of the crop, as 256 pixels to 224


def default_recipe(source: Source) -> NamedRecipe:
    """`mnist` for small grayscale idx images and for scenes of digits, `photos` for the rest."""
    native = source.native()
    digits = native.channels == 1 and max(native.height, native.width) <= SMALL_IMAGE and source.kind == "idx"
    of_digits, of_others = DEFAULT_RECIPES
    return find_recipe(of_digits if digits or source.kind == "scenes" else of_others)


def resolve_with_data(source: Source, named: NamedRecipe, user: dict[str, Any]) -> ResolvedRecipe:
    """Every setting that the data decide; those that the machine decides stay open. Raises SettingError."""
    native = source.native()
    settings = resolve(user, named).with_defaults(
        "data",
        channels=native.channels,
        bits=native.bits,
        background=native.rendering.background,
        fit=native.fit,
    )
    if settings.recipe.optimizer.momentum is not None and settings.recipe.takes("nesterov"):
        settings = settings.with_defaults("default", nesterov=settings.recipe.optimizer.momentum > 0)
    contain = settings.recipe.data.fit == "contain"
    settings = settings.with_defaults("data", size=default_size(source.survey, cast(FitMode, settings.recipe.data.fit)))
    if contain and settings.recipe.augment.crop < 1:  # crops would cut the ends off again
        settings = settings.with_defaults("data", crop=1.0)
    check_normalization(settings.recipe.data.normalize, settings.recipe.model.channels)
    _check_bits(settings.recipe.data.bits)
    return settings


def default_size(survey: Survey, fit: FitMode) -> int:
    """The side of the network's input where the setting is left out."""
    return min(survey.side(fit), LARGEST_SIZE)


def canvas_of(source: Source, recipe: Recipe) -> Canvas:
    """The canvas on which decoded images are kept: a little larger than the network's input where random crops are taken.

    With `fit = contain` there is no margin, since evaluation would cut it off.
    """
    assert recipe.model.size is not None
    assert recipe.model.channels is not None
    margin = recipe.augment.crop < 1 and recipe.model.size > SMALL_IMAGE and recipe.data.fit != "contain"
    side = round(recipe.model.size * MARGIN) if margin else recipe.model.size
    rendering = source.survey.rendering(cast(Background, recipe.data.background))
    bits: Literal[8, 16] = 16 if recipe.data.bits == 16 else 8
    return Canvas(side, side, recipe.model.channels, bits, rendering, cast(FitMode, recipe.data.fit))


def _check_bits(bits: int | None) -> None:
    if bits not in (None, 8, 16):
        raise SettingError(
            f"bits = {bits}: images are kept with 8 or with 16 bits a channel, and 16 keep all of {bits}; leave it out"
        )
