"""Settings: what was typed wins, wrong names and values are refused, and a recipe file gives the same settings back."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from striate.errors import SettingError
from striate.training import (
    RECIPES,
    NamedRecipe,
    Recipe,
    Settings,
    checked,
    find_recipe,
    read_toml,
    resolve,
    settings_taken,
    to_toml,
)


def test_the_user_wins_over_the_recipe_over_the_data_over_the_default():
    named = NamedRecipe("mine", {"epochs": 7, "lr": 0.5}, reaches="")
    settings = resolve({"lr": 0.25}, named).filled("data", epochs=3, size=64)
    assert (settings.recipe.lr, settings.recipe.epochs, settings.recipe.size) == (0.25, 7, 64)
    assert settings.source["lr"] == "user"
    assert settings.source["epochs"] == "recipe mine"
    assert settings.source["size"] == "data"
    assert settings.source["momentum"] == "default"


def test_filling_leaves_alone_what_was_said():
    settings = resolve({"size": 32, "device": "cpu"}, NamedRecipe("mine", {}, reaches=""))
    filled = settings.filled("data", size=99, channels=3).filled("machine", device="cuda", precision="float32")
    assert (filled.recipe.size, filled.recipe.channels) == (32, 3)
    assert (filled.recipe.device, filled.recipe.precision) == ("cpu", "float32")
    assert (filled.source["size"], filled.source["channels"], filled.source["precision"]) == ("user", "data", "machine")


@pytest.mark.parametrize(
    ("setting", "says"),
    [
        ({"epohcs": 3}, "did you mean epochs"),
        ({"epochs": 0}, "out of range, takes 1 to"),
        ({"lr": -1.0}, "out of range"),
        ({"lr": float("nan")}, "out of range"),
        ({"epochs": 1.5}, r"epochs = 1\.5: takes a whole number \(passes over"),
        ({"epochs": math.nan}, "takes a whole number"),
        ({"epochs": math.inf}, "takes a whole number"),
        ({"size": 27.5}, "takes a whole number or auto"),
        ({"lr": "0.1"}, "takes a number"),
        ({"epochs": "three"}, "takes a whole number"),
        ({"epochs": True}, "takes a whole number"),
        ({"nesterov": 1}, "takes true or false"),
        ({"optimizer": "adamx"}, "takes one of sgd, adam"),
        ({"val": 1.0}, "out of range"),
    ],
)
def test_wrong_settings_are_refused_in_one_line(setting, says):
    with pytest.raises(SettingError, match=says) as refused:
        resolve(setting, NamedRecipe("mine", {}, reaches=""))
    assert "\n" not in str(refused.value)
    assert next(iter(setting)) in str(refused.value)


@pytest.mark.parametrize("value", [2, 2.0, np.int64(2), np.float32(2)])
def test_a_whole_number_may_be_written_in_any_way(value, tmp_path):
    assert repr(checked({"epochs": value}).epochs) == "2"
    assert repr(checked({"lr": value}).lr) == "2.0"
    assert repr(checked({"size": 4 * value}).size) == "8"


def test_a_recipe_file_with_half_an_epoch_is_refused(tmp_path):
    (tmp_path / "half.toml").write_text("epochs = 1.5\n")
    with pytest.raises(SettingError, match=r"epochs = 1\.5: takes a whole number"):
        resolve({}, find_recipe(str(tmp_path / "half.toml")))


def test_every_named_recipe_is_in_range():
    for named in RECIPES.values():
        resolve({}, named)


@given(
    epochs=st.integers(1, 1000),
    lr=st.floats(1e-8, 100),
    size=st.none() | st.integers(4, 4096),
    flip=st.none() | st.booleans(),
    device=st.text(min_size=1, max_size=20),
)
def test_a_recipe_file_gives_the_same_settings_back(tmp_path_factory, epochs, lr, size, flip, device):
    said = {"epochs": epochs, "lr": lr, "size": size, "flip": flip, "device": device}
    settings = resolve(said, NamedRecipe("mine", {"clip": 1.0}, reaches=""))
    path = tmp_path_factory.mktemp("recipe") / "recipe.toml"
    path.write_text(to_toml(settings), encoding="utf-8")
    values, source = read_toml(path)
    assert checked(values) == settings.recipe
    assert source == dict(settings.source)


def test_settings_that_came_after_a_recipe_file_was_written_have_their_defaults(tmp_path):
    path = tmp_path / "recipe.toml"
    path.write_text('lr = 0.25\n\n[origin]\nlr = "user"\n')
    values, source = read_toml(path)
    rows = {name: (value, origin) for name, value, origin, _ in Settings(checked(values), source).rows()}
    assert rows["lr"] == ("0.25", "user")
    assert rows["fit"] == ('"auto"', "default")


def test_a_recipe_file_names_its_unknown_setting(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text("bach_size = 3\n")
    with pytest.raises(SettingError, match=r"mine.toml: no setting is called 'bach_size'; did you mean batch_size"):
        find_recipe(str(path))


def test_a_broken_recipe_file_is_one_line(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text("epochs = = 3\n")
    with pytest.raises(SettingError, match="cannot be read as a recipe") as refused:
        find_recipe(str(path))
    assert "\n" not in str(refused.value)


def test_an_unknown_recipe_offers_the_nearest():
    with pytest.raises(SettingError, match="did you mean mnist-fast"):
        find_recipe("mnist-fats")


def test_every_setting_has_a_meaning_and_its_default_is_in_range():
    checked({name: getattr(Recipe(), name) for name in settings_taken()})
    assert all(meaning.says for _, meaning in settings_taken().values())
