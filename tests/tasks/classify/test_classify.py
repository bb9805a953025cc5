"""Classification: losses against torch, the confusion matrix against scikit-learn."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import confusion_matrix
from sklearn.utils.class_weight import compute_class_weight
from tests.tasks.frames import frames

from striate.data import Batch
from striate.tasks import Classify, class_weights
from striate.views import Normalization, evaluation_view, one_hot

TASK = Classify(("cat", "dog", "eel"), label_smoothing=0.1)


def batch(labels: torch.Tensor) -> Batch:
    count = len(labels)
    view = evaluation_view(count, image_size=(4, 4), size=(4, 4), normalization=Normalization((0.0,), (1.0,)))
    return Batch(torch.zeros(count, 1, 4, 4), labels, torch.arange(count), view)


def test_the_loss_is_cross_entropy():
    outputs, labels = torch.randn(6, 3), torch.tensor([0, 1, 2, 2, 1, 0])
    (loss,) = TASK.losses(outputs, batch(labels)).values()
    assert torch.equal(loss, F.cross_entropy(outputs, labels, label_smoothing=0.1))
    (soft,) = TASK.losses(outputs, batch(one_hot(labels, 3))).values()
    assert torch.allclose(soft, loss)


def test_half_precision_outputs_give_a_float32_loss():
    (loss,) = TASK.losses(torch.randn(2, 3).bfloat16(), batch(torch.tensor([0, 1]))).values()
    assert loss.dtype == torch.float32


def test_the_confusion_matrix_equals_scikit_learns():
    torch.manual_seed(0)
    metrics, labels_so_far, predictions = TASK.metrics(), [], []
    for _ in range(5):
        outputs, labels = torch.randn(9, 3), torch.randint(0, 3, (9,))
        metrics.update(outputs, batch(labels))
        labels_so_far += labels.tolist()
        predictions += outputs.argmax(1).tolist()
    expected = confusion_matrix(labels_so_far, predictions, labels=[0, 1, 2])
    assert metrics.state()["counts"].tolist() == expected.tolist()
    assert metrics.compute()[0].value == pytest.approx(expected.trace() / expected.sum())


def test_mixed_labels_count_for_the_larger_share():
    metrics = TASK.metrics()
    metrics.update(torch.eye(3)[:2], batch(torch.tensor([[0.6, 0.4, 0.0], [0.1, 0.2, 0.7]])))
    assert metrics.state()["counts"].tolist() == [[1, 0, 0], [0, 0, 0], [0, 1, 0]]


def test_probabilities_sum_to_one():
    for one in TASK.describe(TASK.decode(torch.randn(4, 3)), frames(*"abcd")):
        assert sum(one.probabilities.values()) == pytest.approx(1)
        assert one.prediction is not None
        assert one.confidence == one.probabilities[one.prediction] == max(one.probabilities.values())


@given(st.lists(st.integers(1, 50), min_size=1, max_size=8))
def test_class_weights_are_scikit_learns_and_their_mean_over_samples_is_1(counts):
    labels = np.repeat(np.arange(len(counts)), counts)
    expected = compute_class_weight("balanced", classes=np.arange(len(counts)), y=labels)
    weights = class_weights(counts)
    assert weights.numpy() == pytest.approx(expected, rel=1e-6)
    assert float(weights[torch.from_numpy(labels)].double().mean()) == pytest.approx(1, rel=1e-6)


def test_a_class_without_samples_changes_no_other_weight():
    assert class_weights([4, 0, 12]).tolist() == [2.0, 0.0, pytest.approx(2 / 3)]


def test_a_weighted_loss_is_a_mean_over_images_so_that_batches_add_up():
    weights = class_weights([10, 5, 1])
    task = Classify(("cat", "dog", "eel"), weights=weights)
    outputs, labels = torch.randn(6, 3), torch.tensor([0, 0, 0, 1, 2, 2])
    (loss,) = task.losses(outputs, batch(labels)).values()
    assert torch.allclose(loss, (weights[labels] * F.cross_entropy(outputs, labels, reduction="none")).mean())
    halves = [next(iter(task.losses(outputs[at], batch(labels[at])).values())) for at in (slice(3), slice(3, 6))]
    assert torch.allclose(loss, torch.stack(halves).mean())
    (soft,) = task.losses(outputs, batch(one_hot(labels, 3))).values()
    assert torch.allclose(soft, loss)
    even = Classify(("cat", "dog", "eel"), 0.1, class_weights([7, 7, 7]))
    (plain,), (same,) = (one.losses(outputs, batch(labels)).values() for one in (TASK, even))
    assert torch.allclose(plain, same)
