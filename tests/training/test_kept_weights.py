"""Which weights are kept: the best or the last epoch's, or the classifier on frozen features; and when training stops early."""

import math
from dataclasses import replace

import pytest

from striate.number_format import percent
from striate.tasks import Classify, Figure, MultiLabel
from striate.training import Epoch, is_best, is_kept, kept_message, stops_early
from striate.training.settings import TrainingSettings


def row(epoch: int, loss: float | None, accuracy: float | None) -> Epoch:
    val = () if accuracy is None else (Figure("accuracy", accuracy, of_images=True),)
    return Epoch(epoch, epoch, 0.1, 1.0 / max(epoch, 1), (Figure("accuracy", 0.5),), loss, val, 1.0, 1.0)


def test_the_best_epoch_is_by_accuracy_then_by_loss_then_the_first():
    assert is_best([row(1, 0.5, 0.8), row(2, 0.9, 0.9)])
    assert is_best([row(1, 0.5, 0.9), row(2, 0.4, 0.9)])
    assert not is_best([row(1, 0.5, 0.9), row(2, 0.5, 0.9)])
    assert not is_best([row(1, 0.5, 0.9), row(2, 0.1, 0.8)])


def test_an_undefined_metric_is_the_worst_and_a_loss_decides_between_two():
    nan = float("nan")
    assert is_best([row(1, 0.5, nan), row(2, 0.9, 0.1)])
    assert not is_best([row(1, 0.5, 0.1), row(2, 0.1, nan)])
    assert is_best([row(1, 0.5, nan), row(2, 0.4, nan)])


def test_lower_is_better_where_the_metric_is_an_error():
    errors = [
        replace(row(n, 1.0, value), val=(Figure("MAE", value, unit="mm", higher_is_better=False),))
        for n, value in ((1, 3.0), (2, 2.0))
    ]
    assert is_best(errors)
    assert not is_best(errors[::-1])


def test_stopping_early_waits_for_its_patience():
    history = [row(1, 0.5, 0.9), row(2, 0.6, 0.8), row(3, 0.6, 0.8)]
    assert not stops_early(history, 3)
    assert stops_early(history, 2)
    assert not stops_early(history, 0)
    assert not stops_early([], 2)


@pytest.mark.parametrize(
    ("accuracies", "keep", "patience", "kept"),
    [
        ([0.5, 0.9, 0.6], "best", 0, [True, False]),
        ([0.5, 0.9, 0.4], "last", 0, [True, True]),
        ([0.5, 0.9, 0.6], "auto", 0, [False, True]),  # the lucky epoch 1 is neither kept nor a hurdle
        ([0.5, 0.9, 0.4], "auto", 0, [False, False]),
        ([0.5, 0.4], "auto", 1, [False]),
        ([0.5, 0.9, 0.6], "auto", 1, [False, True]),  # over early, before epoch 9
    ],
)
def test_the_last_epoch_is_compared_with_the_classifier_on_frozen_features_alone(accuracies, keep, patience, kept):
    training = TrainingSettings(epochs=9 if patience else len(accuracies) - 1, keep=keep, patience=patience)
    rows = [row(i, 1.0, accuracy) for i, accuracy in enumerate(accuracies)]
    assert [is_kept(rows[: i + 1], training, 1000) for i in range(1, len(rows))] == kept


@pytest.mark.parametrize(
    ("head", "tuned", "images", "kept"),
    [
        (0.8, 0.8, 100, True),
        (0.8, 0.761, 100, True),  # the standard error of 80 % of 100 images is 4 points
        (0.8, 0.759, 100, False),
        (0.8, 0.761, 10_000, False),
        (1.0, 0.99, 100, False),
        (0.8, 0.79, 49, False),  # too few to take the difference for none
        (0.8, 0.8, 49, False),  # nor is the loss lower
        (0.8, 0.81, 49, True),
        (None, None, 0, True),  # no validation images, and no meaning in its accuracy on what it was fitted on
    ],
)
def test_the_classifier_on_frozen_features_stays_where_it_is_better_by_a_standard_error(head, tuned, images, kept):
    loss = None if head is None else 1.0
    rows = [row(i, loss, accuracy) for i, accuracy in enumerate((head, tuned))]
    assert is_kept(rows, TrainingSettings(epochs=1, keep="auto"), images) is kept
    message = kept_message(rows, int(kept), "auto", images)
    if head is None:
        assert message == ""
    else:
        assert f"head {percent(head)}, fine-tuned {percent(tuned)} (epoch 1) on {images:,} validation images" in message
        assert ("no more than 4.0 points apart" in message) == (kept and tuned < head)
        assert ("equally good" in message) == (tuned == head)
        assert message.endswith(f": {'the fine-tuned network' if kept else 'the head on frozen features'} is kept")


@pytest.mark.parametrize(
    ("name", "head", "tuned", "kept"),
    [
        ("accuracy", 0.8, 0.79, True),
        ("mean average precision", 0.8, 0.79, False),  # no share of images: nothing tells its standard error
        ("mean average precision", 0.8, 0.8, True),
        ("accuracy", math.nan, 0.1, True),
        ("accuracy", math.nan, math.nan, True),
        ("accuracy", 0.1, math.nan, False),
    ],
)
def test_a_tolerance_is_of_shares_of_images_alone_and_an_undefined_head_never_stays(name, head, tuned, kept):
    rows = [
        replace(row(i, 1.0, value), val=(Figure(name, value, of_images=name == "accuracy"),))
        for i, value in enumerate((head, tuned))
    ]
    assert is_kept(rows, TrainingSettings(epochs=1, keep="auto"), 100) is kept
    message = kept_message(rows, int(kept), "auto", 100)
    assert ("standard error" in message) == (kept and tuned < head)


def test_the_loop_measures_accuracy_as_a_share_of_images():
    assert [one.of_images for one in Classify(("a", "b")).metrics().compute()] == [True]
    assert not any(one.of_images for one in MultiLabel(("a", "b"), (0.5, 0.5)).metrics().compute())
