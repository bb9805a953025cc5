"""Training, measuring and going on with what Python code holds in memory: as with files, down to the weights."""

import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from tests.jobs.conftest import QUICK

import striate as st
from striate.cli import main
from striate.errors import DataError, RunError, SettingError
from striate.jobs import Run, resume_folds
from striate.runs import RunFolder
from striate.sources import IN_MEMORY
from striate.training.interruption import InterruptedRunError


@pytest.fixture(scope="module")
def arrays(shapes) -> tuple[Any, Any]:
    paths = [path for kind in ("dark", "light", "striped") for path in sorted((shapes / kind).iterdir())]
    return np.stack([np.asarray(Image.open(path)) for path in paths]), [path.parent.name for path in paths]


@pytest.fixture(scope="module")
def remembered(arrays, tmp_path_factory) -> Run:
    return st.train(arrays, out=tmp_path_factory.mktemp("runs") / "remembered", progress=False, **QUICK)


def weights(run: Run) -> bytes:
    return (run.path / "bundle" / "model.safetensors").read_bytes()


def test_arrays_images_and_class_folders_end_with_the_same_weights(arrays, remembered, shapes, tmp_path):
    images, labels = arrays
    originals = st.train(
        [Image.fromarray(one) for one in images], labels, out=tmp_path / "pil", progress=False, **QUICK
    )
    files = st.train(shapes, out=tmp_path / "files", progress=False, **QUICK)
    assert weights(remembered) == weights(originals) == weights(files)
    assert remembered.metrics == files.metrics
    assert sorted(path.name for path in remembered.path.iterdir()) == sorted(path.name for path in files.path.iterdir())


def test_the_run_states_that_no_shell_command_gives_it_again(remembered):
    data = remembered.manifest["data"]
    assert (data["name"], data["location"]) == ("in-memory", IN_MEMORY)
    assert data["kind"] == "arrays N H W C from Python, 3 classes"
    command = remembered.manifest["command"]
    assert command.startswith(
        "striate.train(data, recipe='photos-from-scratch', model='bn_gap_cnn', lr=0.01, epochs=2,"
    )
    assert command.endswith(f"out={str(remembered.path)!r})  # data in memory")
    compile(command, "command", "eval")
    assert "striate train" not in remembered.report.read_text()


def test_evaluating_takes_the_data_again_or_others(remembered, arrays, capsys):
    images, labels = arrays
    figures = remembered.evaluate(arrays)  # what it was trained on is known again, and left out
    assert {name: figures[name] for name in remembered.metrics["test"]} == remembered.metrics["test"]
    new = 255 - images[::2]
    assert remembered.evaluate({"train": arrays, "test": (new, labels[::2])})["images"] == 30
    with pytest.raises(RunError, match=r"were in memory .* run\.evaluate\(\(images, labels\)\)"):
        remembered.evaluate()
    with pytest.raises(RunError, match="was not trained on: purple"):
        remembered.evaluate((images, ["purple", *labels[1:]]))
    for verb in ("evaluate", "resume"):
        with pytest.raises(SystemExit) as ended:
            main([verb, str(remembered.path)])
        assert ended.value.code == 2
        assert capsys.readouterr().err.count("\n") == 1


def test_splits_that_were_given_are_those_of_the_run(arrays, tmp_path):
    images, labels = arrays
    data = {name: (images[i::3], labels[i::3]) for i, name in enumerate(("Train", "valid", "Test"))}
    run = st.train(data, out=tmp_path / "run", progress=False, **{**QUICK, "epochs": 1})
    assert run.manifest["data"]["counts"] == {"train": 20, "val": 20, "test": 20}
    assert "val[0],val" in (run.path / "splits.csv").read_text()


def kill_at(step: int, monkeypatch: pytest.MonkeyPatch) -> None:
    original = RunFolder.save_checkpoint

    def save(folder, at, *rest):
        original(folder, at, *rest)
        if at == step:
            signal.raise_signal(signal.SIGTERM)

    monkeypatch.setattr(RunFolder, "save_checkpoint", save)


def test_a_killed_run_goes_on_with_the_same_data_only(arrays, remembered, tmp_path, monkeypatch):
    images, labels = arrays
    with monkeypatch.context() as patched:
        kill_at(3, patched)
        with pytest.raises(InterruptedRunError, match=r"striate\.resume\('.*run', data=\.\.\.\) from Python continues"):
            st.train(arrays, out=tmp_path / "run", progress=False, **QUICK)
    with pytest.raises(RunError, match=r"not on disk; pass the same data again: striate\.resume\("):
        st.resume(tmp_path / "run")
    with pytest.raises(RunError, match="the data changed"):
        st.resume(tmp_path / "run", data=(images, labels[::-1]))
    assert weights(st.resume(tmp_path / "run", data=arrays, progress=False)) == weights(remembered)


def test_folds_from_memory_go_on_too(arrays, tmp_path, monkeypatch):
    quick = {**QUICK, "epochs": 1}
    with monkeypatch.context() as patched:
        kill_at(2, patched)
        with pytest.raises(InterruptedRunError, match="resume_folds"):
            st.train_folds(*arrays, folds=2, out=tmp_path / "folds", progress=False, **quick)
    with pytest.raises(RunError, match=r"resume_folds\(.*data="):
        resume_folds(tmp_path / "folds")
    assert resume_folds(tmp_path / "folds", data=arrays, progress=False).summary["status"] == "finished"


def test_check_and_augment_take_the_same(arrays, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    images, labels = arrays
    checked = st.check(arrays, progress=False)
    assert checked.page == Path("check-in-memory.html")
    count = len(checked.findings)
    assert repr(checked) == f"<check of in memory: {len(images)} images, {count} findings, check-in-memory.html>"
    assert [one.finding.id for one in checked.findings] == [
        one.finding.id for one in st.check((list(map(Image.fromarray, images)), labels), progress=False).findings
    ]
    doubled = st.check((np.concatenate([images, images[:2]]), [*labels, *labels[:2]]), progress=False)
    assert "data-duplicates" in [one.finding.id for one in doubled.findings]
    assert st.augment((images, labels), rows=2, columns=2).path == Path("in-memory-augment.png")


def test_leakage_between_splits_stops_it_as_with_files(arrays, tmp_path):
    images, labels = arrays
    with pytest.raises(DataError, match="of test are in train too"):
        st.train({"train": arrays, "test": (images[:9], labels[:9])}, out=tmp_path / "run", progress=False, **QUICK)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("given", "settings", "error", "expected_message"),
    [
        ((np.zeros((4, 8, 8)), [0, 1, 0]), {}, DataError, "labels has 3 values for 4 images"),
        (
            (np.zeros((4, 8, 8)), [0, 1, 0, 1]),
            {"weights": {}},
            SettingError,
            'weights: is of type dict; give "imagenet"',
        ),
        (
            (np.random.default_rng(0).integers(0, 99, (9, 40, 40, 5), np.uint8), [0, 1, 2] * 3),
            {"weights": "imagenet"},
            SettingError,
            "weights = imagenet: take images of 3 channels, and these have 5; --channels 5 --normalize data",
        ),
        (("photos", [0, 1]), {}, SettingError, "labels: are passed with images"),
        (({"train": 1}, [0, 1]), {}, SettingError, "labels: are passed with images"),
        ((([[0]], [0]),), {"label_column": "a"}, SettingError, "the data are in memory"),
        (
            (np.zeros((4, 8, 8)), np.zeros((4, 8, 8))),
            {},
            DataError,
            "labels are an array of 4 x 8 x 8; give one label, or one row of 0 and 1",
        ),
    ],
)
def test_bad_input_is_refused_before_anything_is_written(given, settings, error, expected_message, tmp_path):
    with pytest.raises(error, match=expected_message) as caught:
        st.train(*given, out=tmp_path / "run", **settings)
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_a_test_split_that_is_unlike_the_training_is_reported(arrays, tmp_path):
    images, labels = arrays
    even, odd = slice(None, None, 2), slice(1, None, 2)
    dark = images // 8
    for name, test, found in (("same", images, False), ("dark", dark, True)):
        data = {"train": (images[even], labels[even]), "test": (test[odd], labels[odd])}
        run = st.train(data, out=tmp_path / name, progress=False, **{**QUICK, "epochs": 1})
        shifts = [one for one in run.findings if one.id == "data-shift"]
        assert bool(shifts) is found, name
        assert all(one.message.startswith("In the test split 30 of 30 images") for one in shifts)
