"""Training from a folder to a report: everything is left behind that was promised, and nothing where it cannot be done."""

import errno
import hashlib
import json
import os
import shutil
import tomllib
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from tests.jobs.conftest import QUICK, make_images

import striate as st
from striate.errors import DataError, RunError, SettingError, StriateError
from striate.jobs import Run, resume, train, train_folds
from striate.runs.checkpoints import save_checkpoint
from striate.sources import open_source
from striate.training.opening import refuse_within_the_data

PROMISED = {
    "recipe.toml", "manifest.json", "splits.csv", "metrics.csv", "metrics.json", "predictions.csv", "findings.json", "errors",
    "report.html", "bundle", "checkpoints",
}  # fmt: skip


def contents(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_the_run_folder_is_as_promised(trained):
    assert {path.name for path in trained.path.iterdir()} == PROMISED
    assert trained.manifest["status"] == "finished"
    assert trained.findings == []
    assert trained.metrics["test"]["accuracy"]["value"] > 0.8
    assert trained.report.read_text().startswith("<!doctype html>")
    recipe = tomllib.loads((trained.path / "recipe.toml").read_text())
    assert (recipe["optimizer"]["lr"], recipe["origin"]["lr"]) == (0.01, "user")
    assert (recipe["model"]["size"], recipe["origin"]["size"]) == (24, "data")
    assert recipe["origin"]["augment"] == "recipe photos-from-scratch"
    assert recipe["origin"]["beta2"] == "default"


def test_a_notebook_shows_a_run_whatever_became_of_it(trained, tmp_path):
    assert "finished" in trained._repr_html_()
    figure = trained.verdict.partition(": ")[2].partition(" (")[0]
    assert figure in trained._repr_html_()
    shutil.copytree(trained.path, tmp_path / "cut-off")
    manifest = json.loads((tmp_path / "cut-off" / "manifest.json").read_text())
    (tmp_path / "cut-off" / "manifest.json").write_text(json.dumps({**manifest, "status": "running"}))
    for name in ("findings.json", "metrics.json", "metrics.csv", "report.html"):
        (tmp_path / "cut-off" / name).unlink()
    run = Run(tmp_path / "cut-off")
    assert repr(run).endswith("interrupted")
    assert "interrupted" in run._repr_html_()
    assert f"`striate resume {run.path}` continues it" in run._repr_html_()
    manifest |= {"status": "running", "task": "my-own"}
    (tmp_path / "cut-off" / "manifest.json").write_text(json.dumps(manifest))
    assert "task=...) from Python continues it" in run._repr_html_()
    assert "`striate resume" not in run._repr_html_()


def test_every_image_is_in_one_split(trained):
    counts = trained.manifest["data"]["counts"]
    assert sum(counts.values()) == 60
    predicted = (trained.path / "predictions.csv").read_text().splitlines()[1:]
    assert len(predicted) == counts["val"] + counts["test"]
    assert len({line.split(",")[1] for line in predicted}) == len(predicted)


def test_the_data_are_not_touched(tmp_path):
    data = make_images(tmp_path / "data", each=6)
    before = contents(data)
    run = train(data, out=tmp_path / "run", progress=False, **{**QUICK, "epochs": 1})
    run.evaluate()
    run.predict(data / "dark")
    assert contents(data) == before


def test_the_same_seed_gives_the_same_weights(shapes, tmp_path):
    one, two, other = (
        train(shapes, out=tmp_path / str(n), progress=False, seed=seed, **QUICK) for n, seed in enumerate([3, 3, 4])
    )
    weights = [contents(run.path / "bundle")["model.safetensors"] for run in (one, two, other)]
    assert weights[0] == weights[1] != weights[2]


def test_the_recipe_of_a_run_gives_the_run_again(trained, shapes, tmp_path):
    again = train(shapes, recipe=str(trained.path / "recipe.toml"), out=tmp_path / "again", progress=False)
    assert (
        contents(again.path / "bundle")["model.safetensors"] == contents(trained.path / "bundle")["model.safetensors"]
    )


def test_evaluating_again_gives_the_figures_of_the_run(trained):
    assert trained.evaluate() == trained.metrics["test"]
    assert trained.evaluate(split="val") == trained.metrics["val"]
    with pytest.raises(SettingError, match="split = 'tset'"):
        trained.evaluate(split="tset")


def test_other_data_with_fewer_classes_in_another_order(trained, tmp_path):
    other = make_images(tmp_path / "other", each=5, size=23)
    shutil.rmtree(other / "dark")
    figures = trained.evaluate(other)
    assert figures["images"] == 10
    assert figures["classes"] == ["dark", "light", "striped"]
    assert figures["confusion_matrix"][0] == [0, 0, 0]


def test_data_of_other_classes_are_refused(trained, tmp_path):
    other = make_images(tmp_path / "other", each=2)
    (other / "dark").rename(other / "purple")
    with pytest.raises(RunError, match="was not trained on: purple"):
        trained.evaluate(other)


def test_predicting_states_what_evaluation_states(trained, shapes):
    """One preprocessing: a file predicted alone gets the probability that its row in predictions.csv has."""
    lines = (trained.path / "predictions.csv").read_text().splitlines()
    for line in lines[1:6]:
        _, name, _, reported, probability, *_ = line.split(",")
        (prediction,) = trained.predict(shapes / name)
        assert prediction.prediction == reported
        assert prediction.confidence == pytest.approx(float(probability), rel=1e-4)


def test_predicting_a_folder_marks_what_is_no_image(trained, shapes, tmp_path):
    (tmp_path / "mixed").mkdir()
    (tmp_path / "mixed" / "a.png").write_bytes((shapes / "dark" / "0.png").read_bytes())
    (tmp_path / "mixed" / "b.png").write_text("no image")
    found = st.load(trained.path).predict(tmp_path / "mixed")
    assert [(Path(one.path).name, one.prediction is None) for one in found] == [("a.png", False), ("b.png", True)]
    with pytest.raises(DataError, match="not an image"):
        trained.predict(tmp_path / "mixed" / "b.png")
    with pytest.raises(DataError, match="no such file"):
        trained.predict(tmp_path / "absent.png")


def test_images_of_every_mode_are_predicted(trained, tmp_path):
    for mode in ("1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16"):
        Image.new(mode, (40, 30)).save(tmp_path / ("x.tif" if mode == "CMYK" else "x.png"))
        (prediction,) = trained.predict(tmp_path / ("x.tif" if mode == "CMYK" else "x.png"))
        assert sum(prediction.probabilities.values()) == pytest.approx(1)


@pytest.mark.parametrize(
    ("settings", "kind", "message"),
    [
        ({"model": "resnet19"}, SettingError, "resnet18"),
        ({"epohcs": 3}, SettingError, "epochs"),
        ({"epochs": -1}, SettingError, "out of range"),
        ({"bits": 12}, SettingError, "16 keep all of 12; leave it out"),
        ({"device": "cuda:99"}, SettingError, "is not available here"),
        ({"model": "digit_cnn_strided", "dropout": 0.5}, SettingError, "dropout"),
    ],
)
def test_a_wrong_setting_leaves_nothing_behind(shapes, tmp_path, settings, kind, message):
    with pytest.raises(kind, match=message) as refused:
        train(shapes, out=tmp_path / "run", progress=False, **settings)
    assert "\n" not in str(refused.value)
    assert list(tmp_path.iterdir()) == []


def test_data_that_cannot_be_trained_on_leave_nothing_behind(tmp_path):
    data = make_images(tmp_path / "data", each=5)
    for number in range(3):
        (data / "dark" / f"bad{number}.png").write_bytes(b"")
    with pytest.raises(DataError, match="3 of 18 files"):
        train(data, out=tmp_path / "run", progress=False, **QUICK)
    assert not (tmp_path / "run").exists()
    run = train(data, out=tmp_path / "run", progress=False, max_bad=0.5, **QUICK)
    assert [finding.id for finding in run.findings if finding.id == "data-files-skipped"]
    assert len(run.manifest["data"]["skipped"]) == 3
    assert sum(run.manifest["data"]["counts"].values()) == 15


def test_an_output_folder_that_exists_is_left_alone(shapes, tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "thesis.tex").write_text("do not lose")
    with pytest.raises(RunError, match="already exists"):
        train(shapes, out=tmp_path / "run", progress=False)
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["thesis.tex"]


def test_a_lost_loss_is_a_finding_and_the_run_reports_it(shapes, tmp_path):
    with pytest.raises(RunError, match="are not finite") as refused:
        train(shapes, out=tmp_path / "run", progress=False, **{**QUICK, "lr": 100.0, "epochs": 30, "optimizer": "sgd"})
    assert "--lr" in str(refused.value)
    run = st.load(tmp_path / "run")
    assert [finding.id for finding in run.findings] == ["training-diverged"]
    assert run.manifest["status"] == "diverged"
    with pytest.raises(StriateError, match="diverged"):
        resume(tmp_path / "run")


def test_a_run_without_a_network_states_what_to_do(trained, tmp_path):
    cut = shutil.copytree(trained.path, tmp_path / "cut")  # killed at its end: the bundle is there, the rest is not
    for status, message in (
        ("running", "is not finished; `striate resume"),
        ("diverged", "train again with the settings that findings.json names"),
    ):
        (cut / "manifest.json").write_text(json.dumps({**trained.manifest, "status": status}))
        for use in (Run(cut).evaluate, lambda: Run(cut).predict([])):
            with pytest.raises(RunError, match=message):
                use()
    with pytest.raises(RunError, match="the run diverged; findings.json names settings to train again"):
        resume(cut, progress=False)


def test_learning_nothing_is_a_finding(shapes, tmp_path):
    run = train(shapes, out=tmp_path / "run", progress=False, **{**QUICK, "lr": 1e-8, "epochs": 1})
    assert [finding.id for finding in run.findings] == ["no-better-than-baseline"]


def test_stopping_early_keeps_the_best(shapes, tmp_path):
    run = train(shapes, out=tmp_path / "run", progress=False, **{**QUICK, "epochs": 50, "patience": 2, "lr": 0.02})
    rows = (run.path / "metrics.csv").read_text().splitlines()[1:]
    assert len(rows) == run.manifest["best_epoch"] + 2 < 50


def test_without_validation_and_test_the_run_states_that_nothing_was_measured(shapes, tmp_path):
    run = train(shapes, out=tmp_path / "run", progress=False, val=0.0, test=0.0, **QUICK)
    assert run.metrics == {}
    assert run.manifest["reported_split"] is None
    assert (run.path / "report.html").stat().st_size > 1000


def test_given_splits_are_kept(shapes, tmp_path):
    for split in ("train", "val", "test"):
        make_images(tmp_path / "data" / split, each=5 if split == "train" else 3)
    run = train(tmp_path / "data", out=tmp_path / "run", progress=False, leakage="warn", **QUICK)
    assert run.manifest["data"]["counts"] == {"train": 15, "val": 9, "test": 9}


def test_the_model_is_a_plain_module(trained):
    logits = trained.model(torch.zeros(2, 3, 24, 24))
    assert logits.shape == (2, 3)


def test_changed_data_are_noticed_when_evaluating(tmp_path):
    data = make_images(tmp_path / "data", each=6)
    run = train(data, out=tmp_path / "run", progress=False, **QUICK)
    (data / "dark" / "0.png").unlink()
    with pytest.raises(RunError, match="changed since"):
        run.evaluate()


def test_the_manifest_gives_the_command(trained):
    command = trained.manifest["command"]
    assert command.startswith("striate train ")
    assert "--recipe photos-from-scratch" in command
    assert "--lr 0.01" in command
    assert json.dumps(trained.manifest)


def test_a_full_disk_is_one_line_and_the_run_goes_on_afterwards(shapes, tmp_path, monkeypatch):
    """The disk is full from the third checkpoint on; what was saved before is whole, and resuming ends as if nothing was."""
    settings = {**QUICK, "epochs": 4}
    whole = train(shapes, out=tmp_path / "whole", progress=False, **settings)
    saved = []

    def full(folder, *rest):
        saved.append(folder)
        if len(saved) == 3:
            monkeypatch.setattr("os.fsync", fail)
        return save_checkpoint(folder, *rest)

    def fail(_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("striate.runs.folder.save_checkpoint", full)
    with pytest.raises(RunError, match=r"disk full, needs .* MiB") as refused:
        train(shapes, out=tmp_path / "run", progress=False, **settings)
    assert "\n" not in str(refused.value)
    assert str(refused.value).endswith(f"make room, then resume with `striate resume {tmp_path / 'run'}`")
    with pytest.raises(RunError, match=r"disk full, .*; make room, then resume with `striate resume .*/run`"):
        resume(tmp_path / "run", progress=False)
    monkeypatch.undo()
    resume(tmp_path / "run", progress=False)
    assert (
        contents(tmp_path / "run" / "bundle")["model.safetensors"]
        == contents(whole.path / "bundle")["model.safetensors"]
    )


@pytest.mark.parametrize("moment", [1, 3, 6])
@pytest.mark.parametrize("folds", [0, 2])
def test_a_disk_that_is_full_from_the_start_leaves_nothing_and_names_only_what_exists(
    shapes, tmp_path, monkeypatch, moment, folds
):
    written, sync = [], os.fsync

    def fail(handle):
        written.append(handle)
        if len(written) >= moment:
            raise OSError(errno.ENOSPC, "No space left on device")
        sync(handle)

    monkeypatch.setattr("os.fsync", fail)
    begin: Any = partial(train_folds, folds=folds) if folds else train
    with pytest.raises(RunError, match="disk full, needs .* MiB") as refused:
        begin(shapes, out=tmp_path / "new" / "run", progress=False, **QUICK)
    reported = str(refused.value)
    assert reported.startswith(f"{tmp_path}: disk full")
    assert reported.endswith("make room or choose another --out; the run had no checkpoint yet and is removed")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "out", ["data", "data/run", "data/dark/run", "data/../data/run", "link/run", "data/deep/er/run"]
)
def test_a_run_folder_within_the_data_is_refused_before_anything_is_made(tmp_path, out):
    data = make_images(tmp_path / "data", each=3)
    (tmp_path / "link").symlink_to(data)
    before = sorted(data.rglob("*"))
    one_of_two: dict[str, Any] = {"folds": 2, "fold": 1}
    for settings in ({}, one_of_two):
        with pytest.raises(
            SettingError, match="lies within the data, where striate writes nothing; choose another --out"
        ):
            train(data, out=tmp_path / out, progress=False, **settings)
    with pytest.raises(SettingError, match="lies within the data"):
        train(tmp_path / "link", out=data / "run", progress=False)
    with pytest.raises(SettingError, match="lies within the data"):
        train_folds(data, folds=2, out=tmp_path / out, progress=False)
    assert sorted(data.rglob("*")) == before


def test_a_table_in_a_folder_is_data_in_that_folder(tmp_path):
    data = make_images(tmp_path / "data", each=3)
    rows = [f"{file.relative_to(data)},{file.parent.name}" for file in sorted(data.rglob("*.png"))]
    (data / "labels.csv").write_text("\n".join(["path,label", *rows]))
    before = sorted(data.rglob("*"))
    source = open_source(data / "labels.csv")
    with pytest.raises(
        SettingError, match=f"^{data / 'run'}: lies within the data, where striate writes nothing; choose another --out"
    ):
        refuse_within_the_data(data / "run", data, source)
    refuse_within_the_data(tmp_path / "run", data, source)
    refuse_within_the_data(data / "runs" / "x", data / "labels.csv", source)  # beside a table there may be runs
    assert sorted(data.rglob("*")) == before


def test_in_the_folder_of_the_data_the_run_needs_a_place_elsewhere(tmp_path, monkeypatch):
    data = make_images(tmp_path / "data", each=6)
    before = sorted(data.rglob("*"))
    monkeypatch.chdir(data)
    with pytest.raises(SettingError, match=r"^runs/data-efficientnet_lite0: lies within"):
        train(".", progress=False)
    assert sorted(data.rglob("*")) == before
    run = train(".", out="../run", progress=False, **{**QUICK, "epochs": 1})  # the data beside it, or within its parent
    assert run.path == Path("../run")
    assert sorted(data.rglob("*")) == before


def test_the_folders_of_a_tables_images_are_data_too(shapes, tmp_path):
    data = make_images(tmp_path / "data", each=4)
    rows = [f"{path.relative_to(data)},{path.parent.name}" for path in sorted(data.rglob("*.png"))]
    (data / "labels.csv").write_text("\n".join(["path,label", *rows]))
    with pytest.raises(SettingError, match="lies within the data"):
        train(data / "labels.csv", out=data / "dark" / "run", progress=False, **QUICK)
    assert not (data / "dark" / "run").exists()


def test_training_leaves_the_caller_its_number_of_threads(shapes, tmp_path):
    torch.set_num_threads(2)
    train(shapes, out=tmp_path / "run", progress=False, **{**QUICK, "epochs": 1})
    assert torch.get_num_threads() == 2
