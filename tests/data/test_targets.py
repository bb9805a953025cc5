"""Targets of each kind: their verbs agree with each other and with what they hold."""

from typing import Any

import numpy as np
import pytest
import torch

from striate.data import ClassTargets, LoadedTargets, MultiLabelTargets, RegressionTargets
from striate.views import Normalization, evaluation_view

SETS = np.array([[1, 0, 0], [1, 1, 0], [1, 0, 1], [1, 1, 0], [0, 0, 0]], np.bool_)
NUMBERS = np.array([[3, 1], [1, 2], [2, 30], [5, 4], [4, 5]], np.float32)
KINDS: dict[str, LoadedTargets] = {
    "classify": ClassTargets(np.array([2, 0, 1, 1, 0])),
    "multilabel": MultiLabelTargets(SETS),
    "regress": RegressionTargets(NUMBERS),
}
NAMES = ("a", "b", "c")


@pytest.mark.parametrize("kind", KINDS)
def test_a_subset_and_a_batch_hold_the_targets_at_their_positions(kind):
    targets, positions = KINDS[kind], torch.tensor([4, 0, 0])
    view = evaluation_view(3, image_size=(4, 4), size=(4, 4), normalization=Normalization((0.0,), (1.0,)))
    gathered = targets.gather_on(torch.device("cpu"))(positions, view).numpy()
    subset = targets.subset(positions)
    for n, i in enumerate(positions.tolist()):
        wanted: Any = targets.target(i)
        assert np.array_equal(np.asarray(subset.target(n)), wanted)
        assert np.array_equal(gathered[n], wanted)
        names = NAMES[:2] if kind == "regress" else NAMES
        assert subset.caption(n, names) == targets.caption(i, names)
    assert subset.content() != targets.content()


def test_classes_are_counted_where_they_are_present():
    assert KINDS["classify"].counts(4) == [2, 2, 1, 0]
    assert KINDS["multilabel"].counts(4) == [4, 2, 1, 0]
    assert KINDS["regress"].counts(2) == []
    assert KINDS["multilabel"].contains(2).tolist() == [False, False, True, False, False]
    assert KINDS["classify"].contains(1).tolist() == [False, False, True, True, False]


def test_strata_are_the_class_the_rarest_class_or_the_tenth():
    assert KINDS["classify"].strata().tolist() == [2, 0, 1, 1, 0]
    assert KINDS["multilabel"].strata().tolist() == [0, 1, 2, 1, 3]
    values = np.random.default_rng(0).permutation(1000).astype(np.float32)[:, None]
    assert RegressionTargets(values).strata().tolist() == (values[:, 0] // 100).tolist()
    assert set(KINDS["regress"].strata().tolist()) == {0, 1}  # of few samples halves, for no group is of one


def test_targets_in_other_classes_keep_their_meaning():
    there = [2, 0, 3]
    assert KINDS["classify"].reordered(there, 4).counts(4) == [2, 0, 2, 1]
    assert KINDS["multilabel"].reordered(there, 4).counts(4) == [2, 0, 4, 1]
    moved = KINDS["regress"].reordered([1, 0], 2)
    assert isinstance(moved, RegressionTargets)
    assert moved.values.tolist() == NUMBERS[:, ::-1].tolist()


def test_captions_are_for_a_person():
    assert KINDS["classify"].caption(0, NAMES) == "c"
    assert [KINDS["multilabel"].caption(i, NAMES) for i in (1, 4)] == ["a, b", "none"]
    assert KINDS["regress"].caption(2, ("age", "size")) == "age 2.0, size 30.0"
    assert [one.single_classes() is None for one in KINDS.values()] == [False, True, True]
