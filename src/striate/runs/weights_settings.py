"""What initial weights decide of a recipe: its network, the size of its images, their channels and their normalization."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from striate.data import Source
from striate.data.decoding.canvas import CONVERTED_CHANNELS
from striate.data.images import Images
from striate.data.normalization import normalization_of
from striate.errors import SettingError
from striate.models import local_weights
from striate.models.pretrained import find_published
from striate.runs.starting_weights import StartingWeights, find_starting_weights, network_of_weights
from striate.training import NamedRecipe, Recipe, ResolvedRecipe
from striate.training.data_defaults import resolve_with_data
from striate.training.recipe import resolve
from striate.views import Normalization

__all__ = [
    "check_starting_weights",
    "normalization_for",
    "resolve_with_weights",
    "with_model_of_weights",
]


def with_model_of_weights(user: Mapping[str, Any], named: NamedRecipe | None) -> dict[str, Any]:
    """What the user typed, and the network of a run's weights where no network was typed.

    A recipe that names both a run and a network is taken at its word. Asked before any data are read. Raises SettingError where
    there are no such weights.
    """
    by_recipe = {} if named is None else named.settings
    weights = user.get("weights", by_recipe.get("weights", "none"))
    by_both = "weights" not in user and "model" in by_recipe
    if weights in ("none", "imagenet") or "model" in user or by_both:
        return dict(user)
    network = network_of_weights(weights)
    if network is None and "model" not in by_recipe:
        raise SettingError(f"weights = {weights}: a file does not tell its network; name it with model")
    return dict(user) if network is None else {**user, "model": network}


def check_starting_weights(user: Mapping[str, Any], named: NamedRecipe | None) -> StartingWeights | None:
    """The weights of what the user typed, found before any data are read; None where they may be downloaded, which comes later.

    Raises SettingError where they cannot be used.
    """
    if named is None:
        return None
    recipe = resolve(user, named).recipe
    if recipe.transfer.weights == "imagenet" and recipe.transfer.download and local_weights(recipe.model.name) is None:
        find_published(recipe.model.name)
        return None
    return find_starting_weights(recipe.transfer.weights, recipe.model.name)


def resolve_with_weights(
    source: Source, named: NamedRecipe, user: dict[str, Any], found: StartingWeights | None = None
) -> ResolvedRecipe:
    """Every setting that the initial weights and the data decide. `found`: the weights, where they were found before."""
    recipe = resolve(user, named).recipe
    weights = found or find_starting_weights(recipe.transfer.weights, recipe.model.name, recipe.transfer.download)
    if recipe.data.normalize in ("auto", "weights"):
        _check_normalization(None if weights is None else weights.normalization, recipe)
    settings = resolve_with_data(source, named, user, {} if weights is None else weights.settings)
    if weights is not None and settings.recipe.data.normalize == "weights":
        _check_channels(source, weights)
    if weights is None or weights.path is None:
        return settings
    settings = settings.with_reason(_input_reason(weights, settings))
    absolute = str(weights.path)  # so that the run's own command finds them from any folder
    return replace(settings, recipe=settings.recipe.with_values(weights=absolute))


def _input_reason(weights: StartingWeights, settings: ResolvedRecipe) -> str:
    """Which size and normalization the weights of a file have, and why; empty where they are known or typed."""
    values, is_known = settings.recipe.values(), weights.normalization is not None
    names = [one for one in ("size", "normalize") if settings.origins[one] == ("weights" if is_known else "data")]
    if not names or not weights.input_reason:
        return ""
    chosen = " and ".join(f"{name} = {values[name]}" for name in names)
    way_out = "" if is_known else f"; give {' and '.join(names)} if you know"
    return f"input:   {chosen}, {'' if is_known else 'by the data: '}{weights.input_reason}{way_out}"


def _check_normalization(known: Normalization | None, recipe: Recipe) -> None:
    """Raise SettingError where the weights do not tell their normalization, or it is for another number of channels."""
    channels = recipe.model.channels
    if known is None and recipe.data.normalize == "weights":
        raise SettingError(
            f"normalize = weights: weights = {recipe.transfer.weights} do not tell their normalization; "
            "give normalize = imagenet, symmetric, unit or data"
        )
    if known is not None and channels not in (None, len(known.mean)):
        raise SettingError(
            f"channels = {channels}: the normalization of the weights is for {len(known.mean)}; "
            "leave channels out, or give normalize = data"
        )


def _check_channels(source: Source, weights: StartingWeights) -> None:
    """Raise SettingError for images that cannot be brought to the number of channels that the weights are for."""
    have, take = source.native().channels, len(weights.normalization.mean) if weights.normalization else None
    if take not in (None, have) and not {have, take} <= CONVERTED_CHANNELS:
        raise SettingError(
            f"weights = {weights.path or weights.kind}: take images of {take} channels, and these have {have}; "
            f"--channels {have} --normalize data adapts the first layer, --weights none starts from random ones"
        )


def normalization_for(recipe: Recipe, images: Images, manifest: Mapping[str, Any]) -> Normalization:
    """The normalization that the recipe names, by the images themselves or by the weights that the run began with."""
    if recipe.data.normalize != "weights":
        return normalization_of(recipe.data.normalize, images)
    known = manifest["initial_weights"]["normalization"]
    return Normalization(tuple(known["mean"]), tuple(known["std"]))
