"""A split from a file: the same again, or one line that names what does not agree."""

import csv
from pathlib import Path

import numpy as np
import pytest
import torch

from striate.data import (
    ClassTargets,
    LabeledImages,
    SkippedFile,
    Splits,
    TensorImages,
    apply_split,
    read_split,
    split_samples,
)
from striate.errors import DataError
from striate.runs import RunFolder


def images(ids: tuple[str, ...], skipped: tuple[SkippedFile, ...] = ()) -> LabeledImages:
    count = len(ids)
    images = torch.arange(count, dtype=torch.uint8).reshape(-1, 1, 1, 1)
    return LabeledImages(TensorImages(images), ClassTargets(np.arange(count) % 2), ids, ("a", "b"), skipped)


def written(path: Path, rows: dict[str, str]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("id", "split"), *rows.items()])
    return path


def same(one: Splits, other: Splits) -> bool:
    a, b = one.by_name(), other.by_name()
    return a.keys() == b.keys() and all(
        a[name].ids == b[name].ids and torch.equal(a[name].images, b[name].images) for name in a
    )


def test_what_a_run_wrote_down_comes_back_whatever_the_names(tmp_path: Path) -> None:
    names = ("=1/x", "-a/y", "+b", "@c", "'=d", "'e", 'f"g', "h,i", "é", "j k", *(f"p{i}" for i in range(40)))
    whole = images(names, (SkippedFile("bad", "empty file", "0 bytes"),))
    splits = split_samples({"all": whole}, val=0.2, test=0.2, seed=0)
    folder = RunFolder.create(tmp_path / "run")
    folder.write_splits([{"id": id_, "split": name} for name, split in splits.by_name().items() for id_ in split.ids])
    again = apply_split({"all": whole}, read_split(folder.splits_path), "f")
    assert same(splits, again)
    assert again.train.skipped == whole.skipped


def test_splits_that_the_data_have_stay(tmp_path: Path) -> None:
    given = {"train": images(tuple(f"a{i}" for i in range(40))), "test": images(("t0", "t1"))}
    splits = split_samples(given, val=0.25, test=0.5, seed=1)
    written = {id_: name for name, split in splits.by_name().items() for id_ in split.ids}
    assert same(splits, apply_split(given, written, "f"))
    with pytest.raises(
        DataError, match=r"f puts 1 image of the split test of the data into another split: t0 \(train\)"
    ):
        apply_split(given, {**written, "t0": "train"}, "f")
    with pytest.raises(DataError, match=r"of the split train of the data into another split: a3 \(test\)"):
        apply_split(given, {**written, "a3": "test"}, "f")


def test_missing_and_unknown_images_are_named() -> None:
    whole = images(("a", "b", "c", "d", "e"), (SkippedFile("bad", "empty file", "0 bytes"),))
    every = dict.fromkeys(whole.ids, "train")
    with pytest.raises(
        DataError, match=r"s.csv lacks 4 images of the data: b, c, d \.\.\.; correct the file or the data"
    ):
        apply_split({"all": whole}, {"a": "train"}, "s.csv")
    with pytest.raises(DataError, match=r"s.csv has 2 images that the data lack: y, z; correct the file or the data"):
        apply_split({"all": whole}, {**every, "y": "val", "z": "test"}, "s.csv")
    with pytest.raises(DataError, match=r"s.csv has no training images"):
        apply_split({"all": whole}, dict.fromkeys(whole.ids, "val"), "s.csv")
    assert len(apply_split({"all": whole}, {**every, "bad": "test"}, "s.csv").train) == 5  # known, if only skipped


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "no columns id and split"),
        (b"name,part\na,train\n", "no columns id and split"),
        (b"id,split\na,training\n", "line 2 has the split 'training'; write train, val or test"),
        (b"id,split\na\n", "line 2 has the split None"),
        (b"id,split\na,train\na,val\n", "line 3 has a in val, and an earlier line in train; keep one of them"),
        (b"id,split\n\xff,train\n", "cannot be read as a split"),
        (b"id,split\n" + b"x" * 200_000 + b",train\n", "cannot be read as a split"),
    ],
)
def test_a_file_that_is_no_split_is_one_line(content: bytes, message: str, tmp_path: Path) -> None:
    (tmp_path / "s.csv").write_bytes(content)
    with pytest.raises(DataError, match=message) as refused:
        read_split(tmp_path / "s.csv")
    assert "\n" not in str(refused.value)
    with pytest.raises(DataError, match="cannot be read as a split"):
        read_split(tmp_path / "absent.csv")


def test_a_mark_at_the_start_and_windows_line_ends_are_read(tmp_path: Path) -> None:
    (tmp_path / "s.csv").write_bytes(b"\xef\xbb\xbfid,split,note\r\na,train,x\r\nb,test,\r\n")
    assert read_split(tmp_path / "s.csv") == {"a": "train", "b": "test"}
    assert read_split(written(tmp_path / "t.csv", {"a,b": "val"})) == {"a,b": "val"}
