"""COCO: numbers by hand, splits by names, what is left out and counted, and what stops everything."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from striate.data import Instances, Limits, Skeleton
from striate.errors import DataError
from striate.sources import open_source
from striate.sources.annotations.mirror_pairs import mirror_pairs
from striate.sources.annotations.outlined_targets import OutlinedInstances

Put = Callable[..., Path]
ANY = Limits(max_bad=1)
IMAGES = [{"id": i, "file_name": f"{i}.jpg", "height": 24, "width": 32} for i in (1, 2, 3)]
CATEGORIES: list[dict[str, Any]] = [{"id": 18, "name": "dog"}, {"id": 1, "name": "person"}]
BOX = {"id": 5, "image_id": 1, "category_id": 18, "bbox": [4, 3, 10, 12]}


def coco(root: Path, put: Put, annotations: list[dict[str, Any]], **others: Any) -> Path:
    for i in (1, 2, 3):
        put(root / f"{i}.jpg")
    file = root / "annotations.json"
    file.write_text(json.dumps({"images": IMAGES, "categories": CATEGORIES, "annotations": annotations} | others))
    return root


def objects(root: Path, i: int = 0, limits: Limits = ANY) -> Instances:
    found = open_source(root, limits).sample("all", i).target
    assert isinstance(found, Instances)
    return found


def kinds(root: Path, limits: Limits = ANY) -> list[str]:
    return [fault.kind for fault in open_source(root, limits).splits["all"].faults]


def test_boxes_classes_and_images_without_objects(tmp_path: Path, put: Put) -> None:
    source = open_source(coco(tmp_path, put, [BOX, BOX | {"id": 6, "category_id": 1, "bbox": [0, 0, 32, 24.0]}]))
    assert (source.kind, source.task, source.classes) == ("COCO", "detect", ("person", "dog"))
    assert source.splits["all"].ids == ("1.jpg", "2.jpg", "3.jpg")
    found = objects(tmp_path)
    assert found.boxes.tolist() == [[4, 3, 14, 15], [0, 0, 32, 24]]
    assert found.labels.tolist() == [1, 0]
    assert found.masks is None
    assert len(objects(tmp_path, 1)) == 0
    assert source.splits["all"].faults == ()
    assert source.digest() == open_source(source.location).digest()


@pytest.mark.parametrize(
    ("files", "images"),
    [
        (("annotations/instances_train2017.json", "annotations/instances_val2017.json"), ("train2017", "val2017")),
        (("annotations/train.json", "annotations/val.json"), ("images/train", "images/val")),
        (("train/_annotations.coco.json", "valid/_annotations.coco.json"), ("train", "valid")),
        (("train.json", "val.json"), ("images", "images")),
    ],
)
def test_splits_are_found_by_names(files: tuple[str, str], images: tuple[str, str], tmp_path: Path, put: Put) -> None:
    for file, folder in zip(files, images, strict=True):
        for i in (1, 2, 3):
            put(tmp_path / folder / f"{i}.jpg")
        (tmp_path / file).parent.mkdir(exist_ok=True)
        (tmp_path / file).write_text(json.dumps({"images": IMAGES, "categories": CATEGORIES, "annotations": [BOX]}))
    (tmp_path / files[0]).with_name("captions_train2017.json" if "instances" in files[0] else ".hidden").write_text(
        '{"info": {}}'
    )
    source = open_source(tmp_path)
    assert list(source.splits) == ["train", "val"]
    assert source.splits["train"].ids[0] == f"{images[0]}/1.jpg"
    assert source.splits["val"].ids[0] == f"{images[1]}/1.jpg"
    alone = open_source(tmp_path / files[1])
    assert alone.splits["all"].ids[0].endswith(f"{Path(images[1]).name}/1.jpg".removeprefix("valid/"))
    assert alone.digest() == open_source(alone.location).digest()


def test_polygons_and_runs_become_masks_and_crowds_are_counted(tmp_path: Path, put: Put) -> None:
    runs = {"size": [24, 32], "counts": [24 * 4, 24 * 2, 24 * 26]}  # two whole columns
    crowd = {"id": 9, "image_id": 1, "category_id": 1, "iscrowd": 1, "bbox": [0, 0, 9, 9], "segmentation": runs}
    coco(
        tmp_path,
        put,
        [
            BOX | {"segmentation": [[4, 3, 14, 3, 14, 15, 4, 15]]},
            BOX | {"id": 6, "bbox": [4, 0, 2, 24], "segmentation": runs},
            BOX | {"id": 7, "bbox": [1, 1, 5, 5]},
            crowd,
        ],
    )
    masks = objects(tmp_path).masks
    assert masks is not None
    assert masks.sum((1, 2)).tolist() == [120, 48, 0]
    assert masks[1, :, 4:6].all()
    assert kinds(tmp_path) == ["no outline"]
    assert open_source(tmp_path).ignored == {"crowds, which are no single objects": 1}
    empty = objects(tmp_path, 1).masks
    assert empty is not None
    assert empty.shape == (0, 24, 32)


def test_keypoints_their_pairs_and_their_edges(tmp_path: Path, put: Put) -> None:
    person = {"id": 1, "name": "person", "keypoints": ["nose", "left_eye", "right_eye"], "skeleton": [[1, 2], [1, 3]]}
    points = [5, 6, 2, 0, 0, 0, 90, 6, 1]
    coco(
        tmp_path,
        put,
        [BOX | {"category_id": 1, "keypoints": points}, BOX | {"id": 6}],
        categories=[*CATEGORIES[:1], person],
    )
    found = objects(tmp_path).keypoints
    assert found is not None
    assert found.tolist() == [[[5, 6, 2], [0, 0, 0], [0, 0, 0]], [[0, 0, 0]] * 3]
    assert kinds(tmp_path) == ["point outside"]
    assert open_source(tmp_path).skeleton == Skeleton(("nose", "left_eye", "right_eye"), ((1, 2),), ((0, 1), (0, 2)))


def test_pairs_by_names() -> None:
    assert mirror_pairs(("Hand.L", "Hand.R", "l_ear", "r_ear", "LeftEye", "RightEye")) == ((0, 1), (2, 3), (4, 5))
    assert mirror_pairs(("tail", "left_only", "cleft")) == ()


@pytest.mark.parametrize("held", range(1, 9))
def test_boxes_points_and_masks_follow_an_image_that_was_annotated_as_stored(
    held: int, tmp_path: Path, put: Put
) -> None:
    """Stored 24 x 32; where it lies on its side the size tells that the annotation is for the stored pixels."""
    put(tmp_path / "a.jpg", held=held)
    person = {"id": 1, "name": "a", "keypoints": ["x"]}
    shape = {"bbox": [1, 2, 10, 5], "segmentation": [[1, 2, 11, 2, 11, 7, 1, 7]], "keypoints": [3, 4, 2]}
    note = {"images": [{"id": 1, "file_name": "a.jpg", "height": 24, "width": 32}], "categories": [person]}
    (tmp_path / "a.json").write_text(json.dumps(note | {"annotations": [BOX | shape | {"category_id": 1}]}))
    sample = open_source(tmp_path).sample("all", 0)
    assert isinstance(sample.target, Instances)
    found, masks, points = sample.target.boxes[0].tolist(), sample.target.masks, sample.target.keypoints
    expected = {
        5: ([2, 1, 7, 11], [4, 3]),
        6: ([24 - 7, 1, 24 - 2, 11], [24 - 4, 3]),
        7: ([24 - 7, 32 - 11, 24 - 2, 32 - 1], [24 - 4, 32 - 3]),
        8: ([2, 32 - 11, 7, 32 - 1], [4, 32 - 3]),
    }.get(held, ([1, 2, 11, 7], [3, 4]))
    assert masks is not None and points is not None  # noqa: PT018 - for mypy
    assert found == expected[0]
    assert points[0, 0].tolist() == [*expected[1], 2]
    assert masks.shape[1:] == sample.image.shape[:2]
    rows, columns = masks[0].nonzero()
    assert [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1] == found


def test_a_size_that_proves_the_image_upright(tmp_path: Path, put: Put) -> None:
    put(tmp_path / "a.jpg", held=6)
    note = {"images": [{"id": 1, "file_name": "a.jpg", "height": 32, "width": 24}], "categories": CATEGORIES}
    (tmp_path / "a.json").write_text(json.dumps(note | {"annotations": [BOX]}))
    assert objects(tmp_path).boxes.tolist() == [[4, 3, 14, 15]]
    note["images"][0]["height"] = 33
    (tmp_path / "a.json").write_text(json.dumps(note | {"annotations": [BOX]}))
    with pytest.raises(DataError, match=r"another size.*annotated as 24 x 33, but it has 24 x 32 pixels"):
        open_source(tmp_path)


FAULTS = [
    ({"bbox": [30, 3, 10, 12]}, "box clipped", [[30, 3, 32, 15]]),
    ({"bbox": [-0.9, 3, 10, 21.9]}, None, [[0, 3, 9.1, 24]]),
    ({"bbox": [32, 3, 10, 12]}, "box outside", []),
    ({"bbox": [-20, 3, 10, 12]}, "box outside", []),
    ({"bbox": [4, 3, 0, 12]}, "box without area", []),
    ({"bbox": [4, 3, -2, 12]}, "box without area", []),
    ({"bbox": [4, 3, 1e-9, 12]}, "box without area", []),
    ({"category_id": 2**31}, "unknown class", []),
    ({"category_id": None}, "unknown class", []),
    ({"image_id": 77}, "unknown image", []),
]


@pytest.mark.parametrize(("wrong", "kind", "boxes"), FAULTS)
def test_a_fault_is_counted_and_stops_only_beyond_the_limit(
    wrong: dict[str, Any], kind: str | None, boxes: list[list[float]], tmp_path: Path, put: Put
) -> None:
    coco(tmp_path, put, [BOX | wrong])
    assert kinds(tmp_path) == ([kind] if kind else [])
    assert np.allclose(objects(tmp_path).boxes, np.array(boxes).reshape(-1, 4))
    if kind and not boxes:
        with pytest.raises(DataError, match=rf"1 of \d annotations cannot be used \(1 {kind}\).*--max-bad") as caught:
            open_source(tmp_path)
        assert "annotation 1" in str(caught.value)
        assert str(caught.value).isprintable()
    else:
        open_source(tmp_path)


def test_what_is_there_twice_is_used_once(tmp_path: Path, put: Put) -> None:
    coco(
        tmp_path,
        put,
        [BOX, BOX, BOX | {"id": 7, "image_id": 9}],
        images=[*IMAGES, IMAGES[0], IMAGES[0] | {"id": 9}],
    )
    assert kinds(tmp_path) == ["duplicate"] * 3
    assert len(objects(tmp_path)) == 2  # the second is of the second number of the same file


def test_images_that_are_not_there_or_lead_out_are_skipped(tmp_path: Path, put: Put) -> None:
    root, secret = tmp_path / "data", put(tmp_path / "secret.jpg")
    names = ["gone.jpg", "../secret.jpg", str(secret), "link.jpg", "new\nline.jpg"]
    more = [{"id": 10 + i, "file_name": name, "height": 24, "width": 32} for i, name in enumerate(names)]
    coco(root, put, [BOX], images=[*IMAGES, *more])
    (root / "link.jpg").symlink_to(secret)
    listing = open_source(root, ANY).splits["all"]
    assert len(listing) == 3
    assert [one.reason for one in listing.skipped] == ["missing"] * 3 + ["link out of the folder", "missing"]
    assert all(one.id.isprintable() for one in listing.skipped)
    with pytest.raises(DataError, match="5 of 8 files cannot be used"):
        open_source(root)


def text(**others: Any) -> str:
    return json.dumps({"images": IMAGES, "categories": CATEGORIES, "annotations": [BOX]} | others)


MALFORMED = [
    (
        text(annotations=[BOX | {"bbox": [1, 2, 3]}]),
        "annotation 1: bbox has 3 numbers and not 4 \\(x, y, width, height",
    ),
    (
        text(annotations=[BOX, BOX | {"id": 6, "bbox": [1, "2", 3, 4]}]),
        'annotation 2: bbox contains "2", which is not a number',
    ),
    (
        text(annotations=[BOX | {"bbox": [1, 2, 1e12, 4]}]),
        "bbox contains 1000000000000.0, which is not a number in the range",
    ),
    (text().replace("10, 12", "1e309, 12"), "bbox contains Infinity, which is not a number"),
    (text().replace("10, 12", "NaN, 12"), "has the value NaN, which JSON does not allow"),
    (text().replace("10, 12", "-Infinity, 12"), "has the value -Infinity, which JSON does not allow"),
    (text().replace("10, 12", "1" * 400 + ", 12"), "bbox contains 1111"),
    (text().replace("10, 12", "1" * 5000 + ", 12"), "has a number of thousands of digits"),
    (text(annotations=[{"id": 1, "image_id": 1, "category_id": 1}]), "bbox is null and not a list of numbers"),
    (text(annotations=[7]), "annotations 1: 7 is not an object"),
    (text(annotations=[BOX | {"image_id": [1]}]), r"image_id is \[1\] and not a number"),
    (text(annotations=[BOX | {"segmentation": [[1, 2, 3, 4]]}]), "a polygon has 4 numbers"),
    (text(annotations=[BOX | {"segmentation": [[1, 2, 3, 4, 5, 6, 7]]}]), "a polygon has 7 numbers"),
    (text(annotations=[BOX | {"segmentation": "x"}]), "segmentation is .x., neither polygons nor run lengths"),
    (
        text(annotations=[BOX | {"segmentation": {"size": [24, 32], "counts": [5]}}]),
        "adds up to 5 pixels, and the image has 768",
    ),
    (
        text(annotations=[BOX | {"segmentation": {"size": [24, 33], "counts": [5]}}]),
        r"are of size \[24, 33\], and the image has 24, 32",
    ),
    (text(annotations=[BOX | {"segmentation": {"size": [24, 32], "counts": "~"}}]), "counts is not compressed RLE"),
    (text(images=7), "has no list 'images', so it is not a COCO file"),
    (text(images=[{"id": 1, "file_name": 3}]), "image 1: file_name is 3 and not a name"),
    (text(images=[{"id": 1, "file_name": "1.jpg", "height": -1, "width": 4}]), "height and width are -1 and 4"),
    (text(categories=[]), "has no categories"),
    (text(categories=[{"id": "1", "name": "a"}]), "category 1: id is .1. and not a whole number"),
    (text(categories=[{"id": 1, "name": ""}]), "category 1: name is .. and not a name"),
    (
        text(categories=[{"id": 1, "name": "a"}, {"id": 1, "name": "b"}]),
        "category 2: the id 1 or the name b appears twice",
    ),
    (text(categories=[{"id": 1, "name": "a"}, {"id": 2, "name": "a"}]), "the id 2 or the name a appears twice"),
    (
        text(categories=[{"id": 1, "name": "a", "keypoints": ["x"], "skeleton": [[1, 2]]}]),
        "does not connect two keypoints",
    ),
    (text(images=[{"id": 1, "file_name": "gone.jpg"}]), "has none of the images that .* names, such as gone.jpg; put"),
    ('{"images": ' + "[" * 100_000, "nested too deeply|line 1, column"),
    ('{"images": [,]}', "line 1, column 13: Expecting value"),
    ('{"images": []} {}', "line 1, column 16: Extra data"),
]


@pytest.mark.parametrize(("content", "message"), MALFORMED)
def test_what_is_malformed_stops_in_one_line(content: str, message: str, tmp_path: Path, put: Put) -> None:
    coco(tmp_path, put, [])
    (tmp_path / "annotations.json").write_text(content)
    with pytest.raises(DataError, match=message) as caught:
        open_source(tmp_path, ANY)
    assert "annotations.json" in str(caught.value)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 400


def test_files_that_no_one_can_choose_between_or_that_disagree_stop(tmp_path: Path, put: Put) -> None:
    coco(tmp_path, put, [BOX])
    (tmp_path / "more.json").write_text(text())
    with pytest.raises(DataError, match=r"several COCO files \(annotations.json, more.json\); give the path"):
        open_source(tmp_path)
    (tmp_path / "annotations.json").rename(tmp_path / "train.json")
    (tmp_path / "more.json").rename(tmp_path / "val.json")
    open_source(tmp_path)
    (tmp_path / "val.json").write_text(text(categories=CATEGORIES[:1]))
    with pytest.raises(DataError, match=r"val.json has other categories than .*train.json"):
        open_source(tmp_path)
    (tmp_path / "val.json").unlink()
    os.mkfifo(tmp_path / "val.json")
    open_source(tmp_path)


def test_other_json_is_no_coco_and_bytes_that_are_no_text_stop(tmp_path: Path, put: Put) -> None:
    for name in ("cat/1.jpg", "dog/1.jpg"):
        put(tmp_path / name)
    (tmp_path / "package.json").write_text('{"name": "photos"}')
    assert open_source(tmp_path).kind == "class folders"
    with pytest.raises(DataError, match=r"package.json has no list 'images'"):
        open_source(tmp_path / "package.json")
    (tmp_path / "package.json").write_bytes(b'{"images": "\xff"}')
    with pytest.raises(DataError, match=r"package.json is not text: byte 12 is not UTF-8"):
        open_source(tmp_path / "package.json")
    (tmp_path / "package.json").write_text(text(), encoding="utf-16")
    with pytest.raises(DataError, match="2 of 3 files cannot be used"):
        open_source(tmp_path / "package.json")


def test_the_digest_reads_a_moved_point_of_an_outline(tmp_path: Path, put: Put) -> None:
    digests = []
    for x in (4, 5):
        coco(tmp_path, put, [BOX | {"segmentation": [[x, 3, 14, 3, 14, 15, 4, 15]]}])
        source = open_source(tmp_path)
        assert isinstance(source.splits["all"].targets, OutlinedInstances)
        digests.append(source.digest())
    assert digests[0] != digests[1]
