"""The process that reads a checkpoint: it runs no code of the file, and its time, memory and knowledge are limited."""

import os
import pickle
import sys
import time

import pytest
import torch
from tests.models.saved_weights import Trap, refusal, saved, with_entry

from striate.models import weight_files


@pytest.mark.parametrize("form", ["zip", pytest.param("old", marks=pytest.mark.large)])
def test_code_in_a_file_does_not_run(tmp_path, room, form):
    marker, path = tmp_path / "marker", tmp_path / "trap.pth"
    held = {"w": torch.ones(2), "x": Trap(marker)}
    path.write_bytes(
        with_entry("data.pkl", pickle.dumps(Trap(marker), protocol=2))
        if form == "zip"
        else saved(held, _use_new_zipfile_serialization=False)
    )
    assert refusal(path) == (
        f"asks for {os.system.__module__}.system, which is code; none of it was run: "
        "use a file of the state_dict() only"
    )
    assert not marker.exists()
    assert list(room.iterdir()) == []
    torch.load(path, weights_only=False)  # the trap is one
    assert marker.exists()


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not limit a process's memory")
def test_a_small_file_that_unpacks_to_a_large_one_is_stopped(tmp_path):
    path = tmp_path / "bomb.pth"
    path.write_bytes(with_entry("data/0", bytes(300 * 2**20)))
    assert path.stat().st_size < 2 * 2**20
    assert refusal(path).startswith("reading it takes more memory than such a file needs")


def test_a_file_that_claims_a_giant_tensor_is_refused(tmp_path):
    path = tmp_path / "giant.pth"
    path.write_bytes(saved({"w": torch.ones(1).expand(2**40)}, _use_new_zipfile_serialization=False))
    assert refusal(path).startswith("claims 4,096.0 GiB of weights, more than a file of its size can contain")


def test_a_file_that_was_cut_off_is_refused(tmp_path):
    path = tmp_path / "cut.pth"
    path.write_bytes(saved({"w": torch.ones(1000)})[:2000])
    message = refusal(path)
    assert message.startswith(
        "is damaged, truncated or not a file of weights (RuntimeError: PytorchStreamReader failed"
    )
    assert message.endswith("; download or copy it again")


@pytest.mark.skipif(sys.platform == "win32", reason="no limits there")
def test_a_file_that_takes_too_long_is_stopped(tmp_path, monkeypatch):
    """None, put into the memo ten million times."""
    monkeypatch.setattr(weight_files, "CPU_SECONDS", 1)
    monkeypatch.setattr(weight_files, "WALL_TIME_FACTOR", 100)  # on a busy machine a second takes long
    path = tmp_path / "slow.pth"
    path.write_bytes(with_entry("data.pkl", b"\x80\x02N" + b"q\x00" * 10_000_000 + b"."))
    assert refusal(path).startswith("reading it takes more than 1 s")


def test_a_child_that_hangs_is_ended(tmp_path, monkeypatch):
    monkeypatch.setattr(weight_files, "CHILD", "import time; time.sleep(60)")
    monkeypatch.setattr(weight_files, "CPU_SECONDS", 1)
    monkeypatch.setattr(weight_files, "WALL_TIME_FACTOR", 0.2)
    path = tmp_path / "w.pth"
    path.write_bytes(saved({"w": torch.ones(2)}))
    start = time.monotonic()
    assert refusal(path).startswith("could not be read within 0.2 s")
    assert time.monotonic() - start < 20


@pytest.mark.skipif(sys.platform == "win32", reason="no signals there")
def test_a_child_that_is_killed_is_reported(tmp_path, monkeypatch):
    monkeypatch.setattr(weight_files, "CHILD", "import os, signal; os.kill(os.getpid(), signal.SIGKILL)")
    path = tmp_path / "w.pth"
    path.write_bytes(saved({"w": torch.ones(2)}))
    assert refusal(path).startswith("reading it takes more memory than such a file needs (signal 9)")


@pytest.mark.skipif(sys.platform != "linux", reason="not all limits are known elsewhere")
def test_what_the_child_may_take_and_what_it_knows(tmp_path, room, monkeypatch):
    monkeypatch.setenv("SECRET_TOKEN", "hunter2")
    monkeypatch.setenv("PYTHONSTARTUP", "/nowhere")
    monkeypatch.setattr(
        weight_files,
        "CHILD",
        """
import os, resource, sys
sys.path[:] = sys.argv[3:]
from striate.models.weight_pickles import _limit
_limit(int(sys.argv[1]), int(sys.argv[2]))
limits = [resource.getrlimit(which)[which == resource.RLIMIT_CORE] for which in  # of which the soft one is often 0
          (resource.RLIMIT_FSIZE, resource.RLIMIT_CORE, resource.RLIMIT_CPU, resource.RLIMIT_AS)]
print("noise on the way")
print(sorted(os.environ), os.getcwd() == os.environ["TMPDIR"], oct(os.stat(".").st_mode)[-3:], *limits)
sys.exit(1)
""",
    )
    monkeypatch.delenv("LD_LIBRARY_PATH", raising=False)
    path = tmp_path / "w.pth"
    path.write_bytes(saved({"w": torch.ones(2)}))
    told = refusal(path)
    environment, _, rest = told.rpartition("]")
    known = set(environment.strip("[").replace("'", "").split(", "))
    assert known - {"LC_CTYPE", "KMP_DUPLICATE_LIB_OK", "KMP_INIT_AT_FORK"} == {
        "CUDA_VISIBLE_DEVICES",
        "OMP_NUM_THREADS",
        "TMPDIR",
    } | (known & {"GOMP_SPINCOUNT", "TORCHINDUCTOR_CACHE_DIR"})  # what the command and torch themselves set
    at_home, mode, written, core, processor, space = rest.split()
    assert (at_home, mode, core) == ("True", "700", "0")
    assert int(written) == 4 * path.stat().st_size + 256 * 2**20
    assert 30 <= int(processor) <= 60
    assert int(space) < 2**40  # of which most is what importing torch takes
    assert list(room.iterdir()) == []
