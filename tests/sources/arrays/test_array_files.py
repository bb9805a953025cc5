"""Files of arrays: what a header declares is checked against the file and the memory before anything is read."""

import io
import os
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from tests.sources.arrays.array_sets import CLASSES, COLOR, COUNT, GRAY, pixels, saved

from striate.data import Canvas, Source
from striate.errors import DataError, SettingError
from striate.sources import open_source
from striate.sources.arrays import array_files
from striate.sources.files.read_errors import read_errors


def test_npy_is_mapped(tmp_path: Path) -> None:
    np.save(tmp_path / "x_train.npy", COLOR)
    np.save(tmp_path / "y_train.npy", CLASSES)
    (tmp_path / "notes.txt").write_text("x")
    assert (pixels(tmp_path) == COLOR).all()
    store = open_source(tmp_path).splits["all"].store
    assert isinstance(store.pixels.base, np.memmap)  # type: ignore[attr-defined]
    with pytest.raises(DataError, match="is one array; give the folder"):
        open_source(tmp_path / "x_train.npy")


def decoded(source: Source, split: str, canvas: Canvas) -> list[tuple[str, npt.NDArray[Any]]]:
    listing = source.splits[split]
    return [(name, listing.store.decode(i, canvas)) for i, name in enumerate(listing.ids)]


def npy_bytes(array: npt.NDArray[Any]) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


GOOD = npy_bytes(GRAY)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "cannot read .*x.npy: .*; get a new copy"),
        (b"<html>404</html>", "cannot read .*x.npy: .*; get a new copy"),
        (GOOD[:50], "cannot read .*x.npy: .*; get a new copy"),
        (GOOD[:-1], "declares 12 x 6 x 5 values of uint8, and there are 359 bytes"),
        (GOOD + b"\0", "and there are 361 bytes"),
        (GOOD.replace(b"(12, 6, 5)", b"(99, 6, 5)"), "declares 99 x 6 x 5"),
        (GOOD.replace(b"(12, 6, 5), }  ", b"(2**40, 6, 5)}"), "cannot read .*x.npy: .*; get a new copy"),
        (GOOD.replace(b"(12, 6, 5), }            ", b"(-12, -6, 5), }          "), "declares -12 x -6 x 5"),
        (GOOD.replace(b"'|u1'", b"'|O' "), "contains object and not numbers"),
        (GOOD.replace(b"\x93NUMPY\x01", b"\x93NUMPY\x03"), "version"),
        (
            GOOD[:10] + b"__import__('os').mkdir('hacked')".ljust(118) + GOOD[128:],
            "cannot read .*x.npy: .*; get a new copy",
        ),
        (GOOD[:6] + b"\x02\x00" + b"\xff\xff\xff\xff" + GOOD[10:], "cannot read .*x.npy: .*; get a new copy"),
    ],
)
def test_a_lying_npy_ends_as_one_line(
    content: bytes, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x.npy").write_bytes(content)
    np.save(tmp_path / "y.npy", CLASSES)
    with pytest.raises(DataError, match=message) as caught:
        open_source(tmp_path)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "hacked").exists()


def zipped(path: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def test_an_npz_that_is_none_ends_as_one_line(tmp_path: Path) -> None:
    good = {"x.npy": GOOD, "y.npy": npy_bytes(CLASSES)}
    healthy = zipped(tmp_path / "a.npz", good).read_bytes()
    assert len(open_source(tmp_path / "a.npz").splits["all"]) == COUNT
    for content in (b"", b"<html>", healthy[:-30], healthy[:60] + bytes(20) + healthy[80:]):
        (tmp_path / "a.npz").write_bytes(content)
        with pytest.raises(DataError, match=r"cannot read .*a\.npz.*: .*; get a new copy") as caught:
            pixels(tmp_path / "a.npz")
        assert "\n" not in str(caught.value)
    with pytest.raises(DataError, match=r"a.npz\[x\] declares 99 x 6 x 5"):
        open_source(zipped(tmp_path / "a.npz", good | {"x.npy": GOOD.replace(b"(12, 6, 5)", b"(99, 6, 5)")}))
    zipped(tmp_path / "b.npz", good)
    with pytest.raises(DataError, match="has 2 files of arrays"):
        open_source(tmp_path)


def test_a_bomb_is_refused_by_what_the_archive_declares(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = saved(tmp_path, x=np.zeros((COUNT, 500, 500), np.uint8), y=CLASSES)
    assert path.stat().st_size < 10_000
    assert len(open_source(path).splits["all"]) == COUNT
    monkeypatch.setattr(array_files, "available_memory", lambda: 2**20)
    with pytest.raises(
        DataError, match=r"declares 2 arrays of 3000\d+ bytes, and 524288 bytes of memory are available"
    ):
        open_source(path)


@pytest.mark.timeout(20)
def test_a_pipe_is_not_waited_on(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "x.npy")
    np.save(tmp_path / "y.npy", CLASSES)
    with pytest.raises(DataError, match="no images for it"):
        open_source(tmp_path)


@pytest.mark.parametrize("splits", [("train", "test"), ("train",)])
def test_an_array_is_looked_at_once(splits: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = saved(
        tmp_path, **{f"x_{split}": GRAY / 255 for split in splits}, **{f"y_{split}": CLASSES for split in splits}
    )
    unpacked: list[tuple[int, ...]] = []
    read = np.lib.format.read_array

    def counted(*args: Any, **kwargs: Any) -> Any:
        array = read(*args, **kwargs)
        unpacked.append(array.shape)
        return array

    monkeypatch.setattr(np.lib.format, "read_array", counted)
    open_source(path)
    assert unpacked.count(GRAY.shape) == len(splits)


def test_a_lack_of_memory_is_no_damage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = saved(tmp_path, x=GRAY / 255, y=CLASSES)

    def full(*_: Any, **__: Any) -> None:
        raise MemoryError("Unable to allocate 30.0 GiB")

    monkeypatch.setattr(np.lib.format, "read_array", full)
    with pytest.raises(DataError, match="there is not enough memory; close other programs"):
        open_source(path)
    with pytest.raises(SettingError, match="as it is"), read_errors("a", "get a new copy"):
        raise SettingError("as it is")
