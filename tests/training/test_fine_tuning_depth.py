"""How far is fine-tuned where the data decide: by the images of the median class, and not where no image validates."""

from typing import Any

import pytest

from striate.errors import SettingError
from striate.models import create_model
from striate.training import find_recipe, resolve
from striate.training.fine_tuning_depth import fine_tune_at_once, resolve_fine_tuning
from striate.training.freezing import first_epochs

MANY, FEW = [25, 26, 90], [3, 24, 90]


@pytest.mark.parametrize(
    ("typed", "counts", "validation", "stages", "freeze", "epochs", "reason"),
    [
        ({}, MANY, 3, 5, 2, 6, "stem and 2 of 5 stages frozen, 6 epochs, for 26 training images in the median class"),
        ({}, MANY, 3, 2, 1, 6, "stem and 1 of 2 stages frozen"),
        ({}, MANY, 3, 1, 0, 6, "all layers"),
        (
            {},
            FEW,
            3,
            5,
            "all",
            0,
            "the head alone: 24 training images in the median class, fewer than 25; epochs = 6",
        ),
        ({}, MANY, 0, 5, "all", 0, "no validation images judge more; epochs = 6 fine-tunes"),
        ({"epochs": 4}, FEW, 0, 5, 2, 4, "stem and 2 of 5 stages frozen, 4 epochs, since it is asked for"),
        ({"unfreeze_every": 1}, FEW, 3, 5, 2, 6, "since it is asked for"),
        ({"batch_size": 8}, FEW, 3, 5, 2, 6, "since it is asked for"),
        ({"lr": 0.001}, FEW, 3, 5, 2, 6, "since it is asked for"),
        ({"augment": "none", "label_smoothing": 0.0}, FEW, 3, 5, "all", 0, "the head alone"),
        ({"freeze": "auto"}, MANY, 3, 5, 2, 6, "for 26 training images"),
        ({"freeze": 1}, FEW, 0, 5, 1, 6, ""),
        ({"freeze": "none", "epochs": 2}, FEW, 0, 5, "none", 2, ""),
        ({"epochs": 0}, MANY, 3, 5, "all", 0, ""),
        ({"weights": "none", "freeze": "auto"}, FEW, 3, 5, "none", 6, ""),
    ],
)
def test_the_number_of_images_decides(
    typed: dict[str, Any], counts: list[int], validation: int, stages: int, freeze: Any, epochs: int, reason: str
) -> None:
    settings = resolve_fine_tuning(resolve(typed, find_recipe("photos")), counts, 118, validation, stages)
    assert (settings.recipe.transfer.freeze, settings.recipe.training.epochs) == (freeze, epochs)
    assert [reason in line for line in settings.reasons] == ([True] if reason else [])
    assert not any("--" in line for line in settings.reasons)  # they are for Python too
    assert settings.origins["freeze"] == ("user" if typed.get("freeze", "auto") != "auto" else "data")
    assert settings.origins["epochs"] == ("user" if "epochs" in typed else "data" if epochs == 0 else "recipe photos")


@pytest.mark.parametrize(("images", "epochs"), [(24, 0), (25, 6)])
def test_of_numbers_all_images_count(images: int, epochs: int) -> None:
    settings = resolve_fine_tuning(resolve({}, find_recipe("photos")), [], images, 3, 5)
    assert settings.recipe.training.epochs == epochs
    assert f" {images} training images" in settings.reasons[0]
    assert "class" not in settings.reasons[0]


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        ({"head": "svm"}, "head = svm: is not for masks; give head = linear"),
        ({"epochs": 0}, "epochs = 0: would fit a head on features, and there is none for masks; give epochs of 1"),
    ],
)
def test_where_no_head_is_fitted_what_needs_one_is_refused(typed: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingError, match=message):
        fine_tune_at_once(resolve(typed, find_recipe("photos")), "masks", 5)
    settings = fine_tune_at_once(resolve({}, find_recipe("photos")), "masks", 5)
    assert (settings.recipe.transfer.freeze, settings.recipe.training.epochs) == (2, 6)


@pytest.mark.parametrize(
    ("every", "epochs", "told"),
    [
        (1, 6, "frozen at first, one stage fewer each epoch, none from epoch 3, 6 epochs"),
        (2, 5, "frozen at first, one stage fewer every 2 epochs, none from epoch 5, 5 epochs"),
        (2, 4, "frozen at first, one stage fewer every 2 epochs, stem and 1 to the end, 4 epochs"),
    ],
)
def test_gradual_unfreezing_is_told_as_the_layers_are_unfrozen(every: int, epochs: int, told: str) -> None:
    network = create_model("efficientnet_lite0", classes=3)
    typed = {"unfreeze_every": every, "epochs": epochs}
    settings = resolve_fine_tuning(resolve(typed, find_recipe("photos")), MANY, 141, 3, len(network.stages()))
    assert f"stem and 2 of 5 stages {told}" in settings.reasons[0]
    last = max(first_epochs(network, settings.recipe.transfer).values())  # from 0
    assert last == every * 2
    assert (last < epochs) == ("none from" in told)
