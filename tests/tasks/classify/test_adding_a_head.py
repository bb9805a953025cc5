"""A head is a function and two rows: tried on a copy of the package."""

import os
import shutil
import subprocess
import sys

from tests.views.test_adding_one import ROOT, edited

KIND = """
    "centroid": HeadKind("nearest class mean", "linear", trainable=False),"""
FIT = '''

def _centroid(samples: Samples, value: float, scale: float) -> nn.Linear:
    """The negative squared distance to each class mean, times value."""
    present = samples.labels.unique()
    means = value * scale * torch.stack([samples.embeddings[samples.labels == one].mean(0) for one in present])
    return _for_all_classes(2 * means, -means.square().sum(1) / (value * scale), present, samples.classes)

'''
ROW = """
        "centroid": Estimator(_centroid, "strength", (0.5, 1, 2), default=1, scale=1),"""
USE = """
import torch
from striate.cli.overrides import Overrides
from striate.errors import SettingError
from striate.models import HeadDescription, build_head
from striate.tasks import fit_head
from striate.training import Recipe

x, y = torch.randn(60, 4, generator=torch.Generator().manual_seed(0)), torch.arange(60) % 3
x[:, 0] += 3 * y
head = fit_head("centroid", x, y, 3, seed=0)
assert head.figure.value > 0.8 and head.setting == "strength"
means = torch.stack([x[y == label].mean(0) for label in range(3)])
assert torch.equal(head.module(x).argmax(1), torch.cdist(x, means).argmin(1))
twin = build_head(HeadDescription.from_json(head.description.as_json()))
twin.load_state_dict(head.module.state_dict())
assert torch.equal(twin(x), head.module(x))
assert Recipe.of(weights="imagenet", head="centroid", epochs=0).transfer.head == "centroid"
for wrong, message in (
    ({"head": "centroit"}, "did you mean centroid"),
    ({"head": "centroid", "weights": "imagenet", "epochs": 2}, "head = centroid: is fitted on features and not trained"),
):
    try:
        Recipe.of(**wrong)
    except SettingError as error:
        assert message in str(error), error
    else:
        raise AssertionError(wrong)
"""


def test_a_head_is_a_function_and_two_rows(tmp_path):
    package = tmp_path / "striate"
    for path in ROOT.iterdir():
        if path.name not in ("models", "tasks"):
            package.mkdir(exist_ok=True)
            (package / path.name).symlink_to(path)
    for room in ("models", "tasks"):
        shutil.copytree(ROOT / room, package / room)
    edited(package / "models/head_kinds.py", ("HEADS: Final[Mapping[str, HeadKind]] = {", KIND))
    table = "ESTIMATORS: Final[Mapping[str, Estimator]] = MappingProxyType(\n    {"
    before = "    return linear_layer(all_weights, all_biases)\n"
    edited(package / "tasks/classify/head_estimators.py", (table, ROW), (before, FIT))
    environment = {**os.environ, "PYTHONPATH": str(tmp_path), "OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    used = subprocess.run([sys.executable, "-c", USE], env=environment, cwd=tmp_path, capture_output=True, text=True)
    assert used.returncode == 0, used.stderr
