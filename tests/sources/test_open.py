"""Every kind of data is recognised by what is on the disk, is opened again by its location, and is left as it was."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from striate.data import annotated_image, require_classes
from striate.data.names import unescaped
from striate.errors import DataError, SettingError, StriateError
from striate.sources import Columns, open_source
from striate.sources.settings import FORMATS
from striate.training.opening import open_again, refuse_within_the_data

Put = Callable[..., Path]

KINDS = {
    "COCO": "boxes",
    "Pascal VOC": "boxes",
    "YOLO": "boxes",
    "mask folders": "masks",
}


def make(root: Path, kind: str, put: Put) -> None:
    """Two images of 24 x 32 with the box 4, 6, 12, 18 in the first, or its mask."""
    originals = root / ("JPEGImages" if kind == "Pascal VOC" else "images")
    put(originals / "1.jpg")
    put(originals / "2.jpg")
    beside = (
        root / {"COCO": "annotations", "Pascal VOC": "Annotations", "YOLO": "labels", "mask folders": "masks"}[kind]
    )
    beside.mkdir()
    if kind == "COCO":
        images = [{"id": i, "file_name": f"{i}.jpg", "height": 24, "width": 32} for i in (1, 2)]
        box = {"id": 1, "image_id": 1, "category_id": 1, "bbox": [4, 6, 8, 12]}
        content = {"images": images, "categories": [{"id": 1, "name": "cat"}], "annotations": [box]}
        (beside / "instances.json").write_text(json.dumps(content))
    elif kind == "Pascal VOC":
        corners = "<xmin>5</xmin><ymin>7</ymin><xmax>12</xmax><ymax>18</ymax>"
        one = f"<object><name>cat</name><bndbox>{corners}</bndbox></object>"
        (beside / "1.xml").write_text(f"<annotation>{one}</annotation>")
        (beside / "2.xml").write_text("<annotation></annotation>")
    elif kind == "YOLO":
        (beside / "1.txt").write_text("0 0.25 0.5 0.25 0.5\n")
    else:
        mask = np.zeros((24, 32), np.uint8)
        mask[6:18, 4:12] = 255
        for name in ("1.png", "2.png"):
            Image.fromarray(mask).save(beside / name)


def state(root: Path) -> dict[str, tuple[int, int, bytes]]:
    files = [path for path in sorted(root.rglob("*")) if path.is_file()]
    return {str(one): (one.stat().st_mtime_ns, one.stat().st_ino, one.read_bytes()) for one in files}


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_is_recognised_and_only_read(kind: str, tmp_path: Path, put: Put) -> None:
    root = tmp_path / "data"
    make(root, kind, put)
    before = state(root)
    source = open_source(root)
    assert source.kind == kind
    assert source.splits["all"].ids[0].endswith("1.jpg")
    drawn = np.asarray(annotated_image(source.sample("all", 0), source.classes, source.skeleton))
    assert drawn.shape[1] == 32 * 7
    again = open_source(source.location)
    assert again.digest() == source.digest()
    assert (again.kind, again.classes) == (source.kind, source.classes)
    assert source.native() == again.native()
    with pytest.raises(DataError, match=f"has {KINDS[kind]}, and this is for data with one class per image"):
        require_classes(source)
    assert state(root) == before


def test_the_same_box_is_the_same_in_all_of_them(tmp_path: Path, put: Put) -> None:
    for kind in ("COCO", "Pascal VOC", "YOLO"):
        make(tmp_path / kind, kind, put)
        target = open_source(tmp_path / kind).sample("all", 0).target
        assert target.boxes.tolist() == [[4, 6, 12, 18]]  # type: ignore[union-attr]


LAYOUTS = {
    "COCO": ("{split}/a.json", "{split}"),
    "Pascal VOC": ("{split}/{name}.xml", "{split}"),
    "YOLO": ("{split}/labels/{name}.txt", "{split}/images"),
    "YOLO inside": ("labels/{split}/{name}.txt", "images/{split}"),
    "mask folders": ("{split}/masks/{name}.png", "{split}/images"),
    "mask folders inside": ("masks/{split}/{name}.png", "images/{split}"),
    "mask folders beside": ("{split}/{name}_mask.png", "{split}"),
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("splits", [("train1", "train2", "val"), ("train", "val", "test")])
def test_no_folder_is_lost_where_two_mean_one_split(
    layout: str, splits: tuple[str, ...], tmp_path: Path, put: Put
) -> None:
    kind = layout.removesuffix(" inside").removesuffix(" beside")
    make(tmp_path / "one", kind, put)
    files = [path for path in (tmp_path / "one").rglob("*") if path.is_file()]
    for split in splits:
        for path in files:
            where = LAYOUTS[layout][path.parent.name in ("images", "JPEGImages")].format(split=split, name=path.stem)
            to = tmp_path / "data" / where / path.name if not Path(where).suffix else tmp_path / "data" / where
            to.parent.mkdir(parents=True, exist_ok=True)
            to.write_bytes(path.read_bytes())
    if "train1" in splits:
        with pytest.raises(DataError, match=r"train1\S* .*and \S*train2.* are the same split; keep one of them"):
            open_source(tmp_path / "data")
    else:
        source = open_source(tmp_path / "data")
        assert {split: len(listing) for split, listing in source.splits.items()} == dict.fromkeys(splits, 2)
        assert source.kind == kind


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("~nosuch_user/data", "~nosuch_user/data does not exist; check the path"),
        ("a" * 300, "File name too long; check the path"),
        ("b/" + "a" * 300 + "/c", "b/a+/c does not exist; check the path|File name too long"),
        ("a\0b", r"'a\\\\u0000b' is neither a built-in data set nor a folder"),
        ("~\0b/c", "does not exist"),
    ],
)
@pytest.mark.parametrize("class_level", [None, 1])
def test_paths_that_nobody_has_end_as_one_line(data: str, message: str, class_level: int | None) -> None:
    with pytest.raises(StriateError, match=f"{message}|class_level = 1: only class folders have levels") as caught:
        open_source(data, class_level=class_level)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("kind", KINDS)
def test_a_location_opens_again_under_any_name_of_the_folder(kind: str, tmp_path: Path, put: Put) -> None:
    root = tmp_path / "back\\slash \\u0041\nline"
    make(root, kind, put)
    source = open_source(root)
    assert source.location.isprintable()
    assert open_source(unescaped(source.location)).digest() == source.digest()
    assert open_again(source.location, {}, None, "").digest() == source.digest()
    images = next(path for path in root.iterdir() if path.name in ("images", "JPEGImages"))
    with pytest.raises(SettingError, match="lies within the data"):
        refuse_within_the_data(images / "runs", "elsewhere", source)


@pytest.mark.parametrize("data", ["mnist", "mnist-scenes:4"])
@pytest.mark.parametrize(
    "how",
    [{"columns": Columns(label=("x",))}, {"source": "table"}, {"class_level": 1}, {"columns": Columns(folder="a")}],
)
def test_what_is_built_in_has_no_files_to_read_in_another_way(data: str, how: dict[str, Any]) -> None:
    with pytest.raises(SettingError, match=f"{data} is built in: columns, source and class level"):
        open_source(data, **how)


@pytest.mark.parametrize("source", sorted({*FORMATS} - {"auto", "table", "rows"}))
def test_columns_are_not_for_what_has_none(source: str, tmp_path: Path) -> None:
    with pytest.raises(SettingError, match=f"source = {source}: only tables have columns"):
        open_source(tmp_path, columns=Columns(label=("x",)), source=source)


def test_class_levels_and_columns_exclude_each_other(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="class_level = 1: only class folders have levels"):
        open_source(tmp_path, columns=Columns(label=("x",)), class_level=1)


@pytest.mark.parametrize("how", [{"columns": Columns(label=("x",))}, {"source": "coco"}])
def test_a_range_of_archives_is_read_as_nothing_else(how: dict[str, Any], tmp_path: Path) -> None:
    for i in range(2):
        (tmp_path / f"s-{i:03}.tar").write_bytes(b"")
    with pytest.raises(StriateError, match="only tables have columns|cannot be read with --source coco"):
        open_source(tmp_path / "s-{000..001}.tar", **how)
