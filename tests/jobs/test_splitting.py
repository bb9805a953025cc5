"""The split of a run: what was asked for, written down, and the same ever after."""

import csv
import shlex
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from tests.jobs.conftest import QUICK, make_images

from striate.cli import main
from striate.data import ClassTargets, LabeledImages, split_samples
from striate.data.images import TensorImages
from striate.errors import DataError, RunError, SettingError
from striate.jobs import Run, resume, train
from striate.runs.random_splits import deviating_splits, random_shares, split_origin
from striate.training import Recipe

ONCE = {**QUICK, "epochs": 1}


def splits(path: Path) -> dict[str, str]:
    with (path / "splits.csv").open(newline="") as file:
        return {row["id"]: row["split"] for row in csv.DictReader(file)}


def test_the_split_is_written_down_with_every_image(trained):
    reported = splits(trained.path)
    assert len(reported) == 60
    counts = trained.manifest["data"]["counts"]
    assert {name: list(reported.values()).count(name) for name in counts} == counts


def test_another_run_takes_it_over_exactly(shapes, trained, tmp_path, monkeypatch):
    monkeypatch.chdir(trained.path.parent)
    one = train(shapes, out=tmp_path / "one", progress=False, split=trained.path.name, seed=9, **ONCE)
    assert f"--split {trained.path}" in one.manifest["command"]  # which works from anywhere
    assert splits(one.path) == splits(trained.path)
    two = train(shapes, out=tmp_path / "two", progress=False, split=str(one.path / "splits.csv"), seed=8, **ONCE)
    assert splits(two.path) == splits(trained.path)
    drawn = train(shapes, out=tmp_path / "drawn", progress=False, seed=9, **ONCE)
    assert splits(drawn.path) != splits(trained.path)


def exchanged(run: Path) -> None:
    """Two rows of splits.csv with the split of the other."""
    rows = (run / "splits.csv").read_text()
    for old, new in ((",train,", ",x,"), (",test,", ",train,"), (",x,", ",test,")):
        rows = rows.replace(old, new, 1)
    (run / "splits.csv").write_text(rows)


def test_a_split_that_is_not_as_the_other_run_wrote_it_is_not_taken_over(shapes, trained, tmp_path):
    other = tmp_path / "other"
    shutil.copytree(trained.path, other)
    exchanged(other)
    with pytest.raises(RunError, match=r"other/splits\.csv: was changed after the run wrote it"):
        train(shapes, out=tmp_path / "run", progress=False, split=str(other), **ONCE)
    (other / "splits.csv").unlink()
    with pytest.raises(RunError, match=r"other/splits\.csv: is missing"):
        train(shapes, out=tmp_path / "run", progress=False, split=str(other), **ONCE)
    assert not (tmp_path / "run").exists()


def test_a_run_that_was_cut_off_does_not_go_on_with_another_split(shapes, tmp_path, monkeypatch):
    with monkeypatch.context() as patched:
        patched.setattr("striate.jobs.train_network.finish_run", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            train(shapes, out=tmp_path / "cut", progress=False, **ONCE)
    taken = train(shapes, out=tmp_path / "taken", progress=False, split=str(tmp_path / "cut"), **ONCE)
    assert splits(taken.path) == splits(tmp_path / "cut")
    exchanged(tmp_path / "cut")
    with pytest.raises(RunError, match=r"cut/splits\.csv: was changed after the run wrote it"):
        resume(tmp_path / "cut", progress=False)


def test_evaluation_measures_what_the_run_wrote_down_and_not_what_would_be_drawn(shapes, tmp_path):
    run = train(shapes, out=tmp_path / "run", progress=False, **ONCE)
    assert run.evaluate() == run.metrics["test"]
    recipe = run.path / "recipe.toml"
    recipe.write_text(recipe.read_text().replace("seed = 0", "seed = 1"))
    assert run.evaluate() == run.metrics["test"]  # by the seed others would be drawn
    rows = (run.path / "splits.csv").read_text()
    moved = rows.replace(",train", ",TRAIN").replace(",test", ",train").replace(",TRAIN", ",test")
    (run.path / "splits.csv").write_text(moved)
    with pytest.raises(RunError, match="was changed after the run wrote it"):
        run.evaluate()
    (run.path / "splits.csv").unlink()
    with pytest.raises(RunError, match="is missing"):  # nor is it drawn again
        run.evaluate()


def test_groups_stay_together_and_the_command_gives_the_run_again(tmp_path, monkeypatch):
    data = make_images(tmp_path / "data", each=20)
    settings: dict[str, Any] = {
        "group": r"/(\d)",
        "balance": "sampler",
        "split": "random",
        "leakage": "warn",
        "cache": "memory",
    }
    run = train(data, out=tmp_path / "run", progress=False, **ONCE, **settings)
    sides: dict[str, set[str]] = {}
    for id_, split in splits(run.path).items():
        sides.setdefault(id_.split("/")[1][0], set()).add(split)
    assert all(len(side) == 1 for side in sides.values())
    assert len(sides) == 10
    words = shlex.split(run.manifest["command"])
    for name, value in settings.items():
        assert words[words.index(f"--{name}") + 1] == value
    words[words.index("--out") + 1] = str(tmp_path / "again")
    with pytest.raises(SystemExit, match="0"):
        main([*words[1:], "--quiet"])
    weights = [(tmp_path / name / "bundle" / "model.safetensors").read_bytes() for name in ("run", "again")]
    assert weights[0] == weights[1]
    assert splits(tmp_path / "again") == splits(run.path)


@pytest.mark.parametrize(
    ("settings", "expected_message"),
    [
        ({"group": "patient"}, r"group = 'patient': is no column \(.* has no columns\)"),
        ({"group": "(nothing)"}, "finds no group in 60 of 60 ids"),
        ({"group": "(png)"}, "60 images of the groups png cannot be divided"),
        ({"split": "stratifid"}, "split = 'stratifid': takes stratified, random, the folder of a run, or a CSV"),
        ({"split": "nowhere/split.csv"}, "takes stratified, random"),
        ({"folds": 1}, "folds = 1: a single fold leaves no"),
        ({"fold": 2}, "fold = 2: --folds is missing"),
        ({"folds": 3, "fold": 4}, "fold = 4: is not one of 3 folds"),
        ({"folds": 3}, "call train_folds"),
        ({"folds": 70, "fold": 1}, "folds = 70: there are 60 images, too few"),
        ({"balance": "weight"}, "takes one of none, weights, sampler"),
        ({"cache": "ram"}, "takes one of auto, memory, disk, none"),
        ({"leakage": "ignore"}, "takes one of stop, warn"),
    ],
)
def test_what_cannot_be_split_is_one_line_and_leaves_nothing(shapes, tmp_path, settings, expected_message):
    with pytest.raises((SettingError, DataError), match=expected_message) as refused:
        train(shapes, out=tmp_path / "run", progress=False, **{**ONCE, **settings})
    assert "\n" not in str(refused.value)
    assert list(tmp_path.iterdir()) == []


def test_a_split_file_leaves_no_room_for_groups_and_folds(shapes, trained, tmp_path):
    for other in ({"group": "(x)"}, {"folds": 3, "fold": 1}):
        with pytest.raises(SettingError, match="is used as it is, so --folds and --group have no effect"):
            train(shapes, out=tmp_path / "run", progress=False, split=str(trained.path), **ONCE, **other)


def test_a_split_of_other_data_names_what_differs(trained, tmp_path):
    data = make_images(tmp_path / "data", each=21)
    with pytest.raises(
        DataError, match=r"splits.csv lacks 3 images of the data: dark/20.png, light/20.png, striped/20.png;"
    ):
        train(data, out=tmp_path / "run", progress=False, split=str(trained.path), **ONCE)
    assert not (tmp_path / "run").exists()


def leaky(folder: Path, copies: int) -> Path:
    """Given splits, of which test has copies of training images."""
    make_images(folder / "train", each=14)
    (folder / "test").mkdir()
    for kind in ("dark", "light", "striped"):
        (folder / "test" / kind).mkdir()
        (folder / "train" / kind / "13.png").rename(folder / "test" / kind / "13.png")
    for number in range(copies):
        image = (folder / "train" / "dark" / f"{number}.png").read_bytes()
        (folder / "test" / "dark" / f"copy{number}.png").write_bytes(image)
    return folder


def test_leakage_across_given_splits_stops_before_training(tmp_path, capsys):
    data = leaky(tmp_path / "data", copies=1)
    with pytest.raises(DataError) as refused:
        train(data, out=tmp_path / "run", progress=False, val=0.0, **ONCE)
    reported = str(refused.value)
    assert "train/dark/0.png = test/dark/copy0.png" in reported
    assert "--leakage warn" in reported
    assert "\n" not in reported
    assert not (tmp_path / "run").exists()
    run = train(data, out=tmp_path / "run", progress=False, val=0.0, leakage="warn", **ONCE)
    (found,) = [finding for finding in run.findings if finding.id == "data-duplicates-across-splits"]
    assert found.severity == "warning"


def test_data_without_leakage_are_trained_on_and_reported_in_one_line(tmp_path, capsys):
    run = train(leaky(tmp_path / "data", copies=0), out=tmp_path / "run", val=0.2, **ONCE)
    assert not [finding for finding in run.findings if finding.id == "data-duplicates-across-splits"]
    assert "images:  train 31, val 8, test 3\n" in capsys.readouterr().out


def test_copies_within_one_set_are_never_separated_so_nothing_leaks(tmp_path):
    data = make_images(tmp_path / "data", each=12)
    for kind in ("dark", "light", "striped"):
        for number in range(6):
            (data / kind / f"copy{number}.png").write_bytes((data / kind / f"{number}.png").read_bytes())
    run = train(data, out=tmp_path / "run", progress=False, val=0.25, test=0.25, **ONCE)
    reported = splits(run.path)
    assert all(
        reported[f"{kind}/copy{n}.png"] == reported[f"{kind}/{n}.png"] for kind in ("dark", "light") for n in range(6)
    )
    assert isinstance(run, Run)
    assert not [finding for finding in run.findings if finding.id == "data-duplicates-across-splits"]


def test_a_split_that_cannot_be_as_small_as_asked_is_reported(tmp_path, capsys):
    data = make_images(tmp_path / "data", each=8)
    train(data, out=tmp_path / "healthy", val=0.2, test=0.2, **ONCE)
    assert "stay together" not in capsys.readouterr().out
    train(data, out=tmp_path / "run", val=0.05, test=0.0, group="([a-z])[a-z]*/", leakage="warn", **ONCE)
    assert "val has 8 of 24 images, 33 % instead of 5 %: images that are identical or of one group stay together\n" in (
        capsys.readouterr().out
    )


@pytest.mark.parametrize(
    ("classes", "each", "share", "reported"),
    [
        (
            10,
            4,
            0.2,
            "test has 10 of 40 images, 25 % instead of 20 %: each class with several images gives one",
        ),
        (2, 20, 0.2, None),
        (3, 9, 0.1, None),  # 3 of 27
    ],
)
def test_a_share_that_was_rounded_for_small_classes_is_reported(classes, each, share, reported):
    labels = torch.arange(classes).repeat_interleave(each)
    pixels = torch.arange(len(labels) * 12).reshape(-1, 2, 2, 3).remainder(251).to(torch.uint8)
    whole = LabeledImages(
        TensorImages(pixels),
        ClassTargets(labels.numpy()),
        tuple(map(str, range(len(labels)))),
        tuple(map(str, range(classes))),
    )
    splits = split_samples({"all": whole}, val=0, test=share, seed=0)
    lines = deviating_splits(splits, {"all": whole}, Recipe.of(val=0.0, test=share))
    assert lines == ([reported] if reported else [])


@pytest.mark.parametrize(
    ("given", "recipe", "shares", "expected_message"),
    [
        (
            ["all"],
            Recipe.of(),
            {"val": 0.15, "test": 0.15},
            "random: 15 % for validation, 15 % for test (stratified, seed 0)",
        ),
        (["all"], Recipe.of(val=0.0, test=0.0), {}, "none: all images are for training"),
        (
            ["all"],
            Recipe.of(val=0.0, folds=4, fold=1),
            {"test": 0.25},
            "random: fold 1 of 4 for test (stratified, seed 0)",
        ),
        (["train"], Recipe.of(), {"val": 0.15}, "random from train: 15 % for validation (stratified, seed 0)"),
        (
            ["train"],
            Recipe.of(val=1 / 60),
            {"val": 1 / 60},
            "random from train: 1.67 % for validation (stratified, seed 0)",
        ),
        (["train", "test"], Recipe.of(val=0.0), {}, ""),
        (["train", "val"], Recipe.of(), {}, ""),
        (["all"], Recipe.of(split="other.csv"), {}, "taken from other.csv"),
    ],
)
def test_random_splits_are_reported_and_done(given, recipe, shares, expected_message):
    assert random_shares(given, recipe) == shares
    assert split_origin(given, recipe) == expected_message
    if recipe.data.split != "other.csv":
        pixels = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (40, 2, 2, 3), np.uint8))
        some = LabeledImages(
            TensorImages(pixels), ClassTargets(np.arange(40) % 2), tuple(map(str, range(40))), ("a", "b")
        )
        fold = (recipe.data.fold, recipe.data.folds) if recipe.data.fold else None
        by_split = split_samples(
            dict.fromkeys(given, some), val=recipe.data.val, test=recipe.data.test, seed=0, fold=fold
        ).by_name()
        assert set(by_split) - {"train"} == {*given, *shares} - {"all", "train"}


def test_classes_without_an_image_in_a_random_split_are_named(tmp_path):
    generator = np.random.default_rng(0)
    for name in "abcdefgh":
        (tmp_path / "data" / name).mkdir(parents=True)
        for i in range(4):
            Image.fromarray(generator.integers(0, 256, (24, 24, 3), np.uint8)).save(
                tmp_path / "data" / name / f"{i}.png"
            )
    run = train(tmp_path / "data", out=tmp_path / "run", progress=False, val=0.1, test=0.1, **ONCE)
    assert run.manifest["data"]["counts"] == {"train": 26, "val": 3, "test": 3}
    (found,) = [finding for finding in run.findings if finding.id == "data-absent-classes"]
    assert found.message.startswith("5 of 8 classes have no image in val and 5 of 8 classes have no image in test")
