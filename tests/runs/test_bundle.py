"""Bundles: what was saved gives the same outputs; one changed bit anywhere is refused; nothing is pickled."""

import hashlib
import json
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from striate.data import Canvas, Limits, training_statistics
from striate.data.decoding.rendering import Rendering
from striate.errors import RunError
from striate.models import HEADS, HeadDescription, build_head, classifier_features, create_model, replace_classifier
from striate.runs import Bundle, Preprocessing
from striate.runs.bundle_json import KEYS, read_sealed, sealed
from striate.tasks import Classify
from striate.views import Normalization

CLASSES = ("cat", "<b>dog</b>", "a\nb", "é")


def small_bundle() -> Bundle:
    torch.manual_seed(0)
    preprocessing = Preprocessing(Canvas(28, 28, 1), (28, 28), Normalization((0.1307,), (0.3081,)))
    model = create_model("lenet5", classes=4, channels=1)
    arguments = {"classes": 4, "channels": 1}
    statistics = training_statistics(np.random.default_rng(0).random((50, 3)), np.arange(50) % 4)
    return Bundle(model, "lenet5", arguments, Classify(CLASSES), preprocessing, statistics=statistics)


def bundle_with_head(kind: str) -> Bundle:
    bundle = small_bundle()
    features = classifier_features(bundle.model)
    sizes = {"samples": 6, "neighbors": 3} if kind == "knn" else {}
    description = HeadDescription(kind=kind, features=features, classes=4, **sizes)
    head = build_head(description)
    if kind == "knn":
        head.load_state_dict(
            {
                "0.center": torch.randn(features),
                "1.samples": torch.randn(6, features),
                "1.labels": torch.tensor([3, 0, 1, 2, 3, 0]),
                "1.scale": torch.tensor(2.0),
            }
        )
    replace_classifier(bundle.model, head)
    return replace(bundle, head=description)


@pytest.fixture(scope="module")
def saved(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("bundle")
    small_bundle().save(folder)
    return folder


def reseal(folder: Path, **changes: object) -> None:
    """Change model.json and its digest."""
    stored = read_sealed(folder / "model.json")
    (folder / "model.json").write_bytes(sealed({**stored, **changes}))


@pytest.fixture
def copy(saved, tmp_path) -> Path:
    return Path(shutil.copytree(saved, tmp_path / "bundle"))


def test_gives_the_same_outputs_and_all_that_belongs_to_them(saved):
    before, after = small_bundle(), Bundle.open(saved)
    images = torch.randn(3, 1, 28, 28)
    assert torch.equal(before.model.eval()(images), after.model(images))
    assert not after.model.training
    assert (after.classes, after.preprocessing, after.task.name) == (CLASSES, before.preprocessing, "classify")
    assert after.statistics == before.statistics


@pytest.mark.parametrize("kind", HEADS)
def test_another_head_comes_back_with_the_network(kind, tmp_path):
    before = bundle_with_head(kind)
    before.save(tmp_path)
    after = Bundle.open(tmp_path)
    images = torch.randn(3, 1, 28, 28)
    assert torch.equal(before.model.eval()(images), after.model(images))
    assert after.head == before.head
    assert after.model.state_dict().keys() == before.model.state_dict().keys()
    after.save(tmp_path / "again")
    for name in ("model.json", "model.safetensors"):
        assert (tmp_path / "again" / name).read_bytes() == (tmp_path / name).read_bytes()


def test_a_changed_byte_of_another_head_is_refused(tmp_path):
    bundle_with_head("knn").save(tmp_path)
    path = tmp_path / "model.safetensors"
    data = bytearray(path.read_bytes())
    data[-5] ^= 1
    path.write_bytes(data)
    with pytest.raises(RunError, match="was changed after it was written"):
        Bundle.open(tmp_path)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"kind": "forest"}, "has an unknown head .there is no head 'forest'.*; upgrade striate"),
        ({"kind": "logistic", "samples": 0, "neighbors": 0}, "weights do not fit the network"),
        ({"kind": "prototype", "samples": 0, "neighbors": 0}, "weights do not fit the network"),
        ({"features": 7}, "has an unknown head .it takes 7 features to 4 classes, the network 84 to 4"),
        ({"classes": 5}, "has an unknown head .it takes 84 features to 5 classes, the network 84 to 4"),
        ({"samples": 7}, "weights do not fit the network"),
        ({"samples": 10**9}, "has an unknown head .*are more than"),
        ({"samples": -1}, "has an unknown head"),
        ({"neighbors": 1}, "golden output"),
        ({"evil": 1}, "has an unknown head .the description of a head has"),
    ],
)
def test_a_false_description_of_the_head_is_refused(tmp_path, changes, message):
    bundle_with_head("knn").save(tmp_path)
    head = read_sealed(tmp_path / "model.json")["head"]
    reseal(tmp_path, head={**head, **changes})
    with pytest.raises(RunError, match=message):
        Bundle.open(tmp_path)


def test_a_head_that_the_description_conceals_or_makes_up_is_refused(tmp_path, copy):
    bundle_with_head("prototype").save(tmp_path / "concealed")
    reseal(tmp_path / "concealed", head=None)
    reseal(copy, head=HeadDescription(kind="prototype", features=84, classes=4).as_json())
    for folder in (tmp_path / "concealed", copy):
        with pytest.raises(RunError, match="weights do not fit the network"):
            Bundle.open(folder)


def test_labels_of_neighbors_that_are_no_classes_are_refused(tmp_path):
    bundle = bundle_with_head("knn")
    bundle.save(tmp_path)
    weights = safetensors.torch.load((tmp_path / "model.safetensors").read_bytes())
    weights["classifier.6.1.labels"][:] = 10**9
    data = safetensors.torch.save(weights)
    (tmp_path / "model.safetensors").write_bytes(data)
    reseal(tmp_path, weights={"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()})
    with pytest.raises(RunError, match="golden output"):
        Bundle.open(tmp_path)


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(data=st.data())
def test_one_changed_bit_is_refused(saved, tmp_path, data):
    folder = tmp_path / "bundle"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(saved, folder)
    file = folder / data.draw(st.sampled_from(["model.json", "model.safetensors"]))
    content = bytearray(file.read_bytes())
    bit = data.draw(st.integers(0, 8 * len(content) - 1))
    content[bit // 8] ^= 1 << bit % 8
    file.write_bytes(content)
    with pytest.raises(RunError) as refused:
        Bundle.open(folder)
    assert "\n" not in str(refused.value)
    assert str(folder) in str(refused.value)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"architecture": "os.system"}, "cannot build 'os.system'"),
        ({"architecture": "resnet18"}, "weights do not fit the network"),
        ({"arguments": {"classes": 9, "channels": 1}}, "weights do not fit the network"),
        ({"arguments": {"classes": 4, "channels": 1, "evil": 1}}, "unknown arguments of the network \\(evil\\)"),
        ({"arguments": {"classes": 4, "channels": 1, "weights": "imagenet"}}, "network \\(weights\\)"),
        ({"arguments": {"classes": 4, "channels": 1, "dropout": 0.5}}, "cannot build"),
        ({"classes": ["a", "b"]}, "has 2 classes and 4 outputs"),
        ({"format": 99}, "made by a later version of striate .format 99.; upgrade"),
        ({"format": 1}, "made by an earlier version of striate .format 1, not 3.,.*; train again: model.json"),
        ({"golden_output": [1.0, 2.0, 3.0, 4.0]}, "golden output"),
        ({"golden_output": [1.0]}, "golden output"),
        ({"statistics": {"images": 3}}, "its statistics of the training images are invalid"),
        ({"statistics": [1, 2]}, "its statistics of the training images are invalid"),
    ],
)
def test_a_false_description_is_refused(copy, changes, message):
    reseal(copy, **changes)
    with pytest.raises(RunError, match=message):
        Bundle.open(copy)


def preprocessing(**changes: object) -> dict[str, object]:
    """That of the bundle with invalid entries."""
    stored = json.loads(json.dumps(small_bundle().preprocessing.as_json()))
    for name, value in changes.items():
        (stored if name in stored else stored["canvas"] if name in stored["canvas"] else stored["canvas"]["rendering"])[
            name
        ] = value
    return {"preprocessing": stored}


@pytest.mark.parametrize(
    "changes",
    [
        {"fit": "stretch"},
        {"background": "pink"},
        {"integers": [5, 5]},
        {"integers": [0]},
        {"floats": [0, "x"]},
        {"rendering": {"evil": 1}},
        {"max_pixels": 10**15},
        {"max_pixels": "many"},
        {"tta": "rotate"},
        {"canvas": {"height": 28}},
    ],
)
def test_unknown_preprocessing_is_refused(copy, changes):
    reseal(copy, **preprocessing(**changes))
    with pytest.raises(RunError, match="unknown preprocessing"):
        Bundle.open(copy)


@pytest.mark.parametrize("name", ["rendering", "fit", "bits", "background", "floats"])
def test_preprocessing_that_lacks_an_entry_is_refused(copy, name):
    stored = json.loads(json.dumps(small_bundle().preprocessing.as_json()))
    del (stored["canvas"] if name in stored["canvas"] else stored["canvas"]["rendering"])[name]
    reseal(copy, preprocessing=stored)
    with pytest.raises(RunError, match="unknown preprocessing"):
        Bundle.open(copy)


def test_a_bundle_of_before_test_time_augmentation_predicts_one_view(copy):
    stored = small_bundle().with_tta("flip").preprocessing.as_json()
    assert Preprocessing.from_json(stored).tta == "flip"
    del stored["tta"]
    reseal(copy, preprocessing=stored)
    assert Bundle.open(copy).preprocessing.tta == "none"


def test_levels_background_fit_and_limit_come_back(tmp_path):
    bundle = small_bundle()
    canvas = Canvas(28, 28, 1, 16, Rendering((0, 4095), (-1.5, 2.0), "gray"), "contain")
    Bundle(**{**vars(bundle), "preprocessing": replace(bundle.preprocessing, canvas=canvas, max_pixels=10**8)}).save(
        tmp_path
    )
    again = Bundle.open(tmp_path).preprocessing
    assert (again.canvas, again.max_pixels, again.limits.max_pixels) == (canvas, 10**8, 10**8)
    assert replace(again, max_pixels=5).limits == Limits()  # at least the default


def test_preprocessing_without_a_limit_is_refused(copy):
    stored = small_bundle().preprocessing.as_json()
    del stored["max_pixels"]
    reseal(copy, preprocessing=stored)
    with pytest.raises(RunError, match="unknown preprocessing"):
        Bundle.open(copy)


def test_weights_that_are_not_finite_are_refused(copy):
    weights = safetensors.torch.load((copy / "model.safetensors").read_bytes())
    name = next(iter(weights))
    weights[name].view(-1)[0] = float("nan")
    data = safetensors.torch.save(weights)
    (copy / "model.safetensors").write_bytes(data)
    reseal(copy, weights={"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()})
    with pytest.raises(RunError, match="not finite"):
        Bundle.open(copy)


@pytest.mark.parametrize("key", sorted(KEYS))
def test_a_description_without_a_key_is_refused(copy, key):
    stored = read_sealed(copy / "model.json")
    del stored[key]
    (copy / "model.json").write_bytes(sealed(stored))
    with pytest.raises(RunError, match=f"has no {key}; it is not a striate bundle"):
        Bundle.open(copy)


def test_a_missing_file_is_named(copy):
    (copy / "model.safetensors").unlink()
    with pytest.raises(RunError, match=r"model\.safetensors: cannot be read"):
        Bundle.open(copy)


def test_a_description_with_a_repeated_key_is_refused(copy):
    raw = (copy / "model.json").read_text()
    (copy / "model.json").write_text(raw.replace('{\n "format": 3,', '{\n "format": 3,\n "format": 3,', 1))
    with pytest.raises(RunError, match="was changed"):
        Bundle.open(copy)


def test_opening_unpickles_nothing(saved):
    """Python reports every class that a pickle names; opening a bundle names none."""
    found = []
    watching = [True]

    def audit(event: str, arguments: tuple[object, ...]) -> None:
        if watching and event in ("pickle.find_class", "os.system", "subprocess.Popen", "socket.connect"):
            found.append((event, arguments))

    sys.addaudithook(audit)
    Bundle.open(saved)
    watching.clear()
    assert found == []


def test_the_description_is_readable_json(saved):
    stored = json.loads((saved / "model.json").read_text())
    assert stored["architecture"] == "lenet5"
    assert stored["preprocessing"]["normalization"]["mean"] == [0.1307]
