"""Outlines of objects drawn into one mask: which object a pixel is of, and what is of no class."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from tests.sources.annotations.test_coco import BOX, CATEGORIES, IMAGES, coco

from striate.data import Instances, Limits, Source
from striate.data.store import FileStore
from striate.data.targets import IGNORE
from striate.errors import SettingError
from striate.sources import Columns, open_source
from striate.sources.annotations.frame import Frame
from striate.sources.annotations.outlined_targets import OutlinedInstances
from striate.sources.annotations.outlines import Outline, rectangle
from striate.sources.asked_task import with_task

HEIGHT, WIDTH = 12, 16
ANY = Limits(max_bad=1)


def opened(path: Path, limits: Limits = ANY, **options: Any) -> Source:
    return open_source(path, limits, Columns(task="segment"), **options)


def mask(source: Source, i: int = 0, split: str = "all") -> np.ndarray:
    found = source.sample(split, i).target
    assert isinstance(found, np.ndarray)
    return found


def drawn(outlines: list[Outline], labels: list[int], crowds: tuple[Outline, ...] = ()) -> np.ndarray:
    count = len(outlines)
    objects = Instances(np.zeros((count, 4), np.float32), np.array(labels, np.int64))
    frames = (Frame(HEIGHT, WIDTH),)
    instances = OutlinedInstances((objects,), (tuple(outlines),), frames, Limits(), unlabeled=(crowds,))
    return instances.as_masks(range(1, 10)).target(0)


corners = st.tuples(*(st.integers(-2, side + 2) for side in (WIDTH, HEIGHT, WIDTH, HEIGHT)))


@given(st.lists(st.tuples(corners, st.integers(0, 8)), max_size=6), st.lists(corners, max_size=2))
@settings(max_examples=60)
def test_a_pixel_is_of_the_smallest_object_that_covers_it(objects, crowds):
    def box(x1: int, y1: int, x2: int, y2: int) -> tuple[slice, slice]:
        left, right, top, bottom = *sorted((x1, x2)), *sorted((y1, y2))
        return slice(max(0, top), max(0, bottom)), slice(max(0, left), max(0, right))

    expected = np.zeros((HEIGHT, WIDTH), np.int64)
    for crowd in crowds:
        expected[box(*crowd)] = IGNORE
    areas = [np.zeros((HEIGHT, WIDTH), np.int8)[box(*at)].size for at, _ in objects]
    for i in sorted(range(len(objects)), key=lambda i: -areas[i]):  # the largest first; of equal ones the first
        expected[box(*objects[i][0])] = objects[i][1] + 1
    outlines = [rectangle(*at) for at, _ in objects]
    found = drawn(outlines, [label for _, label in objects], tuple(rectangle(*crowd) for crowd in crowds))
    assert found.tolist() == expected.tolist()


def test_the_order_in_the_file_decides_between_equal_objects_alone():
    small, large, other = rectangle(2, 2, 5, 5), rectangle(0, 0, 9, 9), rectangle(3, 2, 6, 5)
    assert drawn([small, large], [0, 1]).tolist() == drawn([large, small], [1, 0]).tolist()
    assert drawn([small, other], [0, 1])[2].tolist()[2:6] == [1, 2, 2, 2]
    assert drawn([other, small], [1, 0])[2].tolist()[2:6] == [1, 1, 1, 2]


def test_coco_becomes_masks(tmp_path, put):
    columns = {"size": [24, 32], "counts": [24 * 20, 24 * 4, 24 * 8]}  # 20 to 23
    crowd = {"id": 9, "image_id": 1, "category_id": 1, "iscrowd": 1, "bbox": [0, 0, 9, 9], "segmentation": columns}
    annotations = [
        BOX | {"id": 1, "segmentation": [[4, 3, 14, 3, 14, 15, 4, 15]]},
        BOX | {"id": 2, "category_id": 1, "bbox": [8, 8, 14, 2], "segmentation": [[8, 8, 22, 8, 22, 10, 8, 10]]},
        BOX | {"id": 3, "bbox": [28, 1, 2, 3]},  # no outline
        crowd,
    ]
    source = opened(coco(tmp_path, put, annotations))
    assert (source.task, source.classes) == ("segment", ("background", "person", "dog"))
    expected = np.zeros((24, 32), np.int64)
    expected[:, 20:24] = IGNORE
    expected[1:4, 28:30] = IGNORE
    expected[3:15, 4:14] = 2
    expected[8:10, 8:22] = 1  # smaller than the dog, and annotated beside the crowd
    assert np.array_equal(mask(source), expected)
    assert not np.any(mask(source, 1))
    assert source.ignored == {"crowds, which are no single objects": 1}
    assert [fault.kind for fault in source.splits["all"].faults] == ["no outline"]
    assert source.digest() == opened(tmp_path).digest()
    digest = source.splits["all"].targets.content()
    crowd["segmentation"] = {"size": [24, 32], "counts": [24 * 20, 24 * 5, 24 * 7]}
    assert opened(coco(tmp_path, put, annotations)).splits["all"].targets.content() != digest


def test_a_crowd_without_an_outline_is_its_box(tmp_path, put):
    outlined = BOX | {"segmentation": [[4, 3, 14, 3, 14, 15, 4, 15]]}
    crowd = {"id": 9, "image_id": 2, "category_id": 1, "iscrowd": 1, "bbox": [1, 2, 3, 4]}
    found = mask(opened(coco(tmp_path, put, [outlined, crowd])), 1)
    assert np.argwhere(found == IGNORE).tolist() == [[y, x] for y in range(2, 6) for x in range(1, 4)]


@pytest.mark.parametrize("region", [{}, {"segmentation": {"size": [3, 3], "counts": [9]}}, {"bbox": [1, 2, 3]}])
def test_a_crowd_without_a_region_is_a_fault_and_stops_no_task(region, tmp_path, put):
    crowd = {"id": 9, "image_id": 2, "category_id": 1, "iscrowd": 1, **region}
    coco(tmp_path, put, [BOX | {"segmentation": [[4, 3, 14, 3, 14, 15, 4, 15]]}, crowd])
    for source in (open_source(tmp_path), open_source(tmp_path, columns=Columns(task="segment"))):
        (fault,) = source.splits["all"].faults
        assert (fault.kind, fault.message.partition(":")[0]) == ("no outline", "a crowd without a region")
        assert fault.message.count("annotation") == 0  # `where` names it


def test_a_split_without_images_is_drawn_too(tmp_path, put):
    source = open_source(coco(tmp_path, put, [BOX | {"segmentation": [[4, 3, 14, 3, 14, 15, 4, 15]]}]))
    empty = replace(source.splits["all"], ids=(), targets=OutlinedInstances((), (), (), ANY), store=FileStore((), ANY))
    both = with_task(replace(source, splits={"train": source.splits["all"], "test": empty}), "segment")
    assert [one.targets.task for one in both.splits.values()] == ["segment", "segment"]


def test_a_category_called_background_is_it(tmp_path, put):
    categories = [{"id": 0, "name": "Background"}, *CATEGORIES]
    whole = [[0, 0, 32, 0, 32, 24, 0, 24]]
    over = {"category_id": 0, "bbox": [4, 3, 10, 2], "segmentation": [[4, 3, 14, 3, 14, 5, 4, 5]]}
    annotations = [BOX | {"id": 1, "segmentation": whole}, BOX | {"id": 2, **over}]
    source = opened(coco(tmp_path, put, annotations, categories=categories))
    assert source.classes == ("background", "person", "dog")
    assert np.argwhere(mask(source) == 0).tolist() == [[y, x] for y in (3, 4) for x in range(4, 14)]


@pytest.mark.parametrize("held", [1, 3, 6, 8])
def test_masks_are_those_of_the_upright_file(held, tmp_path, put):
    put(tmp_path / "a.jpg", held=held)
    outlined = BOX | {"bbox": [1, 2, 10, 5], "segmentation": [[1, 2, 11, 2, 11, 7, 1, 7]]}
    crowd = BOX | {"id": 6, "bbox": [20, 1, 3, 9], "iscrowd": 1}
    content = {"images": [IMAGES[0] | {"file_name": "a.jpg"}], "categories": CATEGORIES}
    (tmp_path / "a.json").write_text(json.dumps(content | {"annotations": [outlined, crowd]}))
    stored = np.zeros((24, 32), np.int64)
    stored[1:10, 20:23], stored[2:7, 1:11] = IGNORE, 2
    source = opened(tmp_path)
    turns = {6: 3, 8: 1}.get(
        held, 0
    )  # with 3 the size does not tell; the annotation is taken as that of the upright image
    assert source.sample("all", 0).image.shape[:2] == np.rot90(stored, turns).shape
    assert np.array_equal(mask(source), np.rot90(stored, turns))


def test_yolo_and_scenes_have_outlines_too(tmp_path, put):
    put(tmp_path / "images/1.jpg")
    (tmp_path / "labels").mkdir()
    (tmp_path / "labels/1.txt").write_text("1 0.25 0.25 0.5 0.25 0.5 0.5 0.25 0.5\n")
    source = opened(tmp_path)
    assert source.classes == ("background", "0", "1")
    assert np.argwhere(mask(source) == 2).tolist() == [[y, x] for y in range(6, 12) for x in range(8, 16)]
    scenes, masks = (
        open_source("mnist-scenes:5", columns=Columns(task="segment")),
        open_source("mnist-scenes-segment:5"),
    )
    assert (scenes.classes, scenes.task) == (masks.classes, masks.task)
    assert np.array_equal(mask(scenes, 0, "val"), mask(masks, 0, "val"))


def test_masks_of_voc_are_taken_and_not_its_boxes(tmp_path, put):
    put(tmp_path / "JPEGImages/1.jpg")
    (tmp_path / "SegmentationClass").mkdir()
    Image.fromarray(np.arange(24 * 32, dtype=np.uint8).reshape(24, 32) % 3).save(tmp_path / "SegmentationClass/1.png")
    (tmp_path / "Annotations").mkdir()
    box = "<bndbox><xmin>1</xmin><ymin>1</ymin><xmax>9</xmax><ymax>9</ymax></bndbox>"
    (tmp_path / "Annotations/1.xml").write_text(f"<annotation><object><name>cat</name>{box}</object></annotation>")
    source = opened(tmp_path)
    assert source.kind == "mask folders"
    assert (len(source.classes), source.classes[1], source.classes[8]) == (21, "aeroplane", "cat")
    (tmp_path / "classes.txt").write_text("nothing\nwing\nwheel")
    assert opened(tmp_path).classes == ("nothing", "wing", "wheel")
    (tmp_path / "classes.txt").unlink()
    for name in ("cat</name><difficult>1</difficult><name>", "robot"):  # it tells nothing, or is none of VOC's
        annotation = f"<annotation><object><name>{name}</name>{box}</object></annotation>"
        (tmp_path / "Annotations/1.xml").write_text(annotation)
        assert opened(tmp_path).classes == ("0", "1", "2")
    annotation = f"<annotation><object><name>cat</name>{box}</object></annotation>"
    (tmp_path / "Annotations/1.xml").write_text(annotation)
    for numbers, classes in (((0, 77), ("0", "77")), ((0, 255), ("background", "foreground"))):
        shown = np.tile(np.array(numbers, np.uint8), (24, 16))
        Image.fromarray(shown).save(tmp_path / "SegmentationClass/1.png")
        assert opened(tmp_path).classes == classes
    with pytest.raises(SettingError, match=r"task = 'segment': .*Pascal VOC. has objects without outlines"):
        opened(tmp_path, source="voc")


def test_what_has_no_outlines_is_refused(tmp_path, put, class_folders):
    with pytest.raises(SettingError, match=r"task = 'segment': .*COCO. has objects without outlines; leave --task out"):
        opened(coco(tmp_path / "boxes", put, [BOX]))
    with pytest.raises(SettingError, match=r"task = 'segment': .* has labels for classify; leave --task out"):
        opened(class_folders({"a": 2, "b": 2}))
    table = tmp_path / "table.csv"
    table.write_text("path,label\nboxes/1.jpg,a\nboxes/2.jpg,b\n")
    with pytest.raises(SettingError, match=r"task = 'segment': .* has labels for classify; leave --task out"):
        opened(table)
