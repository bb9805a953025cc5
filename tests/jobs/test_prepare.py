"""From settings to a policy: each setting wins over the named policy, and what does not fit is refused."""

from typing import Any

import pytest

from striate.errors import SettingError
from striate.training import Recipe, recipe_settings
from striate.views import POLICIES, Policy, RandAugment, operations_of


def test_every_policy_can_be_chosen():
    assert recipe_settings()["augment"].setting.choices == tuple(POLICIES)
    for name, policy in POLICIES.items():
        assert Recipe.of(augment=name).augment == policy


def test_settings_win_over_the_named_policy():
    keras = Recipe.of(augment="none", rotate=40.0, shift=0.2, shear=11.5, zoom=0.2, flip=True)
    assert keras.augment == Policy(rotate=40.0, shift=0.2, shear=11.5, zoom=0.2, flip=True)
    assert Recipe.of(augment="default", crop=1.0, hue=9.0).augment.crop == 1.0
    tuned = Recipe.of(augment="randaugment", randaugment_count=3, randaugment_magnitude=15, flip=False).augment
    assert (operations_of(tuned), tuned.flip, tuned.crop) == (RandAugment(3, 15), False, 0.35)


@pytest.mark.parametrize("left_out", [None, "auto"])
def test_a_setting_that_is_left_out_is_the_policys_own(left_out):
    """An earlier version wrote "auto" into recipe files."""
    own: dict[str, Any] = {"crop": left_out, "flip": left_out, "fill": left_out}
    assert Recipe.of(augment="strong", **own).augment == POLICIES["strong"]


def test_settings_of_randaugment_need_randaugment():
    message = "augment = strong does not take randaugment_count; it takes all settings of \\[augment\\] but"
    with pytest.raises(SettingError, match=message):
        Recipe.of(augment="strong", randaugment_count=3)
