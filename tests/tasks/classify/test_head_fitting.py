"""Heads fitted on embeddings: they predict as scikit-learn, are calibrated, and depend on seed and samples alone."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier, NearestCentroid
from sklearn.preprocessing import normalize
from sklearn.svm import LinearSVC
from torch import Tensor

from striate.errors import DataError, SettingError
from striate.tasks import FittedHead, class_weights, fit_head
from striate.tasks.classify.head_estimators import ESTIMATORS, Samples
from striate.tasks.head_choice import choice_folds

KINDS = tuple(ESTIMATORS)
GENERATED = [(60, 12, 3), (40, 90, 4), (30, 8, 2)]  # samples, features, classes: also more features than samples


def accuracy(head: FittedHead) -> float:
    """Of cross-validation."""
    assert head.figure is not None
    return head.figure.value


def blobs(n: int, features: int, classes: int, distance: float = 1.2, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Overlapping classes, each around a mean of its own; their order is no pattern."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.arange(n) % classes
    means = distance * torch.randn(classes, features, generator=generator)
    return 3 + means[labels] + torch.randn(n, features, generator=generator), labels


def oracle_predictions(head: FittedHead, kind: str, train: Tensor, labels: Tensor, test: Tensor) -> np.ndarray:
    """Of scikit-learn with the chosen strength, on the embeddings with the normalization alone."""
    center = train.mean(0)
    x, new = (train - center).double().numpy(), (test - center).double().numpy()
    length = np.sqrt((x**2).sum(1).mean())
    if kind == "logistic":
        return LogisticRegression(C=head.value, tol=1e-6, max_iter=10**4).fit(x / length, labels).predict(new / length)
    if kind == "svm":
        return (
            LinearSVC(C=head.value, random_state=0, tol=1e-6, max_iter=10**5)
            .fit(x / length, labels)
            .predict(new / length)
        )
    if kind == "knn":
        voting = KNeighborsClassifier(int(head.value), algorithm="brute")
        return voting.fit(normalize(x), labels).predict(normalize(new))
    return NearestCentroid().fit(normalize(x), labels).predict(normalize(new))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shape", GENERATED)
def test_predictions_equal_those_of_scikit_learn(kind, shape):
    n, features, classes = shape
    x, y = blobs(n + 500, features, classes)
    head = fit_head(kind, x[:n], y[:n], classes, seed=0)
    ours = head.module(x[n:]).argmax(1).numpy()
    theirs = oracle_predictions(head, kind, x[:n], y[:n], x[n:])
    # an optimizer stops close to the optimum, a sample on the border may fall to either side
    assert (ours != theirs).sum() <= (1 if kind in ("logistic", "svm") else 0)
    assert len(set(ours)) == classes


@pytest.mark.filterwarnings("ignore")  # scikit-learn also measures the variance within classes, which may have none
@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32), n=st.integers(6, 25), features=st.integers(1, 12), classes=st.integers(2, 5))
def test_class_means_predict_as_scikit_learn_ties_included(seed, n, features, classes):
    rng = np.random.default_rng(seed)
    x, y = rng.integers(0, 3, (n, features)).astype(float), rng.integers(0, classes, n)
    y[:2] = 0, 1
    x[0], x[1] = 0, 1  # scikit-learn refuses features that are all constant
    queries = rng.integers(0, 3, (20, features)).astype(float)
    samples = Samples(torch.from_numpy(x), torch.from_numpy(y), torch.ones(n), classes)
    scores = ESTIMATORS["prototype"].fit(samples, 0, 1)(torch.from_numpy(queries)).detach()
    found = NearestCentroid().fit(x, y)
    # means of different samples that are equally far in exact arithmetic are not when rounded: not asked of either
    distances = np.sort(((queries[:, None] - found.centroids_) ** 2).sum(2), 1)
    equal_means = len(np.unique(found.centroids_, axis=0)) < len(found.centroids_)
    decided = distances[:, 1] - distances[:, 0] > 1e-9
    if equal_means:
        decided |= distances[:, 1] == distances[:, 0]
    assert (scores.argmax(1).numpy() == found.predict(queries))[decided].all()


@pytest.mark.parametrize("kind", KINDS)
def test_classes_that_are_far_apart_are_all_told_apart(kind):
    x, y = blobs(80, 30, 4, distance=8)
    head = fit_head(kind, x[:40], y[:40], 4, seed=0)
    assert accuracy(head) == 1
    probabilities = head.module(x[40:]).softmax(1)
    assert torch.equal(probabilities.argmax(1), y[40:])
    assert probabilities.amax(1).mean() > 0.8
    assert head.module(x).isfinite().all()


@pytest.mark.parametrize("kind", KINDS)
def test_the_order_of_the_samples_and_the_run_change_nothing(kind):
    x, y = blobs(45, 60, 3)
    order = torch.randperm(45, generator=torch.Generator().manual_seed(1))
    one, other = fit_head(kind, x, y, 3, seed=5), fit_head(kind, x[order], y[order], 3, seed=5)
    assert (one.value, one.figure) == (other.value, other.figure)
    assert all(torch.equal(a, b) for a, b in zip(*(h.module.state_dict().values() for h in (one, other)), strict=True))


def test_the_seed_draws_the_folds():
    x, y = blobs(60, 6, 3, distance=0.5)
    assert len({accuracy(fit_head("logistic", x, y, 3, seed=seed)) for seed in range(4)}) > 1


@pytest.mark.parametrize("kind", ["logistic", "svm"])
def test_confidence_is_as_high_as_accuracy(kind):
    x, y = blobs(2300, 20, 3, distance=0.35)
    head = fit_head(kind, x[:300], y[:300], 3, seed=0)
    probabilities = head.module(x[300:]).softmax(1)
    right = (probabilities.argmax(1) == y[300:]).float().mean()
    assert 0.5 < right < 0.9
    assert abs(probabilities.amax(1).mean() - right) < 0.06
    assert head.figure is not None
    assert head.figure.high is not None
    assert abs(head.figure.value - right) < 2 * (head.figure.high - head.figure.value)


@pytest.mark.parametrize("kind", KINDS)
def test_classes_without_samples_never_win(kind):
    x, y = blobs(30, 12, 3)
    head = fit_head(kind, x, 2 * y + 1, 7, seed=0)
    logits = head.module(torch.cat((x, 100 * torch.randn(200, 12), torch.zeros(1, 12))))
    assert logits.isfinite().all()
    assert set(logits.argmax(1).tolist()) <= {1, 3, 5}
    assert logits.softmax(1)[:30, ::2].max() < (0.2 if kind == "knn" else 1e-3)


@pytest.mark.parametrize("kind", KINDS)
def test_one_sample_a_class_is_enough(kind):
    x, y = blobs(4, 12, 4, distance=5)
    head = fit_head(kind, x, y, 4, seed=0)
    assert head.figure is None
    assert torch.equal(head.module(x).argmax(1), y)
    assert head.module(x).softmax(1).amax(1).min() > 0.5


@pytest.mark.parametrize("kind", KINDS)
def test_a_class_with_one_sample_beside_larger_ones_is_learned(kind):
    x, y = blobs(31, 12, 3, distance=5)
    y = torch.where(torch.arange(31) == 30, 3, y)
    x[30] -= 40
    head = fit_head(kind, x, y, 4, seed=0)
    assert accuracy(head) == 1  # of the other classes: held out, its only sample could not be predicted
    assert head.module(x)[30].argmax() == 3 or (kind == "knn" and head.value > 1)


@pytest.mark.parametrize("kind", KINDS)
def test_a_single_class_and_equal_embeddings_are_no_obstacle(kind):
    alone = fit_head(kind, torch.ones(3, 4), torch.ones(3, dtype=torch.int64), 2, seed=0)
    assert alone.module(torch.randn(5, 4)).argmax(1).tolist() == [1] * 5
    equal = fit_head(kind, torch.ones(6, 4), torch.arange(6) % 2, 2, seed=0)
    assert equal.module(torch.ones(1, 4)).isfinite().all()


@pytest.mark.parametrize("kind", KINDS)
def test_copies_in_one_group_do_not_raise_the_accuracy_of_cross_validation(kind):
    """Classes that are noise: whoever knows an image's copy predicts it, and nobody else does better than chance."""
    generator = torch.Generator().manual_seed(0)
    x, y = torch.randn(60, 40, generator=generator), torch.randint(0, 4, (60,), generator=generator)
    twice, labels, groups = x.repeat(2, 1), y.repeat(2), torch.arange(60).repeat(2)
    leaking = accuracy(fit_head(kind, twice, labels, 4, seed=0))
    grouped = accuracy(fit_head(kind, twice, labels, 4, seed=0, groups=groups))
    assert leaking > 0.6 or kind == "prototype"
    assert grouped < 0.45


def test_folds_keep_groups_whole_and_the_only_group_of_a_class_for_training():
    generator = torch.Generator().manual_seed(0)
    labels = torch.cat((torch.randint(0, 3, (60,), generator=generator), torch.full((4,), 3)))
    units = torch.cat((torch.randint(0, 25, (60,), generator=generator), torch.tensor([90, 90, 90, 3])))
    units = torch.where(units == 3, 90, units)  # what is in a group with class 3 stays with it
    folds = choice_folds(labels, units, seed=0)
    assert len(folds) == 5
    tested = torch.cat([test for _, test in folds])
    assert sorted(tested.tolist()) == (units != 90).nonzero().flatten().tolist()
    for train, test in folds:
        assert not set(units[train].tolist()) & set(units[test].tolist())
        assert len(train) + len(test) == 64
    assert choice_folds(labels[:3], torch.zeros(3, dtype=torch.int64), seed=0) == []


@pytest.mark.parametrize("kind", ["logistic", "svm"])
def test_more_samples_than_the_strength_was_chosen_on_do_not_weaken_it(kind, monkeypatch):
    """Every sample four times, of which one in four is chosen on: the same penalty, so the same direction of each weight."""
    x, y = blobs(90, 20, 3, distance=0.5)
    one_value = replace(ESTIMATORS[kind], values=(ESTIMATORS[kind].default,))
    monkeypatch.setattr("striate.tasks.classify.head_fitting.ESTIMATORS", {kind: one_value})
    monkeypatch.setattr("striate.tasks.classify.head_fitting.CHOICE_SAMPLES", 90)
    alone = fit_head(kind, x, y, 3, seed=0)
    copied = fit_head(kind, x.repeat(4, 1), y.repeat(4), 3, seed=0, groups=torch.arange(90).repeat(4))
    assert copied.value == alone.value
    layers = [head.module.state_dict() for head in (alone, copied)]
    weights = [torch.cat((layer["weight"], layer["bias"][:, None]), 1) for layer in layers]
    directions = [weight / weight.norm() for weight in weights]  # the factor of the logits is of other folds
    assert (directions[0] - directions[1]).norm() < 0.01
    assert 0.5 < weights[0].norm() / weights[1].norm() < 2


@pytest.mark.parametrize("kind", ["logistic", "svm"])
def test_class_weights_find_a_rare_class_more_often(kind):
    x, y = blobs(2000, 10, 2, distance=0.4)
    few = torch.cat(((y == 0).nonzero().flatten()[:300], (y == 1).nonzero().flatten()[:20]))
    rest = torch.arange(1000, 2000)
    weights = class_weights([300, 20])[y[few]]
    recalls = []
    for chosen in (None, weights):
        head = fit_head(kind, x[few], y[few], 2, seed=0, weights=chosen)
        recalls.append((head.module(x[rest]).argmax(1) == 1)[y[rest] == 1].double().mean().item())
    assert recalls[1] > recalls[0] + 0.2


@pytest.mark.parametrize(
    ("kind", "embeddings", "labels", "message"),
    [
        ("linear", torch.ones(2, 3), torch.arange(2), "no head 'linear' to fit on embeddings; known: knn"),
        ("svm", torch.ones(2, 3, 4), torch.arange(2), "embeddings have shape .2, 3, 4., not samples x features"),
        ("svm", torch.ones(0, 3), torch.arange(0), "embeddings have shape .0, 3."),
        ("svm", torch.full((2, 3), torch.nan), torch.arange(2), "not all finite"),
        ("svm", torch.ones(2, 3), torch.arange(3), "labels have shape .3,. for 2 embeddings: give one class each"),
        ("svm", torch.ones(2, 3), torch.tensor([0, 2]), "whole numbers from 0 to 1"),
        ("svm", torch.ones(2, 3), torch.tensor([0.0, 1.0]), "whole numbers from 0 to 1"),
        ("svm", torch.ones(2, 3), torch.eye(2), "labels have shape .2, 2. for 2 embeddings: give one class each"),
    ],
)
def test_what_does_not_fit_together_is_refused(kind, embeddings, labels, message):
    with pytest.raises((SettingError, DataError), match=message) as refused:
        fit_head(kind, embeddings, labels, 2, seed=0)
    assert "\n" not in str(refused.value)
