"""A recipe's network with its initial weights, and the threads that it is trained with."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch

from striate.data import Batches, Source
from striate.data.targets import ASKS
from striate.errors import SettingError
from striate.models import NETWORKS, Network, classifier_features, create_model
from striate.training.freezing import check_freeze
from striate.training.machine import (
    available_cores,
    check_threads,
    choose_device,
    choose_precision,
    choose_threads,
    forward_pass,
    training_step,
)
from striate.training.recipe import NamedRecipe, Recipe, ResolvedRecipe, resolve
from striate.views import mixing_steps

__all__ = ["build_network", "check_output", "check_settings", "resolve_machine", "use_threads"]


def build_network(recipe: Recipe, classes: tuple[str, ...]) -> Network:
    """The recipe's network, initialized from its seed. Raises SettingError where images are too small for it, or where it has
    fewer stages than are to stay frozen."""
    torch.manual_seed(recipe.training.seed)
    return _create(recipe, classes=len(classes))


def _create(recipe: Recipe, classes: int) -> Network:
    assert recipe.model.channels is not None
    model = create_model(
        recipe.model.name,
        classes=classes,
        channels=recipe.model.channels,
        size=recipe.model.size,
        dropout=recipe.model.dropout,
    )
    if recipe.model.size is not None and recipe.model.size < model.min_size:
        raise SettingError(
            f"size = {recipe.model.size}: too small for {recipe.model.name}, which takes {model.min_size} or more"
        )
    check_freeze(model, recipe.transfer, recipe.model.name)
    if recipe.transfer.weights != "none" and not NETWORKS[recipe.model.name].dense:
        classifier_features(model)  # refuses a network whose classifier cannot be fitted on features
    return model


def check_output(recipe: Recipe, source: Source) -> None:
    """Raise SettingError for a network that classifies images where the data have a class for each pixel, and the reverse, and
    for augmentation that mixes masks."""
    if source.has_maps and (mixing := mixing_steps(recipe.augment)):
        raise SettingError(f"{' and '.join(mixing)}: masks are not mixed; set to 0")
    if recipe.data.fit == "window" and not source.has_maps:
        raise SettingError(
            f"fit = window: is for images with masks, and {source.location} has {ASKS[source.task]}; take cover or contain"
        )
    if recipe.data.fit == "window" and recipe.augment.crop < 1:
        raise SettingError(
            f"crop = {recipe.augment.crop:g}: with fit = window training draws crops of {recipe.model.size} pixels; leave it out"
        )
    name, dense = recipe.model.name, NETWORKS[recipe.model.name].dense
    if dense and not source.has_maps:
        raise SettingError(
            f"model = {name}: gives a class for each pixel, and {source.location} has {ASKS[source.task]}; "
            "choose a network without masks, such as resnet18"
        )
    if source.has_maps and not dense:
        raise SettingError(
            f"model = {name}: gives one output for an image, and {source.location} has masks; choose a network that gives a "
            "class for each pixel, such as unet_small, unet_resnet18 or deeplab_v3_resnet50"
        )


def check_settings(user: Mapping[str, Any], recipes: Sequence[NamedRecipe]) -> None:
    """Raise SettingError for settings that are wrong whatever the data are; asked before any data are read.

    Where the data choose among several recipes, only what is wrong with each of them is refused.
    """
    errors = []
    for one in recipes:
        try:
            recipe = resolve_machine(resolve(user, one)).recipe
            with torch.device("meta"):  # shapes without values: even the largest network is built at once
                _create(recipe.with_values(channels=recipe.model.channels or 3), classes=2)
        except SettingError as error:
            errors.append(error)
        else:
            return
    raise errors[-1]


def resolve_machine(settings: ResolvedRecipe) -> ResolvedRecipe:
    """The settings that the machine decides: device and precision. Raises SettingError for what it does not have."""
    check_threads(settings.recipe.machine.threads)
    device = choose_device(settings.recipe.machine.device)
    precision = choose_precision(settings.recipe.machine.precision, device)
    return settings.with_defaults("machine", device=str(device), precision=precision)


def use_threads(settings: ResolvedRecipe, model: Network, batches: Batches) -> ResolvedRecipe:
    """Set torch's threads to the setting, or to the number that a probe finds fastest, which the settings then record."""
    recipe = settings.recipe
    if recipe.machine.threads is None:
        example = next(batches.epoch(0)).inputs
        bfloat16 = recipe.machine.precision == "bfloat16"
        threads = 1 if example.device.type != "cpu" else available_cores()
        if example.device.type == "cpu" and recipe.training.epochs > 0:
            # Most of a frozen network has no backward pass, and threads that wait for each other make one take seconds.
            probe = training_step if recipe.transfer.weights == "none" else forward_pass
            threads = choose_threads(model, example, bfloat16, probe)
        settings = settings.with_defaults("machine", threads=threads)
    assert settings.recipe.machine.threads is not None
    torch.set_num_threads(settings.recipe.machine.threads)
    return settings
