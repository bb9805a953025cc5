"""Settings of transfer learning: what they take, what does not go together, and what the user's choice leaves behind."""

import tomllib

import pytest

from striate.errors import SettingError
from striate.training import NamedRecipe, Recipe, TransferSettings, find_recipe, resolve, to_toml

SMOOTH = {"weights": "imagenet", "freeze": "all", "label_smoothing": 0.1, "mixup": 0.2}


def test_the_defaults_train_every_layer_from_scratch_at_one_rate():
    assert Recipe.of().transfer == TransferSettings(
        weights="none", head="linear", freeze="none", unfreeze_every=0, layer_decay=1.0
    )


@pytest.mark.parametrize("freeze", ["all", "none", 0, 3])
def test_a_recipe_file_gives_the_frozen_layers_back(freeze, tmp_path):
    path = tmp_path / "recipe.toml"
    path.write_text(to_toml(resolve({"weights": "imagenet", "freeze": freeze}, NamedRecipe("mine", {}, reaches=""))))
    assert tomllib.loads(path.read_text())["transfer"]["freeze"] == freeze
    assert resolve({}, find_recipe(str(path))).recipe.transfer.freeze == freeze


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"freeze": "some"}, "freeze = 'some': takes a whole number or one of all, none, auto"),
        ({"freeze": 1.5}, r"freeze = 1\.5: takes a whole number or one of all, none, auto"),
        ({"freeze": -1}, "freeze = -1: out of range"),
        ({"layer_decay": 1.1}, r"layer_decay = 1\.1: out of range, takes 0 to 1"),
        ({"head": "tree"}, "head = 'tree': takes one of linear, logistic, svm, knn, prototype"),
        ({"pretrained": True}, "no setting is called 'pretrained'; use weights"),
        ({"unfreeze_every": 2}, "unfreeze_every = 2: no layer is frozen; give freeze = all"),
        (
            {"unfreeze_every": 3, "freeze": 2, "weights": "imagenet", "epochs": 3},
            "nothing is unfrozen in 3 epochs; give a smaller",
        ),
        ({"unfreeze_every": 2, "freeze": 0}, "unfreeze_every = 2: no layer is frozen"),
        ({"freeze": "all"}, "freeze = all: with weights = none random features would stay; give weights = imagenet"),
        ({"epochs": 0}, "epochs = 0: with weights = none nothing would be learned; give weights = imagenet"),
        (
            {"freeze_batch_norm": True},
            "freeze_batch_norm = true: with weights = none there are no statistics to keep; give",
        ),
        ({"head": "svm"}, "head = svm: with weights = none .* give weights = imagenet"),
        ({**SMOOTH, "head": "knn"}, r"mixup = 0\.2: makes soft labels, and head = knn .* give mixup = 0"),
        (
            {**SMOOTH, "mixup": 0, "head": "prototype"},
            r"label_smoothing = 0\.1: makes soft labels, and head = prototype .* give label_smoothing = 0, or head = linear",
        ),
        (
            {"weights": "imagenet", "head": "knn", "epochs": 0, "balance": "weights"},
            "balance = weights: head = knn takes no weights of classes; give balance = none, or head = linear",
        ),
        (
            {"weights": "imagenet", "epochs": 0, "lr": 0.1},
            "lr = 0.1: has no effect with epochs = 0, which fits a head on the features of plain images; leave it out, or give",
        ),
        (
            {"weights": "imagenet", "epochs": 0, "label_smoothing": 0.1, "mixup": 0.2, "augment": "default"},
            "augment = default, mixup = 0.2, label_smoothing = 0.1: have no effect with epochs = 0, .* leave them out",
        ),
        ({"weights": "imagenet", "epochs": 0, "freeze": 2}, "freeze = 2: has no effect with epochs = 0"),
        ({"weights": "imagenet", "epochs": 0, "freeze": "none"}, "freeze = none: has no effect with epochs = 0"),
        (
            {"weights": "imagenet", "epochs": 0, "freeze_batch_norm": True},
            "freeze_batch_norm = true: has no effect with epochs = 0",
        ),
        ({"weights": "imagenet", "epochs": 0, "batch_size": 8}, "batch_size = 8: has no effect with epochs = 0"),
        (
            {"weights": "imagenet", "freeze": "all", "layer_decay": 0.8},
            "layer_decay = 0.8: has no effect with freeze = all, .* leave it out, or give freeze = none",
        ),
        (
            {"weights": "imagenet", "freeze": "all", "freeze_batch_norm": True},
            "freeze_batch_norm = true: has no effect with freeze = all, which keeps all statistics; leave it out",
        ),
        (
            {"download": True},
            "download = true: has no effect with weights = none; leave it out, or give weights = imagenet",
        ),
        ({"weights": "runs/mine", "download": True}, "download = true: has no effect with weights = runs/mine"),
        ({"weights": "imagenet", "epochs": 0, "layer_decay": 0.8, "ema": 0.9}, "layer_decay = 0.8, ema = 0.9: have no"),
        (
            {"weights": "imagenet", "head": "knn", "epochs": 3},
            "head = knn: is fitted on features and not trained further; leave epochs out, or give head",
        ),
        ({"head": "knn"}, "head = knn: with weights = none it would be fitted on random features"),
        (
            {"weights": "imagenet", "head": "knn", "lr": 0.1},
            "lr = 0.1: has no effect with epochs = 0, .* leave it out, or give head = linear",
        ),
        (
            {"weights": "imagenet", "head": "knn", "freeze": "all", "unfreeze_every": 1},
            "head = knn: is fitted on features .* leave unfreeze_every out",
        ),
    ],
)
def test_what_does_not_go_together_is_refused_in_one_line(settings, message):
    with pytest.raises(SettingError, match=message) as refused:
        resolve(settings, NamedRecipe("mine", {}, reaches=""))
    assert "\n" not in str(refused.value)


def test_what_only_epochs_use_may_come_from_a_recipe_or_be_off():
    smooth = NamedRecipe("smooth", {**SMOOTH, "lr": 0.5, "balance": "weights"}, reaches="")
    off = {
        "epochs": 0,
        "augment": "none",
        "freeze": "all",
        "label_smoothing": 0.0,
        "keep": "best",
        "precision": "float32",
        "seed": 3,
    }
    assert resolve(off, smooth).recipe.loss.balance == "weights"
    assert resolve({"head": "knn", "epochs": 0}, smooth).recipe.loss.balance == "none"


@pytest.mark.parametrize(
    "settings",
    [
        {"freeze": 2, "layer_decay": 0.7},
        {"weights": "imagenet", "epochs": 0},
        {"weights": "imagenet", "epochs": 0, "head": "knn"},
        {"weights": "imagenet", "epochs": 0, "freeze": "all", "head": "prototype"},
        {"weights": "runs/mine", "freeze": 3, "head": "svm", "unfreeze_every": 1, "mixup": 0.2},
    ],
)
def test_what_goes_together_is_taken(settings):
    values = Recipe.of(**settings).values()
    assert {name: values[name] for name in settings} == settings


@pytest.mark.parametrize("head", ["knn", "prototype"])
@pytest.mark.parametrize("own", [{}, {"epochs": 6, "weights": "imagenet", "label_smoothing": 0.1}])
def test_a_head_that_is_not_trained_further_has_no_epochs_unless_some_are_typed(head, own):
    recipe, typed = NamedRecipe("mine", own, reaches=""), {"weights": "imagenet", "head": head}
    settings = resolve(typed, recipe)
    assert (settings.recipe.training.epochs, settings.origins["epochs"]) == (0, "default")
    assert settings.reasons == (
        f"tuning:  none, epochs = 0: a {head} head is fitted on features and not trained further",
    )
    assert resolve({**typed, "epochs": 0}, recipe).reasons == ()
    assert resolve({"weights": "imagenet", "head": "svm"}, recipe).recipe.training.epochs == own.get("epochs", 20)
    with pytest.raises(SettingError, match=f"head = {head}: is fitted on features"):
        resolve({**typed, "epochs": 1}, recipe)


def test_a_recipe_file_with_such_a_head_needs_no_epochs(tmp_path):
    path = tmp_path / "recipe.toml"
    path.write_text('weights = "imagenet"\nhead = "knn"')
    assert resolve({}, find_recipe(str(path))).recipe.training.epochs == 0
    path.write_text('weights = "imagenet"\nhead = "knn"\nepochs = 2')
    with pytest.raises(SettingError, match=r"recipe\.toml: head = knn: is fitted on features"):
        find_recipe(str(path))


@pytest.mark.parametrize(
    "settings",
    [
        {"weights": "imagenet", "download": True, "epochs": 0},
        {"weights": "imagenet", "freeze": "all", "unfreeze_every": 1, "layer_decay": 0.8},
        {"weights": "imagenet", "freeze": "all", "layer_decay": 1.0},
    ],
)
def test_what_has_an_effect_or_is_off_is_taken(settings):
    resolve(settings, NamedRecipe("decay", {"layer_decay": 0.5}, reaches=""))


def test_the_users_choice_leaves_behind_what_does_not_go_with_it():
    smooth = NamedRecipe("smooth", {**SMOOTH, "layer_decay": 0.5, "unfreeze_every": 2}, reaches="")
    nearest = resolve({"head": "knn", "epochs": 0}, smooth)
    assert (nearest.recipe.loss.label_smoothing, nearest.recipe.augment.mixup) == (0, 0)
    assert (nearest.recipe.transfer.freeze, nearest.recipe.transfer.unfreeze_every) == ("all", 0)
    assert nearest.origins["mixup"] == "default"
    scratch = resolve({"weights": "none"}, smooth).recipe
    assert (scratch.transfer, scratch.augment.mixup) == (TransferSettings(), 0.2)
    assert resolve({"freeze": "none"}, smooth).recipe.transfer.unfreeze_every == 0
    with pytest.raises(SettingError, match="makes soft labels"):
        resolve({"head": "knn", "mixup": 0.1, "epochs": 0}, smooth)
