"""The cache on disk: reused when nothing changed, never stale, never half of one, whatever stopped whom."""

import errno
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
import torch

from striate.data import Cache, Canvas, FileStore, LabeledImages, Limits, cache, load_images, storage
from striate.errors import DataError
from striate.runs import RunFolder
from striate.sources import open_source

ClassFolders = Callable[[Mapping[str, int]], Path]
CANVAS = Canvas(24, 32, 3)


@pytest.fixture
def root(class_folders: ClassFolders) -> Path:
    made = class_folders({"train/cat": 12, "train/dog": 12, "test/cat": 4})
    (made / "train/cat/003.jpg").write_bytes(b"")
    return made


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Grows with every image that is decoded."""
    count: list[int] = []
    original = FileStore.decode

    def decode(store: FileStore, i: int, canvas: Canvas) -> object:
        count.append(i)
        return original(store, i, canvas)

    monkeypatch.setattr(FileStore, "decode", decode)
    return count


def load(root: Path, folder: Path, canvas: Canvas = CANVAS) -> dict[str, LabeledImages]:
    return load_images(
        open_source(root).with_limits(Limits(max_bad=0.2)), canvas, threads=2, cache=Cache("disk", folder)
    )


def same(one: dict[str, LabeledImages], other: dict[str, LabeledImages]) -> bool:
    return one.keys() == other.keys() and all(
        torch.equal(one[split].images, other[split].images)
        and torch.equal(one[split].labels, other[split].labels)
        and (one[split].ids, one[split].skipped) == (other[split].ids, other[split].skipped)
        for split in one
    )


def test_what_was_decoded_is_not_decoded_again(root: Path, tmp_path: Path, decoded: list[int]) -> None:
    first = load(root, tmp_path / "c")
    assert len(decoded) == 28
    again = load(root, tmp_path / "c")
    assert len(decoded) == 28
    assert same(first, again)
    assert same(first, load_images(open_source(root).with_limits(Limits(max_bad=0.2)), CANVAS, threads=1))
    assert sorted(path.name for path in (tmp_path / "c").rglob("*.*")) == ["index.json"] * 2 + ["pixels.raw"] * 2


def test_a_changed_file_name_size_or_version_is_decoded_anew(
    root: Path, tmp_path: Path, decoded: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    load(root, tmp_path / "c")
    one, other = root / "train/cat/001.jpg", root / "train/cat/002.jpg"
    before, stamp = one.read_bytes(), one.stat()
    one.write_bytes(other.read_bytes())
    os.utime(one, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))  # a modification time proves nothing
    changed = load(root, tmp_path / "c")["train"]
    assert len(decoded) == 28 + 24  # the test split is as it was
    at = [changed.ids.index(f"train/cat/00{i}.jpg") for i in (1, 2)]
    assert torch.equal(changed.images[at[0]], changed.images[at[1]])
    one.write_bytes(before)
    load(root, tmp_path / "c")
    assert len(decoded) == 28 + 24
    turned = load(root, tmp_path / "c", Canvas(32, 24, 3))["train"]  # which takes as many bytes
    assert turned.images.shape == (23, 32, 24, 3)
    assert len(decoded) == 28 + 24 + 28
    monkeypatch.setattr(cache, "DECODER", cache.DECODER + 1)
    load(root, tmp_path / "c")
    assert len(decoded) == 28 + 24 + 2 * 28


@pytest.mark.parametrize("damage", ["bit", "short", "index", "no index", "no pixels"])
def test_a_damaged_entry_is_thrown_away(root: Path, tmp_path: Path, decoded: list[int], damage: str) -> None:
    expected = load_images(open_source(root).with_limits(Limits(max_bad=0.2)), CANVAS, threads=1)
    load(root, tmp_path / "c")
    decoded.clear()
    pixels = max((tmp_path / "c").rglob("pixels.raw"), key=lambda path: path.stat().st_size)
    index = pixels.with_name("index.json")
    if damage == "bit":
        content = bytearray(pixels.read_bytes())
        content[12345] ^= 4
        pixels.write_bytes(content)
    elif damage == "short":
        os.truncate(pixels, 1000)
    elif damage == "index":
        index.write_text('{"kept": [1,')
    else:
        (index if damage == "no index" else pixels).unlink()
    assert same(expected, load(root, tmp_path / "c"))
    assert len(decoded) == 24


CHILD = """
import os, signal, sys
from pathlib import Path
from striate.data import Cache, Canvas, FileStore, Limits, load_images
from striate.sources import open_source
root, folder, moment = sys.argv[1], sys.argv[2], int(sys.argv[3])
touched = 0
def audit(event, arguments):
    global touched
    where = str(arguments[0]) if arguments else ""
    if event in ("open", "os.rename", "os.mkdir", "os.rmdir", "shutil.rmtree") and (folder in where or ".jpg" in where):
        touched += 1
        if touched == moment:
            os.kill(os.getpid(), signal.SIGKILL)
sys.addaudithook(audit)
load_images(open_source(root).with_limits(Limits(max_bad=0.2)), Canvas(24, 32, 3), threads=1, cache=Cache("disk", Path(folder)))
print(touched)
"""


def child(root: Path, folder: Path, moment: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", CHILD, str(root), str(folder), str(moment)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


@pytest.mark.large
def test_killed_at_any_moment_nothing_half_is_used_and_what_is_left_goes(root: Path, tmp_path: Path) -> None:
    expected = load_images(open_source(root).with_limits(Limits(max_bad=0.2)), CANVAS, threads=1)
    whole = child(root, tmp_path / "whole", 0)
    touched = int(whole.communicate()[0])
    for moment in (touched // 2, touched - 8, touched - 4, touched - 1):
        folder = RunFolder.create(tmp_path / f"run-{moment}")
        killed = child(root, folder.cache_path, moment)
        killed.communicate()
        assert killed.returncode == -signal.SIGKILL
        assert same(expected, load(root, folder.cache_path))
        with folder.locked():
            assert not list(folder.cache_path.glob(".tmp-*"))
        assert same(expected, load(root, folder.cache_path))


@pytest.mark.large
def test_two_processes_at_once_both_have_it_whole(root: Path, tmp_path: Path) -> None:
    expected = load_images(open_source(root).with_limits(Limits(max_bad=0.2)), CANVAS, threads=1)
    both = [child(root, tmp_path / "c", 0) for _ in range(2)]
    for process in both:
        process.communicate()
    assert [process.returncode for process in both] == [0, 0]
    assert not list((tmp_path / "c").glob(".tmp-*"))
    assert len(list((tmp_path / "c").iterdir())) == 2
    assert same(expected, load(root, tmp_path / "c"))


def test_where_another_was_first_its_entry_stays(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = load(root, tmp_path / "c")
    calls: list[Path] = []
    original = cache.open_entry

    def late(path: Path, canvas: Canvas) -> object:
        """As if the entry came between looking for it and naming one's own."""
        calls.append(path)
        return None if len(calls) % 2 else original(path, canvas)

    monkeypatch.setattr("striate.data.loading.open_entry", late)
    assert same(expected, load(root, tmp_path / "c"))
    assert not list((tmp_path / "c").glob(".tmp-*"))


def test_changing_pixels_in_memory_does_not_reach_the_file(root: Path, tmp_path: Path, decoded: list[int]) -> None:
    load(root, tmp_path / "c")["train"].images.zero_()
    decoded.clear()
    assert load(root, tmp_path / "c")["train"].images.any()
    assert not decoded


def test_a_full_disk_or_a_folder_that_cannot_be_written_is_one_line(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(number: int) -> Callable[..., None]:
        def fail(*_: object, **__: object) -> None:
            raise OSError(number, os.strerror(number))

        return fail

    for number, message in (
        (errno.ENOSPC, "has no such room"),
        (errno.EDQUOT, "has no such room"),
        (errno.EROFS, "Read-only"),
    ):
        with monkeypatch.context() as patch:
            patch.setattr(os, "posix_fallocate", fails(number))
            with pytest.raises(DataError, match=message) as refused:
                load(root, tmp_path / "c")
        assert "\n" not in str(refused.value)
        assert list((tmp_path / "c").iterdir()) == []
    with monkeypatch.context() as patch:
        patch.setattr(storage, "_free_disk", lambda _: 1000)
        with pytest.raises(DataError, match=r"has no such room; choose a smaller image size, or .*--cache none"):
            load(root, tmp_path / "c")
    with monkeypatch.context() as patch:
        patch.setattr(Path, "mkdir", fails(errno.EROFS))
        with pytest.raises(DataError, match=r"cannot make a cache in .*Read-only file system; choose another folder"):
            load(root, tmp_path / "d")
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(DataError, match=r"cannot make a cache in .*file"):
        load(root, tmp_path / "file")
