"""Losses of masks against sums over pixels, written out, in float64; gradients against differences."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from striate.data.targets import IGNORE
from striate.errors import SettingError
from striate.tasks.segment.losses import (
    SEGMENTATION_LOSSES,
    cross_entropy,
    dice,
    focal,
    from_the_largest,
    lovasz,
    segmentation_loss,
    tversky,
)

WEIGHTS = torch.tensor([0.5, 2.0, 1.25, 3.0])
NAMES = sorted(SEGMENTATION_LOSSES)
every_loss = pytest.mark.parametrize("loss", [SEGMENTATION_LOSSES[name] for name in NAMES], ids=NAMES)


def some_pixels(seed: int = 0, classes: int = 4, size: tuple[int, int, int] = (2, 3, 5)):
    """Logits, float64, and labels, of which some are IGNORE and none is of the last class."""
    generator = torch.Generator().manual_seed(seed)
    batch, height, width = size
    logits = 2 * torch.randn(batch, classes, height, width, generator=generator, dtype=torch.float64)
    labels = torch.randint(0, classes - 1, size, generator=generator)
    labels[torch.rand(size, generator=generator) < 0.2] = IGNORE
    return logits, labels


def counted(logits: torch.Tensor, labels: torch.Tensor) -> tuple[list[list[float]], list[int]]:
    """Probabilities and label of each pixel that counts."""
    rows, found = [], []
    for b, y, x in np.ndindex(*labels.shape):
        if labels[b, y, x] != IGNORE:
            powers = [math.exp(one) for one in logits[b, :, y, x].double().tolist()]
            rows.append([one / sum(powers) for one in powers])
            found.append(int(labels[b, y, x]))
    return rows, found


def mean(values: list[float]) -> float:
    return sum(values) / len(values) if values else 0.0


def expected_tversky(rows, labels, alpha: float, beta: float, smooth: float) -> float:
    losses = []
    for k in sorted(set(labels)):
        hits = sum(row[k] for row, label in zip(rows, labels, strict=True) if label == k)
        alarms = sum(row[k] for row, label in zip(rows, labels, strict=True) if label != k)
        misses = sum(1 - row[k] for row, label in zip(rows, labels, strict=True) if label == k)
        losses.append(1 - (hits + smooth) / (hits + alpha * alarms + beta * misses + smooth))
    return mean(losses)


def expected_lovasz(rows, labels) -> float:
    """By the definition of the Lovasz extension of a set function: here 1 - IoU, of the set of wrong pixels."""
    losses = []
    for k in sorted(set(labels)):
        members = {n for n, label in enumerate(labels) if label == k}

        def jaccard_loss(wrong: set[int], members: set[int] = members) -> float:
            return len(wrong) / len(members | wrong)

        errors = [abs((label == k) - row[k]) for row, label in zip(rows, labels, strict=True)]
        order = sorted(range(len(errors)), key=lambda n: -errors[n])
        losses.append(
            sum(
                errors[n] * (jaccard_loss(set(order[: i + 1])) - jaccard_loss(set(order[:i])))
                for i, n in enumerate(order)
            )
        )
    return mean(losses)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), gamma=st.sampled_from([0.0, 0.5, 1.0, 2.0, 5.0]), alpha=st.floats(0, 1))
def test_each_loss_is_its_formula(seed, gamma, alpha):
    logits, labels = some_pixels(seed)
    rows, found = counted(logits, labels)
    right = [row[label] for row, label in zip(rows, found, strict=True)]
    weighed = [WEIGHTS[label].item() for label in found]
    for given_logits, tolerance in ((logits, 1e-9), (logits.float(), 1e-5)):

        def near(value: float, tolerance: float = tolerance):
            return pytest.approx(value, rel=tolerance, abs=tolerance)

        assert cross_entropy(given_logits, labels).item() == near(mean([-math.log(p) for p in right]))
        pairs = list(zip(weighed, right, strict=True))
        assert cross_entropy(given_logits, labels, WEIGHTS).item() == near(mean([-w * math.log(p) for w, p in pairs]))
        assert focal(given_logits, labels, gamma=gamma).item() == near(
            mean([-((1 - p) ** gamma) * math.log(p) for p in right])
        )
        assert focal(given_logits, labels, WEIGHTS, gamma).item() == near(
            mean([-w * (1 - p) ** gamma * math.log(p) for w, p in pairs])
        )
        assert tversky(given_logits, labels, alpha, 1 - alpha, smooth=0.3).item() == near(
            expected_tversky(rows, found, alpha, 1 - alpha, 0.3)
        )
        assert lovasz(given_logits, labels).item() == near(expected_lovasz(rows, found))


def test_dice_is_twice_the_overlap_over_the_sum():
    logits, labels = some_pixels()
    rows, found = counted(logits, labels)
    each = []
    for k in set(found):
        overlap = sum(row[k] for row, label in zip(rows, found, strict=True) if label == k)
        each.append(1 - (2 * overlap + 2) / (sum(row[k] for row in rows) + found.count(k) + 2))
    assert dice(logits, labels).item() == pytest.approx(mean(each))
    assert torch.equal(dice(logits, labels), tversky(logits, labels, 0.5, 0.5))


@every_loss
def test_gradients_are_those_of_differences(loss):
    logits, labels = some_pixels(seed=3, size=(2, 2, 3))
    assert torch.autograd.gradcheck(lambda given: loss(given, labels), logits.requires_grad_())


@pytest.mark.parametrize("gamma", [0.0, 0.3, 1.0, 2.5])
def test_gradients_of_focal_at_any_gamma(gamma):
    logits, labels = some_pixels(seed=4, size=(1, 2, 3))
    assert torch.autograd.gradcheck(lambda given: focal(given, labels, WEIGHTS, gamma), logits.requires_grad_())
    sure = torch.full((1, 4, 1, 2), -200.0)
    sure[:, 0] = 200.0
    sure.requires_grad_()
    focal(sure, torch.zeros(1, 1, 2, dtype=torch.int64), gamma=gamma).backward()
    assert sure.grad is not None
    assert torch.equal(sure.grad, torch.zeros_like(sure))


@every_loss
def test_pixels_that_do_not_count_change_nothing(loss):
    logits, labels = some_pixels(seed=1)
    logits.requires_grad_()
    value = loss(logits, labels)
    value.backward()
    assert logits.grad is not None
    ignored = (labels == IGNORE)[:, None].expand_as(logits)
    assert (logits.grad[ignored] == 0).all()
    assert (logits.grad[~ignored] != 0).any()
    other = torch.where(ignored, 30 * torch.randn_like(logits), logits)
    assert loss(other, labels).item() == pytest.approx(value.item(), rel=1e-12)
    more = torch.cat([logits, torch.randn_like(logits)]), torch.cat([labels, torch.full_like(labels, IGNORE)])
    assert loss(*more).item() == pytest.approx(value.item(), rel=1e-12)


@every_loss
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_batch_without_labels_gives_0_and_no_gradient(loss, dtype):
    logits = torch.randn(2, 3, 4, 4, dtype=dtype, requires_grad=True)
    value = loss(logits, torch.full((2, 4, 4), IGNORE))
    assert value.item() == 0
    value.backward()
    assert logits.grad is not None
    assert torch.equal(logits.grad, torch.zeros_like(logits))


@every_loss
def test_the_order_of_pixels_and_of_samples_changes_nothing(loss):
    logits, labels = some_pixels(seed=2, size=(3, 4, 5))
    value = loss(logits, labels).item()
    order = torch.randperm(60, generator=torch.Generator().manual_seed(0))
    pixels = logits.transpose(0, 1).reshape(4, 60)[:, order].reshape(4, 3, 4, 5).transpose(0, 1)
    assert loss(pixels, labels.flatten()[order].reshape(3, 4, 5)).item() == pytest.approx(value, rel=1e-12)
    assert loss(logits.flip(0), labels.flip(0)).item() == pytest.approx(value, rel=1e-12)
    last = logits.contiguous(memory_format=torch.channels_last)
    assert loss(last, labels).item() == pytest.approx(value, rel=1e-12)


@every_loss
def test_the_order_of_classes_changes_nothing(loss):
    logits, labels = some_pixels(seed=5)
    order = torch.tensor([2, 0, 3, 1])
    moved = torch.where(labels == IGNORE, IGNORE, order.argsort()[labels.clamp_min(0)])
    assert loss(logits[:, order], moved).item() == pytest.approx(loss(logits, labels).item(), rel=1e-12)


@every_loss
def test_half_precision_logits_give_a_float32_loss(loss):
    logits, labels = some_pixels()
    value = loss(logits.bfloat16(), labels)
    assert value.dtype == torch.float32
    assert value.shape == ()
    assert value.item() == pytest.approx(loss(logits.bfloat16().double(), labels).item(), rel=1e-5)


@every_loss
def test_no_loss_needs_a_value_on_its_way(loss):
    logits, labels = (
        one.to("meta") for one in some_pixels()
    )  # where asking for a value, as a wait for a GPU, is an error
    assert loss(logits.float().requires_grad_(), labels).shape == ()


@every_loss
def test_gradients_in_float32_are_those_in_float64(loss):
    logits, labels = some_pixels(seed=7, size=(2, 60, 50))
    gradients = []
    for dtype in (torch.float32, torch.float64):
        given_logits = logits.float().to(dtype).requires_grad_()
        loss(given_logits, labels).backward()
        assert given_logits.grad is not None
        gradients.append(given_logits.grad.double())
    single, double = gradients
    # rounding changes the order of errors that are nearly equal, and Lovasz weighs those by their order
    assert (single - double).abs().max() < 1e-3 * double.abs().max()


@given(st.lists(st.sampled_from([0.0, 1e-38, 0.1, 0.25, 0.5, 1.0]), min_size=1, max_size=40))
def test_errors_are_sorted_as_by_a_stable_argsort(values):
    errors = torch.tensor(values)
    assert torch.equal(from_the_largest(errors), errors.argsort(descending=True, stable=True))


@every_loss
def test_gradient_descent_on_logits_ends_at_the_labels(loss):
    logits, labels = some_pixels(seed=6)
    learned = logits.float().requires_grad_()
    optimizer = torch.optim.Adam([learned], lr=0.3)
    for _ in range(150):
        optimizer.zero_grad()
        loss(learned, labels).backward()
        optimizer.step()
    assert loss(learned, labels).item() < 0.05
    counts = labels != IGNORE
    assert torch.equal(learned.argmax(1)[counts], labels[counts])


def hard(predicted: torch.Tensor, classes: int) -> torch.Tensor:
    """Logits that are sure of these predictions."""
    return 1000.0 * torch.nn.functional.one_hot(predicted, classes).permute(0, 3, 1, 2).double()


@given(st.integers(0, 10_000))
@settings(max_examples=25, deadline=None)
def test_of_hard_predictions_lovasz_is_1_minus_iou(seed):
    _, labels = some_pixels(seed)
    predicted = torch.randint(0, 4, labels.shape, generator=torch.Generator().manual_seed(seed))
    counts = labels != IGNORE
    expected = []
    for k in labels[counts].unique().tolist():
        one, other = (labels == k) & counts, (predicted == k) & counts
        expected.append(1 - ((one & other).sum() / (one | other).sum()).item())
    assert lovasz(hard(predicted, 4), labels).item() == pytest.approx(mean(expected), abs=1e-6)


@pytest.mark.parametrize("loss", [dice, tversky])
def test_an_empty_mask_with_an_empty_prediction_has_no_loss(loss):
    labels = torch.zeros(2, 4, 4, dtype=torch.int64)  # background alone
    assert loss(hard(labels, 2), labels).item() == pytest.approx(0, abs=1e-12)
    wrong = labels.clone()
    wrong[0, 0, :3] = 1
    assert loss(hard(wrong, 2), labels).item() > 0.04


def test_a_class_that_is_not_in_the_batch_is_left_out_of_the_mean():
    logits, labels = some_pixels()
    more = torch.cat([logits, torch.full_like(logits, -1000.0)], 1)  # 4 more classes that are never predicted
    for loss in (dice, tversky, lovasz):
        assert loss(more, labels).item() == pytest.approx(loss(logits, labels).item(), rel=1e-12)


def test_recall_is_favored_by_beta():
    labels = torch.zeros(1, 4, 4, dtype=torch.int64)
    labels[0, 1:3, 1:3] = 1
    too_small, too_large = labels.clone(), labels.clone()
    too_small[0, 1, 1:3], too_large[0, 0, 1:3] = 0, 1
    missed, alarmed = (tversky(hard(one, 2), labels, 0.1, 0.9) for one in (too_small, too_large))
    assert missed > alarmed


def test_sums_have_their_terms_by_name():
    logits, labels = some_pixels()
    terms = segmentation_loss("cross_entropy + dice", weights=WEIGHTS)(logits, labels)
    assert list(terms) == ["cross_entropy", "dice"]
    assert torch.equal(terms["cross_entropy"], cross_entropy(logits, labels, WEIGHTS))
    assert torch.equal(terms["dice"], dice(logits, labels))
    one = segmentation_loss("focal+tversky+lovasz", gamma=1.0, alpha=0.2, beta=0.8)(logits, labels)
    assert torch.equal(one["focal"], focal(logits, labels, gamma=1.0))
    assert torch.equal(one["tversky"], tversky(logits, labels, 0.2, 0.8))
    assert torch.equal(one["lovasz"], lovasz(logits, labels))


@pytest.mark.parametrize(
    ("name", "words"),
    [("cross_entropy+dise", "'dise' is no loss of masks; did you mean dice?"), ("dice+dice", "dice has a term twice")],
)
def test_other_sums_are_refused(name, words):
    with pytest.raises(SettingError, match=words):
        segmentation_loss(name)
