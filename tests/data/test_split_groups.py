"""What must stay together: groups by column or expression, and images that are identical, over any number of steps."""

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from striate.data import (
    ClassTargets,
    FileStore,
    LabeledImages,
    Limits,
    Listing,
    Source,
    Splits,
    TensorImages,
    groups_of,
    load_images,
    split_samples,
)
from striate.errors import DataError, SettingError
from striate.sources import open_source

ClassFolders = Callable[[Mapping[str, int]], Path]


def random_images(values: list[int], labels: list[int] | None = None) -> LabeledImages:
    """Images of one pixel; equal values are identical images."""
    images = torch.tensor(values, dtype=torch.uint8).reshape(-1, 1, 1, 1)
    classes = torch.tensor(labels if labels is not None else [i % 2 for i in range(len(values))])
    return LabeledImages(
        TensorImages(images), ClassTargets(classes.numpy()), tuple(f"p{i}" for i in range(len(values))), ("a", "b")
    )


def table(columns: Mapping[str, tuple[str, ...]], ids: tuple[str, ...]) -> Source:
    listing = Listing(ids, ClassTargets(np.zeros(len(ids), np.int64)), FileStore(ids, Limits()), columns=columns)
    return Source("t", "t.csv", "table", ("a", "b"), {"all": listing})


def sides(splits: Splits) -> list[set[str]]:
    return [set(split.ids) for split in splits.by_name().values()]


@settings(deadline=None, max_examples=60)
@given(st.lists(st.integers(0, 12), min_size=12, max_size=80), st.integers(0, 2**31), st.booleans())
def test_identical_images_are_never_separated(values: list[int], seed: int, stratified: bool) -> None:
    if len(set(values)) < 6:
        return
    splits = split_samples({"all": random_images(values)}, val=0.2, test=0.2, seed=seed, stratified=stratified)
    seen = [{values[int(id_[1:])] for id_ in side} for side in sides(splits)]
    assert sum(map(len, seen)) == len(set(values))
    assert sum(map(len, sides(splits))) == len(values)


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.tuples(st.integers(0, 30), st.integers(0, 20)), min_size=20, max_size=60),
    st.integers(0, 2**31),
    st.sampled_from([None, (1, 3), (3, 3)]),
)
def test_no_chain_of_groups_and_identical_images_is_separated(
    samples: list[tuple[int, int]], seed: int, fold: tuple[int, int] | None
) -> None:
    values, names = [value for value, _ in samples], [name for _, name in samples]
    whole = random_images(values)
    groups = {id_: f"g{name}" for id_, name in zip(whole.ids, names, strict=True)}
    try:
        splits = split_samples({"all": whole}, val=0.2, test=0.2, seed=seed, groups=groups, fold=fold)
    except DataError:
        return  # all are tied together
    for of in (values, names):
        seen = [{of[int(id_[1:])] for id_ in side} for side in sides(splits)]
        assert sum(map(len, seen)) == len(set(of))


def test_without_the_tie_identical_images_are_separated(monkeypatch: pytest.MonkeyPatch) -> None:
    values = [i // 2 for i in range(60)]
    splits = split_samples({"all": random_images(values)}, val=0.2, test=0.2, seed=0)
    assert sum(len({values[int(id_[1:])] for id_ in side}) for side in sides(splits)) == 30
    monkeypatch.setattr(
        "striate.data.measurements.content_hashes", lambda images: np.arange(len(images), dtype=np.uint64)
    )
    splits = split_samples({"all": random_images(values)}, val=0.2, test=0.2, seed=0)
    assert sum(len({values[int(id_[1:])] for id_ in side}) for side in sides(splits)) > 30


def test_the_folds_of_all_numbers_are_a_partition() -> None:
    whole = random_images([i // 3 for i in range(90)], [i % 2 for i in range(90)])
    tests = [
        set(splits.test.ids)
        for k in range(1, 6)
        if (splits := split_samples({"all": whole}, val=0.1, test=0.15, seed=2, fold=(k, 5))).test is not None
    ]
    assert set.union(*tests) == set(whole.ids)
    assert sum(map(len, tests)) == 90


def test_a_group_is_a_column_or_what_an_expression_finds() -> None:
    ids = ("a/p1_x.png", "b/p1_y.png", "a/p2_x.png")
    source = table({"patient": ("u", "v", "u")}, ids)
    assert list(groups_of(source, "patient").values()) == ["u", "v", "u"]
    assert list(groups_of(source, r"(p\d)_").values()) == ["p1", "p1", "p2"]


@pytest.mark.parametrize(
    ("group", "message"),
    [
        ("patent", r"is no column \(the columns are camera, patient\); a regular expression .* needs one group"),
        ("(x", r"no regular expression \("),
        (r"(a)/(p\d)", "needs one group in parentheses"),
        ("(q[0-9])", "finds no group in 3 of 3 ids, such as a/p1.png; correct the expression"),
        ("(p2)", "finds no group in 2 of 3 ids, such as a/p1.png"),
        ("(z*)", "finds no group in 3 of 3 ids"),
    ],
)
def test_a_group_that_finds_nothing_is_one_line_with_the_way_out(group: str, message: str) -> None:
    source = table({"patient": ("u", "v", "u"), "camera": ("1", "1", "2")}, ("a/p1.png", "b/p1.png", "a/p2.png"))
    with pytest.raises(SettingError, match=message) as refused:
        groups_of(source, group)
    assert "\n" not in str(refused.value)


def test_what_cannot_be_divided_is_one_line() -> None:
    whole = random_images(list(range(60)))
    one = dict.fromkeys(whole.ids, "clinic")
    with pytest.raises(DataError, match=r"60 images of the groups clinic cannot be divided, so no share of 0\.15"):
        split_samples({"all": whole}, val=0.15, test=0.15, seed=0, groups=one)
    two = {id_: "ab"[i % 2] for i, id_ in enumerate(whole.ids)}
    with pytest.raises(DataError, match="of the groups a, b cannot be divided"):
        split_samples({"all": whole}, val=0.15, test=0.15, seed=0, groups=two)
    assert split_samples({"all": whole}, val=0, test=0.15, seed=0, groups=two).test is not None
    with pytest.raises(DataError, match="20 images that are identical cannot be divided"):
        split_samples({"all": random_images([7] * 20)}, val=0.15, test=0, seed=0)
    with pytest.raises(DataError, match=r"folds = 5: .* make 2 groups, too few; try fewer folds"):
        split_samples({"all": whole}, val=0, test=0, seed=0, groups=two, fold=(1, 5))
    with pytest.raises(DataError, match="folds = 70: there are 60 images, too few"):
        split_samples({"all": whole}, val=0, test=0, seed=0, fold=(1, 70))
    with pytest.raises(SettingError, match="fold = 6: there are 5 folds"):
        split_samples({"all": whole}, val=0, test=0, seed=0, fold=(6, 5))


def test_a_group_that_lies_in_two_given_splits_is_one_line(class_folders: ClassFolders) -> None:
    root = class_folders({"train/cat": 6, "train/dog": 6, "test/cat": 3})
    source = open_source(root)
    loaded = load_images(source, source.native(), threads=1)
    with pytest.raises(DataError, match="the group 000 is in train and in test of the data"):
        split_samples(loaded, val=0.2, test=0, seed=0, groups=groups_of(source, r"(\d+)\.jpg"))
    with pytest.raises(DataError, match="have a test split, and folds make their own"):
        split_samples(loaded, val=0, test=0, seed=0, fold=(1, 3))
    assert split_samples(loaded, val=0.2, test=0, seed=0, groups=groups_of(source, r"^(\w+/\w+/\d)")).val is not None
