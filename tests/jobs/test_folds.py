"""Cross-validation: every image is tested once, and what was cut off goes on to the same figures."""

import csv
import json
import shutil
import signal
import statistics

import pytest
from tests.jobs.conftest import QUICK, make_images

from striate.cli import main
from striate.errors import DataError, RunError, SettingError
from striate.jobs import Run, resume, resume_folds, train_folds, train_run_or_folds
from striate.runs import CrossValidationFolder, RunFolder, find_runs
from striate.tasks import of_folds
from striate.tasks.intervals import student_t
from striate.training.interruption import InterruptedRunError

ONCE = {**QUICK, "epochs": 2, "val": 0.1}


def typed(*words: str) -> None:
    with pytest.raises(SystemExit, match="0"):
        main(words)


@pytest.fixture(scope="module")
def whole(shapes, tmp_path_factory):
    return train_folds(shapes, folds=3, out=tmp_path_factory.mktemp("folds") / "cv", progress=False, **ONCE)


def test_every_image_is_predicted_once_by_a_network_that_never_saw_it(whole, shapes):
    rows = CrossValidationFolder.open(whole.path).predictions()
    assert sorted(row["id"] for row in rows) == sorted(f"{p.parent.name}/{p.name}" for p in shapes.glob("*/*.png"))
    for row in rows:
        with (whole.path / f"fold-{row['fold']}" / "splits.csv").open(newline="") as file:
            assert {one["id"]: one["split"] for one in csv.DictReader(file)}[row["id"]] == "test"


def test_each_fold_knows_its_images_when_the_data_were_moved(whole, shapes, tmp_path):
    data = shutil.copytree(shapes, tmp_path / "elsewhere")
    for number in (1, 2, 3):
        fold = Run(whole.path / f"fold-{number}")
        found = fold.evaluate(data)
        assert found["overlap"]["measured"] == {"test": 20}
        assert found["confusion_matrix"] == fold.metrics["test"]["confusion_matrix"]


def test_the_summary_is_that_of_the_folds(whole):
    reported = json.loads((whole.path / "folds.json").read_text())
    assert reported == whole.summary
    accuracies = [Run(whole.path / f"fold-{k}").metrics["test"]["accuracy"]["value"] for k in (1, 2, 3)]
    assert [one["accuracy"] for one in reported["runs"]] == accuracies
    assert reported["accuracy"]["mean"] == pytest.approx(statistics.mean(accuracies))
    assert reported["accuracy"]["std"] == pytest.approx(statistics.stdev(accuracies))
    assert sum(one["images"] for one in reported["runs"]) == 60
    assert "mean of 3 folds" in whole.line()
    command = Run(whole.path / "fold-2").manifest["command"]
    assert "--folds 3 --fold 2" in command
    (listed,) = find_runs(whole.path.parent).runs
    assert (listed.path, listed.status, listed.folds, listed.model) == (whole.path, "finished", 3, "bn_gap_cnn")
    assert listed.figure is not None
    assert (listed.figure.value, listed.figure.low) == (reported["accuracy"]["mean"], reported["accuracy"]["low"])


def test_cut_off_in_a_fold_it_goes_on_and_keeps_what_is_finished(whole, shapes, tmp_path, monkeypatch):
    """The second fold is told to stop after its first epoch; the third has not begun, and left an empty folder behind."""
    saved, original = [], RunFolder.save_checkpoint

    def save(folder, step, *rest):
        saved.append(step)
        if len(saved) == 3:  # two epochs of the first fold, and one of the second
            signal.raise_signal(signal.SIGTERM)
        return original(folder, step, *rest)

    monkeypatch.setattr(RunFolder, "save_checkpoint", save)
    out = tmp_path / "cv"
    with pytest.raises(InterruptedRunError, match=f"`striate resume {out}` with all folds") as asked:
        train_folds(shapes, folds=3, out=out, progress=False, **ONCE)
    assert asked.value.exit_code == 143
    monkeypatch.undo()
    assert json.loads((out / "folds.json").read_text())["status"] == "running"
    (out / "fold-3").mkdir()
    finished = (out / "fold-1" / "manifest.json").stat().st_mtime_ns
    typed("resume", str(out), "--quiet")
    assert (out / "fold-1" / "manifest.json").stat().st_mtime_ns == finished
    summary = json.loads((out / "folds.json").read_text())
    assert summary["runs"] == whole.summary["runs"]
    for number in (1, 2, 3):
        fold = Run(out / f"fold-{number}")
        (reason,) = fold.manifest["reasons"]
        assert reason.startswith("recipe:  photos-from-scratch, for bn_gap_cnn, which has no ImageNet weights")
        assert reason.removeprefix("recipe:  ") in fold.report.read_text()
    assert (out / "predictions.csv").read_bytes() == (whole.path / "predictions.csv").read_bytes()
    with pytest.raises(RunError, match="the run finished"):
        resume_folds(out)


def test_the_command_line_does_it_too(shapes, tmp_path, capsys):
    options = [f"--{name.replace('_', '-')}={value}" for name, value in {**ONCE, "epochs": 1}.items()]
    typed("train", str(shapes), "--folds=2", *options, "--quiet", "--out", str(tmp_path / "cv"))
    assert " %, mean of 2 folds (std " in capsys.readouterr().out
    assert CrossValidationFolder.is_at(tmp_path / "cv")
    typed("train", str(shapes), "--folds=2", "--fold=2", *options, "--quiet", "--out", str(tmp_path / "one"))
    one, other = (Run(path).metrics for path in (tmp_path / "one", tmp_path / "cv" / "fold-2"))
    assert one == other


def test_changed_data_and_impossible_folds_are_one_line(shapes, tmp_path):
    with pytest.raises(DataError, match="folds = 61: there are 60 images"):
        train_folds(shapes, folds=61, out=tmp_path / "cv", progress=False, **ONCE)
    with pytest.raises(SettingError, match="folds = 1"):
        train_folds(shapes, folds=1, out=tmp_path / "cv", progress=False, **ONCE)
    with pytest.raises(SettingError, match=r"folds = 3: .* has a test split, and cross-validation makes its own"):
        train_folds("mnist", folds=3, out=tmp_path / "cv", progress=False)
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "folds.toml").write_text("[data]\nfolds = 4\n")
    with pytest.raises(SettingError, match="folds = 4: .* cross-validation makes its own"):  # folds of a recipe too
        train_run_or_folds("mnist", recipe=str(tmp_path / "folds.toml"), out=str(tmp_path / "cv"), progress=False)
    with pytest.raises(RunError, match="fold-9: no such run"):
        resume(tmp_path / "fold-9")


def test_folds_of_changed_data_are_not_gone_on_with(whole, tmp_path):
    data = make_images(tmp_path / "data", each=6)
    shutil.copytree(whole.path, tmp_path / "cv")
    reported = json.loads((tmp_path / "cv" / "folds.json").read_text())
    reported |= {"status": "running", "data": {**reported["data"], "location": str(data)}}
    (tmp_path / "cv" / "folds.json").write_text(json.dumps(reported))
    with pytest.raises(RunError, match="the data changed since"):
        resume_folds(tmp_path / "cv")


def test_the_interval_is_wider_than_one_of_independent_results():
    values = [0.9, 0.93, 0.88, 0.91, 0.95]
    found = of_folds(values)
    sd = statistics.stdev(values)
    expected = 2.776445 * sd * (1 / 5 + 1 / 4) ** 0.5
    assert (found.value, found.high - found.value) == pytest.approx((statistics.mean(values), expected), rel=1e-5)
    assert of_folds([1.0, 1.0]).low == 1.0
    assert of_folds([0.2, 0.9]).low == 0.0


# the printed tables: NIST/SEMATECH e-Handbook of Statistical Methods, 1.3.6.7.2
@pytest.mark.parametrize(
    ("freedom", "printed"), [(1, 12.706), (2, 4.303), (4, 2.776), (9, 2.262), (29, 2.045), (99, 1.984)]
)
def test_students_t_is_that_of_the_tables(freedom, printed):
    assert student_t(freedom) == pytest.approx(printed, abs=6e-4)


def test_a_command_for_one_run_names_the_folds(tmp_path):
    (tmp_path / "folds" / "fold-1").mkdir(parents=True)
    (tmp_path / "folds" / "fold-1" / "manifest.json").write_text("{}")
    with pytest.raises(RunError, match=r"is a cross-validation, give one of its folds: .*fold-1"):
        Run(str(tmp_path / "folds"))
