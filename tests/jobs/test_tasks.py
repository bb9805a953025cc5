"""Several labels and numbers through the whole workbench: trained, resumed, evaluated, predicted, checked, in folds."""

import csv
import json
import shutil
import signal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from tests.jobs.conftest import QUICK
from tests.jobs.test_resuming import child, weights
from tests.jobs.test_transfer import interrupt

from striate.cli import main
from striate.cli.closing import _print_cross_validation, print_closing
from striate.errors import DataError, RunError, SettingError
from striate.findings import Finding
from striate.jobs import CrossValidationResult, Run, check, resume, train, train_folds
from striate.runs import Bundle, CrossValidationFolder
from striate.tasks import MultiLabel, Task
from striate.training.interruption import InterruptedRunError

LEARN = {**QUICK, "epochs": 15, "lr": 0.03, "augment": "none"}
TABLES = {
    "labels": ("file", "bright", "striped"),
    "numbers": ("file", "level [gray]", "stripes"),
}
READING: dict[str, dict[str, Any]] = {name: {"label_column": ",".join(columns[1:])} for name, columns in TABLES.items()}


def draw(folder: Path, count: int = 120, seed: int = 0) -> Path:
    """Images of one level, some with stripes, and the tables labels.csv and numbers.csv."""
    generator = np.random.default_rng(seed)
    folder.mkdir(parents=True)
    rows: dict[str, list[list[object]]] = {name: [] for name in TABLES}
    for n in range(count):
        level, stripes = int(generator.integers(40, 215)), int(generator.integers(0, 5))
        image = np.full((16, 16), level) + generator.normal(0, 3, (16, 16))
        image[:, : 2 * stripes : 2] += 40 if level < 128 else -40
        Image.fromarray(image.clip(0, 255).astype(np.uint8)).save(folder / f"{n:03d}.png")
        rows["labels"].append([f"{n:03d}.png", int(level >= 128), int(stripes > 0)])
        rows["numbers"].append([f"{n:03d}.png", level, stripes])
    for name, header in TABLES.items():
        with (folder / f"{name}.csv").open("w", newline="") as file:
            csv.writer(file).writerows([header, *rows[name]])
    return folder


def with_rare_class(data: Path, to: Path, count: int) -> Path:
    """The table of labels with one class more, which the first `count` images have."""
    shutil.copytree(data, to)
    with (to / "labels.csv").open() as file:
        header, *rows = csv.reader(file)
    (to / "numbers.csv").unlink()
    with (to / "labels.csv").open("w", newline="") as file:
        csv.writer(file).writerows([[*header, "rare"], *([*row, int(n < count)] for n, row in enumerate(rows))])
    return to / "labels.csv"


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    return draw(tmp_path_factory.mktemp("data") / "levels")


@pytest.fixture(scope="module")
def runs(data, tmp_path_factory) -> dict[str, Run]:
    folder = tmp_path_factory.mktemp("runs")
    return {
        name: train(data / f"{name}.csv", out=folder / name, progress=False, **LEARN, **READING[name])
        for name in TABLES
    }


def test_several_labels_are_learned_with_thresholds_in_the_bundle(runs):
    run = runs["labels"]
    assert run.classes == ("bright", "striped")
    assert run.metrics["test"]["mean_average_precision"]["value"] > 0.9
    assert run.verdict.startswith("test mean average precision: ")
    assert "scores at random" in run.verdict
    thresholds = run.metrics["test"]["thresholds"]
    assert Bundle.open(run.path / "bundle").task.arguments() == {"thresholds": thresholds}
    assert thresholds != [0.5, 0.5]
    assert set(run.history[-1]) >= {"train_mean_average_precision", "val_mean_average_precision", "val_mean_auroc"}


def test_numbers_are_learned_in_the_units_of_the_data(runs):
    run = runs["numbers"]
    level, stripes = run.metrics["test"]["per_class"]
    assert (level["class"], level["mae"]["unit"], stripes["class"]) == ("level", "gray", "stripes")
    assert level["r2"]["value"] > 0.7
    assert run.verdict.startswith("test R2: ")
    rows = list(csv.DictReader((run.path / "predictions.csv").read_text().splitlines()))
    errors = [float(row["prediction level"]) - float(row["label level"]) for row in rows if row["split"] == "test"]
    assert np.abs(errors).mean() == pytest.approx(level["mae"]["value"], rel=1e-4)


@pytest.mark.parametrize("name", TABLES)
def test_evaluating_gives_the_metrics_of_training(runs, name):
    assert runs[name].evaluate() == runs[name].metrics["test"]


@pytest.mark.parametrize("name", TABLES)
def test_columns_of_other_data_are_known_by_name_whatever_their_order(runs, name, tmp_path):
    other = draw(tmp_path / "other", count=40, seed=1) / f"{name}.csv"
    columns = TABLES[name][1:]
    straight = runs[name].evaluate(other, label_column=",".join(columns))
    with other.open() as file:
        rows = [[row[0], row[2], row[1]] for row in csv.reader(file)]
    with other.open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    swapped = runs[name].evaluate(other, label_column=",".join(reversed(columns)))
    assert swapped == straight
    assert swapped["images"] == 40
    main = "mean_average_precision" if name == "labels" else "r2"
    assert swapped[main]["value"] > 0.7


def test_other_data_without_one_of_the_numbers_are_refused(runs, tmp_path):
    other = draw(tmp_path / "other", count=20, seed=1) / "numbers.csv"
    with pytest.raises(RunError, match="lacks stripes, which the run .* predicts; add the columns"):
        runs["numbers"].evaluate(other, label_column="level [gray]", task="regress")


@pytest.mark.parametrize("name", TABLES)
def test_a_bundle_alone_predicts(runs, data, name, tmp_path, capsys):
    bundle = Path(shutil.copytree(runs[name].path / "bundle", tmp_path / "bundle"))
    (tmp_path / "broken.png").write_bytes(b"")
    files = [str(data / "000.png"), str(tmp_path / "broken.png")]
    for form in ([], ["--json"], ["--csv"]):
        with pytest.raises(SystemExit, match="0"):
            main(["predict", str(bundle), *files, *form])
    table, _, rest = capsys.readouterr().out.partition("[")
    assert "empty file" in table
    predicted = json.loads("[" + rest.partition("\n]")[0] + "\n]")
    assert [one["error"] is None for one in predicted] == [True, False]
    (alone,) = runs[name].predict(data / "000.png")
    assert json.loads(json.dumps(alone.as_json()))["prediction"] == predicted[0]["prediction"]
    if name == "numbers":
        low, high = predicted[0]["intervals"]["level"]
        assert low < predicted[0]["prediction"]["level"] < high
        assert "level, gray" in table
    lines = list(csv.DictReader(rest.partition("\n]")[2].strip().splitlines()))
    assert [line["error"] == "" for line in lines] == [True, False]


@pytest.mark.parametrize("name", TABLES)
def test_the_report_has_what_belongs_to_the_task(runs, name):
    page = runs[name].report.read_text()
    words = {
        "labels": ("Labels in one image", "Mean AUROC", "Images with a wrong or missed label", "chosen by F1"),
        "numbers": ("Predictions and labels", "level, gray: error over prediction", "Largest errors", "RMSE"),
    }
    assert all(one in page for one in words[name])
    assert "Confusion matrix" not in page


@pytest.mark.large
@pytest.mark.parametrize("name", TABLES)
@pytest.mark.parametrize("is_from_weights", [False, True])
def test_a_killed_run_resumes_to_the_same_weights(runs, data, name, is_from_weights, tmp_path):
    settings = {**QUICK, "epochs": 3, "checkpoint_every": 2, "mixup": 0.2, **READING[name]}
    settings |= {"weights": str(runs[name].path)} if is_from_weights else {}
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    touched = int(child(data / f"{name}.csv", whole, settings=settings).stdout)
    child(data / f"{name}.csv", killed, signal.SIGKILL, touched // 2, settings)
    assert not (killed / "bundle").exists()
    resume(killed, progress=False)
    assert weights(killed) == weights(whole)
    assert Run(killed).metrics == Run(whole).metrics


def head_alone(run: Run, name: str) -> dict[str, Any]:
    return {"weights": str(run.path), "epochs": 0, "device": "cpu", "threads": 1, **READING[name]}


@pytest.mark.parametrize("name", TABLES)
def test_a_head_is_fitted_on_frozen_features(runs, data, name, tmp_path):
    settings = head_alone(runs[name], name)
    run = train(data / f"{name}.csv", out=tmp_path / "run", progress=False, **settings)
    assert [row["epoch"] for row in run.history] == [0]
    bundle, before = Bundle.open(run.path / "bundle"), Bundle.open(runs[name].path / "bundle").model.state_dict()
    layer = bundle.model.get_submodule(bundle.model.main_classifier)
    assert (type(layer), bundle.head) == (torch.nn.Linear, None)
    moved = [key for key, value in bundle.model.state_dict().items() if not torch.equal(value, before[key])]
    assert {key.rpartition(".")[0] for key in moved} == {bundle.model.main_classifier}
    main, estimator = {
        "labels": ("mean_average_precision", "logistic regression for each class (C = "),
        "numbers": ("r2", "ridge regression (alpha = "),
    }[name]
    assert run.metrics["test"][main]["value"] > runs[name].metrics["test"][main]["value"] - 0.1
    assert estimator in run.manifest["reasons"][-1]


def test_heads_of_one_class_an_image_are_refused_for_several_labels(runs, data, tmp_path):
    settings = {**head_alone(runs["labels"], "labels"), "head": "svm"}
    with pytest.raises(SettingError, match="head = svm: is not for multilabel; give head = linear"):
        train(data / "labels.csv", out=tmp_path / "run", progress=False, **settings)
    assert not (tmp_path / "run").exists()


@pytest.mark.large
@pytest.mark.parametrize("name", TABLES)
def test_interrupted_after_the_features_it_ends_with_the_same_head(runs, data, name, tmp_path, monkeypatch):
    settings = head_alone(runs[name], name)
    expected = train(data / f"{name}.csv", out=tmp_path / "whole", progress=False, **settings)
    with monkeypatch.context() as patched:
        patched.setattr("striate.jobs.train_network.TrainingState", interrupt)
        with pytest.raises(InterruptedRunError):
            train(data / f"{name}.csv", out=tmp_path / "stopped", progress=False, **settings)
    monkeypatch.setattr("striate.jobs.start_from_weights.frozen_embeddings", lambda *_: pytest.fail("computed again"))
    resume(tmp_path / "stopped", progress=False)
    assert weights(tmp_path / "stopped") == weights(expected.path)


def test_folds_have_the_main_figure_of_the_task(data, tmp_path):
    result = train_folds(
        data / "numbers.csv",
        folds=2,
        out=tmp_path / "cv",
        progress=False,
        **{**QUICK, "val": 0.1, **READING["numbers"]},
    )
    assert result.line().startswith("test R2: ")
    assert result.summary["metric"] == {"name": "R2", "unit": "", "higher_is_better": True}
    assert {row["fold"] for row in csv.DictReader((tmp_path / "cv" / "predictions.csv").read_text().splitlines())} == {
        "1",
        "2",
    }


@pytest.mark.parametrize(("name", "kind"), [("labels", "sets of classes"), ("numbers", "numbers")])
def test_a_learning_curve_is_refused_before_any_image_is_read(data, tmp_path, monkeypatch, name, kind):
    monkeypatch.setattr("striate.jobs.check_data.take_fingerprints", lambda *_, **__: pytest.fail("read"))
    with pytest.raises(DataError, match=f"has {kind}, and a learning curve is for .*; leave --learning-curve out"):
        check(data / f"{name}.csv", out=tmp_path / "c.html", learning_curve=True, progress=False, **READING[name])
    assert list(tmp_path.iterdir()) == []


def test_checks_look_at_them(data, tmp_path):
    for name in TABLES:
        assert (
            check(data / f"{name}.csv", out=tmp_path / f"{name}.html", progress=False, **READING[name]).source.task
            != "classify"
        )


@pytest.mark.parametrize(
    ("name", "settings", "message"),
    [
        (
            "labels",
            {"loss": "mse"},
            "loss = mse: is for regress, and the data are for multilabel, which takes bce, focal",
        ),
        (
            "numbers",
            {"label_smoothing": 0.1},
            "label_smoothing = 0.1: the loss mse of the task regress does not take it",
        ),
        ("numbers", {"huber_delta": 2.0}, "does not take huber_delta"),
    ],
)
def test_settings_of_another_task_are_refused(data, tmp_path, name, settings, message):
    with pytest.raises(SettingError, match=message):
        train(data / f"{name}.csv", out=tmp_path / "run", progress=False, **{**QUICK, **READING[name], **settings})
    assert not (tmp_path / "run").exists()


def test_targets_of_which_nothing_can_be_learned_are_refused(data, tmp_path):
    copy = Path(shutil.copytree(data, tmp_path / "data"))
    (copy / "labels.csv").unlink()
    with (copy / "numbers.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["file", "age"], *([f"{n:03d}.png", 41.5] for n in range(120))])
    with pytest.raises(DataError, match=r"numbers.csv: age is 41.5 in all of the 84 training images"):
        train(copy / "numbers.csv", out=tmp_path / "run", progress=False, task="regress", **QUICK)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(("rare", "words"), [(0, "in none"), (120, "in all")])
def test_a_class_that_is_the_same_in_all_images_is_refused(rare, words, data, tmp_path):
    table = with_rare_class(data, tmp_path / "data", rare)
    each: list[dict[str, Any]] = [{}, {"folds": 3, "fold": 1}]
    for folds in each:
        with pytest.raises(
            DataError,
            match=rf"{table.name}: the class rare is {words} of the \d+ training images, so nothing can be learned of it",
        ):
            train(table, out=tmp_path / "run", progress=False, **QUICK, **folds)
    assert not (tmp_path / "run").exists()


def test_a_task_of_ones_own_decides_what_it_can_learn_from(data, tmp_path):
    def for_training(*_: Any) -> Any:
        raise DataError("refused by a rule of its own")

    own = type(
        "Own", (MultiLabel,), {"name": "own", "needs_examples": Task.needs_examples, "for_training": for_training}
    )
    table = with_rare_class(data, tmp_path / "data", 0)
    with pytest.raises(DataError, match="refused by a rule of its own"):
        train(table, task=own, out=tmp_path / "run", progress=False, **QUICK)


@pytest.fixture(scope="module")
def folds(data, tmp_path_factory) -> list[Run]:
    """Two folds of several labels, of which one image alone has the class rare; that which tests it comes first."""
    folder = tmp_path_factory.mktemp("folds")
    table = with_rare_class(data, folder / "data", 1)
    train_folds(table, folds=2, out=folder / "cv", progress=False, **{**QUICK, "epochs": 1, "val": 0})
    runs = [Run(folder / "cv" / f"fold-{k}") for k in (1, 2)]
    return sorted(runs, key=lambda run: -run.metrics["test"]["per_class"][2]["images"])


def test_a_class_of_one_image_is_unknown_in_the_fold_that_tests_it(folds):
    tested = folds[0]
    assert [one.id for run in folds for one in run.findings].count("data-unlearned-classes") == 1
    (finding,) = (one for one in tested.findings if one.id == "data-unlearned-classes")
    assert finding.message.startswith("In this fold none or all of the training images have the class rare")
    assert tested.metrics["test"]["per_class"][2]["average_precision"]["value"] is None
    thresholds = [run.metrics["test"]["per_class"][2]["threshold"] for run in folds]
    assert thresholds == [None, 0.5]
    assert tested.metrics["test"]["mean_average_precision"]["value"] > 0
    (one,) = tested.predict(np.full((16, 16), 250, np.uint8))
    assert "rare" not in one.prediction
    assert "rare" in tested.report.read_text()


def test_what_was_found_in_folds_is_printed_with_their_numbers(folds, capsys):
    whole = CrossValidationFolder.open(folds[0].path.parent)
    print_closing(CrossValidationResult(whole.path, whole.summary()))
    lines = capsys.readouterr().out.splitlines()
    assert lines[-2].startswith("test mean average precision: ")
    of_fold = {line.partition("[")[2].partition("]")[0]: line.rpartition(" (")[2] for line in lines[:-2]}
    assert of_fold["data-unlearned-classes"] == f"fold {folds[0].path.name.removeprefix('fold-')})"
    assert of_fold["data-single-image-class"] == "folds 1, 2)"


def test_a_finding_is_told_in_the_words_of_each_fold(capsys):
    def run(message: str) -> Any:
        return SimpleNamespace(findings=(Finding("data-x", "warning", message, {}, "fix it"),))

    result: Any = SimpleNamespace(
        runs=[run("3 images."), run("5 images."), run("3 images.")], line=lambda: "", path="cv", summary={"folds": 3}
    )
    _print_cross_validation(result)
    ends = [line.partition("]")[2] for line in capsys.readouterr().out.splitlines()[:2]]
    assert ends == [" Fix: fix it (folds 1, 3)", " Fix: fix it (fold 2)"]


def test_other_data_without_the_column_of_a_class_are_refused_but_not_lists_of_classes(folds, data, tmp_path):
    with pytest.raises(RunError, match="lacks rare, which the run .* predicts; add the columns"):
        folds[1].evaluate(data / "labels.csv", label_column="bright,striped")
    other = draw(tmp_path / "other", count=20, seed=1)
    lists = ["bright|striped", "bright", "striped", ""] * 5
    rows = [f"{n:03d}.png,{cell}" for n, cell in enumerate(lists)]
    (other / "lists.csv").write_text("\n".join(["file,labels", *rows]))
    assert folds[1].evaluate(other / "lists.csv", label_column="labels")["images"] == 20


def test_other_data_of_another_task_are_refused(runs, shapes):
    for name, run in runs.items():
        asked = {"labels": "sets of classes", "numbers": "numbers"}[name]
        with pytest.raises(RunError, match=f"has one class per image, and the run .* was trained on {asked}"):
            run.evaluate(shapes)


def test_a_fold_on_which_the_metric_is_not_defined_does_not_end_the_others(tmp_path):
    generator = np.random.default_rng(0)
    images = generator.integers(0, 255, (9, 16, 16), np.uint8)
    numbers = np.arange(9) + 0.5
    settings = {**QUICK, "epochs": 1, "batch_size": 4, "val": 0}
    result = train_folds(images, numbers, folds=9, out=tmp_path / "cv", progress=False, task="regress", **settings)
    assert result.summary["r2"] == dict.fromkeys(("mean", "std", "low", "high"))
    assert [one["r2"] for one in result.summary["runs"]] == [None] * 9
    json.loads((tmp_path / "cv" / "folds.json").read_text())


def test_few_images_with_numbers_have_some_held_out(tmp_path):
    images = np.random.default_rng(0).integers(0, 255, (10, 16, 16), np.uint8)
    settings = {**QUICK, "epochs": 1, "batch_size": 4}
    run = train(images, np.arange(10) * 1.5, out=tmp_path / "run", progress=False, **settings)
    assert run.manifest["data"]["counts"] == {"train": 7, "val": 1, "test": 2}
    assert "95 % interval" in run.verdict


def test_groups_that_make_splits_of_other_sizes_are_told_for_numbers_too(data, tmp_path, capsys):
    table = shutil.copytree(data, tmp_path / "data") / "numbers.csv"
    header, *rows = table.read_text().splitlines()
    table.write_text("\n".join([f"{header},camera", *(f"{row},{n // 30}" for n, row in enumerate(rows))]))
    (table.parent / "labels.csv").unlink()
    train(table, out=tmp_path / "run", **READING["numbers"], group="camera", **{**QUICK, "epochs": 1})
    assert "images that are identical or of one group stay together" in capsys.readouterr().out
