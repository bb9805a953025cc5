"""A few images for all: each class has its turn, and what cannot be read is passed over."""

from itertools import islice

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from striate.data import Canvas, Instances
from striate.data.drawing.examples import examples, round_robin
from striate.errors import DataError
from striate.sources import open_source


def test_classes_take_turns_and_images_of_none_come_last():
    shown: list[tuple[int, ...]] = [(1,), (1,), (), (0, 1), (2,), (0,), (1,)]
    assert list(round_robin(shown)) == [3, 0, 4, 2, 5, 1, 6]


@given(st.lists(st.sets(st.integers(0, 4))))
def test_each_position_comes_once(shown):
    assert sorted(round_robin(shown)) == list(range(len(shown)))


@given(st.lists(st.integers(0, 4), min_size=1))
def test_no_class_comes_twice_before_another_came(labels):
    classes = len(set(labels))
    first = [labels[i] for i in islice(round_robin((label,) for label in labels), classes)]
    assert sorted(first) == sorted(set(labels))


def test_unreadable_images_are_passed_over(class_folders):
    root = class_folders({"dark": 3, "light": 3, "striped": 3})
    for first in root.glob("*/000.jpg"):
        first.write_bytes(first.read_bytes()[:60])
    found = examples(open_source(root), Canvas(24, 24, 3), 4)
    assert [sample.id for _, sample in found] == ["dark/001.jpg", "light/001.jpg", "striped/001.jpg", "dark/002.jpg"]
    source = open_source(root)  # before all of it goes bad, or it could not be opened
    for path in root.rglob("*.jpg"):
        path.write_bytes(b"\xff\xd8\xff")
    with pytest.raises(DataError, match="none of 9 images can be read; `striate check`"):
        examples(source, Canvas(24, 24, 3), 4)


def test_scenes_on_a_smaller_canvas():
    found = examples(open_source("mnist-scenes:50"), Canvas(64, 64, 3), 11)
    assert len(found) == 11
    seen: set[int] = set()
    for _, sample in found[:10]:
        assert isinstance(sample.target, Instances)
        assert sample.target.masks is not None
        assert sample.target.masks.shape[1:] == sample.image.shape[:2] == (64, 64)
        assert sample.target.boxes.max() <= 64
        seen |= set(sample.target.labels.tolist())
    assert seen == set(range(10))
    assert [position for position, _ in found] == [
        p for p, _ in examples(open_source("mnist-scenes:50"), Canvas(64, 64, 3), 11)
    ]
    assert np.unique([position for position, _ in found]).size == 11
