"""How often the whole of a file is read: once for its pixels and its digest together, wherever the pixels are kept."""

import shutil
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from striate.data import Cache, Canvas, LabeledImages, load_images
from striate.data.decoding import regular_file
from striate.data.settings import Place
from striate.errors import RunError
from striate.jobs import resume, train
from striate.runs import RunFolder
from striate.sources import open_source

ClassFolders = Callable[[Mapping[str, int]], Path]


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How many times the whole of each file was read, by its path; headers do not count."""
    count: Counter[str] = Counter()

    def counted(read: Callable[[str | Path], Any]) -> Callable[[str | Path], Any]:
        def read_and_count(path: str | Path) -> Any:
            count[str(path)] += 1
            return read(path)

        return read_and_count

    small, large, opened = (
        counted(one)
        for one in (regular_file.read_small_file, regular_file.hold_regular_file, regular_file.open_regular_file)
    )
    monkeypatch.setattr("striate.data.store.read_small_file", small)  # to decode
    monkeypatch.setattr("striate.data.decoding.decode.hold_regular_file", large)  # to decode what is not held
    monkeypatch.setattr("striate.data.store.open_regular_file", opened)  # for the digest alone
    return count


@pytest.mark.parametrize("place", ["memory", "disk", "none"])
def test_pixels_and_digest_take_one_read(
    class_folders: ClassFolders, reads: Counter[str], place: Place, tmp_path: Path
) -> None:
    root = class_folders({"train/cat": 5, "train/dog": 5, "test/cat": 3})
    (root / "train/cat/003.jpg").write_bytes(b"no image")
    before = open_source(root).digest()
    reads.clear()
    cache = Cache(place, tmp_path / "c")

    def load() -> dict[str, LabeledImages]:
        source = open_source(root)
        images = load_images(source.with_limits(limits), Canvas(24, 32, 3), threads=2, cache=cache)
        assert source.digest() == before
        return images

    limits = type(open_source(root).limits)(max_bad=0.2)
    load()
    assert len(reads) == 13
    assert set(reads.values()) == {1}
    load()  # on disk it is told by its contents that nothing changed
    assert set(reads.values()) == {2}


def test_a_training_reads_each_file_once(class_folders: ClassFolders, reads: Counter[str], tmp_path: Path) -> None:
    root = class_folders({"cat": 12, "dog": 12})
    run = train(root, out=tmp_path / "run", progress=False, model="digit_cnn", epochs=1, size=24)
    assert len(reads) == 24
    assert set(reads.values()) == {1}
    folder = RunFolder.open(run.path)
    assert folder.manifest()["data"]["digest"] == open_source(root).digest()
    reads.clear()
    run.evaluate()
    assert set(reads.values()) == {1}


def converted(root: Path, kind: str) -> Path:
    """The same images in another format; "PNG16" is gray with 16 bits."""
    for path in list(root.rglob("*.jpg")):
        with Image.open(path) as image:
            wide = Image.fromarray(np.asarray(image.convert("L")).astype(np.uint16) * 200)
            (wide if kind == "PNG16" else image).save(path.with_suffix(f".{kind[:4].lower()}"), kind.removesuffix("16"))
        path.unlink()
    return root


@pytest.mark.parametrize(
    ("kind", "times"),
    [("PNG", 1), ("BMP", 1), ("TIFF", 1), ("WEBP", 1), ("GIF", 1), ("PNG16", 2)],  # once more for the levels of all
)
def test_every_format_is_read_once_but_for_levels(
    class_folders: ClassFolders, reads: Counter[str], kind: str, times: int
) -> None:
    source = open_source(converted(class_folders({"cat": 3, "dog": 3}), kind))
    images = load_images(source, source.native(), threads=1)
    source.digest()
    assert len(images["all"]) == len(reads) == 6
    assert set(reads.values()) == {times}


@pytest.mark.parametrize("place", ["memory", "disk"])
def test_a_resumed_run_reads_each_file_once(
    class_folders: ClassFolders, reads: Counter[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: Place
) -> None:
    root, out = class_folders({"cat": 12, "dog": 12}), tmp_path / "run"

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("striate.jobs.train_network.finish_run", stop)
        with pytest.raises(KeyboardInterrupt):
            train(root, out=out, progress=False, model="digit_cnn", epochs=1, size=24, cache=place)
    changed = shutil.copytree(out, tmp_path / "changed")
    reads.clear()
    resume(out, progress=False)
    assert set(reads.values()) == {1}
    (root / "cat" / "000.jpg").write_bytes((root / "cat" / "001.jpg").read_bytes())
    kept = sorted(changed.rglob("*"))
    with pytest.raises(RunError, match="the data changed since"):
        resume(changed, progress=False)
    assert sorted(changed.rglob("*")) == kept


def test_a_file_too_large_to_be_held_is_read_again_for_its_digest(
    class_folders: ClassFolders, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = class_folders({"cat": 3, "dog": 3})
    whole = open_source(root)
    held = load_images(whole, Canvas(24, 32, 3), threads=1)["all"].images
    digest = whole.digest()
    monkeypatch.setattr(regular_file, "SMALL", 100)
    source = open_source(root)
    assert (load_images(source, Canvas(24, 32, 3), threads=1)["all"].images == held).all()
    assert source.digest() == digest
