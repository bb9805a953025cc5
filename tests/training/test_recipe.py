"""Settings: what was typed wins, wrong names and values are refused, and a recipe file gives the same settings back."""

import math
import re
import tomllib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from striate.errors import SettingError
from striate.settings import declared_settings
from striate.sources import open_source
from striate.sources.folder_formats import FOLDER_FORMATS
from striate.sources.settings import FORMATS
from striate.training import (
    RECIPES,
    NamedRecipe,
    OptimizerSettings,
    Recipe,
    ResolvedRecipe,
    ScheduleSettings,
    find_recipe,
    group_of,
    named_as_toml,
    read_toml,
    recipe_settings,
    resolve,
    setting_rows,
    to_toml,
)
from striate.training.data_defaults import resolve_with_data
from striate.training.recipe import GROUPS, TAKES
from striate.training.settings import OPTIMIZERS
from striate.views import POLICIES, Policy


def test_the_user_wins_over_the_recipe_over_the_data_over_the_default():
    named = NamedRecipe("mine", {"epochs": 7, "lr": 0.5}, reaches="")
    settings = resolve({"lr": 0.25}, named).with_defaults("data", epochs=3, size=64)
    assert (settings.recipe.optimizer.lr, settings.recipe.training.epochs, settings.recipe.model.size) == (0.25, 7, 64)
    assert settings.origins["lr"] == "user"
    assert settings.origins["epochs"] == "recipe mine"
    assert settings.origins["size"] == "data"
    assert settings.origins["momentum"] == "default"


def test_filling_leaves_alone_what_was_reported():
    settings = resolve({"size": 32, "device": "cpu"}, NamedRecipe("mine", {}, reaches=""))
    filled = settings.with_defaults("data", size=99, channels=3).with_defaults(
        "machine", device="cuda", precision="float32"
    )
    assert (filled.recipe.model.size, filled.recipe.model.channels) == (32, 3)
    assert (filled.recipe.machine.device, filled.recipe.machine.precision) == ("cpu", "float32")
    assert (filled.origins["size"], filled.origins["channels"], filled.origins["precision"]) == (
        "user",
        "data",
        "machine",
    )


@pytest.mark.parametrize(
    ("setting", "expected_message"),
    [
        ({"epohcs": 3}, "did you mean epochs"),
        ({"epochs": -1}, "out of range, takes 0 to"),
        ({"lr": -1.0}, "out of range"),
        ({"lr": float("nan")}, "out of range"),
        ({"epochs": 1.5}, r"epochs = 1\.5: takes a whole number \(passes over"),
        ({"epochs": math.nan}, "takes a whole number"),
        ({"epochs": math.inf}, "takes a whole number"),
        ({"clip_grad_norm": math.inf}, "clip_grad_norm = inf: out of range, takes at least 0"),
        ({"learning_rate": 0.1}, "no setting is called .learning_rate.; use lr"),
        ({"size": 27.5}, "takes a whole number or auto"),
        ({"lr": "0.1"}, "takes a number"),
        ({"epochs": "three"}, "takes a whole number"),
        ({"epochs": True}, "takes a whole number"),
        ({"nesterov": 1}, "takes true or false"),
        ({"optimizer": "adamx"}, r"takes one of sgd, adam.*; did you mean adam\?"),
        ({"optimizer": "SGD"}, r"'SGD': takes one of .*; did you mean sgd\?"),
        ({"optimizer": "shampoo"}, r"takes one of [^;]*$"),
        ({"epochs": True}, "epochs = true: takes a whole number"),
        ({"lerning_rate": 1.0}, "use lr"),
        (
            {"augment": "digits", "randaugment_count": 2},
            r"it takes all settings of \[augment\] but randaugment_count, randaugment_magnitude; .* for randaugment",
        ),
        ({"val": 1.0}, "out of range"),
    ],
)
def test_wrong_settings_are_refused_in_one_line(setting, expected_message):
    with pytest.raises(SettingError, match=expected_message) as refused:
        resolve(setting, NamedRecipe("mine", {}, reaches=""))
    assert "\n" not in str(refused.value)
    assert next(iter(setting)) in str(refused.value)


@pytest.mark.parametrize("value", [2, 2.0, np.int64(2), np.float32(2)])
def test_a_whole_number_may_be_written_in_any_way(value, tmp_path):
    assert repr(Recipe.of(epochs=value).training.epochs) == "2"
    assert repr(Recipe.of(lr=value).optimizer.lr) == "2.0"
    assert repr(Recipe.of(size=4 * value).model.size) == "8"


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
    reported = {"epochs": epochs, "lr": lr, "size": size, "flip": flip, "device": device}
    settings = resolve(reported, NamedRecipe("mine", {"clip_grad_norm": 1.0}, reaches=""))
    path = tmp_path_factory.mktemp("recipe") / "recipe.toml"
    path.write_text(to_toml(settings), encoding="utf-8")
    values, origins = read_toml(path)
    assert Recipe.of(**values) == settings.recipe
    assert origins == dict(settings.origins)


def test_settings_that_came_after_a_recipe_file_was_written_have_their_defaults(tmp_path):
    path = tmp_path / "recipe.toml"
    path.write_text('lr = 0.25\n\n[origin]\nlr = "user"\n')
    values, origins = read_toml(path)
    rows = {row.name: (row.value, row.origin) for row in setting_rows(ResolvedRecipe(Recipe.of(**values), origins))}
    assert rows["lr"] == (0.25, "user")
    assert rows["fit"] == ("auto", "default")


def test_another_policy_than_that_of_a_recipe_file_has_its_own_values(tmp_path):
    path = tmp_path / "run.toml"
    path.write_text(to_toml(resolve({"augment": "default", "hue": 5.0}, NamedRecipe("mine", {}, ""))))
    again = resolve({}, find_recipe(str(path)))
    assert again.recipe.augment == Policy(**{**vars(POLICIES["default"]), "hue": 5.0})
    assert (again.origins["crop"], again.origins["hue"]) == ("default", f"recipe {path}")
    other = resolve({"augment": "strong"}, find_recipe(str(path)))
    assert other.recipe.augment == POLICIES["strong"]
    path.write_text('augment = "default"\nflip = true\n')
    assert resolve({}, find_recipe(str(path))).origins["flip"] == f"recipe {path}"


def test_a_recipe_file_names_its_unknown_setting(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text("bach_size = 3\n")
    with pytest.raises(SettingError, match=r"mine.toml: no setting is called 'bach_size'; did you mean batch_size"):
        find_recipe(str(path))


def test_a_recipe_file_shows_what_the_run_chose_and_another_run_chooses_anew(tmp_path):
    source = open_source("mnist")
    sgd = resolve_with_data(source, RECIPES["mnist"], {"optimizer": "sgd"})
    path = tmp_path / "run.toml"
    path.write_text(to_toml(sgd, {"source": "idx", "cache": "memory"}), encoding="utf-8")
    text = path.read_text(encoding="utf-8")
    assert "nesterov = true" in text
    assert (text.count("; in this run: idx\n"), text.count("; in this run: memory\n")) == (1, 1)
    assert Recipe.of(**read_toml(path)[0]) == sgd.recipe
    plain = resolve_with_data(source, find_recipe(str(path)), {"momentum": 0.0})
    assert (plain.recipe.optimizer.nesterov, plain.recipe.reading.source) == (False, "auto")
    asked = resolve_with_data(source, RECIPES["mnist"], {"optimizer": "sgd", "nesterov": False})
    assert (asked.recipe.optimizer.nesterov, asked.origins["nesterov"]) == (False, "user")


def test_a_broken_recipe_file_is_one_line(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text("epochs = = 3\n")
    with pytest.raises(SettingError, match="is not a valid TOML file") as refused:
        find_recipe(str(path))
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("name", RECIPES)
def test_a_named_recipe_as_a_file_sets_what_the_recipe_sets_and_data_decide_the_rest(name, tmp_path):
    text = named_as_toml(RECIPES[name])
    path = tmp_path / "mine.toml"
    path.write_text(text)
    read = find_recipe(str(path))
    assert read.settings == RECIPES[name].settings
    assert resolve({}, read).recipe == resolve({}, RECIPES[name]).recipe
    of_lines = re.findall(r"^(# )?\w+ = .* # (default|recipe \S+): \w", text, re.MULTILINE)
    assert set(of_lines) == {("# ", "default"), ("", f"recipe {name}")}
    assert len(of_lines) == len(resolve({}, read).recipe.values())


def test_a_default_in_the_file_of_a_recipe_is_set_without_its_mark(tmp_path):
    text = named_as_toml(RECIPES["photos"])
    path = tmp_path / "mine.toml"
    path.write_text(re.sub(r"^# (?=\w+ = )", "", text, flags=re.MULTILINE))
    assert resolve({}, find_recipe(str(path))).recipe == resolve({}, RECIPES["photos"]).recipe
    path.write_text(text.replace("# shear = 0.0", "shear = 5.0"))
    assert find_recipe(str(path)).settings == {**RECIPES["photos"].settings, "shear": 5.0}


def test_every_recipe_tells_what_it_is_for_and_what_it_reaches():
    assert all(named.purpose and named.reaches for named in RECIPES.values())


def test_an_unknown_recipe_offers_the_nearest():
    with pytest.raises(SettingError, match="did you mean mnist-fast"):
        find_recipe("mnist-fats")


def test_every_setting_has_a_meaning_and_its_default_is_in_range():
    Recipe.of(**Recipe.of().values())
    assert all(one.setting.meaning for one in recipe_settings().values())


def test_every_setting_has_one_name():
    fields = [field for record in GROUPS.values() for field in declared_settings(record)]
    assert len(recipe_settings()) == len(fields)
    assert sorted({*recipe_settings()} & {*GROUPS}) == ["augment", "loss", "model", "optimizer", "schedule"]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"optimizer": "adamw", "momentum": 0.9},
            "optimizer = adamw does not take momentum; it takes lr, weight_decay, beta1, beta2; momentum is for sgd, rmsprop, muon",
        ),
        (
            {"optimizer": "rmsprop", "beta2": 0.9},
            "rmsprop does not take beta2; it takes lr, weight_decay, momentum, alpha",
        ),
        ({"optimizer": "sgd", "alpha": 0.9}, "sgd does not take alpha; it takes lr, weight_decay, momentum, nesterov"),
        ({"schedule": "cosine", "decay": 0.5}, "cosine does not take decay; it takes warmup"),
        (
            {"schedule": "exponential", "decay_epochs": 2},
            "exponential does not take decay_epochs; it takes warmup, decay",
        ),
        ({"augment": "light", "randaugment_count": 2}, "light does not take randaugment_count; .* is for randaugment"),
        ({"augment": "augmix", "elastic": 0.1}, "augmix does not take elastic"),
    ],
)
def test_a_setting_that_a_choice_does_not_take_is_refused_by_name(settings, message, tmp_path):
    with pytest.raises(SettingError, match=message):
        resolve(settings, NamedRecipe("mine", {}, reaches=""))
    with pytest.raises(SettingError, match=f"recipe mine: .*{message}"):
        resolve({}, NamedRecipe("mine", settings, reaches=""))


def test_a_choice_has_its_own_defaults():
    assert Recipe.of(optimizer="adam").optimizer == OptimizerSettings(
        name="adam", lr=1e-3, weight_decay=0.0, beta1=0.9, beta2=0.999
    )
    assert Recipe.of(optimizer="rmsprop").optimizer == OptimizerSettings(
        name="rmsprop", lr=1e-3, weight_decay=0.0, momentum=0.9, alpha=0.99
    )
    assert Recipe.of(schedule="one_cycle").schedule == ScheduleSettings(name="one_cycle", warmup=0.25)
    assert Recipe.of(schedule="linear").schedule == ScheduleSettings(name="linear", warmup=0.0)


def test_a_choice_of_the_user_leaves_behind_what_belonged_to_the_recipes():
    resolved = resolve({"optimizer": "sgd", "nesterov": False}, RECIPES["mnist"])
    sgd = OPTIMIZERS["sgd"]
    assert resolved.recipe.optimizer == OptimizerSettings(
        name="sgd", lr=sgd.lr, weight_decay=sgd.weight_decay, momentum=0.9, nesterov=False
    )
    assert {resolved.origins[name] for name in ("lr", "weight_decay", "momentum", "beta1")} == {"default"}
    assert not {"beta1", "beta2", "alpha"} & {*resolved.recipe.values()}
    assert resolved.recipe.with_values(optimizer="adam").optimizer.beta1 == 0.9


def test_a_learning_rate_was_chosen_for_its_optimizer():
    """Another optimizer begins with its own, unless the user typed one; the same optimizer keeps the recipe's."""
    named = NamedRecipe("mine", {"lr": 0.3, "weight_decay": 0.2, "beta1": 0.8}, reaches="")  # for AdamW, the default
    typed = resolve({"optimizer": "sgd", "lr": 0.7}, named)
    assert (typed.recipe.optimizer.lr, typed.origins["lr"]) == (0.7, "user")
    assert (typed.recipe.optimizer.weight_decay, typed.origins["weight_decay"]) == (
        OPTIMIZERS["sgd"].weight_decay,
        "default",
    )
    adam = resolve({"optimizer": "adam"}, named).recipe.optimizer
    assert (adam.lr, adam.weight_decay, adam.beta1) == (OPTIMIZERS["adam"].lr, OPTIMIZERS["adam"].weight_decay, 0.9)
    kept = resolve({"optimizer": "adamw"}, named)
    assert (kept.recipe.optimizer.lr, kept.recipe.optimizer.weight_decay) == (0.3, 0.2)
    assert (kept.origins["lr"], kept.origins["optimizer"]) == ("recipe mine", "user")


def test_another_schedule_begins_with_its_own_defaults():
    exponential = resolve({"schedule": "exponential"}, RECIPES["cifar10"])
    assert exponential.recipe.schedule == Recipe.of(schedule="exponential").schedule
    assert (exponential.origins["decay"], exponential.origins["warmup"]) == ("default", "default")
    assert resolve({"schedule": "one_cycle"}, RECIPES["mnist"]).recipe.schedule.warmup == 0.25
    assert resolve({"schedule": "linear"}, RECIPES["mnist"]).recipe.schedule.warmup == 0.1


def test_nesterov_needs_momentum():
    with pytest.raises(SettingError, match="nesterov = true: needs a momentum above 0"):
        Recipe.of(optimizer="sgd", nesterov=True, momentum=0)
    assert Recipe.of(optimizer="sgd", momentum=0).optimizer.nesterov is None


def test_optimizers_and_schedules_take_the_settings_of_their_records():
    for group in TAKES:
        declared = recipe_settings()[group].setting.choices
        assert declared == tuple(choice for choice in TAKES[group] if choice is not None)  # of a loss, the task decides
        assert all(group_of(name) == group for takes in TAKES[group].values() for name in takes)
        for choice in declared:
            Recipe.of(**{group: choice})


def test_a_recipe_file_has_a_table_for_each_group(tmp_path):
    content = tomllib.loads(to_toml(resolve({"rotate": 10}, RECIPES["mnist"])))
    assert list(content) == [*GROUPS, "origin"]
    assert content["optimizer"] == {"name": "adamw", "lr": 0.01, "weight_decay": 0.5, "beta1": 0.8, "beta2": 0.95}
    assert content["augment"]["rotate"] == 10.0
    assert (content["origin"]["optimizer"], content["origin"]["rotate"]) == ("recipe mnist", "user")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[optimiser]\nlr = 1.0\n", r"mine.toml: no table is called \[optimiser\]; did you mean optimizer"),
        ("[training]\nlr = 1.0\n", r"mine.toml: lr is in the table \[training\]; move it to \[optimizer\]"),
        ("[optimizer]\nadam = 1\n", r"mine.toml: no setting is called 'adam'"),
        ("lr = 1.0\n[optimizer]\nlr = 2.0\n", "mine.toml: lr is given twice"),
        (
            '[loss]\nname = "focale"\n',
            "mine.toml: loss = 'focale': takes one of cross_entropy.* did you mean focal",
        ),
        ('[augment]\npolicy = "digits"\n', r"mine.toml: \[augment\] has no policy; use name"),
        ("[model.extra]\nx = 1\n", r"mine.toml: \[model.extra\] is a table within \[model\]"),
        ("epochs = -1\n", "mine.toml: epochs = -1: out of range"),
    ],
)
def test_a_recipe_file_with_a_misplaced_setting_is_refused(tmp_path, text, message):
    (tmp_path / "mine.toml").write_text(text)
    with pytest.raises(SettingError, match=message):
        find_recipe(str(tmp_path / "mine.toml"))


def test_settings_may_stand_in_no_table_and_are_refused_like_others(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text('optimizer = "sgd"\nmomentum = 0.8\n[training]\nepochs = 2\n')
    recipe = Recipe.of(**read_toml(path)[0])
    assert (recipe.optimizer.name, recipe.optimizer.momentum) == ("sgd", 0.8)
    path.write_text("momentum = 0.7\n")
    with pytest.raises(SettingError, match=r"mine.toml: optimizer = adam\w* does not take momentum"):
        resolve({}, find_recipe(str(path)))
    path.write_text("clip = 1.0\n")
    with pytest.raises(SettingError, match=r"mine.toml: .*clip.*clip_grad_norm"):
        find_recipe(str(path))


def test_the_formats_of_data_are_those_that_are_opened():
    assert sorted(("auto", "folders", *(one.name for one in FOLDER_FORMATS))) == sorted(FORMATS)
