"""Initial weights before data are read: what is refused in one line, and whose network is trained."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from tests.jobs.conftest import QUICK, make_images

import striate as st
from striate.errors import SettingError
from striate.jobs import Run, train
from striate.runs.starting_weights import find_starting_weights
from striate.runs.weights_settings import with_model_of_weights
from striate.training import RECIPES, find_recipe


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
