"""Evaluation, prediction and the learning curve compute on `device`."""

import pytest
import torch

from striate.cli import main
from striate.errors import SettingError
from striate.jobs import Run, check
from striate.training import choose_device

USES = {
    "evaluate": lambda run, _, device: run.evaluate(device=device),
    "evaluate other data": lambda run, data, device: run.evaluate(data, device=device),
    "predict": lambda run, data, device: run.predict(data, device=device),
}


@pytest.mark.parametrize("use", USES.values(), ids=USES)
def test_the_network_computes_on_the_device(trained, shapes, monkeypatch, use):
    """A forward pass on the meta device has no values, so reading them fails: they were computed there."""
    on_cpu = [use(trained, shapes, device) for device in ("cpu", "auto")]
    if not torch.cuda.is_available():
        assert on_cpu[0] == on_cpu[1]
    with pytest.raises((NotImplementedError, RuntimeError), match="meta"):
        use(trained, shapes, "meta")


@pytest.mark.parametrize("use", USES.values(), ids=USES)
def test_a_device_that_is_not_here_is_a_setting_error(trained, shapes, use):
    with pytest.raises(SettingError, match="device = 'tpu9': is not available here"):
        use(Run(trained.path), shapes, "tpu9")


def test_a_check_refuses_a_device_that_is_not_here(shapes, tmp_path):
    with pytest.raises(SettingError, match="device = 'tpu9'"):
        check(shapes, out=tmp_path / "page.html", device="tpu9", progress=False)
    assert not (tmp_path / "page.html").exists()


@pytest.mark.parametrize("verb", ["evaluate", "predict"])
def test_the_command_line_has_the_option(trained, shapes, verb, capsys):
    arguments = [verb, str(trained.path), *([str(shapes / "dark" / "0.png")] if verb == "predict" else [])]
    with pytest.raises(SystemExit) as ended:
        main([*arguments, "--device", "tpu9"])
    assert ended.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("striate: device = 'tpu9': is not available here")
    with pytest.raises(SystemExit, match="0"):
        main([*arguments, "--device", "cpu"])


def test_auto_is_the_first_gpu_or_the_cpu():
    assert choose_device("auto").type == ("cuda" if torch.cuda.is_available() else "cpu")
