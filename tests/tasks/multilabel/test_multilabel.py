"""Several labels: figures against scikit-learn, thresholds against brute force, losses against torch."""

import json
import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, f1_score, log_loss, roc_auc_score
from tests.tasks.frames import frames

from striate.data import Batch, MultiLabelTargets
from striate.errors import DataError
from striate.tasks import LabelsPredictions, MultiLabel
from striate.tasks.multilabel.multilabel import balanced_weights
from striate.tasks.multilabel.ranking import areas
from striate.tasks.multilabel.thresholds import best_thresholds
from striate.tasks.settings import LossSettings
from striate.views import Normalization, evaluation_view

CLASSES = ("cat", "dog", "eel")
TASK = MultiLabel(CLASSES, (0.5, 0.5, 0.5))


def batch(targets: torch.Tensor) -> Batch:
    count = len(targets)
    view = evaluation_view(count, image_size=(4, 4), size=(4, 4), normalization=Normalization((0.0,), (1.0,)))
    return Batch(torch.zeros(count, 1, 4, 4), targets.float(), torch.arange(count), view)


def drawn(count: int, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Logits that tell something about targets, N 3 each."""
    generator = torch.Generator().manual_seed(seed)
    targets = torch.rand(count, 3, generator=generator) < torch.tensor([0.5, 0.2, 0.05])
    targets[0], targets[1] = True, False
    return torch.randn(count, 3, generator=generator) + 1.5 * targets, targets


def predicted(count: int, seed: int = 0, task: MultiLabel = TASK) -> LabelsPredictions:
    logits, targets = drawn(count, seed)
    predictions = task.predictions()
    predictions.update(task.decode(logits), batch(targets))
    return predictions


@given(st.lists(st.tuples(st.integers(0, 6), st.booleans(), st.integers(0, 3)), min_size=2, max_size=30))
def test_areas_are_scikit_learns_with_ties_and_weights(samples):
    scores, positives, weights = (np.array(one) for one in zip(*samples, strict=True))
    counted = np.repeat(np.arange(len(scores)), weights)
    if len(set(positives[counted].tolist())) < 2:
        return
    auroc, precision = areas(scores / 7, positives, weights[None])
    assert auroc[0] == pytest.approx(roc_auc_score(positives[counted], scores[counted]))
    assert precision[0] == pytest.approx(average_precision_score(positives[counted], scores[counted]))


def test_an_area_without_positives_or_negatives_is_not_a_number():
    auroc, precision = areas(np.array([0.1, 0.2]), np.array([False, False]), np.ones((1, 2), np.int64))
    assert np.isnan([auroc[0], precision[0]]).all()
    auroc, precision = areas(np.array([0.1, 0.2]), np.array([True, True]), np.ones((1, 2), np.int64))
    assert np.isnan(auroc[0])
    assert precision[0] == 1


def test_the_figures_are_scikit_learns():
    predictions = predicted(400)
    figures, probabilities, targets = predictions.metrics(), predictions.probabilities, predictions.targets
    hits = probabilities >= 0.5
    expected = {
        "mean_average_precision": average_precision_score(targets, probabilities, average="macro"),
        "mean_auroc": roc_auc_score(targets, probabilities, average="macro"),
        "macro_f1": f1_score(targets, hits, average="macro"),
        "micro_f1": f1_score(targets, hits, average="micro"),
        "exact_match": (targets == hits).all(1).mean(),
        "log_loss": np.mean([log_loss(targets[:, k], probabilities[:, k]) for k in range(3)]),
    }
    assert {name: figures[name]["value"] for name in expected} == pytest.approx(expected)
    assert all(figures[name]["low"] <= figures[name]["value"] <= figures[name]["high"] for name in expected)
    for k, row in enumerate(figures["per_class"]):
        assert row["auroc"]["value"] == pytest.approx(roc_auc_score(targets[:, k], probabilities[:, k]))
        assert row["auroc"]["low"] < row["auroc"]["value"] < row["auroc"]["high"]
    assert figures["cooccurrence"] == (targets.T.astype(int) @ targets.astype(int)).tolist()
    assert figures["baseline"]["value"] == pytest.approx(targets.mean(0).mean())


def test_a_class_that_never_occurs_has_no_figures_and_does_not_count():
    predictions = TASK.predictions()
    logits, targets = drawn(50)
    targets[:, 2] = False
    predictions.update(TASK.decode(logits), batch(targets))
    figures = predictions.metrics()
    assert figures["per_class"][2]["auroc"]["value"] is None
    of_two = np.mean([figures["per_class"][k]["auroc"]["value"] for k in (0, 1)])
    assert figures["mean_auroc"]["value"] == pytest.approx(of_two)
    json.dumps(figures, allow_nan=False)


def test_the_histograms_of_the_loop_give_the_same_figures_to_a_thousandth():
    logits, targets = drawn(3000, seed=3)
    metrics = TASK.metrics()
    for some in torch.arange(3000).split(700):
        metrics.update(logits[some], batch(targets[some]))
    precision, auroc = metrics.compute()
    probabilities = logits.sigmoid().numpy()
    assert precision.value == pytest.approx(average_precision_score(targets, probabilities), abs=1e-3)
    assert auroc.value == pytest.approx(roc_auc_score(targets, probabilities), abs=1e-3)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 9), st.booleans()), min_size=1, max_size=15))
def test_no_other_threshold_has_a_greater_f1(samples):
    scores, positives = (np.array(one) for one in zip(*samples, strict=True))
    scores = scores / 10
    (threshold,) = best_thresholds(scores[:, None], positives[:, None])
    if not positives.any():
        assert threshold == 0.5
        return

    def f1(at: float) -> float:
        return f1_score(positives, scores >= at, zero_division=0)

    assert f1(threshold) == pytest.approx(max(f1(at) for at in (*scores, 2.0)))
    assert threshold not in scores or threshold == 0


def test_calibrated_thresholds_are_used_and_travel():
    predictions = predicted(300, seed=1)
    calibrated = TASK.calibrated(predictions)
    assert calibrated.thresholds != TASK.thresholds
    before, after = predictions.metrics(), predicted(300, seed=1, task=calibrated).metrics()
    assert after["macro_f1"]["value"] > before["macro_f1"]["value"]
    again = MultiLabel.from_arguments(CLASSES, json.loads(json.dumps(calibrated.arguments())))
    assert again.thresholds == calibrated.thresholds
    (one,) = again.describe(torch.tensor([[0.9, 0.95, 0.001]]), frames("a.png"))
    assert one.prediction == ("dog", "cat")
    with pytest.raises(ValueError, match="3 thresholds"):
        MultiLabel.from_arguments(CLASSES, {"thresholds": [0.5]})


def test_the_loss_is_binary_cross_entropy_and_focal_weighs_what_is_hard():
    logits, targets = drawn(20)
    (loss,) = TASK.losses(logits, batch(targets)).values()
    assert torch.equal(loss, F.binary_cross_entropy_with_logits(logits, targets.float()))
    (focal,) = MultiLabel(CLASSES, TASK.thresholds, gamma=2.0).losses(logits, batch(targets)).values()
    right = torch.where(targets, logits.sigmoid(), 1 - logits.sigmoid())
    assert torch.allclose(focal, (-((1 - right) ** 2) * right.log()).mean())


def test_balanced_weights_make_both_sides_of_a_class_weigh_the_same():
    targets = MultiLabelTargets(np.arange(40).reshape(40, 1) % [2, 4, 10] == 0)
    task = MultiLabel.for_training(CLASSES, LossSettings(balance="weights"), targets)
    weights = balanced_weights([20, 10, 4], 40)
    assert task.weights is not None
    assert torch.equal(task.weights, weights)
    assert (weights[0] * torch.tensor([20, 30, 36]) + weights[1] * torch.tensor([20, 10, 4])).tolist() == [40, 40, 40]
    assert (weights[1] * torch.tensor([20, 10, 4])).tolist() == pytest.approx([20, 20, 20])


@pytest.mark.parametrize("value", [False, True])
def test_a_class_of_which_nothing_can_be_learned_is_never_predicted_and_not_measured(value):
    logits, targets = drawn(60)
    learned_from = targets.numpy().copy()
    learned_from[:, 1] = value
    task = MultiLabel.for_training(CLASSES, LossSettings(balance="weights"), MultiLabelTargets(learned_from))
    loss = task.losses(logits, batch(torch.from_numpy(learned_from)))["labels"]
    assert torch.isfinite(loss)
    predictions = task.predictions()
    predictions.update(task.decode(logits), batch(targets))
    task = task.calibrated(predictions)
    again = MultiLabel.from_arguments(CLASSES, json.loads(json.dumps(task.arguments())))
    assert task.arguments()["thresholds"][1] is None
    for one in (task, again):
        predictions = one.predictions()
        predictions.update(one.decode(logits + 20), batch(targets))  # all are probable
        figures = json.loads(json.dumps(predictions.metrics(), allow_nan=False))
        assert figures["per_class"][1]["auroc"]["value"] is None
        assert figures["per_class"][1]["threshold"] is None
        assert {row["predictions"] for row in predictions.rows([str(n) for n in range(60)])} == {"cat; eel"}
        assert one.describe(one.decode(logits[:1] + 20), frames("a.png"))[0].prediction == ("cat", "eel")
    others = MultiLabel(("cat", "eel"), tuple(task.thresholds[k] for k in (0, 2))).predictions()
    others.update(task.decode(logits + 20)[:, [0, 2]], batch(targets[:, [0, 2]]))
    for name, figure in others.metrics().items():
        if isinstance(figure, dict):
            assert figures[name] == figure
    ids = [str(n) for n in range(60)]
    assert [row["loss"] for row in predictions.rows(ids)] == [row["loss"] for row in others.rows(ids)]
    assert predictions.worst(60) == others.worst(60)


def test_a_class_of_which_nothing_was_learned_does_not_choose_the_epoch():
    logits, targets = drawn(60)
    whole, others = MultiLabel(CLASSES, (0.5, math.nan, 0.5)).metrics(), MultiLabel(CLASSES[::2], (0.5, 0.5)).metrics()
    whole.update(logits, batch(targets))
    others.update(logits[:, ::2], batch(targets[:, ::2]))
    assert whole.compute() == others.compute()
    assert whole.compute() != TASK.metrics().compute()


def test_nothing_to_learn_of_any_class_is_refused():
    with pytest.raises(DataError, match="each class is in none or in all of the 8 training images"):
        MultiLabel.for_training(CLASSES, LossSettings(), MultiLabelTargets(np.zeros((8, 3), np.bool_)))


@pytest.mark.parametrize("gamma", [0.3, 1.0, 2.0])
def test_the_focal_loss_has_a_gradient_where_all_is_right(gamma):
    logits = torch.tensor([[40.0, -40.0, 0.0]], requires_grad=True)
    (loss,) = (
        MultiLabel(CLASSES, TASK.thresholds, gamma=gamma).losses(logits, batch(torch.tensor([[1, 0, 1]]))).values()
    )
    loss.backward()
    assert logits.grad is not None
    assert torch.isfinite(logits.grad).all()
