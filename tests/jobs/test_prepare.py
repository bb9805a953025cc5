"""From settings to a policy: each part wins over the named policy, and what does not fit is refused."""

from typing import Any

import pytest

from striate.errors import SettingError
from striate.training import Recipe, recipe_settings
from striate.training.augmentation_policy import POLICY_SETTINGS, policy_of
from striate.views import POLICIES, Policy, RandAugment


def test_every_policy_can_be_chosen_and_every_part_set():
    assert recipe_settings()["augment"].setting.choices == tuple(POLICIES)
    assert set(POLICY_SETTINGS) <= set(recipe_settings())
    for name, policy in POLICIES.items():
        assert policy_of(Recipe.of(augment=name)) == policy


def test_the_ranges_of_recipe_and_policy_agree():
    others: dict[str, tuple[Any, ...]] = {"flip": (False, True), "flip_vertical": (False, True)}
    for name in POLICY_SETTINGS:
        setting = recipe_settings()[name].setting
        for value in setting.choices or others.get(name, (setting.low, setting.high)):
            given: dict[str, Any] = {name: value}
            assert getattr(policy_of(Recipe.of(**given)), name) == value


def test_parts_win_over_the_named_policy():
    keras = Recipe.of(augment="none", rotate=40.0, shift=0.2, shear=11.5, zoom=0.2, flip=True)
    assert policy_of(keras) == Policy(rotate=40.0, shift=0.2, shear=11.5, zoom=0.2, flip=True)
    assert policy_of(Recipe.of(augment="default", crop=1.0, hue=9.0)).crop == 1.0
    tuned = policy_of(Recipe.of(augment="randaugment", randaugment_count=3, randaugment_magnitude=15, flip=False))
    assert (tuned.operations, tuned.flip, tuned.crop) == (RandAugment(3, 15), False, POLICIES["randaugment"].crop)


def test_settings_of_randaugment_need_randaugment():
    message = "augment = strong does not take randaugment_count; randaugment_count is for randaugment"
    with pytest.raises(SettingError, match=message):
        Recipe.of(augment="strong", randaugment_count=3)
