"""What is wrong whatever the data are is refused before any data are read: here there are none at all."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import striate as st
from striate.errors import StriateError

NOWHERE = "no/such/data"


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"model": "resnet81"}, "there is no model 'resnet81'; did you mean"),
        ({"model": "nosuch"}, "there is no model 'nosuch'; `striate models` or list_models"),
        ({"model": "digit_cnn", "size": 8}, "size = 8: too small for digit_cnn"),
        ({"model": "lenet5", "dropout": 0.5}, "lenet5 has no dropout"),
        ({"recipe": "photos", "model": "resnet81"}, "there is no model 'resnet81'"),
        ({"recipe": "fotos"}, "no recipe is called 'fotos'"),
        ({"from_scratch": True, "epochs": 0}, "epochs = 0: with weights = none nothing would be learned"),
        (
            {"model": "squeezenet1_1", "recipe": "photos"},
            "SqueezeNet classifies with a convolution, .* or --from-scratch",
        ),
        ({"epoch": 3}, "no setting is called 'epoch'"),
        ({"optimizer": "sgd", "beta1": 0.9}, "optimizer = sgd does not take beta1"),
        ({"augment": "photos"}, "augment = 'photos': is called default now"),
        ({"device": "abacus"}, "abacus"),
        ({"out": "."}, "already exists"),
    ],
)
@pytest.mark.parametrize("train", [st.train, lambda data, **settings: st.train_folds(data, folds=2, **settings)])
def test_train(train: Callable[..., Any], settings: dict[str, Any], message: str) -> None:
    with pytest.raises(StriateError, match=message):
        train(NOWHERE, progress=False, **settings)


@pytest.mark.parametrize("settings", [{}, {"momentum": 0.9, "optimizer": "sgd"}, {"beta1": 0.8}, {"size": 16}])
def test_what_may_be_right_for_some_data_waits_for_them(settings: dict[str, Any]) -> None:
    with pytest.raises(StriateError, match="no/such/data does not exist"):
        st.train(NOWHERE, progress=False, **settings)


def test_a_network_that_cannot_start_from_the_weights_that_are_here_starts_from_random_ones_unless_they_are_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "squeezenet1_1-b8a52dc0.pth").write_bytes(b"not read")
    monkeypatch.setenv("STRIATE_WEIGHTS", str(tmp_path))
    with pytest.raises(StriateError, match="SqueezeNet classifies with a convolution, .* or --from-scratch") as error:
        st.train(NOWHERE, model="squeezenet1_1", weights="imagenet", progress=False)
    assert error.value.__notes__ == ["From Python: from_scratch="]
    random: list[dict[str, Any]] = [{}, {"from_scratch": True}, {"weights": "none"}]
    for settings in random:
        with pytest.raises(StriateError, match="no/such/data does not exist"):
            st.train(NOWHERE, model="squeezenet1_1", progress=False, **settings)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"out": "no/such/page.html"}, "there is no folder"),
        ({"out": "."}, "is a folder"),
        ({"run": "absent"}, "no such run"),
    ],
)
def test_check(given: dict[str, Any], message: str) -> None:
    with pytest.raises(StriateError, match=message):
        st.check(NOWHERE, progress=False, **given)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"out": "sheet.jpg"}, "is no PNG"),
        ({"out": "no/such/a.png"}, "there is no folder"),
        ({"rotate": 999}, "out of range"),
    ],
)
def test_augment(given: dict[str, Any], message: str) -> None:
    with pytest.raises(StriateError, match=message):
        st.augment(NOWHERE, **given)


def test_a_folder_that_was_checked_is_not_created(tmp_path: Path) -> None:
    with pytest.raises(StriateError, match="does not exist"):
        st.train(NOWHERE, out=tmp_path / "run", progress=False)
    assert list(tmp_path.iterdir()) == []


def test_check_refuses_a_group_that_is_not_there_before_it_reads_an_image(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("striate.jobs.check_data.take_fingerprints", lambda *_, **__: pytest.fail("images were read"))
    with pytest.raises(StriateError, match="group = 'x': is no column"):
        st.check("mnist", group="x", progress=False)
