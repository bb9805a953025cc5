"""A recipe's network with its initial weights, and the threads that it is trained with."""

import torch

from striate.data import Batches
from striate.errors import SettingError
from striate.models import Network, create_model
from striate.training.machine import choose_device, choose_precision, choose_threads
from striate.training.recipe import Recipe, Settings

__all__ = ["build_network", "resolve_machine", "use_threads"]


def build_network(recipe: Recipe, classes: tuple[str, ...]) -> Network:
    """The recipe's network, initialized from its seed. Raises SettingError where images are too small for it."""
    assert recipe.channels is not None
    torch.manual_seed(recipe.seed)
    model = create_model(
        recipe.model, classes=len(classes), channels=recipe.channels, size=recipe.size, dropout=recipe.dropout
    )
    if recipe.size is not None and recipe.size < model.smallest:
        raise SettingError(f"size = {recipe.size}: too small for {recipe.model}, which takes {model.smallest} or more")
    return model


def resolve_machine(settings: Settings) -> Settings:
    """The settings that the machine decides: device and precision. Raises SettingError for a device that is not here."""
    device = choose_device(settings.recipe.device)
    precision = choose_precision(settings.recipe.precision, device)
    return settings.filled("machine", device=str(device), precision=precision)


def use_threads(settings: Settings, model: Network, batches: Batches) -> Settings:
    """Set torch's threads to the setting, or to the number that a probe finds fastest, which the settings then record."""
    recipe = settings.recipe
    if recipe.threads is None:
        example = next(batches.epoch(0)).images
        bfloat16 = recipe.precision == "bfloat16"
        on_cpu = example.device.type == "cpu"
        settings = settings.filled("machine", threads=choose_threads(model, example, bfloat16) if on_cpu else 1)
    assert settings.recipe.threads is not None
    torch.set_num_threads(settings.recipe.threads)
    return settings
