"""Files of weights: what is read, and that of what is refused nothing runs, nothing waits and nothing fills the machine."""

import argparse
import collections
import datetime
import enum
import io
import os
import pickle
import shutil
import sys
import tarfile
import tempfile
import time
import types
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from striate.errors import SettingError, StriateError
from striate.models import weight_files
from striate.models.weight_files import read_weights

NAN, INFINITY = float("nan"), float("inf")


class Trap:
    """Whoever unpickles it makes a file."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self):
        return os.system, (f"touch {self.marker}",)


class Maker(Trap):
    """The same by a function that torch does not forbid by itself."""

    def __reduce__(self):
        return shutil.copy, (__file__, self.marker)


class EvaluationResult:
    def __reduce__(self):
        return eval, ("1 + 1",)


def saved(held: object, **how: bool) -> bytes:
    buffer = io.BytesIO()
    torch.save(held, buffer, **how)
    return buffer.getvalue()


def with_entry(ending: str, content: bytes) -> bytes:
    """A zip archive as torch.save writes it, with another content, compressed, of one entry."""
    changed = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(saved({"w": torch.ones(1000)}))) as honest,
        zipfile.ZipFile(changed, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
    ):
        for name in honest.namelist():
            archive.writestr(name, content if name.endswith(ending) else honest.read(name))
    return changed.getvalue()


def refusal(path: Path) -> str:
    """The refusal after the file's name; checked to be what a user gets, one line and exit code 2."""
    with pytest.raises(SettingError) as caught:
        read_weights(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert "\n" not in message
    assert isinstance(caught.value, StriateError)
    assert caught.value.exit_code == 2
    return message.removeprefix(f"{path}: ")


@pytest.fixture
def room(tmp_path, monkeypatch) -> Path:
    """Where temporary folders are made; empty when a test ends."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def test_a_checkpoint_gives_its_weights_and_only_another_process_unpickles(tmp_path, room, monkeypatch):
    shared = torch.arange(12.0).view(3, 4)
    held = {
        "epoch": 3,
        "optimizer": {"state": {0: {"step": torch.ones(())}}},
        "state_dict": {
            "module.model.whole": shared,
            "module.model.turned": shared[1:].T,
            "module.model.half": nn.Parameter(shared.half()),
            "module.model.count": torch.tensor(7),
            "module.model.said": "not a tensor",
        },
    }
    path = tmp_path / "checkpoint.pth"
    path.write_bytes(saved(held))
    monkeypatch.setattr(torch, "load", lambda *_, **__: pytest.fail("unpickled in this process"))
    weights = read_weights(path)
    assert set(weights) == {f"module.model.{name}" for name in ("whole", "turned", "half", "count")}
    weights = {name.removeprefix("module.model."): value for name, value in weights.items()}
    assert torch.equal(weights["whole"], shared)
    assert torch.equal(weights["turned"], shared[1:].T)
    assert weights["half"].dtype == torch.float16
    assert not weights["half"].requires_grad
    assert weights["count"] == 7
    assert list(room.iterdir()) == []


@pytest.mark.parametrize("form", ["zip", "old"])
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


@pytest.mark.filterwarnings("ignore:.*torch.jit", "ignore:Validating sparse tensor", "ignore:Sparse invariant")
@pytest.mark.parametrize(
    ("held", "expected"),
    [
        (nn.Linear(2, 2), "asks for torch.nn.modules.linear.Linear, which is code"),
        ("script", "is a TorchScript archive, which is code"),
        ([1, 2], "contains a list, not a dictionary of weights"),
        ({"epoch": 3}, "contains no weights, only epoch: use another file"),
        ({}, "contains no weights, only nothing: use another file"),
        (
            {"generator": {"w": torch.ones(2)}, "critic": {"w": torch.ones(2)}},
            "contains several sets of weights, generator, critic: save the state_dict() of one network",
        ),
        ({"w": torch.ones(2).to_sparse()}, "w is sparse, quantized or without values"),
        ({"w\n": torch.ones(2, device="meta")}, "w  is sparse, quantized or without values"),
        ({"w": torch.ones(1).expand(2**40)}, "claims 4,096.0 GiB of weights, more than a file"),
    ],
)
def test_a_file_without_plain_weights_is_refused(held, expected):
    """What the child does after its limits are set, here in this process: torch.load is safe with weights_only."""
    if held == "script":
        buffer = io.BytesIO()
        torch.jit.save(torch.jit.script(nn.Linear(2, 2)), buffer)
        content = buffer.getvalue()
    else:
        content = saved(held)
    with pytest.raises(Exception) as caught:  # torch's own kinds as well
        weight_files._tensors(torch.load(io.BytesIO(content), map_location="cpu", weights_only=True), 2**30)
    error = caught.value
    message = str(error) if isinstance(error, SettingError) else weight_files._reason(error)
    assert message.startswith(expected)
    assert "\n" not in message


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
from striate.models.weight_files import _limit
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


def tar(_: object) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("storages"))
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("empty.pth", b"", "is empty; download or copy it again"),
        ("empty.safetensors", b"", "is empty; download or copy it again"),
        (
            "lfs.pth",
            b"version https://git-lfs\noid",
            "is not a PyTorch file: it begins with 'version https://git-'; use",
        ),
        ("page.bin", b"<!DOCTYPE html>\n<html>", "is not a PyTorch file: it begins with"),
        ("old.tar", tar(None), "is not a PyTorch file: it begins with "),
        (
            "pickle.safetensors",
            saved({"w": torch.ones(2)}),
            "is damaged or not a safetensors file (Error while deserializing",
        ),
    ],
)
def test_other_content_is_refused_at_once(tmp_path, monkeypatch, name, content, expected):
    monkeypatch.setattr(weight_files, "CHILD", "refuse to start")
    path = tmp_path / name
    path.write_bytes(content)
    assert refusal(path).startswith(expected)


@pytest.mark.parametrize("ending", ["pth", "safetensors"])
def test_a_path_that_is_not_a_file_is_refused_at_once(tmp_path, ending):
    assert refusal(tmp_path / f"missing.{ending}").startswith("there is no such file")
    (tmp_path / f"folder.{ending}").mkdir()
    assert refusal(tmp_path / f"folder.{ending}").startswith("is a folder; give the file of weights")
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / f"fifo.{ending}")
        assert refusal(tmp_path / f"fifo.{ending}").startswith("is a FIFO, socket or device")


def test_a_safetensors_file_that_was_cut_off_is_refused(tmp_path):
    path = tmp_path / "cut.safetensors"
    save_file({"w": torch.ones(1000)}, path)
    path.write_bytes(path.read_bytes()[:2000])
    assert refusal(path).startswith("is damaged or not a safetensors file (")


@pytest.mark.parametrize(
    "damaged",
    [
        torch.tensor([1.0, NAN]),
        torch.tensor([[1.0, -INFINITY]]),
        torch.tensor([INFINITY], dtype=torch.float16),
        torch.tensor([1.0, NAN], dtype=torch.bfloat16),
        torch.tensor([1.0, NAN]).to(torch.float8_e4m3fn),
        torch.tensor([complex(1, NAN)]),
    ],
)
def test_weights_that_are_not_finite_are_refused(tmp_path, damaged):
    path = tmp_path / "damaged.safetensors"
    save_file({"fine": torch.ones(3), "none": torch.ones(0), "count": torch.tensor(3), "layer.weight": damaged}, path)
    assert refusal(path) == "layer.weight is not finite (NaN or infinity); use another file"


def test_a_checkpoint_of_torchvisions_training_is_read_and_what_hides_in_its_settings_is_not_run(tmp_path, room):
    path = tmp_path / "checkpoint.pth"
    settings = argparse.Namespace(
        lr=0.1, data_path="/data", model="resnet18", sizes=[1, 2], inner=argparse.Namespace(a=None)
    )
    held = {"model": {"module.w": torch.ones(2)}, "optimizer": {}, "epoch": 3, "args": settings}
    path.write_bytes(saved(held))
    assert read_weights(path).keys() == {"module.w"}
    marker = tmp_path / "marker"
    path.write_bytes(saved({**held, "args": argparse.Namespace(lr=Trap(marker))}))
    assert "asks for" in refusal(path)
    assert not marker.exists()


class Color(enum.Enum):
    RED = 1


@pytest.mark.parametrize(
    "beside",
    [
        Path("runs/a"),
        np.float64(0.5),
        np.arange(3.0),
        np.dtype("f4"),
        types.SimpleNamespace(lr=0.1, inner=[Path("a")]),
        collections.defaultdict(list, a=[1]),
        collections.deque([1, 2]),
        datetime.datetime(2026, 1, 1),
        Color.RED,
    ],
)
def test_what_lies_beside_weights_is_never_made(beside):
    found: dict[str, Exception] = {}
    file = io.BytesIO(saved({"epoch": 3, "best": beside, "state_dict": weight(1)}))
    held = weight_files._unpickled(file, found)
    assert weight_files._tensors(held, 2**20) == weight(1)
    assert type(held["best"]) in (weight_files._Placeholder, dict, list)


def test_placeholders_are_logged_and_run_nothing(tmp_path, room, caplog):
    caplog.set_level("INFO", "striate")
    path, marker = tmp_path / "checkpoint.pth", tmp_path / "marker"
    path.write_bytes(saved({"state_dict": weight(1), "out": Path("runs/a"), "trap": Maker(marker)}))
    assert read_weights(path) == weight(1)
    (message,) = caplog.messages
    assert message.startswith(f"{path}: pathlib.")
    assert "shutil.copy in the file was neither read nor run" in message
    assert not marker.exists()
    with pytest.raises(pickle.UnpicklingError) as caught:
        weight_files._unpickled(io.BytesIO(saved({"state_dict": weight(1), "trap": EvaluationResult()})), {})
    assert weight_files._reason(caught.value).startswith("asks for eval, which is code")


def weight(value: float) -> dict[str, Tensor]:
    return {"w": torch.full((1,), value)}


@pytest.mark.parametrize(
    "held",
    [
        weight(1),
        {"state_dict": weight(1)},
        {"model": weight(1), "epoch": 3},
        {"model_state_dict": weight(1)},
        {"model": {"state_dict": weight(1)}},
        {"model": weight(2), "model_ema": weight(1)},  # the averaged ones are those that were measured
        {"state_dict": weight(2), "state_dict_ema": weight(1)},
        {"state_dict": None, "model": weight(1)},
        {"net": weight(1), "optimizer": {"state": {0: {"exp_avg": torch.ones(3)}, 1: {"exp_avg": torch.ones(3)}}}},
        {"trainer": {"ema": weight(1)}},
        {"classifier": weight(1), "loss": {}, "epoch": 3},
    ],
)
def test_weights_are_found_under_the_usual_names(held):
    assert weight_files._tensors(held, 2**20) == weight(1)


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_safetensors_are_mapped_and_not_copied(tmp_path):
    path = tmp_path / "w.safetensors"
    save_file({"w": torch.ones(1000)}, path)
    weights = read_weights(path)
    assert str(path) in Path("/proc/self/maps").read_text()
    assert torch.equal(weights["w"], torch.ones(1000))
