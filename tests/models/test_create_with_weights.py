"""create_model with weights: what it logs, refuses, leaves fresh, and does not fetch unasked."""

import logging
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from tests.models.networks import weights_of

from striate.errors import SettingError
from striate.models import create_model


@pytest.fixture
def saved_resnet18(tmp_path) -> Path:
    path = tmp_path / "resnet18.safetensors"
    save_file(weights_of(create_model("resnet18", classes=5)), path)
    return path


def test_create_model_logs_what_was_not_loaded(saved_resnet18, caplog, capfd):
    caplog.set_level(logging.INFO, logger="striate")
    network = create_model("resnet18", classes=5, weights=saved_resnet18)
    assert torch.equal(network.state_dict()["fc.bias"], weights_of(network)["fc.bias"])
    create_model("resnet18", classes=2, channels=1, weights=str(saved_resnet18))
    start = f"resnet18 from {saved_resnet18}: "
    assert caplog.record_tuples == [
        ("striate", logging.INFO, f"{start}122 weights loaded"),
        (
            "striate",
            logging.WARNING,
            f"{start}120 weights loaded; fc not loaded: 5 classes in the file, 2 in the network; "
            "conv1 adapted from 3 channels to 1",
        ),
    ]
    assert capfd.readouterr() == ("", "")


def test_create_model_refuses_the_weights_of_another(saved_resnet18):
    with pytest.raises(
        SettingError, match=r"resnet18\.safetensors: these are not the weights of lenet5: stage1\.0\.weight is"
    ):
        create_model("lenet5", classes=5, weights=saved_resnet18)
    with pytest.raises(
        SettingError, match=r"^imagnet: there is no such file; weights are a .safetensors or .pth file, or 'imagenet'$"
    ):
        create_model("lenet5", classes=5, weights="imagnet")


def test_fresh_layers_are_those_of_the_seed(saved_resnet18):
    torch.manual_seed(3)
    plain = create_model("resnet18", classes=2)
    torch.manual_seed(3)
    loaded = create_model("resnet18", classes=2, weights=saved_resnet18)
    assert torch.equal(plain.state_dict()["fc.weight"], loaded.state_dict()["fc.weight"])


def test_nothing_is_fetched_or_started_unasked(tmp_path):
    code = """
import sys
import torch  # whose own business is not tested here
def refuse(event, arguments):
    if event.startswith(("socket.", "subprocess.", "urllib.")) or event in ("os.system", "os.exec", "os.posix_spawn"):
        raise RuntimeError(event)
sys.addaudithook(refuse)
import striate
striate.create_model("resnet18", classes=2)
try:
    striate.create_model("resnet18", classes=2, weights="imagenet")
except BaseException as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert done.stdout.strip() == "urllib.Request"  # the refusing hook works
    assert "downloading" in done.stderr
    assert list(tmp_path.iterdir()) == []
