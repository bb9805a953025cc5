"""create_model with weights: what it logs, refuses, leaves fresh, and does not fetch unasked."""

import logging
import os
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
        SettingError,
        match=r"^imagnet: there is no such file; weights are a .safetensors or .pth file, a run, or 'imagenet'$",
    ):
        create_model("lenet5", classes=5, weights="imagnet")


def test_fresh_layers_are_those_of_the_seed(saved_resnet18):
    torch.manual_seed(3)
    plain = create_model("resnet18", classes=2)
    torch.manual_seed(3)
    loaded = create_model("resnet18", classes=2, weights=saved_resnet18)
    assert torch.equal(plain.state_dict()["fc.weight"], loaded.state_dict()["fc.weight"])


@pytest.mark.parametrize("inside", ["bundle", "."])
def test_weights_are_taken_from_a_run_or_a_bundle_and_nothing_else_in_it_is_read(saved_resnet18, tmp_path, inside):
    run = tmp_path / "runs" / "first"
    (run / inside).mkdir(parents=True)
    (run / inside / "model.json").write_text("not even JSON")
    saved_resnet18.rename(run / inside / "model.safetensors")
    network = create_model("resnet18", classes=5, weights=run)
    assert torch.equal(network.state_dict()["fc.bias"], weights_of(network)["fc.bias"])
    with pytest.raises(
        SettingError, match=r"model\.safetensors: these are not the weights of lenet5: stage1\.0\.weight is"
    ):
        create_model("lenet5", classes=5, weights=run)


def test_a_folder_without_weights_is_refused(tmp_path):
    with pytest.raises(SettingError, match=r"has no model\.safetensors, as a finished run and a bundle have; give one"):
        create_model("lenet5", classes=5, weights=tmp_path)


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
for download in (False, True):
    try:
        striate.create_model("resnet18", classes=2, weights="imagenet", download=download)
    except BaseException as error:
        print(error)
"""
    environment = {name: value for name, value in os.environ.items() if name != "STRIATE_WEIGHTS"}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path, env=environment
    )
    unasked, asked = done.stdout.splitlines()
    assert unasked == (
        "the ImageNet weights of resnet18 are not in weights: allow a download of 46.8 MB (--download; in Python download=True), "
        "or download it yourself: save https://download.pytorch.org/models/resnet18-f37072fd.pth as weights/resnet18-f37072fd.pth"
    )
    assert asked == "urllib.Request"  # the refusing hook works
    assert done.stderr.count("downloading") == 1
    assert list(tmp_path.iterdir()) == []
