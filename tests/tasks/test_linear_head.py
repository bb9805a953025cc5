"""Linear heads for several labels and for numbers: they predict as scikit-learn, and depend on seed and samples alone."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression, Ridge, RidgeCV
from torch import Tensor

from striate.data import LoadedTargets, MaskTargets, MultiLabelTargets, RegressionTargets
from striate.errors import DataError
from striate.tasks import TASKS, EmbeddedSamples, FittedHead, Task
from striate.tasks.settings import LossSettings

CLASSES = ("a", "b", "c")
NAMES = ("multilabel", "regress")
BALANCED = LossSettings(balance="weights")


def embedded(count: int = 90, features: int = 12, noise: float = 0.5, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Embeddings N D, off the origin and of another scale than 1, and scores N 3 that are linear in them but for noise."""
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(count, features, generator=generator)
    scores = x @ torch.randn(features, 3, generator=generator) + noise * torch.randn(count, 3, generator=generator)
    return 40 + 7 * x, scores


def as_targets(name: str, scores: Tensor) -> LoadedTargets:
    if name == "multilabel":
        return MultiLabelTargets((scores > torch.tensor([0.0, 2.0, 4.0])).numpy())
    return RegressionTargets(((scores + 30) * torch.tensor([1.0, 50.0, 0.01])).numpy())


def samples(x: Tensor, targets: LoadedTargets, groups: Tensor | None = None) -> EmbeddedSamples:
    return EmbeddedSamples(x, targets, torch.ones(len(x)), torch.arange(len(x)) if groups is None else groups, seed=3)


def task_for(name: str, targets: LoadedTargets, loss: LossSettings | None = None) -> Task:
    return TASKS[name].for_training(CLASSES, loss or LossSettings(), targets)


def fitted(task: Task, given: EmbeddedSamples) -> FittedHead:
    fit = task.head_fit("linear")
    assert fit is not None
    return fit(given)


def unit_scale(x: Tensor) -> np.ndarray:
    centered = (x - x.mean(0)).double().numpy()
    return centered / np.sqrt((centered**2).sum(1).mean())


@pytest.mark.parametrize("loss", [LossSettings(), BALANCED])
@pytest.mark.parametrize("features", [12, 200])
def test_several_labels_are_predicted_as_by_scikit_learn(loss: LossSettings, features: int) -> None:
    x, scores = embedded(features=features)
    targets = as_targets("multilabel", scores)
    head = fitted(task_for("multilabel", targets, loss), samples(x, targets))
    for k in range(3):
        model = LogisticRegression(
            C=head.value, class_weight="balanced" if loss is BALANCED else None, tol=1e-8, max_iter=10**4
        )
        expected = model.fit(unit_scale(x), targets.contains(k)).decision_function(unit_scale(x))
        np.testing.assert_allclose(head.module(x)[:, k].detach(), expected, rtol=0.02, atol=0.02 * np.ptp(expected))


@pytest.mark.parametrize("features", [12, 200])
def test_numbers_are_predicted_as_by_scikit_learn(features: int) -> None:
    x, scores = embedded(features=features)
    targets = as_targets("regress", scores)
    task = task_for("regress", targets)
    head = fitted(task, samples(x, targets))
    y = targets.values  # type: ignore[attr-defined]
    expected = Ridge(alpha=head.value).fit(unit_scale(x), (y - y.mean(0)) / y.std(0)).predict(unit_scale(x))
    np.testing.assert_allclose(head.module(x).detach(), expected, atol=2e-4)
    np.testing.assert_allclose(task.decode(head.module(x)).detach(), expected * y.std(0) + y.mean(0), rtol=1e-4)
    alphas = (1000.0, 100.0, 10.0, 1.0, 0.1, 0.01, 0.001)
    leave_one_out = RidgeCV(alphas).fit(unit_scale(x), (y - y.mean(0)) / y.std(0)).alpha_
    assert 0.1 <= head.value / leave_one_out <= 10  # of other folds


@pytest.mark.parametrize("name", NAMES)
def test_what_is_linear_is_learned_and_noise_is_not(name: str) -> None:
    x, scores = embedded(200, noise=0.01)
    targets = as_targets(name, scores)
    head = fitted(task_for(name, targets), samples(x, targets))
    assert head.figure is not None
    assert head.figure.value > 0.97
    assert head.description.as_json() == {"kind": "linear", "features": 12, "classes": 3, "samples": 0, "neighbors": 0}
    other = fitted(task_for(name, targets), samples(embedded(200, seed=1)[0], targets))
    assert other.figure is not None
    assert other.figure.value < (0.5 if name == "multilabel" else 0.1)


@pytest.mark.parametrize("name", NAMES)
def test_the_order_of_the_samples_changes_nothing(name: str) -> None:
    x, scores = embedded(45)
    order = torch.randperm(45, generator=torch.Generator().manual_seed(1))
    targets = as_targets(name, scores)
    task = task_for(name, targets)
    one, other = fitted(task, samples(x, targets)), fitted(task, samples(x[order], targets.subset(order), order))
    assert one.value == other.value
    assert all(torch.equal(*pair) for pair in zip(*(h.module.parameters() for h in (one, other)), strict=True))


@pytest.mark.parametrize("name", NAMES)
def test_copies_in_one_group_do_not_help_in_cross_validation(name: str) -> None:
    x = torch.randn(60, 100, generator=torch.Generator().manual_seed(0))
    targets = as_targets(name, embedded(60, seed=5)[1])
    twice, task = torch.arange(60).repeat(2), task_for(name, targets)
    copies = samples(x[twice], targets.subset(twice))
    leaking, grouped = fitted(task, copies).figure, fitted(task, replace(copies, groups=twice)).figure
    assert leaking is not None
    assert grouped is not None
    assert leaking.value > grouped.value + 0.3
    assert grouped.value < (0.6 if name == "multilabel" else 0.1)


@pytest.mark.parametrize("name", NAMES)
def test_more_samples_than_the_strength_was_chosen_on_do_not_weaken_it(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every sample four times, of which one in four is chosen on: the same penalty, so the same layer."""
    x, scores = embedded(60)
    four, targets = torch.arange(60).repeat(4), as_targets(name, scores)
    task = task_for(name, targets)
    copied = samples(
        x[four], targets.subset(four), torch.zeros(240).long()
    )  # of one group there are no folds: the default
    alone = fitted(task, replace(samples(x, targets), groups=torch.zeros(60).long()))
    monkeypatch.setattr("striate.tasks.linear_head.CHOICE_SAMPLES", 60)
    head = fitted(task, copied)
    assert (head.figure, head.value) == (None, alone.value)
    outputs, expected = head.module(x).detach(), alone.module(x).detach()
    torch.testing.assert_close(outputs, expected, rtol=1e-3, atol=1e-3 * expected.std().item())


def test_a_class_that_no_image_has_gets_a_constant() -> None:
    x, scores = embedded(40)
    values = as_targets("multilabel", scores).values.copy()  # type: ignore[attr-defined]
    values[:, 1], values[:, 2] = False, True
    task = TASKS["multilabel"].from_arguments(CLASSES, {"thresholds": [0.5] * 3})
    head = fitted(task, samples(x, MultiLabelTargets(values)))
    probabilities = head.module(torch.cat((x, 1000 * torch.randn(9, 12)))).sigmoid()
    torch.testing.assert_close(probabilities[:, 1], torch.full((49,), 1 / 42))
    torch.testing.assert_close(probabilities[:, 2], torch.full((49,), 41 / 42))
    assert probabilities[:40, 0].std() > 0.1


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kind", ["logistic", "svm", "knn", "prototype"])
def test_other_heads_are_for_one_class_an_image(name: str, kind: str) -> None:
    targets = as_targets(name, embedded()[1])
    assert task_for(name, targets).head_fit(kind) is None


def test_no_head_for_masks_is_fitted_on_embeddings_which_have_no_positions() -> None:
    targets = MaskTargets(np.arange(6 * 64, dtype=np.uint8).reshape(6, 8, 8) % 3, 3)
    assert task_for("segment", targets).head_fit("linear") is None


@pytest.mark.parametrize("name", NAMES)
def test_embeddings_that_are_no_numbers_are_refused(name: str) -> None:
    x, scores = embedded()
    targets: Any = as_targets(name, scores)
    with pytest.raises(DataError, match="not all finite numbers"):
        fitted(task_for(name, targets), samples(x / 0, targets))
