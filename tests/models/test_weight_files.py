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
import types
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from tests.models.saved_weights import Trap, refusal, saved
from torch import Tensor, nn

from striate.errors import SettingError
from striate.models import weight_files, weight_pickles
from striate.models.weight_files import read_weights

NAN, INFINITY = float("nan"), float("inf")


class Maker(Trap):
    """The same by a function that torch does not forbid by itself."""

    def __reduce__(self):
        return shutil.copy, (__file__, self.marker)


class EvaluationResult:
    def __reduce__(self):
        return eval, ("1 + 1",)


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
        weight_pickles._tensors(torch.load(io.BytesIO(content), map_location="cpu", weights_only=True), 2**30)
    error = caught.value
    message = str(error) if isinstance(error, SettingError) else weight_pickles._reason(error)
    assert message.startswith(expected)
    assert "\n" not in message


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
    held = weight_pickles._unpickled(file, found)
    assert weight_pickles._tensors(held, 2**20) == weight(1)
    assert type(held["best"]) in (weight_pickles._Placeholder, dict, list)


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
        weight_pickles._unpickled(io.BytesIO(saved({"state_dict": weight(1), "trap": EvaluationResult()})), {})
    assert weight_pickles._reason(caught.value).startswith("asks for eval, which is code")


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
    assert weight_pickles._tensors(held, 2**20) == weight(1)


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_safetensors_are_mapped_and_not_copied(tmp_path):
    path = tmp_path / "w.safetensors"
    save_file({"w": torch.ones(1000)}, path)
    weights = read_weights(path)
    assert str(path) in Path("/proc/self/maps").read_text()
    assert torch.equal(weights["w"], torch.ones(1000))
