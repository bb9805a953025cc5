"""Resuming: a run that was killed at any moment ends with the weights that it would have had."""

import hashlib
import os
import random
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

LONGER = {**QUICK, "epochs": 6, "augment": "default", "ema": 0.9, "mixup": 0.2, "dropout": 0.3, "checkpoint_every": 2}

# A process that trains, or goes on, and gets a signal at the n-th time that it touches a file of the run: while it writes a
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
    return make_images(tmp_path_factory.mktemp("data") / "shapes", each=24)


@pytest.fixture(scope="module")
def uninterrupted(data, tmp_path_factory) -> tuple[Run, int]:
    """A run that nothing disturbed, and how often it touched a file of its folder."""
    out = tmp_path_factory.mktemp("runs") / "whole"
    done = child(data, out)
    return Run(out), int(done.stdout)


@pytest.mark.parametrize("seed", range(6))
def test_killed_at_random_moments_it_ends_with_the_same_weights(data, uninterrupted, tmp_path, seed):
    whole, touches = uninterrupted
    out, chance = tmp_path / "run", random.Random(seed)
    moments = [chance.randrange(10, touches) for _ in range(2)]
    ends = [child(data, out, signal.SIGKILL, moment).returncode for moment in moments]
    assert ends[0] == -signal.SIGKILL
    if Run(out).manifest["status"] != "finished":
        resume(out, progress=False)
    assert weights(out) == weights(whole.path)
    assert Run(out).metrics == whole.metrics
    assert not list(out.rglob(".tmp-*"))


def test_a_signal_saves_and_says_how_to_go_on(data, uninterrupted, tmp_path):
    whole, touches = uninterrupted
    stopped = child(data, tmp_path / "run", signal.SIGTERM, touches // 2)
    assert stopped.returncode != 0
    assert f"`striate resume {tmp_path / 'run'}` goes on" in stopped.stderr
    resume(tmp_path / "run", progress=False)
    assert weights(tmp_path / "run") == weights(whole.path)


def test_a_damaged_checkpoint_is_passed_over(data, uninterrupted, tmp_path, capsys):
    whole, touches = uninterrupted
    out = tmp_path / "run"
    child(data, out, signal.SIGTERM, touches // 2)
    os.truncate(max(out.glob("checkpoints/step-*")) / "state.safetensors", 100)
    resume(out)
    assert "skipped a damaged checkpoint" in capsys.readouterr().out
    assert weights(out) == weights(whole.path)


def test_with_no_whole_checkpoint_it_does_not_begin_anew_in_silence(data, uninterrupted, tmp_path):
    _, touches = uninterrupted
    out = tmp_path / "run"
    child(data, out, signal.SIGTERM, touches // 2)
    for checkpoint in out.glob("checkpoints/step-*"):
        os.truncate(checkpoint / "state.json", 3)
    with pytest.raises(RunError, match="no checkpoint there is whole"):
        resume(out, progress=False)


def test_a_finished_run_is_not_gone_on_with(uninterrupted):
    with pytest.raises(RunError, match="the run finished"):
        resume(uninterrupted[0].path)


def test_changed_data_stop_the_resuming(uninterrupted, tmp_path):
    data = make_images(tmp_path / "data", each=6)
    child(data, tmp_path / "run", signal.SIGKILL, 40)
    (data / "dark" / "0.png").unlink()
    with pytest.raises(RunError, match="the data changed since"):
        resume(tmp_path / "run", progress=False)
