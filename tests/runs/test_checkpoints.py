"""Checkpoints: what was saved comes back, whatever was damaged is noticed and passed over."""

import shutil

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from striate.errors import RunError
from striate.runs.checkpoints import KEPT, newest_checkpoint, save_checkpoint


def tensors(value: float) -> dict[str, torch.Tensor]:
    return {"weight": torch.full((3, 2), value), "count": torch.tensor(7)}


def test_comes_back_as_it_was(tmp_path):
    channels_last = torch.randn(2, 3, 4, 5).contiguous(memory_format=torch.channels_last)
    save_checkpoint(tmp_path, 5, {"weight": channels_last, "half": torch.ones(2).bfloat16()}, {"epoch": 1, "x": 0.1})
    found = newest_checkpoint(tmp_path)
    assert found is not None
    assert torch.equal(found.tensors["weight"], channels_last)
    assert found.tensors["half"].dtype == torch.bfloat16
    assert found.scalars == {"epoch": 1, "x": 0.1}
    assert found.skipped == ()


def test_only_the_newest_are_kept(tmp_path):
    for step in range(1, 6):
        save_checkpoint(tmp_path, step, tensors(step), {"step": step})
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"step-{n:08d}" for n in range(6 - KEPT, 6)]


def test_a_run_without_checkpoints_has_no_newest_one(tmp_path):
    assert newest_checkpoint(tmp_path) is None
    assert newest_checkpoint(tmp_path / "absent") is None


@pytest.mark.parametrize("name", ["state.safetensors", "state.json", "MANIFEST.json"])
@pytest.mark.parametrize("damage", ["delete", "truncate", "empty"])
def test_a_damaged_file_is_skipped_and_named(tmp_path, name, damage):
    save_checkpoint(tmp_path, 1, tensors(1), {"step": 1})
    newest = save_checkpoint(tmp_path, 2, tensors(2), {"step": 2})
    data = (newest / name).read_bytes()
    if damage == "delete":
        (newest / name).unlink()
    else:
        (newest / name).write_bytes(data[: len(data) // 2 if damage == "truncate" else 0])
    found = newest_checkpoint(tmp_path)
    assert found is not None
    assert found.scalars == {"step": 1}
    assert len(found.skipped) == 1
    assert found.skipped[0].startswith("step-00000002: ")


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_every_flipped_bit_is_noticed(tmp_path, data):
    shutil.rmtree(tmp_path / "one", ignore_errors=True)
    path = save_checkpoint(tmp_path / "one", 1, tensors(1), {"step": 1})
    file = path / data.draw(st.sampled_from(["state.safetensors", "state.json"]))
    content = bytearray(file.read_bytes())
    bit = data.draw(st.integers(0, 8 * len(content) - 1))
    content[bit // 8] ^= 1 << bit % 8
    file.write_bytes(content)
    assert newest_checkpoint(tmp_path / "one") is None


def test_a_copied_run_has_its_checkpoints(tmp_path):
    save_checkpoint(tmp_path / "one", 1, tensors(1), {"step": 1})
    shutil.copytree(tmp_path / "one", tmp_path / "two")
    assert newest_checkpoint(tmp_path / "two") is not None


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_what_is_not_finite_is_never_saved(tmp_path, value):
    save_checkpoint(tmp_path, 1, tensors(1), {"step": 1})
    with pytest.raises(RunError, match="weight is not finite"):
        save_checkpoint(tmp_path, 2, tensors(value), {"step": 2})
    found = newest_checkpoint(tmp_path)
    assert found is not None
    assert found.scalars == {"step": 1}


def test_leftovers_of_a_killed_process_are_cleared(tmp_path):
    (tmp_path / ".tmp-999-step-00000001").mkdir()
    (tmp_path / ".tmp-999-step-00000001" / "state.safetensors").write_bytes(b"half")
    save_checkpoint(tmp_path, 1, tensors(1), {"step": 1})
    assert [path.name for path in tmp_path.iterdir()] == ["step-00000001"]
