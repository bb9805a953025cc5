"""Training from initial weights: a head on frozen features is the first result, fine-tuning goes on from it."""

import csv
import json
import signal
import tomllib
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from tests.jobs.conftest import QUICK
from tests.jobs.test_resuming import child, weights

from striate.analysis.evaluation_data import own_splits
from striate.analysis.split_evaluation import evaluation_batches
from striate.errors import SettingError, StriateError
from striate.jobs import Run, resume, train
from striate.runs import Bundle, RunFolder
from striate.sources import open_source
from striate.tasks import EmbeddedSamples
from striate.training import FEATURE_BATCH, frozen_embeddings
from striate.training.initial_head import InitialHead, fit_initial_head
from striate.training.interruption import InterruptedRunError

# A short fine-tuning of a small network; what is trained is the last stage and the classifier.
TUNED: dict[str, Any] = {**QUICK, "epochs": 2, "freeze": 1, "layer_decay": 0.5, "label_smoothing": 0.0}
del TUNED["model"]


@pytest.fixture(scope="module")
def colors(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two classes that differ by color alone, other classes than those of the run that the weights are from."""
    generator = np.random.default_rng(1)
    folder = tmp_path_factory.mktemp("data") / "colors"
    for name, channel in (("red", 0), ("blue", 2)):
        (folder / name).mkdir(parents=True)
        for i in range(16):
            pixels = generator.integers(0, 60, (20, 20, 3))
            pixels[..., channel] += 160
            Image.fromarray(pixels.astype(np.uint8)).save(folder / name / f"{i}.png")
    return folder


def history(run: Run) -> list[dict[str, str]]:
    with (run.path / "metrics.csv").open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("head", ["linear", "logistic", "svm", "knn", "prototype"])
def test_a_head_on_frozen_features_of_a_run(head: str, trained: Run, colors: Path, tmp_path: Path) -> None:
    run = train(
        colors, out=tmp_path / "run", progress=False, weights=trained.path, head=head, epochs=0, device="cpu", threads=1
    )
    assert [row["epoch"] for row in history(run)] == ["0"]
    assert run.manifest["best_epoch"] == 0
    bundle, before = Bundle.open(run.path / "bundle"), Bundle.open(trained.path / "bundle")
    classifier = bundle.model.main_classifier
    assert bundle.architecture == before.architecture  # the network of the run, which was not named
    assert bundle.preprocessing.size == before.preprocessing.size
    assert bundle.preprocessing.normalization == before.preprocessing.normalization
    frozen = before.model.state_dict()
    moved = [
        name for name, value in bundle.model.state_dict().items() if not torch.equal(value, frozen.get(name, value))
    ]
    assert all(name.startswith(classifier) for name in moved)
    assert (bundle.head is None) == (head == "linear")
    assert run.metrics["test"]["accuracy"]["value"] == 1
    assert run.predict([colors / "red" / "0.png"])[0].prediction == "red"


def test_fine_tuning_goes_on_from_the_head(trained: Run, colors: Path, tmp_path: Path) -> None:
    run = train(colors, out=tmp_path / "run", progress=False, weights=str(trained.path), **TUNED)
    rows = history(run)
    assert [row["epoch"] for row in rows] == ["0", "1", "2"]
    assert rows[0]["val_accuracy"] == rows[-1]["val_accuracy"] == "1"
    is_tuned = float(rows[-1]["val_loss"]) < float(rows[0]["val_loss"])
    assert run.manifest["best_epoch"] == (2 if is_tuned else 0)
    assert run.manifest["reasons"][-1].endswith(
        "so the loss decides: "
        + ("the fine-tuned network is kept" if is_tuned else "the head on frozen features is kept")
    )
    recipe = (run.path / "recipe.toml").read_text()
    assert 'normalize = "weights"' in recipe
    assert f'name = "{QUICK["model"]}"' in recipe
    assert not (run.path / "embeddings").exists()


def test_fine_tuning_starts_with_the_fitted_head(trained: Run, colors: Path, tmp_path: Path) -> None:
    still = {**TUNED, "epochs": 1, "lr": 1e-8, "freeze_batch_norm": True, "weight_decay": 0.0, "keep": "last"}
    run = train(colors, out=tmp_path / "run", progress=False, weights=trained.path, **still)
    before, after = (float(row["val_loss"]) for row in history(run))
    assert after == pytest.approx(before, rel=1e-3)
    assert run.manifest["best_epoch"] == 1
    assert run.manifest["reasons"][-1].endswith("the last epoch is kept, as asked for")


@pytest.mark.large  # some ten processes
@pytest.mark.parametrize("share", [0.15, 0.45])
def test_a_run_that_is_killed_again_and_again_ends_with_the_same_weights(
    share: float, trained: Run, colors: Path, tmp_path: Path
) -> None:
    """Killed while it computes features, fits the head, fine-tunes, writes its results: every process does a part."""
    settings = {**TUNED, "weights": str(trained.path), "checkpoint_every": 1}
    whole, out = tmp_path / "whole", tmp_path / "killed"
    touched = int(child(colors, whole, settings=settings).stdout)
    ends, has_checkpoint = [-signal.SIGKILL], []
    while ends[-1] == -signal.SIGKILL and len(ends) < 20:
        moment = round((share + len(ends) * 0.05) * touched)
        ends.append(child(colors, out, signal.SIGKILL, moment, settings).returncode)
        has_checkpoint.append(any(out.glob("checkpoints/step-*")))
    assert ends[-1] == 0
    assert len(ends) > 3
    assert has_checkpoint[0] == (share > 0.3)  # killed before the first epoch, or in one
    assert has_checkpoint[-2]
    assert weights(out) == weights(whole)
    assert Run(out).metrics == Run(whole).metrics


def test_imagenet_weights_bring_their_size_and_normalization(colors: Path, tmp_path: Path) -> None:
    run = train(
        colors, out=tmp_path / "run", progress=False, weights="imagenet", epochs=0, size=64, device="cpu", threads=1
    )
    stored = json.loads((run.path / "bundle" / "model.json").read_text())
    assert stored["architecture"] == "efficientnet_lite0"
    assert stored["preprocessing"]["normalization"] == {"mean": [127 / 255] * 3, "std": [128 / 255] * 3}
    assert run.metrics["test"]["accuracy"]["value"] == 1


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"weights": "nowhere"}, "weights = nowhere: there is no such file or run"),
        ({"weights": "nowhere.pth", "model": "resnet18"}, "weights = nowhere.pth: there is no such file or run"),
        ({"weights": "imagenet", "model": "cosine_cnn"}, "there are no ImageNet weights of cosine_cnn"),
        ({"weights": "imagenet", "model": "resnet18"}, "allow a download of 46.8 MB"),
        ({"weights": "imagenet", "head": "knn", "epochs": 2}, "head = knn: is fitted on features .* leave epochs"),
        ({"weights": "imagenet", "freeze": 9}, "freeze = 9: efficientnet_lite0 has 5 stages"),
        ({"weights": "none", "epochs": 0}, "epochs = 0: with weights = none nothing would be learned"),
    ],
)
def test_weights_that_cannot_be_used_are_refused_before_any_data_are_read(
    settings: dict[str, Any], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SettingError, match=message):
        train("no such data", out=tmp_path / "run", progress=False, **settings)
    assert list(tmp_path.iterdir()) == []


def test_without_validation_images_fine_tuning_is_kept(trained: Run, colors: Path, tmp_path: Path) -> None:
    """Epoch 0 is measured on the images that its classifier was fitted on, and would always win."""
    run = train(colors, out=tmp_path / "run", progress=False, weights=trained.path, val=0, **TUNED)
    assert run.manifest["best_epoch"] > 0


@pytest.mark.parametrize("settings", [{"channels": 1}, {"channels": 1, "normalize": "weights"}])
def test_channels_that_do_not_go_with_the_weights_are_refused(
    settings: dict[str, Any], trained: Run, colors: Path, tmp_path: Path
) -> None:
    with pytest.raises(SettingError, match="channels = 1: the normalization of the weights is for 3"):
        train(colors, out=tmp_path / "run", progress=False, weights=trained.path, **TUNED, **settings)
    assert not (tmp_path / "run").exists()


def test_weights_of_another_network_are_refused(trained: Run, colors: Path, tmp_path: Path) -> None:
    with pytest.raises(
        SettingError, match="not the weights of cifar_cnn: .*; they are those of bn_gap_cnn: leave model out"
    ):
        train(colors, out=tmp_path / "run", progress=False, weights=str(trained.path), model="cifar_cnn", epochs=0)
    assert not (tmp_path / "run").exists()


def interrupt(*_: object) -> None:
    """What SIGINT raises, where whoever started the tests does not ignore it."""
    raise KeyboardInterrupt


def test_interrupted_between_features_and_the_first_epoch_it_resumes(
    trained: Run, colors: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out, settings = tmp_path / "run", {**TUNED, "weights": str(trained.path)}
    expected = weights(train(colors, out=tmp_path / "whole", progress=False, **settings).path)
    with monkeypatch.context() as patched:
        patched.setattr("striate.jobs.train_network.TrainingState", interrupt)
        with pytest.raises(InterruptedRunError, match=r"`striate resume .*run` continues"):
            train(colors, out=out, progress=False, **settings)
    assert list((out / "embeddings").iterdir())
    monkeypatch.setattr("striate.jobs.start_from_weights.frozen_embeddings", lambda *_: pytest.fail("computed again"))
    resume(out)
    assert weights(out) == expected
    shown = capsys.readouterr().out
    assert "plan:    " in shown
    assert "result:  accuracy: head " in shown


def test_bad_input_that_the_features_show_leaves_nothing_behind(
    trained: Run, colors: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise SettingError("no")

    monkeypatch.setattr("striate.jobs.start_from_weights.fit_initial_head", refuse)
    with pytest.raises(SettingError):
        train(colors, out=tmp_path / "run", progress=False, weights=trained.path, **TUNED)
    assert list(tmp_path.iterdir()) == []


def test_few_images_have_the_fitted_head_alone_and_the_run_tells_why(
    trained: Run, colors: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("striate.progress.Lines.start", lambda *_: pytest.fail("progress of no epochs"))
    few = [colors / name / f"{i}.png" for name in ("red", "blue") for i in range(10)]
    run = train(few, ["red"] * 10 + ["blue"] * 10, out=tmp_path / "run", weights=trained.path, device="cpu", threads=1)
    assert [row["epoch"] for row in history(run)] == ["0"]
    reason, features = run.manifest["reasons"]
    assert features.startswith("features: of 14 training images, logistic regression")
    assert reason.startswith("tuning:  none, the head alone: 7 training images in the median class")
    shown = capsys.readouterr().out
    assert reason in shown
    assert "\nhead  loss " in shown
    assert "epoch 0" not in shown
    assert "best val accuracy so far" not in shown
    assert run.manifest["epochs"] == 0
    assert list(run.manifest["timings"]) == [
        "data",
        "features",
        "validation",
        "evaluation",
        "writing",
        "report",
        "total",
    ]
    assert "There are none: the network was frozen" in run.report.read_text()
    assert "None: the training images are not augmented" in run.report.read_text()
    assert "the head alone: 7 training images" in run.report.read_text()
    recipe = tomllib.loads((run.path / "recipe.toml").read_text())
    assert (recipe["transfer"]["freeze"], recipe["training"]["epochs"]) == ("all", 0)
    assert recipe["origin"]["freeze"] == recipe["origin"]["epochs"] == "data"
    assert recipe["origin"]["model"] == "weights"


def test_a_download_comes_after_what_is_refused_at_once(
    colors: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("striate.models.imagenet.https_only", lambda: pytest.fail("downloaded"))
    settings: dict[str, Any] = {"weights": "imagenet", "model": "resnet18", "download": True, "progress": False}
    (tmp_path / "there").mkdir()
    refused: list[tuple[Any, dict[str, Any], str]] = [
        (colors, {"out": tmp_path / "there"}, "already exists"),
        (colors, {"freeze": 9}, "freeze = 9: resnet18 has 4 stages"),
        ("no such data", {}, "no such data"),
    ]
    for data, more, message in refused:
        with pytest.raises(StriateError, match=message):
            train(data, **settings, **more)


@pytest.mark.parametrize("again", [False, True])
def test_the_head_is_fitted_on_what_the_trunk_gives_for_the_same_views_to_the_bit(
    again: bool, trained: Run, colors: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Computed, or read back by a resumed run."""
    fitted: list[torch.Tensor] = []

    def fit(*given: Any) -> InitialHead:
        fitted.extend(one.embeddings for one in given if isinstance(one, EmbeddedSamples))
        if again and len(fitted) == 1:
            raise KeyboardInterrupt
        return fit_initial_head(*given)

    monkeypatch.setattr("striate.jobs.start_from_weights.fit_initial_head", fit)
    out = tmp_path / "run"
    with pytest.raises(InterruptedRunError) if again else nullcontext():
        train(colors, out=out, progress=False, weights=trained.path, epochs=0, threads=1, device="cpu")
    run = resume(out, progress=False) if again else Run(out)
    bundle = Bundle.open(out / "bundle")
    samples = own_splits(RunFolder.open(out), bundle, open_source(colors))["train"]
    batches = evaluation_batches(samples, bundle.preprocessing, torch.device("cpu"), batch_size=FEATURE_BATCH)
    assert all(torch.equal(one, frozen_embeddings(run.model, batches)) for one in fitted)
    assert len(fitted) == 1 + again
    with torch.inference_mode():
        unfolded = torch.cat([run.model.embed(batch.inputs) for batch in batches.epoch(0)])
    torch.testing.assert_close(fitted[0], unfolded, rtol=1e-4, atol=1e-5)
