"""Many files at once: the same pixels whatever the threads, every file in one bucket, wherever they are kept."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from threading import Event

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from striate.audit.fingerprints import take_fingerprints
from striate.audit.full_audit import audit
from striate.audit.mirrored_labels import sample_of_listing
from striate.data import (
    Cache,
    Canvas,
    LabeledImages,
    Limits,
    Listing,
    Source,
    StreamedImages,
    TensorImages,
    decode_image,
    load_images,
    storage,
    threads,
)
from striate.data.array_store import ArrayStore
from striate.data.targets import ClassTargets
from striate.errors import DataError, SettingError
from striate.sources import open_source

LIMITS = Limits()
CANVAS = Canvas(24, 32, 3)

ClassFolders = Callable[[Mapping[str, int]], Path]


@pytest.fixture
def mixed(class_folders: ClassFolders) -> Path:
    """40 files, of which 7 cannot be used, for five reasons; every name tells."""
    root = class_folders({"cat": 20, "dog": 20})
    healthy = (root / "cat/000.jpg").read_bytes()
    for name in ("cat/001.jpg", "cat/002.jpg", "dog/019.jpg"):
        (root / name).write_bytes(healthy[:-60])
    (root / "cat/019.jpg").write_bytes(b"")
    (root / "dog/000.jpg").write_text("<html>")
    (root / "dog/001.jpg").unlink()
    os.mkfifo(root / "dog/001.jpg")
    (root / "dog/002.jpg").write_bytes(healthy[:2] + b"\xff" * 100)
    return root


def test_every_file_ends_in_exactly_one_bucket(mixed: Path) -> None:
    samples = load_images(open_source(mixed).with_limits(Limits(max_bad=0.2)), CANVAS, threads=2)["all"]
    on_disk = sorted(str(path.relative_to(mixed)) for path in mixed.rglob("*.jpg"))
    assert sorted([*samples.ids, *(one.id for one in samples.skipped)]) == on_disk
    assert {one.id: one.reason for one in samples.skipped} == {
        "cat/001.jpg": "truncated",
        "cat/002.jpg": "truncated",
        "cat/019.jpg": "empty file",
        "dog/000.jpg": "not an image",
        "dog/001.jpg": "not a regular file",
        "dog/002.jpg": "unreadable",
        "dog/019.jpg": "truncated",
    }
    alone = {name: (mixed / name).read_bytes() for name in samples.ids}
    for image, label, name in zip(samples.images, samples.labels.tolist(), samples.ids, strict=True):
        assert (image.numpy() == decode_image(alone[name], CANVAS, LIMITS)).all()
        assert samples.classes[label] == name[:3]


def test_more_bad_files_than_the_limit_stop_with_counts_files_and_the_setting(mixed: Path) -> None:
    source = open_source(mixed)
    expected = (
        r"7 of 40 files cannot be used \(3 truncated, .*1 empty file.*\), more than --max-bad 0.15 allows: "
        r"dog/001.jpg \(.*\), cat/001.jpg \(.*\), cat/002.jpg \(.*\) \.\.\.; fix or remove them, or raise "
        "--max-bad"
    )
    with pytest.raises(DataError, match=expected) as caught:
        load_images(source.with_limits(Limits(max_bad=0.15)), CANVAS, threads=2)
    assert "\n" not in str(caught.value)
    with pytest.raises(DataError, match="--max-bad"):
        load_images(source.with_limits(Limits(max_bad=0.15)), CANVAS, threads=2, only="all")["all"]
    assert len(load_images(source.with_limits(Limits(max_bad=7 / 40)), CANVAS, threads=2)["all"]) == 33


def test_the_limit_holds_for_all_splits_together(class_folders: ClassFolders) -> None:
    root = class_folders({"train/cat": 20, "train/dog": 20, "test/cat": 2})
    (root / "test/cat/000.jpg").write_bytes(b"")
    loaded = load_images(open_source(root).with_limits(Limits(max_bad=0.05)), CANVAS, threads=1)
    assert len(loaded["test"]) == 1
    with pytest.raises(DataError, match="1 of 42 files"):
        load_images(open_source(root).with_limits(Limits(max_bad=0.02)), CANVAS, threads=1)


def test_the_number_of_threads_changes_no_pixel(mixed: Path) -> None:
    source = open_source(mixed)
    one, three, nine = (
        load_images(source.with_limits(Limits(max_bad=1)), Canvas(13, 17, 1), threads=threads)["all"]
        for threads in (1, 3, 9)
    )
    for other in (three, nine):
        assert torch.equal(one.images, other.images)
        assert torch.equal(one.labels, other.labels)
        assert (one.ids, one.skipped) == (other.ids, other.skipped)


def test_a_file_that_goes_between_listing_and_reading_is_skipped(class_folders: ClassFolders) -> None:
    root = class_folders({"cat": 5, "dog": 5})
    source = open_source(root)
    (root / "cat/003.jpg").unlink()
    samples = load_images(source.with_limits(Limits(max_bad=0.1)), CANVAS, threads=2)["all"]
    assert [(one.id, one.reason) for one in samples.skipped] == [("cat/003.jpg", "missing")]


def test_the_digest_changes_with_a_name_and_with_a_byte(class_folders: ClassFolders) -> None:
    root = class_folders({"cat": 3, "dog": 3})
    healthy = open_source(root).digest()
    assert open_source(root).digest() == healthy
    (root / "cat/002.jpg").rename(root / "cat/003.jpg")
    renamed = open_source(root).digest()
    (root / "cat/003.jpg").rename(root / "cat/002.jpg")
    content = (root / "dog/001.jpg").read_bytes()
    (root / "dog/001.jpg").write_bytes(content[:-9] + bytes([content[-9] ^ 1]) + content[-8:])
    assert len({healthy, renamed, open_source(root).digest()}) == 3


def test_progress_is_told_in_the_callers_thread_up_to_all(class_folders: ClassFolders) -> None:
    source = open_source(class_folders({"train/cat": 30, "train/dog": 3, "val/cat": 9}))
    counted: list[tuple[int, int]] = []
    load_images(source, CANVAS, threads=3, progress=lambda done, count: counted.append((done, count)))
    assert counted[-1] == (42, 42)
    assert counted == sorted(counted)
    assert {count for _, count in counted} == {42}


def test_an_error_in_a_thread_is_raised() -> None:
    def work(i: int) -> None:
        if i == 50:
            raise RuntimeError("at 50")

    with pytest.raises(RuntimeError, match="at 50"):
        threads.in_threads(work, 1000, 2)


def test_an_interrupt_of_the_caller_stops_the_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[int] = []
    stopped = Event()
    monkeypatch.setattr(threads, "Event", lambda: stopped)

    def work(i: int) -> None:
        if i == threads.CHUNK:  # the second chunk waits until the caller has failed over the first
            stopped.wait(60)
        done.append(i)

    def progress(*_: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        threads.in_threads(work, 1000 * threads.CHUNK, 1, progress)
    assert len(done) <= 2 * threads.CHUNK  # the second may have begun before the caller failed


def test_without_a_wish_it_is_memory_then_disk_then_nowhere(
    mixed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, cache = open_source(mixed), Cache(folder=tmp_path / "run" / "cache")
    size = 39 * 24 * 32 * 3  # the FIFO was not even listed to be read

    def load(cache: Cache) -> LabeledImages:
        return load_images(source.with_limits(Limits(max_bad=1)), CANVAS, threads=2, cache=cache)["all"]

    monkeypatch.setattr(storage, "available_memory", lambda: 2 * size)
    held = load(cache)
    assert isinstance(held.pixels, TensorImages)
    assert not (tmp_path / "run").exists()
    monkeypatch.setattr(storage, "available_memory", lambda: 2 * size - 1)
    mapped = load(cache)
    assert isinstance(mapped.pixels, TensorImages)
    assert [path.name for path in (tmp_path / "run" / "cache").rglob("*.raw")] == ["pixels.raw"]
    assert isinstance(load(Cache()).pixels, StreamedImages)
    monkeypatch.setattr(storage, "_free_disk", lambda _: 1.25 * size - 1)
    streamed = load(cache)
    assert isinstance(streamed.pixels, StreamedImages)
    for other in (mapped, streamed):
        assert torch.equal(other.images, held.images)
        assert (other.ids, other.skipped) == (held.ids, held.skipped)


def test_no_memory_where_memory_is_asked_for_is_an_error(mixed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storage, "available_memory", lambda: 39 * 24 * 32 * 3 - 1)
    with pytest.raises(DataError, match=r"images take 0.0 GiB and 0.0 GiB of memory is free; choose a smaller"):
        load_images(open_source(mixed).with_limits(Limits(max_bad=1)), CANVAS, threads=1, cache=Cache("memory"))


def test_available_memory_is_a_number_of_bytes() -> None:
    assert 2**20 < storage.available_memory() < 2**50


@settings(deadline=None, max_examples=50)
@given(st.lists(st.integers(0, 9), max_size=12), st.booleans())
def test_a_subset_is_what_indexing_gives(positions: list[int], ascending: bool) -> None:
    images = torch.arange(10 * 2 * 3 * 1, dtype=torch.uint8).reshape(10, 2, 3, 1)
    samples = LabeledImages(TensorImages(images), ClassTargets(np.arange(10) % 3), tuple("abcdefghij"), ("x", "y", "z"))
    chosen = torch.tensor(sorted(positions) if ascending else positions, dtype=torch.int64)
    subset = samples.subset(chosen)
    assert torch.equal(subset.images, images[chosen])
    assert torch.equal(subset.labels, samples.labels[chosen])
    assert subset.ids == tuple("abcdefghij"[i] for i in chosen.tolist())
    assert sum(subset.counts()) == len(subset)


def test_images_that_do_not_fit_together_are_refused() -> None:
    images, labels = torch.zeros(3, 4, 4, 1, dtype=torch.uint8), np.zeros(3, np.int64)
    assert LabeledImages(TensorImages(images), ClassTargets(labels), ("a", "b", "c"), ("x",)).canvas == Canvas(4, 4, 1)
    for wrong in ((images[:2], labels), (images.float(), labels), (images, labels[:2])):
        with pytest.raises(ValueError, match="must be|3 ids, . images and . targets"):
            LabeledImages(TensorImages(wrong[0]), ClassTargets(wrong[1]), ("a", "b", "c"), ("x",))


def test_settings_out_of_range_are_refused() -> None:
    for make in (
        lambda: Canvas(0, 4, 1),
        lambda: Canvas(4, -1, 1),
        lambda: Canvas(4, 4, 0),
        lambda: Limits(max_pixels=0),
        lambda: Limits(max_bad=1.1),
        lambda: Limits(max_bad=float("nan")),
    ):
        with pytest.raises(SettingError):
            make()


def test_arrays_that_may_not_be_written_are_taken_as_they_are():
    """A memory-mapped file, or bytes: torch warns of it, and a warning is an error here."""
    pixels = np.frombuffer(np.random.default_rng(0).bytes(80 * 24 * 24), np.uint8).reshape(80, 24, 24, 1)
    labels = np.frombuffer(np.arange(80).tobytes(), np.int64) % 2
    labels.flags.writeable = False
    assert not pixels.flags.writeable
    store = ArrayStore(pixels.shape, lambda: pixels)
    listing = Listing(tuple(map(str, range(80))), ClassTargets(labels), store)
    source = Source("mapped", "mapped", "array", ("a", "b"), {"all": listing})
    for canvas in (source.native(), Canvas(32, 32, 3)):
        assert len(load_images(source, canvas, threads=1)["all"]) == 80
    prints = take_fingerprints(source, threads=1)
    assert len(audit(prints, None, [], "")[0]) > 0
    read, _ = sample_of_listing(source, source.native())()
    assert len(read) > 0
