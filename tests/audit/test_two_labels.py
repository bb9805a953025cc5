"""Two labels of equal images, in words, where there are words."""

from typing import final

import numpy as np

from striate.audit.two_labels import two_labels_message, two_labels_of
from striate.data.targets import ClassTargets, Target, Targets, TaskKind


@final
class OnDisk(Targets):
    """Values that are neither masks nor in memory."""

    task: TaskKind = "regress"

    def __len__(self) -> int:
        return 2

    def target(self, i: int) -> Target:
        return np.int64(i)

    def content(self) -> bytes:
        return b""


def test_labels_without_words_are_counted_alone():
    targets = OnDisk()
    labels = two_labels_of((targets, 0), (targets, 1), ("a", "b"))
    assert two_labels_message(2, labels) == "2 images have two labels, pixel for pixel."


def test_labels_are_named_in_order():
    targets = ClassTargets(np.array([1, 0]))
    labels = two_labels_of((targets, 0), (targets, 1), ("a", "b"))
    assert two_labels_message(1, labels) == "1 image has two labels, pixel for pixel, such as 'a' and 'b'."
