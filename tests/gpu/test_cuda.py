"""The same on a GPU as on the CPU: views, batches, steps, whole runs, and resuming. `.ci/gpu` runs these where there is one."""

import csv
import signal
import warnings
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.jobs.conftest import QUICK, make_images
from tests.jobs.test_resuming import LONGER, child, weights

from striate.data import Batches, ClassTargets, LabeledImages, TensorImages
from striate.jobs import Run, train
from striate.models import create_model
from striate.tasks import Classify
from striate.training import RECIPES, TrainingState, choose_device, choose_precision, resolve
from striate.training.loop import Step
from striate.training.loop import train as train_loop
from striate.views import POLICIES, Normalization

pytestmark = pytest.mark.gpu

NORMALIZATION = Normalization((0.4, 0.5, 0.6), (0.2, 0.25, 0.3))
# one network for each kind of arithmetic: dense, grouped, depthwise, shuffled, attention, windows
NETWORKS = ("cosine_cnn", "resnet18", "resnext50_32x4d", "mobilenet_v3_small", "shufflenet_v2_x1_0", "densenet121")
ATTENTION = ("vit_b_16", "swin_t", "convnext_tiny", "efficientnet_lite0", "inception_v3")


@pytest.fixture(autouse=True, scope="module")
def full_float32():
    """Products in TF32 have 10 bits, so what is compared with the CPU is computed without."""
    before = torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    yield
    torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32 = before


def samples(count: int = 32, side: int = 40) -> LabeledImages:
    """Smooth images, so that a warp that rounds a coordinate otherwise hardly changes a value."""
    random = torch.Generator().manual_seed(0)
    coarse = torch.rand(count, 3, 6, 6, generator=random)
    images = torch.nn.functional.interpolate(coarse, (side, side), mode="bicubic").clamp(0, 1).mul(255).to(torch.uint8)
    labels = torch.arange(count) % 3
    return LabeledImages(
        TensorImages(images.permute(0, 2, 3, 1).contiguous()),
        ClassTargets(labels.numpy()),
        tuple(map(str, range(count))),
        ("a", "b", "c"),
    )


def batches(policy: str | None, device: str, originals: LabeledImages | None = None) -> Batches:
    return Batches(
        originals or samples(),
        batch_size=16,
        size=(32, 32),
        normalization=NORMALIZATION,
        policy=POLICIES[policy] if policy else None,
        seed=3,
        device=device,
    )


def test_the_gpu_is_chosen_and_its_bfloat16():
    assert choose_device("auto").type == "cuda"
    assert choose_precision("auto", torch.device("cuda")) in ("bfloat16", "float32")


@pytest.mark.parametrize("policy", [None, *POLICIES])
def test_batches_hold_what_they_hold_on_the_cpu(policy):
    # The policies that posterize, solarize or equalize turn a rounding into a step, in a few pixels at most.
    for on_cpu, on_gpu in zip(batches(policy, "cpu").epoch(1), batches(policy, "cuda").epoch(1), strict=True):
        assert on_gpu.inputs.is_cuda
        assert torch.equal(on_cpu.ids, on_gpu.ids)
        assert torch.equal(on_cpu.targets, on_gpu.targets.cpu())
        difference = (on_cpu.inputs - on_gpu.inputs.cpu()).abs()
        assert difference.median() < 1e-3
        assert difference.mean() < 0.02, difference.flatten(1).mean(1)


@pytest.mark.parametrize("name", [*NETWORKS, *ATTENTION])
def test_features_and_gradients_are_those_of_the_cpu(name):
    torch.manual_seed(0)
    model = create_model(name, classes=5, channels=3, size=64).eval()
    images = torch.rand(4, 3, 64, 64)
    features, gradients = {}, {}  # not logits: the heads of some networks start at zero
    for device in ("cpu", "cuda"):
        model.to(device).zero_grad()
        out = model.features(images.to(device))[-1]
        out.square().mean().backward()
        features[device] = out.detach().cpu()
        gradients[device] = torch.cat([p.grad.flatten().cpu() for p in model.parameters() if p.grad is not None])
    for values in (features, gradients):
        scale = values["cpu"].norm()
        assert (values["cpu"] - values["cuda"]).norm() / scale < 1e-3


def test_no_step_makes_the_gpu_wait():
    recipe = resolve({"device": "cuda", "epochs": 1, "model": "bn_gap_cnn", "precision": "bfloat16", "mixup": 0.2,
                      "ema": 0.9, "clip_grad_norm": 1.0}, RECIPES["photos-from-scratch"]).recipe  # fmt: skip
    torch.manual_seed(0)
    task = Classify(("a", "b", "c"))
    state = TrainingState(create_model("bn_gap_cnn", classes=3, channels=3, size=32), task, recipe)
    made = batches("default", "cuda", samples(16 * 12))
    records = train_loop(state, task, made, None, recipe)
    for _ in range(3):
        next(records)  # the first steps build kernels and moments
    with warnings.catch_warnings(record=True) as waited:
        warnings.simplefilter("always")
        torch.cuda.set_sync_debug_mode("warn")  # which warns that it is a prototype
        waited.clear()
        try:
            assert all(isinstance(next(records), Step) for _ in range(5))
        finally:
            torch.cuda.set_sync_debug_mode("default")
    assert sorted({f"{one.filename.rpartition('striate/')[2]}:{one.lineno}" for one in waited}) == []


@pytest.fixture(scope="module")
def shapes(tmp_path_factory) -> Path:
    return make_images(tmp_path_factory.mktemp("data") / "shapes", each=24)


@pytest.fixture(scope="module")
def trained(shapes, tmp_path_factory) -> Run:
    settings = {**QUICK, "precision": "auto", "epochs": 10}
    return train(shapes, out=tmp_path_factory.mktemp("runs") / "gpu", progress=False, device="cuda", **settings)


def test_a_run_on_the_gpu_learns_and_its_bundle_opens_on_the_cpu(trained):
    assert trained.manifest["device"].startswith("cuda")
    assert trained.metrics["test"]["accuracy"]["value"] > 0.9
    assert next(trained.model.parameters()).device.type == "cpu"


def test_predictions_on_the_cpu_are_those_of_the_gpu(trained, shapes):
    with (trained.path / "predictions.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if row["split"] == "test"]
    again = trained.predict([shapes / row["id"] for row in rows])
    assert [row["prediction"] for row in rows] == [one.prediction for one in again]
    for row, one in zip(rows, again, strict=True):
        assert float(row["confidence"]) == pytest.approx(one.confidence, abs=2e-3)


def test_evaluating_again_gives_the_same_accuracy(trained):
    assert trained.evaluate()["accuracy"] == trained.metrics["test"]["accuracy"]


@pytest.mark.parametrize("head", ["linear", "svm", "knn", "prototype"])
def test_a_head_on_frozen_features_is_that_of_the_cpu(head, trained, shapes, tmp_path):
    settings: dict[str, Any] = {
        "weights": str(trained.path),
        "head": head,
        "epochs": 0,
        "precision": "float32",
        "progress": False,
    }
    runs = {device: train(shapes, out=tmp_path / device, device=device, **settings) for device in ("cpu", "cuda")}
    predicted = {}
    for device, run in runs.items():
        with (run.path / "predictions.csv").open() as file:
            predicted[device] = {row["id"]: row["prediction"] for row in csv.DictReader(file)}
    assert predicted["cpu"] == predicted["cuda"]
    assert runs["cuda"].metrics["test"]["accuracy"]["value"] > 0.9


def test_fine_tuning_on_the_gpu_leaves_frozen_stages_as_they_were(trained, shapes, tmp_path):
    settings: dict[str, Any] = {
        "weights": str(trained.path),
        "freeze": 1,
        "layer_decay": 0.5,
        "epochs": 2,
        "val": 0.0,  # else the classifier of epoch 0 may do better, and its weights be kept
    }
    run = train(shapes, out=tmp_path / "tuned", device="cuda", progress=False, batch_size=16, lr=0.01, **settings)
    before, after = trained.model.state_dict(), run.model.state_dict()
    moved = {name.split(".")[0] for name in before if not torch.equal(before[name], after[name])}
    assert moved == {"stage2", "stage3", "classifier"}


def test_a_run_that_was_stopped_ends_with_the_same_weights(shapes, tmp_path):
    settings = {**LONGER, "epochs": 4, "device": "cuda"}
    whole, again, stopped = (tmp_path / name for name in ("whole", "again", "stopped"))
    touches = int(child(shapes, whole, settings=settings).stdout)
    child(shapes, again, settings=settings)
    assert weights(again) == weights(whole), "two runs that nothing disturbed differ"
    assert child(shapes, stopped, signal.SIGTERM, touches // 2, settings).returncode not in (0, -signal.SIGKILL)
    child(shapes, stopped)  # in a process like the first: what else this one has set up may change a rounding
    assert weights(stopped) == weights(whole)
