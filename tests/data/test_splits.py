"""Splits: a partition, a function of the seed, as stratified as scikit-learn's, with every class that has two."""

import hashlib
from collections import Counter

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.model_selection import StratifiedShuffleSplit
from torch import Tensor

from striate.data import ClassTargets, LabeledImages, SkippedFile, Splits, TensorImages, split_samples, stratified_split
from striate.errors import DataError, SettingError


def images(labels: list[int] | Tensor, name: str = "p") -> LabeledImages:
    """Images whose two pixels are their position, so that each can be found again."""
    labels = torch.as_tensor(labels, dtype=torch.int64)
    count = len(labels)
    at = torch.arange(count)
    images = torch.stack([at // 256, at % 256], 1).to(torch.uint8).reshape(count, 1, 2, 1)
    ids = tuple(f"{name}{i}" for i in range(count))
    return LabeledImages(
        TensorImages(images),
        ClassTargets(labels.numpy()),
        ids,
        tuple(f"class {c}" for c in range(int(labels.max()) + 1)),
    )


labels_and_share = st.tuples(
    st.lists(st.integers(0, 6), min_size=1, max_size=200), st.floats(0.0, 0.95), st.integers(0, 2**40)
)


@settings(deadline=None, max_examples=60)
@given(labels_and_share)
def test_a_split_is_a_partition_with_every_class_on_both_sides(case: tuple[list[int], float, int]) -> None:
    values, share, seed = case
    labels = torch.tensor(values)
    kept, out = stratified_split(labels, share, seed=seed)
    assert sorted([*kept.tolist(), *out.tolist()]) == list(range(len(values)))
    assert kept.tolist() == sorted(kept.tolist())
    assert out.tolist() == sorted(out.tolist())
    here, there = Counter(labels[kept].tolist()), Counter(labels[out].tolist())
    shared = {label: count for label, count in Counter(values).items() if count > 1}
    asked = share * sum(shared.values())
    room_for_all = sum(min(max(1, int(count * share)), count - 1) for count in shared.values()) <= max(
        1.5 * asked, asked + 1
    )
    assert len(out) <= max(1.5 * asked, asked + 1)
    assert (len(out) > 0) == (asked > 0)
    for label, count in Counter(values).items():
        assert here[label] >= 1
        assert there[label] >= (1 if count > 1 and share > 0 and room_for_all else 0)
        if count > 1 and 1 <= count * share <= count - 1:
            assert abs(there[label] - count * share) < 1
    again = stratified_split(labels, share, seed=seed)
    assert torch.equal(kept, again[0])
    assert torch.equal(out, again[1])


@settings(deadline=None, max_examples=30)
@given(
    st.lists(st.integers(20, 90), min_size=2, max_size=6),
    st.sampled_from([0.1, 0.2, 0.25, 0.5]),
    st.integers(0, 2**31 - 1),
)
def test_as_stratified_as_scikit_learn(counts: list[int], share: float, seed: int) -> None:
    labels = np.repeat(np.arange(len(counts)), counts)
    _, out = stratified_split(torch.from_numpy(labels), share, seed=seed)
    oracle = StratifiedShuffleSplit(1, test_size=share, random_state=seed)
    _, expected = next(oracle.split(labels, labels))
    ours, theirs = np.bincount(labels[out.numpy()]), np.bincount(labels[expected])
    assert np.abs(ours - theirs).max() <= 1
    assert abs(int(ours.sum()) - int(theirs.sum())) <= 1  # scikit-learn rounds the whole up, we to the nearest


@pytest.mark.parametrize(
    ("classes", "each", "share"), [(10, 5, 0.1), (40, 3, 0.15), (100, 3, 0.1), (25, 4, 0.05), (7, 2, 0.2)]
)
def test_many_small_classes_hold_out_what_was_asked_for(classes: int, each: int, share: float) -> None:
    labels = torch.arange(classes).repeat(each)
    drawn = set()
    for seed in range(5):
        kept, out = stratified_split(labels, share, seed=seed)
        assert len(out) == round(share * len(labels))
        assert torch.bincount(labels[kept]).min() >= each - 1
        drawn |= set(labels[out].tolist())
    assert len(drawn) > round(share * len(labels))  # classes take turns


def test_the_split_of_mnist_is_what_it_always_was() -> None:
    labels = torch.from_numpy(np.random.default_rng(0).integers(0, 10, 60_000))  # of its size and its share
    kept, out = stratified_split(labels, 1 / 60, seed=0)
    digest = hashlib.sha256(kept.numpy().tobytes() + out.numpy().tobytes()).hexdigest()
    assert digest[:16] == "12ea3963be688ee8"


def test_different_seeds_and_draws_differ_and_every_sample_is_held_out_as_often() -> None:
    labels = torch.arange(400) % 4
    held_out = torch.zeros(400)
    for seed in range(300):
        held_out[stratified_split(labels, 0.25, seed=seed)[1]] += 1
    assert held_out.min() > 45  # 75 expected, std 7.5
    assert held_out.max() < 105
    one, other = (stratified_split(labels, 0.25, seed=5, stream=stream)[1] for stream in (-1, -2))
    assert not torch.equal(one, other)


def everything(splits: Splits) -> list[str]:
    return sorted(name for split in (splits.train, splits.val, splits.test) if split is not None for name in split.ids)


def test_one_set_is_split_in_three() -> None:
    whole = images(torch.arange(1000) % 7)
    splits = split_samples({"all": whole}, val=0.1, test=0.2, seed=3)
    assert splits.val is not None
    assert splits.test is not None
    assert (len(splits.train), len(splits.val), len(splits.test)) == (700, 100, 200)
    assert everything(splits) == sorted(whole.ids)
    for split in (splits.train, splits.val, splits.test):
        positions = [int(name[1:]) for name in split.ids]
        assert split.images.flatten(1).tolist() == [[position // 256, position % 256] for position in positions]
        assert split.labels.tolist() == [position % 7 for position in positions]
    # what is held out for the end does not depend on what is held out for validation
    alone = split_samples({"all": whole}, val=0, test=0.2, seed=3)
    assert alone.val is None
    assert alone.test is not None
    assert alone.test.ids == splits.test.ids


def test_splits_that_are_given_stay() -> None:
    train, val, test = images([0, 1] * 50, "train"), images([0, 1] * 5, "val"), images([0, 1] * 7, "test")
    given_all = split_samples({"train": train, "val": val, "test": test}, val=0.3, test=0.3, seed=0)
    assert given_all == Splits(train, val, test)
    without_test = split_samples({"train": train, "val": val}, val=0.3, test=0.3, seed=0)
    assert without_test == Splits(train, val, None)
    carved = split_samples({"train": train, "test": test}, val=0.3, test=0.5, seed=0)
    assert carved.val is not None
    assert carved.test is test
    assert (len(carved.train), len(carved.val)) == (70, 30)
    assert sorted([*carved.train.ids, *carved.val.ids]) == sorted(train.ids)
    whole = split_samples({"train": train, "test": test}, val=0, test=0.5, seed=0)
    assert whole.train is train
    assert whole.val is None


def test_what_was_skipped_stays_with_the_training_split() -> None:
    skipped_ids = (SkippedFile("bad.jpg", "empty file", "0 bytes"),)
    base = images([0, 1] * 50)
    whole = LabeledImages(base.pixels, base.targets, base.ids, base.classes, skipped_ids)
    splits = split_samples({"all": whole}, val=0.1, test=0.1, seed=0)
    assert splits.val is not None
    assert splits.train.skipped == skipped_ids
    assert not splits.val.skipped


@pytest.mark.parametrize(("val", "test"), [(-0.1, 0), (1, 0), (0, 1.5), (0.5, 0.5), (float("nan"), 0)])
def test_shares_that_are_none_are_refused(val: float, test: float) -> None:
    with pytest.raises(SettingError, match=r"no shares|sum to 1(\.5)?, and must be below 1"):
        split_samples({"all": images([0, 1] * 9)}, val=val, test=test, seed=0)
    with pytest.raises(SettingError, match="is no share"):
        stratified_split(torch.tensor([0, 1]), 1.0, seed=0)


def test_nothing_to_learn_from_and_nothing_to_hold_out_are_refused() -> None:
    some = images([0, 1, 2])
    for samples in (
        {"test": some},
        {"val": some, "test": some},
        {},
        {"all": some, "train": some},
        {"train": some, "x": some},
    ):
        with pytest.raises(DataError, match="splits and no training images"):
            split_samples(samples, val=0.1, test=0, seed=0)
    with pytest.raises(
        DataError,
        match=r"3 images of 3 classes are too few to hold out a share of 0.1; add images, or hold none out: --val 0\n",
    ):
        split_samples({"all": some}, val=0.1, test=0, seed=0)
    with pytest.raises(DataError, match="--val 0 --test 0\n"):
        split_samples({"all": some}, val=0.1, test=0.1, seed=0)
    assert split_samples({"all": some}, val=0, test=0, seed=0).train is some
