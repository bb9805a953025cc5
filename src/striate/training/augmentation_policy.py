"""A recipe's augmentation policy."""

from dataclasses import fields, replace

from striate.errors import SettingError
from striate.training.recipe import Recipe
from striate.views import POLICIES, Policy, RandAugment

__all__ = ["POLICY_SETTINGS", "policy_of"]

POLICY_SETTINGS = tuple(field.name for field in fields(Policy) if field.name != "operations")


def policy_of(recipe: Recipe) -> Policy:
    """The named policy, with the settings that the recipe overrides."""
    policy = POLICIES[recipe.augment]
    overrides = {name: getattr(recipe, name) for name in POLICY_SETTINGS}
    operations = {"count": recipe.randaugment_count, "magnitude": recipe.randaugment_magnitude}
    for name, value in operations.items():
        if value is None:
            continue
        if not isinstance(policy.operations, RandAugment):
            raise SettingError(f"randaugment_{name} = {value}: set augment to randaugment, not {recipe.augment}")
        policy = replace(policy, operations=replace(policy.operations, **{name: value}))
    return replace(policy, **{name: value for name, value in overrides.items() if value is not None})
