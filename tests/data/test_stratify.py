"""Drawing sides and folds: a partition, groups whole, classes as even as scikit-learn makes them."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.model_selection import GroupKFold, StratifiedGroupKFold, StratifiedKFold
from torch import Tensor

from striate.data import stratified_folds, stratified_split


def uneven(fold_of: np.ndarray, labels: np.ndarray, folds: int) -> float:
    """How unlike the folds are: the std over folds of each class's share, in the mean over classes."""
    table = np.stack([np.bincount(labels[fold_of == k], minlength=labels.max() + 1) for k in range(folds)])
    return float((table / table.sum(0)).std(0).mean())


def folds_of(oracle: Callable[..., object], labels: np.ndarray, groups: np.ndarray | None = None) -> np.ndarray:
    fold_of = np.empty(len(labels), np.int64)
    for k, (_, inside) in enumerate(oracle.split(labels, labels, groups)):  # type: ignore[attr-defined]
        fold_of[inside] = k
    return fold_of


@settings(deadline=None, max_examples=60)
@given(st.lists(st.integers(0, 4), min_size=6, max_size=120), st.integers(2, 6), st.integers(0, 2**40))
def test_folds_are_a_partition_and_as_even_as_stratified_folds_can_be(values: list[int], folds: int, seed: int) -> None:
    labels = torch.tensor(values)
    fold_of = stratified_folds(labels, folds, seed=seed)
    assert set(fold_of.tolist()) == set(range(folds))
    sizes = torch.bincount(fold_of, minlength=folds)
    assert sizes.max() - sizes.min() <= 1
    for label in labels.unique():
        counts = torch.bincount(fold_of[labels == label], minlength=folds)
        assert counts.max() - counts.min() <= 1
    assert torch.equal(fold_of, stratified_folds(labels, folds, seed=seed))


@pytest.mark.parametrize("folds", [2, 5, 10])
def test_class_counts_are_those_of_scikit_learns_stratified_folds(folds: int) -> None:
    labels = np.random.default_rng(folds).choice(4, 500, p=[0.5, 0.3, 0.15, 0.05])
    ours = stratified_folds(torch.from_numpy(labels), folds, seed=1).numpy()
    theirs = folds_of(StratifiedKFold(folds, shuffle=True, random_state=1), labels)
    for label in range(4):
        mine, oracle = (np.sort(np.bincount(f[labels == label], minlength=folds)) for f in (ours, theirs))
        assert (mine == oracle).all()


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 9)), min_size=8, max_size=120),
    st.floats(0.05, 0.9),
    st.integers(0, 2**40),
)
def test_no_group_is_on_two_sides(samples: list[tuple[int, int]], share: float, seed: int) -> None:
    labels, groups = (torch.tensor(column) for column in zip(*samples, strict=True))
    kept, out = stratified_split(labels, share, seed=seed, groups=groups)
    assert sorted([*kept.tolist(), *out.tolist()]) == list(range(len(samples)))
    assert not set(groups[kept].tolist()) & set(groups[out].tolist())
    if 1 < len(groups.unique()) < len(groups):
        assert len(kept) > 0
        assert len(out) > 0


@settings(deadline=None, max_examples=40)
@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 11)), min_size=20, max_size=150),
    st.integers(2, 4),
    st.integers(0, 2**40),
)
def test_no_group_is_in_two_folds(samples: list[tuple[int, int]], folds: int, seed: int) -> None:
    labels, groups = (torch.tensor(column) for column in zip(*samples, strict=True))
    fold_of = stratified_folds(labels, folds, seed=seed, groups=groups)
    assert set(fold_of.tolist()) <= set(range(folds))
    for group in groups.unique():
        assert len(fold_of[groups == group].unique()) == 1


def patients(seed: int) -> tuple[Tensor, Tensor]:
    """40 patients of 1 to 30 images each, each leaning towards one of 4 classes."""
    random = np.random.default_rng(seed)
    sizes = random.integers(1, 31, 40)
    groups = np.repeat(np.arange(40), sizes)
    leaning = random.dirichlet([0.5] * 4, 40)
    labels = np.array([random.choice(4, p=leaning[group]) for group in groups])
    mixed = random.permutation(len(groups))
    return torch.from_numpy(labels[mixed]), torch.from_numpy(groups[mixed])


def test_grouped_folds_are_as_even_as_scikit_learns() -> None:
    ours, stratified, plain = [], [], []
    for seed in range(25):
        labels, groups = patients(seed)
        y, g = labels.numpy(), groups.numpy()
        ours.append(uneven(stratified_folds(labels, 5, seed=seed, groups=groups).numpy(), y, 5))
        oracle = StratifiedGroupKFold(5, shuffle=True, random_state=seed)
        stratified.append(uneven(folds_of(oracle, y, g), y, 5))
        plain.append(uneven(folds_of(GroupKFold(5), y, g), y, 5))
    assert np.mean(ours) <= np.mean(stratified)
    assert np.mean(ours) < 0.8 * np.mean(plain)


def test_a_grouped_share_is_near_its_classes_shares() -> None:
    errors: list[float] = []
    of_random: list[float] = []
    for seed in range(25):
        labels, groups = patients(seed)
        _, out = stratified_split(labels, 0.2, seed=seed, groups=groups)
        random = np.isin(groups.numpy(), np.random.default_rng(seed).permutation(40)[:8])
        for held, kept in ((labels[out], errors), (labels[random], of_random)):
            share = torch.bincount(held, minlength=4) / torch.bincount(labels, minlength=4)
            kept.append(float((share - 0.2).abs().mean()))
    assert np.mean(errors) < 0.05
    assert np.mean(errors) < 0.5 * np.mean(of_random)


def test_groups_of_one_change_nothing() -> None:
    labels = torch.arange(300) % 7
    for share in (0.1, 0.4):
        plain = stratified_split(labels, share, seed=3)
        grouped = stratified_split(labels, share, seed=3, groups=torch.arange(300) * 5)
        assert all(torch.equal(a, b) for a, b in zip(plain, grouped, strict=True))
    alone = stratified_folds(labels, 4, seed=3, groups=torch.arange(300).flip(0))
    assert torch.equal(alone, stratified_folds(labels, 4, seed=3))


def test_different_seeds_draw_different_folds() -> None:
    labels, groups = patients(0)
    one, other = (stratified_folds(labels, 5, seed=seed, groups=groups) for seed in (0, 1))
    assert not torch.equal(one, other)
