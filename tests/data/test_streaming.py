"""Held, mapped or streamed, with any number of threads: the same batches, bit for bit."""

import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch

from striate.audit.split_checks import check_splits
from striate.data import (
    Batch,
    Batches,
    Cache,
    Canvas,
    ClassTargets,
    LabeledImages,
    Limits,
    StreamedImages,
    TensorImages,
    load_images,
    split_samples,
    streaming,
)
from striate.errors import DataError
from striate.sources import open_source
from striate.views import POLICIES, Normalization, Policy

ClassFolders = Callable[[Mapping[str, int]], Path]
CANVAS = Canvas(24, 32, 3)


def load(root: Path, cache: Cache, threads: int) -> LabeledImages:
    return load_images(open_source(root).with_limits(Limits(max_bad=0.2)), CANVAS, threads=threads, cache=cache)["all"]


def batches(samples: LabeledImages, policy: Policy | None, equal_classes: bool = False) -> Batches:
    return Batches(
        samples,
        batch_size=7,
        size=(20, 20),
        normalization=Normalization((0.4, 0.5, 0.6), (0.2, 0.25, 0.3)),
        policy=policy,
        seed=5,
        device="cpu",
        equal_classes=equal_classes,
    )


def equal(one: list[Batch], other: list[Batch]) -> bool:
    return len(one) == len(other) and all(
        torch.equal(a.inputs, b.inputs) and torch.equal(a.targets, b.targets) and torch.equal(a.ids, b.ids)
        for a, b in zip(one, other, strict=True)
    )


@pytest.fixture
def root(class_folders: ClassFolders) -> Path:
    made = class_folders({"cat": 21, "dog": 21, "eel": 5})
    (made / "cat/003.jpg").write_bytes(b"")
    (made / "dog/020.jpg").write_bytes((made / "dog/000.jpg").read_bytes()[:-60])
    (made / "dog/019.jpg").write_bytes((made / "dog/000.jpg").read_bytes())  # the same image twice
    return made


@pytest.mark.parametrize("threads", [1, 2, 5])
@pytest.mark.parametrize("place", ["memory", "disk", "none"])
def test_the_same_batches_wherever_images_are_and_whatever_the_threads(
    root: Path, tmp_path: Path, place: str, threads: int
) -> None:
    expected = load(root, Cache("memory"), 1)
    cache = {"memory": Cache("memory"), "disk": Cache("disk", tmp_path / "c"), "none": Cache("none")}[place]
    samples = load(root, cache, threads)
    assert isinstance(samples.pixels, StreamedImages if place == "none" else TensorImages)
    assert (samples.ids, samples.skipped) == (expected.ids, expected.skipped)
    assert (samples.pixels.measurements.content_hashes == expected.pixels.measurements.content_hashes).all()
    assert samples.pixels.measurements.channel_sums() == expected.pixels.measurements.channel_sums()
    ours, theirs = (split_samples({"all": one}, val=0.2, test=0.2, seed=1) for one in (samples, expected))
    for name, split in ours.by_name().items():
        other = theirs.by_name()[name]
        assert split.ids == other.ids
        assert split.pixels.measurements.channel_sums() == other.pixels.measurements.channel_sums()
        for policy in (None, POLICIES["none"], POLICIES["default"]):
            assert equal(list(batches(split, policy).epoch(3)), list(batches(other, policy).epoch(3)))
        assert equal(
            list(batches(split, POLICIES["default"], True).epoch(2, 1)),
            list(batches(other, POLICIES["default"], True).epoch(2, 1)),
        )
    assert [finding.id for finding in check_splits(ours)] == [finding.id for finding in check_splits(theirs)]


def test_an_epoch_that_is_left_in_the_middle_is_gone_on_with_and_leaves_no_thread(root: Path) -> None:
    made = batches(load(root, Cache("none"), 3), POLICIES["default"])
    whole = list(made.epoch(1))
    running = made.epoch(1)
    first = [next(running), next(running)]
    del running
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("striate-stream")]
    assert equal(whole, [*first, *made.epoch(1, start=2)])


def test_no_more_than_a_few_batches_are_decoded_ahead(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    samples = load(root, Cache("none"), 2)
    begun: list[int] = []
    original = StreamedImages._start

    def begin(images: StreamedImages, pool: ThreadPoolExecutor, ids: torch.Tensor) -> object:
        begun.append(len(ids))
        return original(images, pool, ids)

    monkeypatch.setattr(StreamedImages, "_start", begin)
    positions = torch.arange(len(samples)).split(2)
    reading = samples.pixels.each(positions)
    for taken in range(1, 6):
        next(reading)
        assert len(begun) == taken + streaming.AHEAD
    assert len(positions) > 5 + streaming.AHEAD


def test_a_file_that_goes_bad_is_replaced_by_the_next_with_its_label_and_counted(root: Path) -> None:
    runs = []
    for threads in (1, 4):
        samples = load(root, Cache("none"), threads)
        lost = [samples.ids.index(name) for name in ("cat/010.jpg", "cat/011.jpg", "eel/004.jpg")]
        content = {name: (root / name).read_bytes() for name in ("cat/010.jpg", "cat/011.jpg", "eel/004.jpg")}
        (root / "cat/010.jpg").write_bytes(content["cat/010.jpg"][:-60])
        (root / "cat/011.jpg").unlink()
        (root / "eel/004.jpg").write_bytes(b"")
        runs.append(list(batches(samples, POLICIES["default"]).epoch(0)))
        read = torch.cat([batch.ids for batch in runs[-1]])
        assert sorted(read.tolist()) == sorted(
            lost[1] + 1 if i in lost[:2] else 0 if i == lost[2] else i for i in range(len(samples))
        )
        for batch in runs[-1]:
            assert torch.equal(batch.targets, samples.labels[batch.ids])
        assert [(one.id, one.reason) for one in samples.pixels.lost] == [
            ("cat/010.jpg", "truncated"),
            ("cat/011.jpg", "missing"),
            ("eel/004.jpg", "empty file"),
        ]
        # evaluation leaves them out: nothing is measured twice
        measured = torch.cat([batch.ids for batch in batches(samples, None).epoch(0)]).tolist()
        assert measured == [i for i in range(len(samples)) if i not in lost]
        assert samples.subset(torch.tensor([lost[2], 0])).pixels.lost == samples.pixels.lost[2:]
        for name, before in content.items():
            (root / name).write_bytes(before)
    assert equal(*runs)


def test_when_nothing_can_be_read_any_more_it_is_one_line(root: Path) -> None:
    images = load(root, Cache("none"), 2)
    for path in root.rglob("*.jpg"):
        path.unlink()
    with pytest.raises(DataError, match=r"none of 45 images can be read any more \(.*missing\); bring the data back"):
        list(batches(images, POLICIES["none"]).epoch(0))


@pytest.mark.parametrize("channels", [1, 2, 5])
def test_sixteen_bits_and_any_number_of_channels(channels: int) -> None:
    random = np.random.default_rng(0)
    values = random.integers(0, 65536, (9, 6, 7, channels)).astype(np.uint16)
    labels = torch.arange(9) % 2
    samples = LabeledImages(
        TensorImages(torch.from_numpy(values)), ClassTargets(labels.numpy()), tuple("abcdefghi"), ("x", "y")
    )
    one = samples.subset(torch.tensor([4, 2, 2, 7]))
    assert one.images.dtype == torch.uint16
    sums, squares = values[[4, 2, 2, 7]].astype(object), values[[4, 2, 2, 7]].astype(object) ** 2
    assert one.pixels.measurements.channel_sums() == [
        (sums[..., c].sum(), squares[..., c].sum()) for c in range(channels)
    ]
    prints = samples.pixels.measurements.content_hashes
    assert len(set(prints.tolist())) == 9
    assert prints[[4, 2]].tolist() == one.pixels.measurements.content_hashes[:2].tolist()
    (batch,) = Batches(
        one,
        batch_size=4,
        size=(6, 7),
        normalization=Normalization((0.0,) * channels, (1.0,) * channels),
        policy=POLICIES["none"],
        seed=0,
        device="cpu",
    ).epoch(0)
    expected = values[[4, 2, 2, 7]][batch.ids.numpy()].transpose(0, 3, 1, 2) / 65535
    torch.testing.assert_close(batch.inputs, torch.from_numpy(expected).float())
