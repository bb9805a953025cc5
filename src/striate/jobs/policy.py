"""From a recipe's settings to the policy of augmentation."""

from dataclasses import fields, replace

from striate.training import Recipe
from striate.views import POLICIES, Policy, RandAugment

__all__ = ["POLICY_SETTINGS", "policy_of"]

POLICY_SETTINGS = tuple(field.name for field in fields(Policy) if field.name != "operations")


def policy_of(recipe: Recipe) -> Policy:
    """The recipe's policy with the settings that were set one by one."""
    policy, chosen = POLICIES[recipe.augment.name], recipe.augment
    if isinstance(policy.operations, RandAugment):
        operations = {"count": chosen.randaugment_count, "magnitude": chosen.randaugment_magnitude}
        tuned = replace(policy.operations, **{name: value for name, value in operations.items() if value is not None})
        policy = replace(policy, operations=tuned)
    settings = {name: getattr(chosen, name) for name in POLICY_SETTINGS}
    return replace(policy, **{name: value for name, value in settings.items() if value is not None})
