"""YOLO: shares of the width and height, polygons, keypoints, folders in pairs or by data.yaml."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from striate.data import Instances, Limits
from striate.errors import DataError
from striate.sources import open_source
from striate.sources.annotations.yolo_file import read_yolo

Put = Callable[..., Path]
ANY = Limits(max_bad=1)


def yolo(root: Path, put: Put, labels: dict[str, str], yaml: str = "") -> Path:
    for stem, content in labels.items():
        put(root / "images" / f"{stem}.jpg")
        label = root / "labels" / f"{stem}.txt"
        label.parent.mkdir(parents=True, exist_ok=True)
        label.write_text(content)
    if yaml:
        (root / "data.yaml").write_text(yaml)
    return root


def objects(root: Path, i: int = 0, split: str = "all") -> Instances:
    found = open_source(root, ANY).sample(split, i).target
    assert isinstance(found, Instances)
    return found


def test_boxes_by_their_centers(tmp_path: Path, put: Put) -> None:
    yolo(tmp_path, put, {"1": "1 0.5 0.5 0.5 0.25\r\n\n0 0.25 0.5 0.5 1", "2": ""})
    put(tmp_path / "images/3.jpg")  # no label file: no object
    (tmp_path / "classes.txt").write_text("cat\ndog\n")
    source = open_source(tmp_path)
    assert (source.kind, source.task, source.classes) == ("YOLO", "detect", ("cat", "dog"))
    assert source.splits["all"].ids == ("images/1.jpg", "images/2.jpg", "images/3.jpg")
    assert objects(tmp_path).boxes.tolist() == [[8, 9, 24, 15], [0, 0, 16, 24]]
    assert objects(tmp_path).labels.tolist() == [1, 0]
    assert [len(objects(tmp_path, i)) for i in (1, 2)] == [0, 0]
    assert source.splits["all"].faults == ()
    assert source.digest() == open_source(source.location).digest()
    (tmp_path / "classes.txt").unlink()
    assert open_source(tmp_path).classes == ("0", "1")


@given(st.tuples(*(st.floats(0, 1) for _ in range(4))))
def test_boxes_come_back(tmp_path_factory: pytest.TempPathFactory, corners: tuple[float, ...]) -> None:
    x1, y1, x2, y2 = corners
    file = tmp_path_factory.mktemp("yolo") / "1.txt"
    file.write_text(f"0 {(x1 + x2) / 2:.6f} {(y1 + y2) / 2:.6f} {x2 - x1:.6f} {y2 - y1:.6f}")
    assert np.allclose(read_yolo(file, None)[0].box, corners, atol=2e-6)


def test_coordinates_are_of_the_upright_image(tmp_path: Path, put: Put) -> None:
    yolo(tmp_path, put, {"1": "0 0.5 0.5 1 1"})
    put(tmp_path / "images/1.jpg", 24, 32, 6)
    assert objects(tmp_path).boxes.tolist() == [[0, 0, 24, 32]]


def test_polygons_become_masks(tmp_path: Path, put: Put) -> None:
    yolo(tmp_path, put, {"1": "0 0.25 0.25 0.5 0.25 0.5 0.5 0.25 0.5\n0 0.5 0.5 0.5 0.5"})
    found = objects(tmp_path)
    assert found.boxes.tolist() == [[8, 6, 16, 12], [8, 6, 24, 18]]
    assert found.masks is not None
    assert found.masks.sum((1, 2)).tolist() == [48, 0]
    assert found.masks[0, 6:12, 8:16].all()
    assert [one.kind for one in open_source(tmp_path).splits["all"].faults] == ["no outline"]


@pytest.mark.parametrize("dimensions", [2, 3])
def test_keypoints_and_their_pairs(dimensions: int, tmp_path: Path, put: Put) -> None:
    seen = " 2" if dimensions == 3 else ""
    absent = "0 0 0" if dimensions == 3 else "0 0"
    yaml = f"train: images\nnames: [person]\nkpt_shape: [3, {dimensions}]\nflip_idx: [0, 2, 1]\n"
    yolo(tmp_path, put, {"1": f"0 0.5 0.5 0.5 0.5 0.5 0.25{seen} {absent} 0.75 0.5{seen}"}, yaml)
    found = objects(tmp_path).keypoints
    assert found is not None
    assert found.tolist() == [[[16, 6, 2], [0, 0, 0], [24, 12, 2]]]
    skeleton = open_source(tmp_path).skeleton
    assert skeleton is not None
    assert skeleton.pairs == ((1, 2),)
    (tmp_path / "labels/1.txt").write_text("0 0.5 0.5 0.5 0.5")
    with pytest.raises(DataError, match=rf"line 1: there are 5 numbers and not {5 + 3 * dimensions}, by kpt_shape"):
        open_source(tmp_path)


@pytest.mark.parametrize(
    ("train", "val", "yaml"),
    [
        ("train/images", "valid/images", "train: ../train/images\nval: ../valid/images\n"),
        ("images/train", "images/val", "path: ../datasets/coco8 # root\ntrain: images/train\nval: images/val\n"),
        ("images/train", "images/val", "path: .\ntrain: ./images/train\nval: images/val/\n"),
        ("a/images/train", "a/images/val", "path: a\ntrain: images/train\nval: images/val\n"),
        ("train/images", "valid/images", ""),
        ("images/train", "images/val", ""),
    ],
)
def test_splits_lie_where_data_yaml_or_folders_put_them(
    train: str, val: str, yaml: str, tmp_path: Path, put: Put
) -> None:
    for folder in (train, val):
        put(tmp_path / folder / "1.jpg")
        label = tmp_path / folder.replace("images", "labels") / "1.txt"
        label.parent.mkdir(parents=True, exist_ok=True)
        label.write_text("0 0.5 0.5 0.5 0.5\n")
    if yaml:
        (tmp_path / "data.yaml").write_text(yaml + "nc: 2\nnames: ['cat', \"dog\"]\n")
    source = open_source(tmp_path)
    assert {split: of.ids for split, of in source.splits.items()} == {
        "train": (f"{train}/1.jpg",),
        "val": (f"{val}/1.jpg",),
    }
    assert source.classes == (("cat", "dog") if yaml else ("0",))
    assert len(objects(tmp_path, 0, "val")) == 1
    assert source.digest() == open_source(source.location).digest()


FAULTS = [
    ("0 0.95 0.5 0.3 0.5", "box clipped"),
    ("0 345 120 40 30", "box outside"),  # pixels
    ("0 -1.5 0.5 0.5 0.5", "box outside"),
    ("0 0.5 0.5 0 0.5", "box without area"),
    ("0 0.5 0.5 -0.1 0.5", "box without area"),
    ("0 0.5 0.5 0.2 0.2\n0 0.5 0.5  0.2 0.2", "duplicate"),
    ("3 0.5 0.5 0.2 0.2", "unknown class"),
    ("0 -0.5 0.2 0.5 0.2 0.5 0.5", "box clipped"),
]


@pytest.mark.parametrize(("line", "kind"), FAULTS)
def test_faults_name_the_line(line: str, kind: str, tmp_path: Path, put: Put) -> None:
    yolo(tmp_path, put, {"1": line})
    (tmp_path / "classes.txt").write_text("cat\ndog\nbird\n")
    found = open_source(tmp_path, ANY).splits["all"].faults
    assert [fault.kind for fault in found] == [kind]
    assert found[0].where.endswith(f"labels/1.txt, line {1 + line.count(chr(10))}")
    assert found[0].id == "images/1.jpg"
    if kind != "box clipped":
        with pytest.raises(DataError, match=rf"\(1 {kind}\)"):
            open_source(tmp_path)


MALFORMED = [
    ("0 0.5 0.5 0.2", "line 1: there are 4 numbers and not class cx cy w h, or class x1 y1"),
    ("0 0.5 0.5 0.2 0.2\n0 1 1 1 1 1", "line 2: there are 6 numbers"),
    ("0 nan 0.5 0.2 0.2", "line 1: nan is not a number"),
    ("0 1e309 0.5 0.2 0.2", "line 1: 1e309 is not a number in the range"),
    ("0 0.5 0.5 0.2 inf", "line 1: inf is not a number"),
    ("cat 0.5 0.5 0.2 0.2", "line 1: cat is not a number"),
    ("-1 0.5 0.5 0.2 0.2", "line 1: the class is -1 and not a whole number from 0"),
    ("0.5 0.5 0.5 0.2 0.2", "line 1: the class is 0.5 and not a whole number"),
    ("2147483648 0.5 0.5 0.2 0.2", "line 1: 2147483648 is not a number"),
    ("200000 0.5 0.5 0.2 0.2", "line 1: the class is 200000"),
    ("0,0.5,0.5,0.2,0.2", "line 1: 0,0.5,0.5,0.2,0.2 is not a number"),
    ("0 0.5 0.5 0.2 \x07", "is not a number"),
    ("\0", "is not text: it contains a NUL character"),
    ("1_0 0.5 0.5 0.2 0.2", "1_0 is not a number"),
]


@pytest.mark.parametrize(("content", "message"), MALFORMED)
def test_what_is_malformed_stops_in_one_line(content: str, message: str, tmp_path: Path, put: Put) -> None:
    yolo(tmp_path, put, {"1": content})
    with pytest.raises(DataError, match=message) as caught:
        open_source(tmp_path, ANY)
    assert "labels/1.txt" in str(caught.value)
    assert str(caught.value).isprintable()


def test_pairs_that_are_none_and_links(tmp_path: Path, put: Put) -> None:
    root = yolo(tmp_path / "data", put, {"1": "0 0.5 0.5 0.5 0.5", "2": "0 0.5 0.5 0.5 0.5"})
    (root / "labels/alone.txt").write_text("")
    put(root / "images/1.png")
    (tmp_path / "secret.txt").write_text("7 0.5 0.5 0.5 0.5")
    (root / "labels/3.txt").symlink_to(tmp_path / "secret.txt")
    put(root / "images/3.jpg")
    source = open_source(root, ANY)
    assert source.classes == ("0",)
    assert {one.id: one.reason for one in source.splits["all"].skipped} == {
        "labels/3.txt": "link out of the folder",
        "labels/alone.txt": "unpaired",
        "images/1.png": "unpaired",
    }
    with pytest.raises(DataError, match="files cannot be used"):
        open_source(root)
    (root / "data.yaml").write_text("train: images\nnames: [cat]\n")
    open_source(root, ANY)
    (root / "labels").rename(tmp_path / "elsewhere")
    (root / "labels").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(DataError, match="labels is behind a link, and links are not followed here"):
        open_source(root)
    (root / "data.yaml").write_text(f"train: {tmp_path / 'elsewhere'}\nnames: [cat]\n")
    with pytest.raises(DataError, match=r"data.yaml: train is .*/elsewhere, and .*/data has no such folder;"):
        open_source(root)


def test_a_folder_without_any_label_stops(tmp_path: Path, put: Put) -> None:
    put(tmp_path / "images/1.jpg")
    (tmp_path / "data.yaml").write_text("train: images\nnames: [cat]\n")
    with pytest.raises(DataError, match="has no label file for any of its images"):
        open_source(tmp_path)


def test_a_folder_of_images_that_is_a_link_is_not_followed(tmp_path: Path, put: Put) -> None:
    root = yolo(tmp_path / "data", put, {"1": "0 0.5 0.5 0.5 0.5"}, "train: images\nnames: [cat]\n")
    open_source(root)
    (root / "images").rename(tmp_path / "elsewhere")
    (root / "images").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(DataError, match="train is images, and .* has no such folder"):
        open_source(root)
