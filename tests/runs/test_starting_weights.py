"""Initial weights before data are read: what is refused in one line, and whose network is trained."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from tests.jobs.conftest import QUICK, make_images

import striate as st
from striate.errors import SettingError
from striate.jobs import Run, train
from striate.models import create_model, pretrained_input
from striate.runs.starting_weights import find_starting_weights
from striate.runs.weights_settings import resolve_with_weights, with_model_of_weights
from striate.sources import open_source
from striate.training import RECIPES, find_recipe
from striate.views import Normalization


@pytest.fixture(scope="module")
def short(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("short")
    return train(make_images(folder / "data", each=4), out=folder / "run", progress=False, **{**QUICK, "epochs": 1})


@pytest.fixture
def copy(short: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    shutil.copytree(short.path, "run")
    return Path("run")


def status(copy: Path, value: str) -> Path:
    manifest = json.loads((copy / "manifest.json").read_text())
    (copy / "manifest.json").write_text(json.dumps({**manifest, "status": value}))
    return copy


def cross_validation(copy: Path) -> Path:
    Path("folds").mkdir()
    copy.rename("folds/fold-1")
    Path("folds/folds.json").write_text("{}")
    return Path("folds")


def damaged(copy: Path, name: str) -> Path:
    file = copy / "bundle" / name
    content = file.read_bytes()
    file.write_bytes(content[:-99] + b"7" + content[-98:])
    return copy


def truncated(copy: Path) -> Path:
    content = (copy / "bundle" / "model.safetensors").read_bytes()
    Path("some.safetensors").write_bytes(content[:-1])
    return Path("some.safetensors")


def missing(_: Path) -> Path:
    return Path("nowhere")


def text(_: Path, name: str) -> Path:
    Path(name).write_text("hello")
    return Path(name)


def empty_folder(_: Path) -> Path:
    Path("empty").mkdir()
    return Path("empty")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (missing, "there is no such file or run"),
        (empty_folder, "is neither a run nor a bundle; give imagenet, a weights file or a run"),
        (lambda copy: status(copy, "running"), "the run is not finished; `striate resume run` finishes it"),
        (lambda copy: status(copy, "diverged"), "the run diverged and has no trained network; train again"),
        (cross_validation, "it is a cross-validation, give one of its folds: folds/fold-1"),
        (lambda copy: damaged(copy, "model.json"), "was changed after it was written; copy the bundle again"),
        (lambda copy: damaged(copy, "model.safetensors"), "was changed after it was written; copy the bundle again"),
        (truncated, "is damaged or not a safetensors file"),
        (lambda copy: text(copy, "some.safetensors"), "is damaged or not a safetensors file"),
        (lambda copy: text(copy, "some.pth"), "is not a PyTorch file: it begins with 'hello'"),
    ],
)
def test_what_is_refused_in_one_line_before_data_are_read(make, message, copy, capsys):
    path = make(copy)
    with pytest.raises(SettingError) as caught:
        find_starting_weights(str(path), "bn_gap_cnn")
    assert str(caught.value).startswith(f"weights = {path}: ")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    with pytest.raises(SettingError, match=f"weights = {path}"):
        st.features("no such data", weights=path, model=None if path.is_dir() else "resnet18")
    with pytest.raises(SettingError, match=f"weights = {path}"):
        train("no such data", weights=path, model="resnet18")


def test_the_network_is_that_of_the_run_unless_another_is_typed(short, tmp_path, copy):
    run = str(short.path)
    alone, both = tmp_path / "alone.toml", tmp_path / "both.toml"
    alone.write_text(f'weights = "{run}"')
    both.write_text(f'weights = "{run}"\nmodel = "resnet18"')
    decided = {"weights": run, "model": "bn_gap_cnn"}
    assert with_model_of_weights({"weights": run}, RECIPES["photos"]) == decided
    assert with_model_of_weights({"weights": run}, find_recipe(str(both))) == decided
    assert with_model_of_weights({}, find_recipe(str(alone))) == {"model": "bn_gap_cnn"}
    assert with_model_of_weights({}, find_recipe(str(both))) == {}
    typed = {"weights": run, "model": "resnet18"}
    assert with_model_of_weights(typed, RECIPES["photos"]) == typed
    of_bundle = {"weights": f"{run}/bundle/model.safetensors"}
    assert with_model_of_weights(of_bundle, RECIPES["photos"])["model"] == "bn_gap_cnn"


def test_a_file_takes_the_network_of_the_recipe(tmp_path):
    torch.save({"weight": torch.ones(2)}, tmp_path / "some.pth")
    typed = {"weights": str(tmp_path / "some.pth")}
    assert with_model_of_weights(typed, RECIPES["photos"]) == typed
    (tmp_path / "r.toml").write_text("epochs = 3")
    with pytest.raises(SettingError, match=r"some\.pth: a file does not tell its network; name it with model"):
        with_model_of_weights(typed, find_recipe(str(tmp_path / "r.toml")))


def test_a_relative_path_in_a_recipe_becomes_absolute(short, copy, tmp_path):
    Path("r.toml").write_text('weights = "run"\nepochs = 0\nval = 0.0')
    run = train(make_images(tmp_path / "other", each=3), recipe="r.toml", out="again", progress=False, device="cpu")
    assert f'weights = "{tmp_path / "run"}"' in (run.path / "recipe.toml").read_text()


def saved(name: str, path: Path, **arguments: Any) -> Path:
    torch.manual_seed(0)
    weights = create_model(name, **arguments).state_dict()
    if path.suffix == ".pth":
        torch.save({f"module.{key}": value for key, value in weights.items()}, path)
    else:
        save_file(weights, path)
    return path


@pytest.mark.parametrize(
    ("file", "arguments", "is_alike"),
    [
        ("old.pth", {"classes": 1000}, True),
        ("old.safetensors", {"classes": 1000}, True),
        ("old.safetensors", {"classes": 1000, "size": 32}, True),  # another first stride, and the same shapes
        ("old.safetensors", {"classes": 7}, False),
        ("old.safetensors", {"classes": 1000, "channels": 1}, False),
        pytest.param("old.pth", {"classes": 1000, "size": 32}, True, marks=pytest.mark.large),
        pytest.param("old.pth", {"classes": 7}, False, marks=pytest.mark.large),
        pytest.param("old.pth", {"classes": 1000, "channels": 1}, False, marks=pytest.mark.large),
    ],
)
def test_a_file_with_the_shapes_of_the_published_weights_expects_their_input(file, arguments, is_alike, tmp_path):
    found = find_starting_weights(str(saved("shufflenet_v2_x0_5", tmp_path / file, **arguments)), "shufflenet_v2_x0_5")
    assert found is not None
    expected = pretrained_input("shufflenet_v2_x0_5")
    assert found.size == (expected.size if is_alike else None)
    assert found.normalization == (Normalization(expected.mean, expected.std) if is_alike else None)
    assert found.provenance == {}  # nobody is named as their publisher


def test_a_file_of_a_network_that_nobody_published_has_no_input(tmp_path):
    found = find_starting_weights(str(saved("bn_gap_cnn", tmp_path / "a.pth", classes=1000)), "bn_gap_cnn")
    assert found is not None
    assert (found.size, found.normalization) == (None, None)


def test_training_and_features_take_the_same_input_for_a_file_and_tell_why(tmp_path, capsys):
    data = make_images(tmp_path / "data", each=3)
    file = saved("shufflenet_v2_x0_5", tmp_path / "old.safetensors", classes=1000)
    given: dict[str, Any] = {"weights": file, "model": "shufflenet_v2_x0_5"}
    run = train(data, out=tmp_path / "run", epochs=0, device="cpu", threads=1, val=0, **given)
    reason = f"as for the published weights of shufflenet_v2_x0_5, whose 1000 classes {file} has too"
    assert f"input:   size = 224 and normalize = weights, {reason}" in run.manifest["reasons"]
    assert reason in capsys.readouterr().out
    of_file, of_run = (
        st.features(data, out=tmp_path / "f.npz", projection="pca", **which) for which in (given, {"weights": run.path})
    )
    assert reason in capsys.readouterr().out
    np.testing.assert_allclose(of_file.embeddings, of_run.embeddings, rtol=1e-4, atol=1e-5)


def test_what_is_typed_wins_over_what_a_file_expects_and_an_unknown_input_is_named(tmp_path):
    data = make_images(tmp_path / "data", each=3)
    model, alone = "shufflenet_v2_x0_5", RECIPES["photos"]
    source = open_source(data)
    source.take_survey(lambda *_: None)
    alike, ours = (saved(model, tmp_path / f"{classes}.safetensors", classes=classes) for classes in (1000, 7))

    def resolved(file: Path, **typed: Any) -> tuple[Any, Any, list[str]]:
        settings = resolve_with_weights(source, alone, {"weights": str(file), "model": model, **typed})
        reasons = [line for line in settings.reasons if line.startswith("input:")]
        return settings.recipe.model.size, settings.recipe.data.normalize, reasons

    assert resolved(alike, size=64, normalize="imagenet") == (64, "imagenet", [])
    assert resolved(alike, size=64)[2][0].startswith("input:   normalize = weights, as for the published weights")
    why = f"by the data: nothing tells which size and normalization {ours} expects; give size and normalize if you know"
    assert resolved(ours) == (24, "data", [f"input:   size = 24 and normalize = data, {why}"])
    assert resolved(ours, size=64, normalize="imagenet") == (64, "imagenet", [])
