"""Where decoded images are kept changes nothing of a run; one that was cut off finds them again, and none outlives it."""

import os
import signal
from pathlib import Path
from typing import Any

import pytest
from tests.jobs.conftest import QUICK, make_images

from striate.data.store import FileStore
from striate.errors import DataError, RunError
from striate.jobs import Run, resume, train
from striate.runs import RunFolder
from striate.training.interruption import InterruptedRunError

SETTINGS: dict[str, Any] = {**QUICK, "epochs": 3, "augment": "default", "checkpoint_every": 1, "dropout": 0.3}


def weights(path: Path) -> bytes:
    return (path / "bundle" / "model.safetensors").read_bytes()


@pytest.fixture(scope="module")
def plain(shapes, tmp_path_factory) -> Run:
    return train(shapes, out=tmp_path_factory.mktemp("runs") / "plain", progress=False, cache="memory", **SETTINGS)


@pytest.fixture
def decoded(monkeypatch) -> list[int]:
    count: list[int] = []
    original = FileStore.decode

    def decode(store, i, *rest):
        count.append(i)
        return original(store, i, *rest)

    monkeypatch.setattr(FileStore, "decode", decode)
    return count


def stop_at(step: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The process is told to stop when it saves this step, in the middle of an epoch."""
    original = RunFolder.save_checkpoint

    def save(folder, at, *rest):
        if at == step:
            signal.raise_signal(signal.SIGTERM)
        return original(folder, at, *rest)

    monkeypatch.setattr(RunFolder, "save_checkpoint", save)


@pytest.mark.parametrize("cache", ["disk", "none"])
def test_the_same_weights_and_figures_wherever_images_are_kept(shapes, plain, tmp_path, cache):
    run = train(shapes, out=tmp_path / "run", progress=False, cache=cache, **SETTINGS)
    assert weights(run.path) == weights(plain.path)
    assert run.metrics == plain.metrics
    assert not (run.path / "cache").exists()
    assert {path.name for path in run.path.iterdir()} == {path.name for path in plain.path.iterdir()}


@pytest.mark.parametrize(("cache", "again"), [("disk", 0), ("memory", 60), ("none", None)])
def test_stopped_in_the_middle_of_an_epoch_it_ends_with_the_same_weights(
    shapes, plain, tmp_path, monkeypatch, decoded, cache, again
):
    with monkeypatch.context() as patch:
        stop_at(4, patch)
        with pytest.raises(InterruptedRunError):
            train(shapes, out=tmp_path / "run", progress=False, cache=cache, **SETTINGS)
    assert (tmp_path / "run" / "cache").exists() == (cache == "disk")
    decoded.clear()
    resume(tmp_path / "run", progress=False)
    assert weights(tmp_path / "run") == weights(plain.path)
    assert again is None or len(decoded) == again
    assert not (tmp_path / "run" / "cache").exists()


def test_a_resumed_run_does_not_draw_its_split_again(shapes, plain, tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        stop_at(4, patch)
        with pytest.raises(InterruptedRunError):
            train(shapes, out=tmp_path / "run", progress=False, **SETTINGS)
    monkeypatch.setattr("striate.runs.run_splits.split_samples", lambda *_, **__: pytest.fail("drawn again"))
    resume(tmp_path / "run", progress=False)
    assert weights(tmp_path / "run") == weights(plain.path)


def test_a_run_that_diverged_leaves_no_images_behind(shapes, tmp_path):
    lost = {**QUICK, "lr": 100.0, "epochs": 30, "optimizer": "sgd", "cache": "disk"}
    with pytest.raises(RunError, match="are not finite"):
        train(shapes, out=tmp_path / "run", progress=False, **lost)
    assert not (tmp_path / "run" / "cache").exists()


def test_where_memory_is_short_it_reports_it_and_goes_on(shapes, plain, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("striate.data.storage.available_memory", lambda: 1)
    run = train(shapes, out=tmp_path / "disk", **SETTINGS)
    assert "more than memory allows: they are kept on disk\n" in capsys.readouterr().out
    assert weights(run.path) == weights(plain.path)
    monkeypatch.setattr("striate.data.storage._free_disk", lambda _: 1)
    run = train(shapes, out=tmp_path / "none", **SETTINGS)
    assert "they are kept nowhere and decoded anew each epoch\n" in capsys.readouterr().out
    assert weights(run.path) == weights(plain.path)
    with pytest.raises(DataError, match=r"has no such room; .*--cache none"):
        train(shapes, out=tmp_path / "full", progress=False, cache="disk", **SETTINGS)
    assert not (tmp_path / "full").exists()


def test_a_file_that_goes_bad_while_streaming_is_counted_and_the_run_ends(tmp_path, monkeypatch):
    data = make_images(tmp_path / "data", each=20)
    ends = []
    for number in (1, 2):
        run_path, original = tmp_path / f"run{number}", RunFolder.write_splits
        before: dict[Path, bytes] = {}

        def spoil(folder, rows, original=original, before=before):
            """As soon as the split is written, one training and one test image are cut off."""
            for split in ("train", "test"):
                path = data / next(row["id"] for row in rows if row["split"] == split)
                before[path] = path.read_bytes()
                os.truncate(path, 100)
            original(folder, rows)

        with monkeypatch.context() as patch:
            patch.setattr(RunFolder, "write_splits", spoil)
            run = train(data, out=run_path, progress=False, cache="none", **SETTINGS)
        for path, content in before.items():
            path.write_bytes(content)
        (found,) = [finding for finding in run.findings if finding.id == "data-files-skipped"]
        assert found.severity == "warning"
        assert "2 files became unreadable while training and were replaced by others: 2 truncated." in found.message
        assert len(run.manifest["data"]["skipped"]) == 2
        assert run.metrics["test"]["images"] == run.manifest["data"]["counts"]["test"] - 1
        ends.append(weights(run.path))
    assert ends[0] == ends[1]
