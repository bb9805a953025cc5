"""Batches: each sample once, the same for the same seed, and the same rest after any stop."""

import io

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from striate.data import Batch, Batches, ClassTargets, LabeledImages, TensorImages, contact_sheet, denormalize
from striate.errors import SettingError
from striate.views import POLICIES, Normalization, Policy

NORMALIZATION = Normalization((0.4, 0.5, 0.6), (0.2, 0.25, 0.3))


def images(count: int, height: int = 8, width: int = 10) -> LabeledImages:
    random = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (count, height, width, 3), generator=random).to(torch.uint8)
    labels = torch.randint(0, 4, (count,), generator=random)
    return LabeledImages(
        TensorImages(images), ClassTargets(labels.numpy()), tuple(map(str, range(count))), tuple("abcd")
    )


def batches(count: int, batch_size: int, policy: Policy | None, seed: int = 0) -> Batches:
    return Batches(
        images(count),
        batch_size=batch_size,
        size=(8, 8),
        normalization=NORMALIZATION,
        policy=policy,
        seed=seed,
        device="cpu",
    )


def equal(one: list[Batch], other: list[Batch]) -> bool:
    return len(one) == len(other) and all(
        torch.equal(a.inputs, b.inputs) and torch.equal(a.targets, b.targets) and torch.equal(a.ids, b.ids)
        for a, b in zip(one, other, strict=True)
    )


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 60), st.integers(1, 20), st.sampled_from([None, POLICIES["none"]]), st.integers(0, 3))
def test_batches_cover_each_sample_once(count: int, batch_size: int, policy: Policy | None, epoch: int) -> None:
    made = batches(count, batch_size, policy)
    whole = list(made.epoch(epoch))
    assert len(whole) == len(made)
    assert sorted(i for batch in whole for i in batch.ids.tolist()) == list(range(count))
    assert all(len(batch.ids) == batch_size for batch in whole[:-1])
    data = made.samples
    for batch in whole:
        assert torch.equal(batch.targets, data.labels[batch.ids])
        seen = data.images[batch.ids][:, :, 1:9]  # 8 x 10 cut to 8 x 8
        assert torch.equal(denormalize(batch.inputs, NORMALIZATION), seen)


@settings(deadline=None, max_examples=40)
@given(st.sampled_from(["none", "digits", "default", "cifar"]), st.integers(0, 5), st.integers(0, 8))
def test_an_epoch_resumed_at_any_batch_gives_the_same_rest(policy: str, epoch: int, start: int) -> None:
    whole = list(batches(50, 7, POLICIES[policy], seed=9).epoch(epoch))
    rest = list(batches(50, 7, POLICIES[policy], seed=9).epoch(epoch, start))
    assert equal(whole[start:], rest)


def test_training_is_shuffled_by_seed_and_epoch_and_evaluation_is_in_order() -> None:
    def order(policy: Policy | None, seed: int, epoch: int) -> list[int]:
        return [i for batch in batches(50, 7, policy, seed).epoch(epoch) for i in batch.ids.tolist()]

    none = POLICIES["none"]
    assert order(none, 0, 0) == order(none, 0, 0)
    assert order(none, 0, 0) != order(none, 0, 1)
    assert order(none, 0, 0) != order(none, 1, 0)
    assert order(none, 0, 0) != list(range(50))
    assert order(None, 0, 0) == order(None, 3, 4) == list(range(50))


def test_no_generator_is_touched() -> None:
    torch.manual_seed(3)
    before = torch.get_rng_state()
    list(batches(50, 7, POLICIES["default"]).epoch(2))
    assert torch.equal(before, torch.get_rng_state())


def test_images_are_float32_channels_last() -> None:
    for policy in (None, POLICIES["none"], POLICIES["default"]):
        batch = next(batches(20, 6, policy).epoch(0))
        assert batch.inputs.shape == (6, 3, 8, 8)
        assert batch.inputs.dtype == torch.float32
        assert batch.inputs.is_contiguous(memory_format=torch.channels_last)
        assert batch.view.size == (8, 8)


def test_the_images_are_not_changed_by_what_is_made_of_them() -> None:
    made = batches(30, 8, POLICIES["default"])
    before = made.samples.images.clone()
    for batch in made.epoch(0):
        batch.inputs.zero_()
    for batch in batches(30, 8, None).epoch(0):
        batch.inputs.zero_()
    assert torch.equal(before, made.samples.images)


def test_a_batch_size_of_nothing_is_refused() -> None:
    with pytest.raises(SettingError, match="batch_size = 0"):
        batches(4, 0, None)


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_a_contact_sheet_shows_every_image(channels: int) -> None:
    images = torch.randint(0, 256, (7, 5, 6, channels)).to(torch.uint8)
    with Image.open(io.BytesIO(contact_sheet(images, 3))) as image:
        assert image.format == "PNG"
        assert image.size == (3 * 6 + 2 * 2, 3 * 5 + 2 * 2)
        sheet = torch.frombuffer(bytearray(image.tobytes()), dtype=torch.uint8).reshape(19, 22, channels)
    for i in range(7):
        top, left = i // 3 * 7, i % 3 * 8
        assert torch.equal(sheet[top : top + 5, left : left + 6], images[i])
    assert (sheet[14:, 8:] == 255).all()  # the last row has one
    with Image.open(io.BytesIO(contact_sheet(images[:2], 10))) as image:
        assert image.size == (2 * 6 + 2, 5)
    for wrong, columns in ((images[:0], 3), (images, 0)):
        with pytest.raises(ValueError, match="needs images and columns"):
            contact_sheet(wrong, columns)


def test_as_images_undoes_the_normalization_and_clamps() -> None:
    values = torch.tensor([-9.0, (0.5 - 0.4) / 0.2, 9.0]).reshape(1, 1, 1, 3).expand(1, 3, 1, 3)
    assert denormalize(values, NORMALIZATION)[0, 0, :, 0].tolist() == [0, 128, 255]


@pytest.mark.parametrize(("count", "sizes"), [(9, [4, 5]), (8, [4, 4]), (10, [4, 4, 2]), (1, [1]), (5, [5])])
def test_no_batch_of_one_is_left_over_in_training(count: int, sizes: list[int]) -> None:
    made = batches(count, 4, POLICIES["none"])
    assert [len(batch.inputs) for batch in made.epoch(0)] == sizes
    assert len(made) == len(sizes)
    plain = batches(count, 4, None)
    assert len(list(plain.epoch(0))) == len(plain) == -(-count // 4)
