"""A run whose bundle has a head fitted on embeddings: it predicts and is evaluated like any other."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.jobs.conftest import QUICK, make_images

from striate.analysis.image_predictor import ImagePredictor
from striate.jobs import Run, resume, train
from striate.models import replace_classifier
from striate.runs import Bundle, RunFolder
from striate.sources import named_inputs
from striate.tasks import fit_head


@pytest.mark.parametrize("kind", ["logistic", "svm", "knn", "prototype"])
def test_a_run_with_a_fitted_head_predicts_and_is_evaluated(trained, shapes, tmp_path, kind):
    path = shutil.copytree(trained.path, tmp_path / "run")
    files = [str(shapes / name / f"{i}.png") for i in range(20) for name in trained.classes]
    bundle = RunFolder.open(path).bundle()
    embeddings: list[torch.Tensor] = []
    classifier = bundle.model.get_submodule(bundle.model.main_classifier)
    classifier.register_forward_pre_hook(lambda _, given: embeddings.append(given[0].clone()))
    predictor = ImagePredictor(bundle, bundle.preprocessing.limits, torch.device("cpu"))
    for _ in predictor.predict(named_inputs(files, bundle.preprocessing.canvas, bundle.preprocessing.limits)):
        pass
    fitted = fit_head(kind, torch.cat(embeddings), torch.arange(len(files)) % 3, 3, seed=0)
    expected = fitted.module(torch.cat(embeddings)).softmax(1)
    replace_classifier(bundle.model, fitted.module)
    replace(bundle, head=fitted.description).save(path / "bundle")

    run = Run(path)
    assert json.loads((path / "bundle" / "model.json").read_text())["head"]["kind"] == kind
    predictions = run.predict(files)
    found = torch.tensor([list(one.probabilities.values()) for one in predictions])
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-4)
    assert [one.prediction for one in predictions] == [name for _ in range(20) for name in run.classes]
    assert run.evaluate(split="test")["accuracy"]["value"] == 1


@pytest.mark.parametrize("is_tuned", [True, False])
def test_a_fine_tuned_head_is_a_linear_layer_and_one_that_is_kept_is_what_was_fitted(
    is_tuned: bool, trained: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where the run is interrupted after its last epoch."""

    def stop(*_: Any) -> None:
        raise InterruptedError

    data, out = make_images(tmp_path / "data", each=8, size=20), tmp_path / "run"
    settings = {name: value for name, value in QUICK.items() if name != "model"}
    monkeypatch.setattr("striate.jobs.train_epochs.is_kept", lambda *_: is_tuned)
    monkeypatch.setattr(RunFolder, "write_report", stop)
    with pytest.raises(InterruptedError):
        train(data, out=out, progress=False, weights=trained.path, head="svm", **settings)
    before = Bundle.open(out / "bundle")
    monkeypatch.undo()
    run = resume(out, progress=False)
    assert run.manifest["best_epoch"] == (QUICK["epochs"] if is_tuned else 0)
    for bundle in (before, Bundle.open(out / "bundle")):
        assert (bundle.head.kind if bundle.head else "linear") == ("linear" if is_tuned else "svm")
    assert {one.prediction for one in run.predict([data / "dark" / "0.png"])} <= set(run.classes)
    again = train(data, out=tmp_path / "again", progress=False, weights=out, epochs=0, threads=1)
    assert again.metrics["test"]["images"] == run.metrics["test"]["images"]


def test_a_head_of_neighbors_needs_no_epochs_to_be_typed(trained: Run, tmp_path: Path) -> None:
    data = make_images(tmp_path / "data", each=8, size=20)
    run = train(data, out=tmp_path / "run", progress=False, weights=trained.path, head="knn", threads=1)
    assert run.manifest["epochs"] == 0
    tuning, features = run.manifest["reasons"]
    assert tuning == "tuning:  none, epochs = 0: a knn head is fitted on features and not trained further"
    assert features.startswith("features: of ")
    again = train(data, recipe=str(run.path / "recipe.toml"), out=tmp_path / "again", progress=False)
    assert again.metrics == run.metrics
