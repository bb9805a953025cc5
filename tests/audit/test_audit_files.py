"""Files, sizes, groups, balance, boxes and labels: each planted fault is found by name, and its healthy twin is silent.

planted fault                                                                    faults
unusable: 2 empty, 1 refused, 1 cut off, 2 of another type, 1 bomb, 1 link outwards   8
wrong names: a PNG as .jpg, a JPEG as .png                                            2
outliers: large, small, long, bright                                                  4
groups: by name, by column                                                            2
balance: single image, few images, imbalance                                      3
boxes: outside, without area, over the edge                                           3
labels: 5 % of digits (test_audit_labels.py)                                         150
                                                                     beside these    22
"""

import hashlib
import os
from functools import partial
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from tests.audit.images_of_noise import fingerprints, textured

from striate.audit.annotations import annotation_faults, box_faults, describe_boxes
from striate.audit.balance import imbalance, small_classes
from striate.audit.files import FileAccount, account, unusable, wrong_names
from striate.audit.fingerprints import take_fingerprints
from striate.audit.group_leakage import group_leaks
from striate.audit.inventory import class_counts, inventory
from striate.audit.outliers import outliers, outside
from striate.data import ArrayStore, Instances, InstanceTargets, Source, groups_of
from striate.data.source import Listing
from striate.data.targets import ClassTargets
from striate.errors import SettingError


def test_healthy_folders_give_nothing(healthy):
    prints = fingerprints(healthy)
    counts = class_counts(prints)
    assert counts == {"train": [12, 12, 12], "test": [12, 12, 12]}
    assert not [
        *unusable(prints.skipped),
        *wrong_names(prints),
        *outliers(prints, "cover"),
        *group_leaks(prints, "(t.+)/"),
    ]
    assert not [*small_classes("abc", counts), *imbalance("abc", counts)]
    assert account(prints) == FileAccount(72, 72, {}, {})


def test_every_file_ends_in_one_bucket(data):
    folder = data / "train/a"
    whole = (folder / "00.png").read_bytes()
    (folder / "empty.png").touch()
    (folder / "empty too.jpg").touch()
    (folder / "refused.png").write_bytes(whole[:40] + b"x" * 60 + whole[100:])
    (folder / "cut.png").write_bytes(whole[: len(whole) // 2])
    (folder / "page.jpg").write_bytes(b"<html>not found</html>")
    (folder / "notes.png").write_bytes(b"just some text")
    Image.new("1", (700, 700)).save(folder / "bomb.png")
    (folder / "out.png").symlink_to("/etc/hostname")
    (folder / "Thumbs.db").touch()
    (data / "train/readme.txt").touch()
    prints = fingerprints(data, max_pixels=400_000)
    found = {one.finding.id: sorted(name for case in one.files for name in case) for one in unusable(prints.skipped)}
    truncated = {
        name for name in found["data-truncated"] + found["data-unreadable"] if "cut" in name or "refused" in name
    }
    assert truncated == {"train/a/cut.png", "train/a/refused.png"}
    assert {"train/a/empty.png", "train/a/empty too.jpg", "train/a/out.png"} <= set(found["data-unreadable"])
    assert found["data-wrong-type"] == ["train/a/notes.png", "train/a/page.jpg"]
    assert found["data-bomb"] == ["train/a/bomb.png"]
    sums = account(prints)
    assert sums.found == sum(len(files) for _, _, files in os.walk(data)) == 82
    assert (sums.used, sum(sums.skipped.values()), sum(sums.ignored.values())) == (72, 8, 2)


def test_an_account_that_does_not_add_up_is_refused():
    with pytest.raises(ValueError, match="3 files were found and 2"):
        FileAccount(3, 1, {"truncated": 1}, {})


def test_images_with_the_name_of_another_format(data):
    one = Image.open(data / "train/a/00.png")
    one.save(data / "train/a/lie.jpg", "PNG")
    one.save(data / "train/a/lie.png", "JPEG")
    one.save(data / "train/a/no lie.JPG", "JPEG")
    one.save(data / "train/a/nothing said", "PNG")
    (found,) = wrong_names(fingerprints(data))
    assert found.files == (("train/a/lie.jpg",), ("train/a/lie.png",))
    assert found.finding.severity == "note"


def test_outliers(data):
    textured(900, 900, 1200).save(data / "train/a/large.png")
    textured(901, 30, 40).save(data / "train/a/small.png")
    textured(902, 60, 400).save(data / "train/b/long.png")
    Image.fromarray((np.asarray(textured(903)) // 8 + 222).astype(np.uint8)).save(data / "test/c/bright.png")
    found = {one.finding.id: {name for (name,) in one.files} for one in outliers(fingerprints(data), "cover")}
    assert found == {
        "data-size-outliers": {"train/a/large.png", "train/a/small.png"},
        "data-aspect-outliers": {"train/b/long.png"},
        "data-brightness-outliers": {"test/c/bright.png"},
    }


@given(st.integers(0, 2**32), st.integers(20, 500))
def test_no_normal_value_is_an_outlier(seed, count):
    values = np.random.default_rng(seed).normal(100, 20, count)
    assert len(outside(values, 8.0)[2]) == 0 or count < 30


def test_groups_across_splits(data):
    for split, name in (
        ("train", "patient7_1"),
        ("train", "patient8_1"),
        ("test", "patient7_2"),
        ("test", "patient9_1"),
    ):
        textured(hash(name) % 1000 + 5000).save(data / split / "a" / f"{name}.png")
    prints = fingerprints(data)
    (found,) = group_leaks(prints, r"(patient\d+|^(?!.*patient).+)")
    assert found.finding.severity == "stop"
    assert found.finding.evidence["groups"] == ["patient7"]
    assert found.files == (("train/a/patient7_1.png", "test/a/patient7_2.png"),)


def of_arrays(columns, boxes=None):
    splits = {}
    for seed, split in enumerate(("train", "test")):
        pixels = np.random.default_rng(seed).integers(0, 256, (6, 40, 50, 3), np.uint8)
        targets = ClassTargets(np.arange(6) % 2) if boxes is None else InstanceTargets(tuple(boxes[split]))
        store = ArrayStore(pixels.shape, partial(np.asarray, pixels))
        splits[split] = Listing(
            tuple(f"{split}[{i}]" for i in range(6)), targets, store, columns=columns.get(split, {})
        )
    return Source("arrays", "arrays", "arrays", ("x", "y"), MappingProxyType(splits))


def test_groups_by_a_column():
    columns = {"train": {"patient": tuple("aabbcc")}, "test": {"patient": tuple("ddeefc")}}
    prints = take_fingerprints(of_arrays(columns), threads=1)
    (found,) = group_leaks(prints, "patient")
    assert found.files == (("train[4]", "train[5]", "test[5]"),)
    columns["test"] = {"patient": tuple("ddeeff")}
    assert group_leaks(take_fingerprints(of_arrays(columns), threads=1), "patient") == []


@pytest.mark.parametrize(
    ("group", "message"),
    [
        ("(", "no regular expression"),
        ("patient", "parentheses"),
        ("(a)(b)", "one group in parentheses"),
        ("(zzz)", "finds no group in"),
    ],
)
def test_groups_that_are_none(healthy, group, message):
    with pytest.raises(SettingError, match=message):
        group_leaks(fingerprints(healthy), group)


@pytest.mark.parametrize(
    ("train", "test", "message"),
    [
        (
            tuple("aabbcc"),
            None,
            "group = 'patient': is a column of train and not of test; add it there, or leave out --group",
        ),
        (
            (*"aabbc", ""),
            tuple("ddeeff"),
            r"is empty for 1 of 12 samples, such as train\[5\]; fill the cells, or leave out --group",
        ),
    ],
)
def test_check_and_train_refuse_a_column_that_leaves_a_sample_without_a_group(train, test, message):
    given = {"train": train, "test": test}
    source = of_arrays({name: {"patient": tuple(cells)} for name, cells in given.items() if cells})
    with pytest.raises(SettingError, match=message):
        groups_of(source, "patient")
    with pytest.raises(SettingError, match=message):
        group_leaks(take_fingerprints(source, threads=1), "patient")


def test_balance():
    counts = {"train": [5, 200, 1, 20], "test": [5, 5, 0, 5]}
    assert [one.id for one in small_classes("abcd", counts)] == ["data-single-image-class", "data-few-images"]
    assert [one.id for one in imbalance("abcd", counts)] == ["data-imbalance"]


def objects(*boxes):
    return Instances(np.array(boxes, np.float32).reshape(-1, 4), np.zeros(len(boxes), np.int64))


def test_boxes_out_of_range():
    good = [objects((0, 0, 50, 40)), objects((1, 2, 10, 12), (5, 5, 20, 30)), objects(), *[objects((0, 0, 9, 9))] * 3]
    prints = take_fingerprints(of_arrays({}, {"train": good, "test": good}), threads=1)
    assert annotation_faults(box_faults(prints)) == []
    assert describe_boxes(prints)["x"]["objects"] == 12
    bad = [objects((60, 0, 70, 10)), objects((9, 9, 9, 20)), objects((10, 10, 55, 30)), *good[:3]]
    prints = take_fingerprints(of_arrays({}, {"train": good, "test": bad}), threads=1)
    (found,) = annotation_faults(box_faults(prints))
    assert found.files == (("test[0]",), ("test[1]",), ("test[2]",))
    assert found.finding.evidence["kinds"] == {"box outside": 1, "box without area": 1, "box over the edge": 1}


def test_the_inventory_counts_images_formats_colors_and_sizes(healthy):
    there = inventory(fingerprints(healthy))
    assert there["images"] == {"train": 36, "test": 36}
    assert there["formats"] == {"PNG": 72}
    assert there["color"] == {"color": 72, "gray": 0}
    assert there["sizes"]["common"] == [[120, 160, 72]]


def test_nothing_is_changed(data):
    def state() -> dict[str, tuple[str, int]]:
        files = [path for path in sorted(Path(data).rglob("*")) if path.is_file()]
        return {str(one): (hashlib.sha256(one.read_bytes()).hexdigest(), one.stat().st_mtime_ns) for one in files}

    before = state()
    fingerprints(data)
    assert state() == before
