"""Resuming: a run that was killed at any moment ends with the weights of an uninterrupted run."""

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from tests.jobs.conftest import QUICK, make_images

from striate.errors import RunError
from striate.jobs import Run, resume

LONGER = {**QUICK, "epochs": 4, "augment": "default", "ema": 0.9, "mixup": 0.2, "dropout": 0.3, "checkpoint_every": 2}

# A process that trains, or resumes, and gets a signal at the n-th time that it touches a file of the run: while it writes a
# checkpoint, between its files, before or after a rename, while old ones are removed. 0 is never.
CHILD = """
import os, sys
from pathlib import Path
data, out, settings, number, moment = sys.argv[1], sys.argv[2], eval(sys.argv[3]), int(sys.argv[4]), int(sys.argv[5])
from striate.jobs import resume, train
import torch
torch.set_num_threads(1)
touched = 0
def audit(event, arguments):
    global touched
    if event in ("open", "os.rename", "os.mkdir", "os.remove", "os.rmdir") and out in str(arguments[0]):
        touched += 1
        if touched == moment:
            os.kill(os.getpid(), number)
sys.addaudithook(audit)
if (Path(out) / "manifest.json").exists():
    resume(out, progress=False)
else:
    train(data, out=out, progress=False, **settings)
print(touched)
"""


def child(
    data: Path, out: Path, number: int = 0, moment: int = 0, settings: Mapping[str, Any] = LONGER
) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", CHILD, str(data), str(out), repr(settings), str(int(number)), str(moment)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def weights(path: Path) -> str:
    return hashlib.sha256((path / "bundle" / "model.safetensors").read_bytes()).hexdigest()


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    return make_images(tmp_path_factory.mktemp("data") / "shapes", each=20, size=16)


@pytest.fixture(scope="module")
def uninterrupted(data, tmp_path_factory) -> tuple[Run, int]:
    """A run that nothing disturbed, and how often it touched a file of its folder."""
    out = tmp_path_factory.mktemp("runs") / "whole"
    done = child(data, out)
    return Run(out), int(done.stdout)


@pytest.fixture(scope="module")
def stopped(data, uninterrupted, tmp_path_factory) -> tuple[Path, str]:
    """A run that SIGTERM stopped halfway, and what it printed to the error stream; tests work on copies."""
    out = tmp_path_factory.mktemp("stopped") / "run"
    ended = child(data, out, signal.SIGTERM, uninterrupted[1] // 2)
    assert ended.returncode != 0
    return out, ended.stderr


@pytest.mark.large
@pytest.mark.parametrize("shares", [(0.35, 0.8), (0.1, 0.5), (0.97, None)])
def test_killed_at_any_moment_it_ends_with_the_same_weights(data, uninterrupted, tmp_path, shares):
    """Killed early and again halfway; in the middle and again near the end; and while the results are written."""
    whole, touches = uninterrupted
    out = tmp_path / "run"
    moments = [round(share * touches) for share in shares if share]
    ends = [child(data, out, signal.SIGKILL, moment).returncode for moment in moments]
    assert ends[0] == -signal.SIGKILL
    if Run(out).manifest["status"] != "finished":
        resume(out, progress=False)
    assert weights(out) == weights(whole.path)
    assert Run(out).metrics == whole.metrics
    assert not list(out.rglob(".tmp-*"))


@pytest.mark.large
def test_killed_between_two_unfreezings_it_ends_with_the_same_weights(data, tmp_path):
    settings = {**LONGER, "freeze": 2, "unfreeze_every": 1, "layer_decay": 0.7, "optimizer": "sgd"}
    touches = int(child(data, tmp_path / "whole", settings=settings).stdout)
    out = tmp_path / "run"
    assert child(data, out, signal.SIGKILL, round(0.4 * touches), settings).returncode == -signal.SIGKILL
    newest = max(out.glob("checkpoints/step-*"))
    assert json.loads((newest / "state.json").read_text())["epoch"] in (1, 2)
    resume(out, progress=False)
    assert weights(out) == weights(tmp_path / "whole")


def test_a_signal_saves_and_states_how_to_resume(uninterrupted, stopped, tmp_path):
    out = shutil.copytree(stopped[0], tmp_path / "run")
    assert f"`striate resume {stopped[0]}` continues the run" in stopped[1]
    resume(out, progress=False)
    assert weights(out) == weights(uninterrupted[0].path)


def test_a_damaged_checkpoint_is_skipped(uninterrupted, stopped, tmp_path, capsys):
    out = shutil.copytree(stopped[0], tmp_path / "run")
    os.truncate(max(out.glob("checkpoints/step-*")) / "state.safetensors", 100)
    resume(out)
    assert "skipped a damaged checkpoint" in capsys.readouterr().out
    assert weights(out) == weights(uninterrupted[0].path)


def test_without_a_valid_checkpoint_it_does_not_start_afresh(stopped, tmp_path):
    out = shutil.copytree(stopped[0], tmp_path / "run")
    for checkpoint in out.glob("checkpoints/step-*"):
        os.truncate(checkpoint / "state.json", 3)
    with pytest.raises(RunError, match="has no valid checkpoint"):
        resume(out, progress=False)


def test_a_finished_run_is_not_resumed(uninterrupted):
    with pytest.raises(RunError, match="the run finished"):
        resume(uninterrupted[0].path)


def test_changed_data_are_not_resumed_with(data, stopped, tmp_path):
    out = shutil.copytree(stopped[0], tmp_path / "run")
    changed = shutil.copytree(data, tmp_path / "data")
    (changed / "dark" / "0.png").unlink()
    manifest = json.loads((out / "manifest.json").read_text())
    manifest["data"]["location"] = str(changed)
    (out / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(RunError, match="the data changed since"):
        resume(out, progress=False)
