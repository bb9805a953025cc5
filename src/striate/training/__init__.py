"""Training: recipes, schedules, optimizers and the one loop. Recipes load without torch."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from striate.training.average import WeightAverage
    from striate.training.loop import Diverged, Step, mix, train, validate
    from striate.training.machine import available_cores, choose_device, choose_precision, choose_threads
    from striate.training.memory import keep_freed_memory
    from striate.training.optimizers import create_optimizer
    from striate.training.recipe import (
        READING,
        Is,
        NamedRecipe,
        Recipe,
        Settings,
        checked,
        read_toml,
        resolve,
        settings_taken,
        to_toml,
    )
    from striate.training.recipes import RECIPES, find_recipe
    from striate.training.schedules import learning_rate
    from striate.training.state import Epoch, TrainingState, is_best, stops_early

_HOME = {
    "Diverged": "loop",
    "Epoch": "state",
    "Is": "recipe",
    "NamedRecipe": "recipe",
    "READING": "recipe",
    "RECIPES": "recipes",
    "Recipe": "recipe",
    "Settings": "recipe",
    "Step": "loop",
    "TrainingState": "state",
    "WeightAverage": "average",
    "available_cores": "machine",
    "checked": "recipe",
    "choose_device": "machine",
    "choose_precision": "machine",
    "choose_threads": "machine",
    "create_optimizer": "optimizers",
    "find_recipe": "recipes",
    "is_best": "state",
    "keep_freed_memory": "memory",
    "learning_rate": "schedules",
    "mix": "loop",
    "read_toml": "recipe",
    "resolve": "recipe",
    "settings_taken": "recipe",
    "stops_early": "state",
    "to_toml": "recipe",
    "train": "loop",
    "validate": "loop",
}

__all__ = [
    "READING",
    "RECIPES",
    "Diverged",
    "Epoch",
    "Is",
    "NamedRecipe",
    "Recipe",
    "Settings",
    "Step",
    "TrainingState",
    "WeightAverage",
    "available_cores",
    "checked",
    "choose_device",
    "choose_precision",
    "choose_threads",
    "create_optimizer",
    "find_recipe",
    "is_best",
    "keep_freed_memory",
    "learning_rate",
    "mix",
    "read_toml",
    "resolve",
    "settings_taken",
    "stops_early",
    "to_toml",
    "train",
    "validate",
]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(f"striate.training.{_HOME[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
