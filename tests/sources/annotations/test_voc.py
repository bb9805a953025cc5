"""Pascal VOC: corners counted from 1, difficult objects, lists of splits, and XML that is up to something."""

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from striate.data import Instances, Limits
from striate.errors import DataError
from striate.sources import open_source
from striate.sources.annotations.voc_file import read_voc

Put = Callable[..., Path]
ANY = Limits(max_bad=1)


def box(name: str, x1: object, y1: object, x2: object, y2: object, more: str = "") -> str:
    corners = f"<xmin>{x1}</xmin><ymin>{y1}</ymin><xmax>{x2}</xmax><ymax>{y2}</ymax>"
    return f"<object><name>{name}</name>{more}<bndbox>{corners}</bndbox></object>"


def xml(*objects: str, size: str = "<size><width>32</width><height>24</height></size>") -> str:
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<annotation>{size}{"".join(objects)}</annotation>'


def voc(root: Path, put: Put, annotations: dict[str, str]) -> Path:
    (root / "Annotations").mkdir(parents=True, exist_ok=True)
    for stem, content in annotations.items():
        put(root / "JPEGImages" / f"{stem}.jpg")
        (root / "Annotations" / f"{stem}.xml").write_text(content)
    return root


def objects(root: Path, i: int = 0) -> Instances:
    found = open_source(root, ANY).sample("all", i).target
    assert isinstance(found, Instances)
    return found


def test_corners_are_counted_from_one_and_lie_inside(tmp_path: Path, put: Put) -> None:
    head = "<part><name>head</name><bndbox><xmin>9</xmin></bndbox></part>"
    voc(tmp_path, put, {"1": xml(box("dog", 1, 1, 32, 24), box("cat", 5, 6, 5, 6, head)), "2": xml()})
    source = open_source(tmp_path)
    assert (source.kind, source.task, source.classes) == ("Pascal VOC", "detect", ("cat", "dog"))
    assert source.splits["all"].ids == ("JPEGImages/1.jpg", "JPEGImages/2.jpg")
    assert source.splits["all"].faults == ()
    assert objects(tmp_path).boxes.tolist() == [[0, 0, 32, 24], [4, 5, 5, 6]]
    assert objects(tmp_path).labels.tolist() == [1, 0]
    assert len(objects(tmp_path, 1)) == 0
    assert source.digest() == open_source(source.location).digest()


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 22), st.integers(1, 9), st.integers(1, 9)), max_size=5))
def test_boxes_come_back(tmp_path_factory: pytest.TempPathFactory, boxes: list[tuple[int, int, int, int]]) -> None:
    file = tmp_path_factory.mktemp("voc") / "1.xml"
    file.write_text(xml(*(box("a", x + 1, y + 1, x + width, y + height) for x, y, width, height in boxes)))
    assert [one.box for one in read_voc(file).objects] == [
        (x, y, x + width, y + height) for x, y, width, height in boxes
    ]


def test_difficult_objects_are_left_out_and_counted(tmp_path: Path, put: Put) -> None:
    voc(tmp_path, put, {"1": xml(box("dog", 1, 1, 9, 9, "<difficult>1</difficult>"), box("cat", 1, 1, 9, 9))})
    put(tmp_path / "JPEGImages/2.jpg")
    source = open_source(tmp_path)
    assert len(objects(tmp_path)) == 1
    assert source.ignored == {"objects marked difficult": 1, "files without an annotation": 1}


def test_lists_and_folders_give_splits(tmp_path: Path, put: Put) -> None:
    root = voc(tmp_path / "a", put, {str(i): xml(box("dog", 1, 1, 9, 9)) for i in range(5)})
    (root / "ImageSets/Main").mkdir(parents=True)
    (root / "ImageSets/Main/train.txt").write_text("0\n3 1\n\n")
    (root / "ImageSets/Main/dog_train.txt").write_text("0 1\n")
    (root / "ImageSets/Main/val.txt").write_text("1\r\n")
    source = open_source(root)
    assert {split: of.ids for split, of in source.splits.items()} == {
        "train": ("JPEGImages/0.jpg", "JPEGImages/3.jpg"),
        "val": ("JPEGImages/1.jpg",),
    }
    assert source.ignored == {"annotations that no list names": 2}
    (root / "ImageSets/Main/val.txt").write_text("1\n1\n9\n../../x\n")
    assert [one.kind for one in open_source(root, ANY).splits["val"].faults] == ["duplicate"] + ["unknown image"] * 2
    for split in ("train", "valid"):
        put(tmp_path / "b" / split / "1.png")
        (tmp_path / "b" / split / "1.xml").write_text(xml(box("dog", 1, 1, 9, 9)))
    assert list(open_source(tmp_path / "b").splits) == ["train", "val"]


@pytest.mark.parametrize(
    ("wrong", "kind", "boxes"),
    [
        (box("dog", 0, 0, 32, 24), None, [[0, 0, 32, 24]]),  # counted from 0 after all
        (box("dog", 20, 1, 40, 9), "box clipped", [[19, 0, 32, 9]]),
        (box("dog", 40, 1, 50, 9), "box outside", []),
        (box("dog", 9, 1, 5, 9), "box without area", []),
    ],
)
def test_faults(wrong: str, kind: str | None, boxes: list[list[float]], tmp_path: Path, put: Put) -> None:
    voc(tmp_path, put, {"1": xml(wrong)})
    (fault,) = open_source(tmp_path, ANY).splits["all"].faults or (None,)
    assert (fault and fault.kind) == kind
    assert fault is None or fault.where.endswith("1.xml, object 1")
    assert (objects(tmp_path).boxes == np.array(boxes).reshape(-1, 4)).all()


MALFORMED = [
    ('<!DOCTYPE a [<!ENTITY b "c">]><annotation/>', "contains <!DOCTYPE, which is not allowed"),
    ('<?xml version="1.0"?><!doctype a SYSTEM "file:///etc/passwd"><annotation/>', "contains <!doctype, which is not"),
    ("<annotation><!ENTITY a 'b'></annotation>", "contains <!ENTITY"),
    ("<annotation>&lol;</annotation>", "line 1: undefined entity"),
    ("<annotation><object>", "line 1: no element found"),
    ("", "line 1: no element found"),
    ("<html></html>", "begins with <html> and not with <annotation>"),
    (xml("<object><name>a</name></object>"), "object 1 has no bndbox"),
    (xml(box("", 1, 1, 2, 2)), "object 1 has no name"),
    (xml(box("a", 1, 1, 2, 2), box("a", 1, "x", 2, 2)), "object 2: ymin is x and not an image coordinate"),
    (xml(box("a", "nan", 1, 2, 2)), "object 1: xmin is nan and not an image coordinate"),
    (xml(box("a", 1, 1, "1e309", 2)), "object 1: xmax is 1e309 and not an image coordinate"),
    (xml(box("a", 1, 1, "", 2)), "object 1: xmax is missing"),
    (xml(size="<size><width>-3</width><height>4</height></size>"), "size: -3 x 4 is not the size of an image"),
    (xml(size="<size><width>3</width></size>"), "size: height is missing"),
    ("<annotation>" + "<a>" * 200_000, "line 1: no element found"),
]


@pytest.mark.parametrize(("content", "message"), MALFORMED)
def test_what_is_malformed_stops_in_one_line(content: str, message: str, tmp_path: Path, put: Put) -> None:
    voc(tmp_path, put, {"1": content})
    with pytest.raises(DataError, match=message) as caught:
        open_source(tmp_path, ANY)
    assert "1.xml" in str(caught.value)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig"])
def test_a_declaration_is_found_in_any_encoding(encoding: str, tmp_path: Path, put: Put) -> None:
    voc(tmp_path, put, {"1": ""})
    file = tmp_path / "Annotations/1.xml"
    file.write_bytes(xml(box("köter", 1, 1, 9, 9)).encode(encoding))
    assert open_source(tmp_path).classes == ("köter",)
    file.write_bytes(MALFORMED[0][0].encode(encoding))
    with pytest.raises(DataError, match="contains <!DOCTYPE"):
        open_source(tmp_path)


def test_links_and_lonely_files_are_skipped(tmp_path: Path, put: Put) -> None:
    root = voc(tmp_path / "data", put, {"1": xml(box("dog", 1, 1, 9, 9)), "new\nline": xml()})
    (tmp_path / "secret.xml").write_text(xml(box("secret", 1, 1, 9, 9)))
    (root / "Annotations/link.xml").symlink_to(tmp_path / "secret.xml")
    (root / "Annotations/alone.xml").write_text(xml())
    os.mkfifo(root / "JPEGImages/pipe.jpg")
    source = open_source(root, ANY)
    assert source.classes == ("dog",)
    assert {one.id.rpartition("/")[2]: one.reason for one in source.splits["all"].skipped} == {
        "alone.xml": "unpaired",
        "link.xml": "link out of the folder",
        "pipe.jpg": "not a regular file",
    }
    assert all(one.isprintable() for one in source.splits["all"].ids)
    (root / "Annotations").rename(tmp_path / "elsewhere")
    (root / "Annotations").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(DataError, match="Annotations is a link to a folder, and such links are not followed"):
        open_source(root)
