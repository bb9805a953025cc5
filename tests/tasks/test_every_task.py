"""Every task of the table holds the contract, and each kind of violation is found."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
import torch
from tests.tasks.frames import frames
from torch import Tensor

from striate.data import Batch, ClassTargets, LoadedTargets, MaskTargets, MultiLabelTargets, RegressionTargets
from striate.tasks import (
    TASKS,
    Classify,
    EmbeddedSamples,
    FittedHead,
    HeadFit,
    Prediction,
    Predictions,
    TaskError,
    check_task,
)
from striate.tasks.settings import LOSSES, losses_for
from striate.views import View

GENERATOR = np.random.default_rng(0)
TARGETS: Mapping[str, LoadedTargets] = {
    "classify": ClassTargets(np.arange(23) % 3),
    "multilabel": MultiLabelTargets(GENERATOR.random((23, 3)) < 0.4),
    "segment": MaskTargets(GENERATOR.integers(0, 3, (23, 8, 8)).astype(np.uint8), 3),
    "regress": RegressionTargets((GENERATOR.normal(size=(23, 3)) * 9 + 40).astype(np.float32)),
}
CLASSES = ("cat", "dog", "eel [cm]")


@pytest.mark.parametrize("name", TASKS)
def test_holds_the_contract(name):
    check_task(TASKS[name], classes=CLASSES, targets=TARGETS[name])
    assert TASKS[name].name == name


def test_every_task_has_a_loss_and_every_loss_a_task():
    assert all(losses_for(name) for name in TASKS)
    assert {task for row in LOSSES.values() for task in row.tasks} <= set(TASKS)


def broken(**methods: Any) -> type[Classify]:
    """Classification with some methods replaced."""
    return dataclass(frozen=True, eq=False)(type("Broken", (Classify,), methods))


def a_matrix(self: Classify, outputs: Tensor, batch: Batch) -> dict[str, Tensor]:
    return {"class": outputs}


def a_constant(self: Classify, outputs: Tensor, batch: Batch) -> dict[str, Tensor]:
    return {"class": (0 * outputs).sum().float() + 1}


def no_gradient_the_right_way(self: Classify, outputs: Tensor, batch: Batch) -> dict[str, Tensor]:
    return {"class": -Classify(self.classes).losses(outputs, batch)["class"].clamp(max=50)}


def half(self: Classify, outputs: Tensor, batch: Batch) -> dict[str, Tensor]:
    return {"class": torch.nn.functional.cross_entropy(outputs, batch.targets)}


def other_decoding(self: Classify, outputs: Tensor) -> Tensor:
    return outputs.softmax(1) * self.label_smoothing


def another(self: Classify, predictions: Predictions) -> Classify:
    return replace(self)


def of_one_output(self: Classify, kind: str) -> HeadFit:
    return lambda samples: replace(fitted(samples), module=torch.nn.Linear(3, 1))


def of_other_targets(self: Classify, kind: str) -> HeadFit:
    return lambda samples: fitted(replace(samples, targets=ClassTargets((np.arange(len(samples)) + 1) % 3)))


def fitted(samples: EmbeddedSamples) -> FittedHead:
    return Classify(CLASSES).head_fit("linear")(samples)


def no_merge(self: Classify, views: Sequence[View], decoded: Sequence[Tensor]) -> Tensor:
    return torch.stack(list(decoded))


def a_sum(self: Classify, views: Sequence[View], decoded: Sequence[Tensor]) -> Tensor:
    return 0.5 * torch.stack(list(decoded)).sum(0)


def readable(self: Classify, name: str, error: str) -> Prediction:
    return self.describe(torch.eye(3)[:1], frames(name))[0]


def an_object(self: Classify) -> dict[str, Any]:
    return {"object": object()}


@pytest.mark.parametrize(
    ("methods", "message"),
    [
        ({"losses": a_matrix}, "losses must be scalars"),
        ({"head_fit": of_one_output}, "a fitted head gives .23, 1., torch.float32, not 3 float32 each"),
        ({"head_fit": of_other_targets}, "a fitted head has no lower loss than outputs of 0"),
        ({"losses": a_constant}, "do not lower the loss"),
        ({"losses": no_gradient_the_right_way}, "does not improve as the loss falls"),
        ({"losses": half}, "bfloat16 outputs is not float32"),
        ({"arguments": an_object}, "arguments cannot be written as JSON"),
        ({"merge": no_merge}, "merge of two views has another shape"),
        ({"merge": a_sum}, "merge of one view is not what was decoded of it"),
        ({"calibrated": another}, "although calibrates is false"),
        (
            {"unreadable": readable},
            "the prediction of c.png",
        ),
    ],
)
def test_a_violation_is_found(methods, message):
    with pytest.raises(TaskError, match=message):
        check_task(broken(**methods), classes=CLASSES, targets=TARGETS["classify"])


def test_too_few_samples_are_refused():
    with pytest.raises(TaskError, match="at least 6 samples, not 5"):
        check_task(Classify, classes=CLASSES, targets=ClassTargets(np.arange(5) % 3))
