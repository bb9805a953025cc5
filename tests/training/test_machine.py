"""What the machine can do: the probe for threads decides by what it measures and leaves no trace."""

import pytest
import torch

from striate.errors import SettingError
from striate.models import create_model
from striate.training import machine
from striate.training.machine import check_threads, choose_device, choose_precision, choose_threads


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        ({1: 1.0, 2: 0.6, 4: 0.4}, 4),
        ({1: 1.0, 2: 0.6, 4: 0.59}, 2),  # two more threads for nothing
        ({1: 1.0, 2: 5.0, 4: 9.0}, 1),  # a busy neighbor
        ({1: 1.0, 2: 0.97, 4: 0.6}, 4),
    ],
)
def test_more_threads_must_win_by_five_percent(monkeypatch, seconds, expected):
    monkeypatch.setattr(machine, "available_cores", lambda: 4)
    monkeypatch.setattr(machine, "_interleaved", lambda _, counts: {count: seconds[count] for count in counts})
    model = create_model("lenet5", classes=3, channels=1)
    assert choose_threads(model, torch.zeros(2, 1, 28, 28), bfloat16=False) == expected


def test_the_probe_leaves_no_trace(monkeypatch):
    monkeypatch.setattr(machine, "available_cores", lambda: 2)
    model = create_model("bn_gap_cnn", classes=3, channels=1)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    example = torch.rand(4, 1, 16, 16)
    threads, generator = torch.get_num_threads(), torch.get_rng_state()
    assert choose_threads(model, example, bfloat16=False) in (1, 2)
    assert torch.get_num_threads() == threads
    assert torch.equal(torch.get_rng_state(), generator)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert all(parameter.grad is None for parameter in model.parameters())


def test_long_steps_have_few_turns_and_few_images(monkeypatch):
    monkeypatch.setattr(machine, "available_cores", lambda: 2)
    clock, sizes = iter(range(100)), []
    monkeypatch.setattr("striate.training.machine.time.perf_counter", lambda: float(next(clock)))
    model = create_model("bn_gap_cnn", classes=3, channels=3)
    choose_threads(model, torch.zeros(64, 3, 512, 512), False, lambda _, images, __: sizes.append(len(images)))
    assert sizes == [2] * (1 + 2)  # the first builds kernels; then one turn of each count


def test_one_core_needs_no_probe(monkeypatch):
    monkeypatch.setattr(machine, "available_cores", lambda: 1)
    monkeypatch.setattr(machine, "_interleaved", lambda *_: pytest.fail("it was probed"))
    assert choose_threads(create_model("lenet5", classes=3, channels=1), torch.zeros(1, 1, 28, 28), bfloat16=False) == 1


@pytest.mark.parametrize("name", ["cuda:99", "tpu", "cpu:x", "fpga", "hpu", ""])
def test_a_device_that_is_not_there_is_refused_in_one_line(name):
    with pytest.raises(SettingError, match="is not available here; available: auto, cpu") as refused:
        choose_device(name)
    assert "\n" not in str(refused.value)


def test_a_device_that_is_there_and_fails_has_its_reason(monkeypatch):
    def fail(*_, **__):
        raise RuntimeError("out of memory\nCompile with ...")

    monkeypatch.setattr(torch, "zeros", fail)
    with pytest.raises(SettingError, match="device = 'cpu': fails: out of memory; give another device"):
        choose_device("cpu")


def test_many_more_threads_than_cores_are_refused(monkeypatch):
    monkeypatch.setattr(machine, "available_cores", lambda: 2)
    for threads in (None, 1, 2, 8):
        check_threads(threads)
    with pytest.raises(SettingError, match="threads = 9: this machine has 2 cores; give at most 8"):
        check_threads(9)


def test_what_was_chosen_stays():
    assert choose_device("cpu") == torch.device("cpu")
    for precision in ("float32", "bfloat16"):
        assert choose_precision(precision, torch.device("cpu")) == precision
