"""A task of one's own, that striate does not know: trained, resumed, evaluated and predicted like any other."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from tests.jobs.conftest import QUICK
from torch import Tensor

import striate as st
from striate.data import Batch, ClassTargets, ImageFrame, LoadedTargets
from striate.errors import RunError, SettingError
from striate.tasks import Classify, ClassPrediction, ClassPredictions, ConfusionMatrix, Predictions
from striate.tasks.settings import LossSettings
from striate.views import View


@dataclass(frozen=True, eq=False)
class Margin(st.Task):
    """One class an image, by the multi-class hinge loss."""

    name: ClassVar[str] = "margin"
    calibrates: ClassVar[bool] = False
    classes: tuple[str, ...]
    margin: float = 1.0

    @classmethod
    def for_training(cls, classes: tuple[str, ...], loss: LossSettings, targets: LoadedTargets) -> "Margin":
        assert isinstance(targets, ClassTargets)
        return cls(classes, margin=1.0 - loss.label_smoothing)

    @classmethod
    def from_arguments(cls, classes: tuple[str, ...], arguments: Mapping[str, Any]) -> "Margin":
        return cls(classes, arguments["margin"])

    def calibrated(self, predictions: Predictions) -> "Margin":
        assert isinstance(predictions, ClassPredictions)
        return self

    def losses(self, outputs: Tensor, batch: Batch) -> Mapping[str, Tensor]:
        targets = batch.targets if batch.targets.ndim == 1 else batch.targets.argmax(1)
        return {"margin": F.multi_margin_loss(outputs.float(), targets, margin=self.margin)}

    def head_fit(self, kind: str) -> None:  # noqa: ARG002 - none of any kind
        return None

    def metrics(self) -> ConfusionMatrix:
        return ConfusionMatrix(len(self.classes))

    def predictions(self) -> ClassPredictions:
        return ClassPredictions(self.classes)

    def decode(self, outputs: Tensor) -> Tensor:
        return outputs.float().softmax(1)

    def merge(self, views: Sequence[View], decoded: Sequence[Tensor]) -> Tensor:
        return Classify(self.classes).merge(views, decoded)

    def describe(self, decoded: Tensor, frames: Sequence[ImageFrame]) -> Sequence[ClassPrediction]:
        return Classify(self.classes).describe(decoded, frames)

    def unreadable(self, name: str, error: str) -> ClassPrediction:
        return Classify(self.classes).unreadable(name, error)

    def soft_targets(self, targets: Tensor) -> Tensor:
        return Classify(self.classes).soft_targets(targets)

    def arguments(self) -> dict[str, Any]:
        return {"margin": self.margin}


@pytest.fixture(scope="module")
def run(shapes, tmp_path_factory):
    return st.train(shapes, task=Margin, out=tmp_path_factory.mktemp("own") / "run", progress=False, **QUICK)


def test_it_holds_the_contract():
    st.check_task(Margin, classes=("a", "b", "c"), targets=ClassTargets(np.arange(12) % 3))


def test_it_is_trained_measured_and_reported(run):
    assert run.manifest["task"] == "margin"
    assert run.verdict.startswith("test accuracy: ")
    assert run.evaluate() == run.metrics["test"]
    assert json.loads((run.path / "bundle" / "model.json").read_text())["task_arguments"] == {
        "margin": 0.9
    }  # of photos
    page = run.report.read_text()
    assert "Macro F1" in page
    assert "Confusion matrix" not in page  # which belongs to a task that the report knows


def test_it_is_passed_where_a_run_is_opened(run, shapes):
    image = next(shapes.rglob("*.png"))
    (one,) = st.load(run.path, task=Margin).predict(image)
    assert one.prediction in run.classes
    with pytest.raises(
        RunError, match=r"the task 'margin' is none of striate's: pass its class, striate.load\(run, task="
    ):
        st.load(run.path).predict(image)


def test_it_is_passed_where_a_run_is_resumed(shapes, tmp_path, monkeypatch):
    steps = iter(range(10**6))
    whole = st.train(shapes, task=Margin, out=tmp_path / "whole", progress=False, checkpoint_every=2, **QUICK)

    def stop(*_: Any) -> None:
        if next(steps) == 1:
            raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("striate.runs.RunFolder.write_history", stop)
        with pytest.raises(KeyboardInterrupt):
            st.train(shapes, task=Margin, out=tmp_path / "killed", progress=False, checkpoint_every=2, **QUICK)
    with pytest.raises(RunError, match=r"its task 'margin' is your own; pass its class"):
        st.resume(tmp_path / "killed", progress=False)
    resumed = st.resume(tmp_path / "killed", task=Margin, progress=False)
    for one, other in zip(whole.model.parameters(), resumed.model.parameters(), strict=True):
        assert torch.equal(one, other)


def test_it_is_cross_validated(shapes, tmp_path):
    result = st.train_folds(
        shapes, task=Margin, folds=2, out=tmp_path / "cv", progress=False, **{**QUICK, "epochs": 1, "val": 0.1}
    )
    assert result.line().startswith("test accuracy: ")
    assert st.load(tmp_path / "cv" / "fold-1", task=Margin).manifest["task"] == "margin"


def test_it_has_a_name_of_its_own(shapes, tmp_path):
    other = type("Other", (Margin,), {"name": "regress"})
    with pytest.raises(SettingError, match="task: Other has the name 'regress' of one of striate's tasks"):
        st.train(shapes, task=other, out=tmp_path / "run", progress=False, **QUICK)


@pytest.mark.parametrize("task", [Margin(("a", "b")), int, 3])
def test_what_is_no_class_of_tasks_is_refused_in_one_line(task, shapes):
    with pytest.raises(SettingError, match=r"^task: .* is no class of tasks; give the class itself"):
        st.train(shapes, task=task, progress=False)
