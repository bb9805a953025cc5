"""A recipe's network with its initial weights, and the threads that it is trained with."""

import torch

from striate.data import Batches
from striate.errors import SettingError
from striate.models import Network, create_model
from striate.training.machine import check_threads, choose_device, choose_precision, choose_threads
from striate.training.recipe import Recipe, ResolvedRecipe

__all__ = ["build_network", "resolve_machine", "use_threads"]


def build_network(recipe: Recipe, classes: tuple[str, ...]) -> Network:
    """The recipe's network, initialized from its seed. Raises SettingError where images are too small for it."""
    assert recipe.model.channels is not None
    torch.manual_seed(recipe.training.seed)
    model = create_model(
        recipe.model.name,
        classes=len(classes),
        channels=recipe.model.channels,
        size=recipe.model.size,
        dropout=recipe.model.dropout,
    )
    if recipe.model.size is not None and recipe.model.size < model.min_size:
        raise SettingError(
            f"size = {recipe.model.size}: too small for {recipe.model.name}, which takes {model.min_size} or more"
        )
    return model


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
        example = next(batches.epoch(0)).images
        bfloat16 = recipe.machine.precision == "bfloat16"
        on_cpu = example.device.type == "cpu"
        settings = settings.with_defaults("machine", threads=choose_threads(model, example, bfloat16) if on_cpu else 1)
    assert settings.recipe.machine.threads is not None
    torch.set_num_threads(settings.recipe.machine.threads)
    return settings
