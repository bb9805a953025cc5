"""Epochs in which all classes come equally often: a function of seed and epoch, and no view twice."""

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from striate.data import Batches, ClassTargets, LabeledImages, TensorImages
from striate.data.batches import class_balanced_order
from striate.views import POLICIES, Normalization


@settings(deadline=None, max_examples=80)
@given(st.lists(st.integers(0, 5), min_size=1, max_size=150), st.integers(0, 2**31 - 1), st.integers(0, 50))
def test_classes_come_equally_often_and_a_sample_again_only_after_all_of_its_class(
    values: list[int], seed: int, epoch: int
) -> None:
    labels = torch.tensor(values)
    draws = class_balanced_order(labels, seed=seed, epoch=epoch)
    count = len(labels)
    ids = draws % count
    assert len(draws) == count
    assert len(draws.unique()) == count  # so that no view comes twice
    drawn = torch.bincount(labels[ids])[labels.unique()]
    assert drawn.max() - drawn.min() <= 1
    for label in labels.unique():
        often = torch.bincount(ids[labels[ids] == label], minlength=count)[labels == label]
        assert often.max() - often.min() <= 1
    assert torch.equal(draws, class_balanced_order(labels, seed=seed, epoch=epoch))


def test_epochs_and_seeds_differ_and_every_sample_of_a_large_class_has_its_turn() -> None:
    labels = torch.tensor([0] * 90 + [1] * 10)
    epochs = [class_balanced_order(labels, seed=0, epoch=epoch) for epoch in range(12)]
    assert not torch.equal(epochs[0], epochs[1])
    assert not torch.equal(epochs[0], class_balanced_order(labels, seed=1, epoch=0))
    assert len(torch.cat(epochs).remainder(100).unique()) == 100


def test_a_sample_that_comes_again_is_augmented_otherwise_and_has_its_own_label() -> None:
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (20, 12, 12, 3), generator=generator).to(torch.uint8)
    labels = torch.tensor([0] * 18 + [1] * 2)
    originals = LabeledImages(
        TensorImages(images), ClassTargets(labels.numpy()), tuple(map(str, range(20))), ("a", "b")
    )
    batches = Batches(
        originals,
        batch_size=20,
        size=(12, 12),
        normalization=Normalization((0.5,) * 3, (0.5,) * 3),
        policy=POLICIES["default"],
        seed=0,
        device="cpu",
        equal_classes=True,
    )
    (batch,) = batches.epoch(0)
    assert torch.equal(batch.targets, labels[batch.ids])
    again = batch.inputs[batch.ids == 19]
    assert len(again) == 5
    assert len({tuple(one.flatten().tolist()) for one in again}) == 5
