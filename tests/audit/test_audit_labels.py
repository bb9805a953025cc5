"""Wrong labels: 5 % planted among 3,000 digits are found by a network that did not learn them; right labels give few."""

from importlib import import_module

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.model_selection import cross_val_predict

from striate.audit.label_errors import (
    HeldOutPrediction,
    confident_classes,
    confident_joint,
    label_suspects,
    suspects,
    thresholds,
)
from striate.sources import open_source

IMAGES, PLANTED = 3000, 150


def mnist_pixels(listing):
    pixels = listing.store.preloaded(open_source("mnist").native())
    assert pixels is not None
    return pixels


@pytest.fixture(scope="module")
def digits():
    """Labels of which 5 % were changed, whether each was, and out-of-sample probabilities (N 10)."""
    listing = open_source("mnist").splits["train"]
    pixels = mnist_pixels(listing)[:IMAGES, ..., 0].reshape(IMAGES, -1) / 255
    labels = listing.labels[:IMAGES].copy()
    random = np.random.default_rng(0)
    at = random.choice(IMAGES, PLANTED, replace=False)
    labels[at] = (labels[at] + random.integers(1, 10, PLANTED)) % 10
    trees = ExtraTreesClassifier(100, random_state=0)  # right about 92 % of digits
    probabilities = cross_val_predict(trees, pixels, labels, cv=3, method="predict_proba")
    return labels, np.isin(np.arange(IMAGES), at), probabilities


def full(labels, probabilities):
    classes = probabilities.shape[1]
    of_label = probabilities[np.arange(len(labels)), labels]
    confident = confident_classes(probabilities, thresholds(labels, of_label, classes))
    others = probabilities.copy()
    others[np.arange(len(labels)), labels] = -1
    at = suspects(labels, probabilities.argmax(1), confident, of_label - others.max(1))
    return at, confident_joint(labels, confident, classes)


def answers(labels, probabilities):
    reported = probabilities.argmax(1)
    return [
        HeldOutPrediction(
            str(n), str(labels[n]), str(reported[n]), float(probabilities[n].max()), float(probabilities[n, labels[n]])
        )
        for n in range(len(labels))
    ]


def test_planted_labels_are_found(digits):
    labels, planted, probabilities = digits
    (found,) = label_suspects(answers(labels, probabilities), "run")
    at = [int(name) for (name,) in found.files]
    assert found.finding.severity == "warning"
    assert planted[at[:50]].mean() >= 0.9  # precision at 50
    assert planted[at].mean() >= 0.85  # precision
    assert planted[at].sum() / PLANTED >= 0.5  # recall, which is as good as the network is


def test_the_first_answer_alone_finds_what_all_probabilities_find(digits):
    labels, _, probabilities = digits
    (found,) = label_suspects(answers(labels, probabilities), "run")
    at, _ = full(labels, probabilities)
    mine = {int(name) for (name,) in found.files}
    assert mine <= set(at.tolist())
    assert len(mine) >= 0.95 * len(at)


def test_sure_and_right_answers_give_nothing():
    labels = np.arange(100) % 4
    probabilities = np.full((100, 4), 0.02)
    probabilities[np.arange(100), labels] = 0.94
    assert label_suspects(answers(labels, probabilities), "run") == []


@given(st.integers(0, 2**32), st.integers(2, 6))
def test_no_suspect_is_answered_as_it_is_labeled(seed, classes):
    random = np.random.default_rng(seed)
    labels = random.integers(0, classes, 60)
    probabilities = random.dirichlet(np.ones(classes), 60)
    at, joint = full(labels, probabilities)
    assert (probabilities.argmax(1)[at] != labels[at]).all()
    assert joint.sum() <= 60 + classes
    assert joint[labels[at], confident(labels, probabilities)[at]].min(initial=1) >= 1


def confident(labels, probabilities):
    of_label = probabilities[np.arange(len(labels)), labels]
    return confident_classes(probabilities, thresholds(labels, of_label, probabilities.shape[1]))


@pytest.mark.oracle
def test_suspects_and_joint_are_those_of_cleanlab(digits):
    count, filters = import_module("cleanlab.count"), import_module("cleanlab.filter")
    labels, _, probabilities = digits
    at, joint = full(labels, probabilities)
    theirs = count.compute_confident_joint(labels, probabilities, calibrate=False)
    assert joint.tolist() == theirs.tolist()
    issues = filters.find_label_issues(
        labels,
        probabilities,
        filter_by="confident_learning",
        return_indices_ranked_by="normalized_margin",
        min_examples_per_class=0,
        n_jobs=1,
    )
    assert set(at.tolist()) == set(issues.tolist())
    margins = probabilities[np.arange(IMAGES), labels] - probabilities.max(1)  # of suspects; trees give many ties
    assert margins[at] == pytest.approx(margins[issues])
