"""A recipe's augmentation policy."""

from dataclasses import fields, replace

from striate.training.recipe import Recipe
from striate.views import POLICIES, Policy, RandAugment

__all__ = ["POLICY_SETTINGS", "policy_of"]

POLICY_SETTINGS = tuple(field.name for field in fields(Policy) if field.name != "operations")


def policy_of(recipe: Recipe) -> Policy:
    """The named policy, with the settings that the recipe overrides."""
    policy, chosen = POLICIES[recipe.augment.name], recipe.augment
    if isinstance(policy.operations, RandAugment):
        operations = {"count": chosen.randaugment_count, "magnitude": chosen.randaugment_magnitude}
        overrides = {name: value for name, value in operations.items() if value is not None}
        policy = replace(policy, operations=replace(policy.operations, **overrides))
    settings = {name: getattr(chosen, name) for name in POLICY_SETTINGS}
    return replace(policy, **{name: value for name, value in settings.items() if value is not None})
