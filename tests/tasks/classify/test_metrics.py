"""Figures against scikit-learn, intervals against their promise."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import (
    accuracy_score,
    f1_score,
    log_loss,
    precision_recall_fscore_support,
    precision_score,
    recall_score,
    top_k_accuracy_score,
)

from striate.data import Batch
from striate.tasks import ClassPredictions, wilson
from striate.tasks.classify.metrics import calibration_error, cross_entropies
from striate.tasks.intervals import of_mean
from striate.views import Normalization, evaluation_view


def some_predictions(classes: int, count: int, seed: int = 0) -> ClassPredictions:
    generator = np.random.default_rng(seed)
    labels = generator.integers(0, classes, count)
    logits = generator.normal(size=(count, classes)) + 1.5 * np.eye(classes)[labels]
    view = evaluation_view(count, image_size=(4, 4), size=(4, 4), normalization=Normalization((0.0,), (1.0,)))
    predictions = ClassPredictions(tuple(map(str, range(classes))))
    for at in torch.arange(count).split(50):
        decoded = torch.from_numpy(logits)[at].float().softmax(1)
        predictions.update(decoded, Batch(torch.zeros(1), torch.from_numpy(labels)[at], at, view))
    return predictions


@pytest.mark.parametrize(("classes", "count"), [(2, 50), (10, 400), (7, 12)])
def test_equals_scikit_learn(classes, count):
    predictions = some_predictions(classes, count)
    figures = predictions.metrics()
    true, predicted = predictions.labels, predictions.probabilities.argmax(1)
    probabilities = predictions.probabilities / predictions.probabilities.sum(1, keepdims=True)
    seen = sorted({*true, *predicted})
    assert figures["accuracy"]["value"] == pytest.approx(accuracy_score(true, predicted))
    options = {"labels": seen, "zero_division": 0}
    assert figures["macro_f1"]["value"] == pytest.approx(f1_score(true, predicted, average="macro", **options))
    assert figures["weighted_f1"]["value"] == pytest.approx(f1_score(true, predicted, average="weighted", **options))
    assert figures["macro_precision"]["value"] == pytest.approx(
        precision_score(true, predicted, average="macro", **options)
    )
    assert figures["macro_recall"]["value"] == pytest.approx(recall_score(true, predicted, average="macro", **options))
    expected = log_loss(true, probabilities, labels=range(classes))
    assert figures["log_loss"]["value"] == pytest.approx(expected)
    each = precision_recall_fscore_support(true, predicted, labels=range(classes), zero_division=0)
    for row, *numbers in zip(figures["per_class"], *each, strict=True):
        ours = [row["precision"]["value"], row["recall"]["value"], row["f1"]["value"], row["images"]]
        assert ours == pytest.approx(numbers)
    if classes > 5:
        expected = top_k_accuracy_score(true, predictions.probabilities, k=5, labels=range(classes))
        assert figures["top5_accuracy"]["value"] == pytest.approx(expected)
    else:
        assert "top5_accuracy" not in figures


def test_every_interval_holds_its_figure():
    figures = some_predictions(4, 60).metrics()
    intervals = [value for value in figures.values() if isinstance(value, dict) and "low" in value]
    intervals += [row[name] for row in figures["per_class"] for name in ("precision", "recall", "f1")]
    assert len(intervals) == 7 + 12
    assert all(interval["low"] <= interval["value"] <= interval["high"] for interval in intervals)


@settings(max_examples=20, deadline=None)
@given(share=st.floats(0.05, 0.95), total=st.integers(20, 200), seed=st.integers(0, 99))
def test_wilson_intervals_cover_the_true_share_at_least_90_percent_of_the_time(share, total, seed):
    hits = np.random.default_rng(seed).binomial(total, share, 2000)
    found = [wilson(int(hit), total) for hit in hits]
    assert np.mean([interval.low <= share <= interval.high for interval in found]) > 0.9


def test_wilson_equals_the_published_example():
    # Wilson (1927) in Newcombe, Statistics in Medicine 17 (1998), table I: 81 of 263 gives 0.2553 to 0.3662
    interval = wilson(81, 263)
    assert (round(interval.low, 4), round(interval.high, 4)) == (0.2553, 0.3662)


@pytest.mark.parametrize("total", [0, 1, 10_000])
def test_wilson_stays_within_0_and_1(total):
    for hits in {0, total}:
        interval = wilson(hits, total)
        assert 0 <= interval.low <= interval.value <= interval.high <= 1
        assert interval.low < interval.high


def test_a_wider_test_set_narrows_the_interval():
    narrow, wide = (some_predictions(3, count).metrics() for count in (4000, 40))
    for name in ("accuracy", "macro_f1", "log_loss"):
        assert narrow[name]["high"] - narrow[name]["low"] < wide[name]["high"] - wide[name]["low"]


def test_the_interval_of_a_loss_does_not_go_below_0():
    interval = of_mean(np.array([0.0, 0.0, 0.0, 9.0]))
    assert (interval.low, interval.value) == (0, 2.25)
    assert interval.high > 4


def test_calibration_error_is_0_when_confident_and_right_and_1_when_confident_and_wrong():
    sure = np.ones(10)
    assert calibration_error(sure, np.ones(10)) == 0
    assert calibration_error(sure, np.zeros(10)) == 1
    assert calibration_error(np.full(10, 0.7), np.array([1.0] * 7 + [0.0] * 3)) == pytest.approx(0, abs=1e-9)


def test_the_worst_errors_come_first_and_right_answers_never():
    predictions = some_predictions(3, 100)
    worst = predictions.worst(1000)
    wrong = predictions.probabilities.argmax(1) != predictions.labels
    assert sorted(position for position, _ in worst) == np.flatnonzero(wrong).tolist()
    losses = cross_entropies(predictions.probabilities, predictions.labels)[[position for position, _ in worst]]
    assert (np.diff(losses) <= 0).all()
    assert [details["loss"] for _, details in worst] == losses.tolist()


def test_a_thousand_classes_do_not_take_the_memory():
    figures = some_predictions(1000, 2000).metrics()
    assert len(figures["per_class"]) == 1000
