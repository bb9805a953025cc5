"""A run whose bundle has a head fitted on embeddings: it predicts and is evaluated like any other."""

import json
import shutil
from dataclasses import replace

import pytest
import torch

from striate.analysis.image_predictor import ImagePredictor
from striate.jobs import Run
from striate.models import replace_classifier
from striate.runs import RunFolder
from striate.sources import named_inputs
from striate.training import fit_head


@pytest.mark.parametrize("kind", ["logistic", "svm", "knn", "prototype"])
def test_a_run_with_a_fitted_head_predicts_and_is_evaluated(trained, shapes, tmp_path, kind):
    path = shutil.copytree(trained.path, tmp_path / "run")
    files = [str(shapes / name / f"{i}.png") for i in range(20) for name in trained.classes]
    bundle = RunFolder.open(path).bundle()
    embeddings: list[torch.Tensor] = []
    classifier = bundle.model.get_submodule(bundle.model.main_classifier)
    classifier.register_forward_pre_hook(lambda _, given: embeddings.append(given[0].clone()))
    predictor = ImagePredictor(bundle, bundle.preprocessing.limits, torch.device("cpu"))
    predictor.predict(named_inputs(files, bundle.preprocessing.canvas, bundle.preprocessing.limits))
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
