"""Tables of paths and labels: what is told by names and contents."""

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from tests.sources.tables.table_folder import ANIMALS, TableFolder, labels_by_id, written

from striate.data import load_images
from striate.errors import DataError
from striate.sources import Columns, open_source


def test_text_is_classes(table_folder: TableFolder) -> None:
    root = table_folder(ANIMALS)
    source = open_source(root)
    assert source.classes == ("cat", "dog")
    assert labels_by_id(source) == {"a.png": "dog", "b.png": "cat", "c.png": "dog"}
    assert source.kind == "CSV table labels.csv, paths in the column path, 2 classes in the column label"
    assert not source.split_origin
    assert not source.notes
    assert source.name == "labels"
    assert source.location == str(root / "labels.csv")
    assert not source.ignored
    assert open_source(source.location).digest() == source.digest() == open_source(root / "labels.csv").digest()
    samples = load_images(source, source.native(), threads=1)["all"]
    assert samples.images[:, 0, 0, 0].tolist() == [0, 40, 80]


@pytest.mark.parametrize(
    ("content", "task", "classes", "a"),
    [
        ("file,y\na.png,3\nb.png,12\nc.png,3", "classify", ("3", "12"), "3"),  # in the order of the numbers
        ("file,y\na.png,1.0\nb.png,2\nc.png,01", "classify", ("01", "1.0", "2"), "1.0"),  # text stays text
        ("file,y\na.png,10\nb.png,2\nc.png,-1", "classify", ("-1", "2", "10"), "10"),
        ("file,y\na.png,img10\nb.png,img9\nc.png,x", "classify", ("img9", "img10", "x"), "img10"),
        ("file,y\na.png,007\nb.png,7\nc.png,8", "classify", ("7", "007", "8"), "007"),
        ("file,class\na.png,=1+1\nb.png,-\nc.png,@x", "classify", ("-", "=1+1", "@x"), "=1+1"),
        ("file,target\na.png,0.5\nb.png,1\nc.png,-0", "regress", ("target",), (0.5,)),
        ("Image Path,tags\na.png,x|y\nb.png,y\nc.png,", "multilabel", ("x", "y"), {"x", "y"}),
        ("Image-Path,tags\na.png,x; y\nb.png,y\nc.png,x", "multilabel", ("x", "y"), {"x", "y"}),
        ("img,cat,dog\na.png,1,0\nb.png,1,1\nc.png,0,0", "multilabel", ("cat", "dog"), {"cat"}),
        ("img,cat,dog\na.png,1,0\nb.png,0,1\nc.png,0,1", "classify", ("cat", "dog"), "cat"),
        ("img,x,y\na.png,1.5,2\nb.png,0,1.5\nc.png,-1e3,.5", "regress", ("x", "y"), (1.5, 2.0)),
        ("file;label\na.png;dog\nb.png;cat,s", "classify", ("cat,s", "dog"), "dog"),
        ("file\tlabel\r\na.png\tdog\r\nb.png\tcat\r\n", "classify", ("cat", "dog"), "dog"),
        ("\ufefffile,label\na.png,dog\nb.png,cat\n", "classify", ("cat", "dog"), "dog"),
        ("file,label\ra.png,dog\rb.png,cat\r", "classify", ("cat", "dog"), "dog"),
        (",path,label\n0,a.png,dog\n1,b.png,cat\n", "classify", ("cat", "dog"), "dog"),  # as pandas writes its index
        (
            '"path","label"\n"a.png","a ""big"" dog, or\ntwo"\n"b.png","cat"',
            "classify",
            None,
            'a "big" dog, or\\u000atwo',
        ),
    ],
)
def test_the_kind_of_a_column_is_found_by_its_cells(
    content: str, task: str, classes: tuple[str, ...] | None, a: object, table_folder: TableFolder
) -> None:
    source = open_source(table_folder(content))
    assert source.task == task
    assert classes is None or source.classes == classes
    assert labels_by_id(source)["a.png"] == a


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-8-sig"])
def test_the_encoding_of_a_byte_order_mark_is_used(encoding: str, table_folder: TableFolder) -> None:
    mark = "" if encoding in ("utf-16", "utf-8-sig") else "\ufeff"
    source = open_source(table_folder((mark + ANIMALS.replace("cat", "Kätzchen")).encode(encoding)))
    assert source.classes == ("Kätzchen", "dog")


def test_classes_that_are_one_number_are_two_and_pointed_out(table_folder: TableFolder) -> None:
    for cells in (("7", "007"), ("1", "1.0")):
        source = open_source(table_folder(f"path,label\na.png,{cells[0]}\nb.png,{cells[1]}\n"))
        assert source.notes == (
            f"the column label has the classes {cells[0]} and {cells[1]}, one number written in two ways; they are two classes",
        )
    assert not open_source(table_folder("path,label\na.png,07\nb.png,08\n")).notes


@pytest.mark.parametrize(
    ("header", "rest", "label"),
    [
        (",image,diagnosis", "{i},{p}.png,{c}", "diagnosis"),  # as pandas writes its index
        ("id,image,diagnosis", "ISIC_{i},{p}.png,{c}", "diagnosis"),
        ("image,breed,", "{p}.png,{c},", "breed"),
        ("Datei;Klasse;Bemerkung", "{p}.png;{c};", "Klasse"),
        ("image,breed,version", "{p}.png,{c},v1", "breed"),
        ("image,ground_truth,prediction", "{p}.png,{c},{k}", "ground_truth"),
        ("image,y_true,y_pred", "{p}.png,{c},{k}", "y_true"),
        ("image,id,cat,dog", "{p}.png,{i},{k},{o}", "cat and dog"),
        ("image,diagnosis,hospital", "{p}.png,{c},h{k}", None),
        ("image,breed,weight", "{p}.png,{c},{i}", None),  # measurements may all differ
        ("image,breed,height", "{p}.png,{c},{i}.5", None),
        ("image,breed,cuteness", "{p}.png,{c},{i}7", None),
        ("image,id,code", "{p}.png,{i},x{i}", None),
    ],
)
def test_columns_that_cannot_be_the_label_are_not_asked_about(
    header: str, rest: str, label: str | None, table_folder: TableFolder
) -> None:
    rows = (rest.format(i=i, p=p, c=("cat", "dog")[i % 2], k=i // 3, o=1 - i // 3) for i, p in enumerate("abcdef"))
    root = table_folder("\n".join([header, *rows]))
    if label is None:
        with pytest.raises(DataError, match="any may be the label"):
            open_source(root)
        return
    source = open_source(root)
    assert source.task == "classify"
    assert "dog" in source.classes
    named = "one 1 in a row of their columns" if " " in label else f"in the column {label}"
    assert f"2 classes{',' if ' ' in label else ''} {named}" in source.kind


def test_each_row_with_a_class_of_its_own_is_refused(table_folder: TableFolder) -> None:
    rows = [("path", "label"), ("a.png", 60), *((f"{i}.png", i) for i in range(60))]
    with pytest.raises(DataError, match="each row has a class of its own"):
        open_source(table_folder(written(rows)))


def test_a_task_that_is_named_comes_first(table_folder: TableFolder) -> None:
    root = table_folder("path,label\na.png,1\nb.png,2\nc.png,2\n")
    assert open_source(root, columns=Columns(task="regress")).task == "regress"
    assert open_source(root, columns=Columns(task="multilabel")).classes == ("1", "2")
    root = table_folder("path,label\na.png,x y\nb.png,y\nc.png,x\n")
    assert open_source(root, columns=Columns(task="classify")).classes == ("x", "x y", "y")
    assert labels_by_id(open_source(root, columns=Columns(task="multilabel")))["a.png"] == {"x", "y"}
    root = table_folder("path,label\na.png,x|y\nb.png,y\nc.png,x\n")
    assert open_source(root, columns=Columns(task="classify")).classes == ("x", "x|y", "y")
    root = table_folder("path,cat,dog\na.png,1,0\nb.png,0,1\nc.png,0,1")
    assert open_source(root, columns=Columns(task="multilabel")).task == "multilabel"
    assert open_source(root, columns=Columns(label=("cat",))).classes == ("0", "1")
    one = open_source(root, columns=Columns(label=("cat",), task="multilabel"))
    assert (one.classes, labels_by_id(one)["a.png"]) == (("cat",), {"cat"})
    root = table_folder("path,age\na.png,31.5\nb.png,4\nc.png,7")
    with pytest.raises(
        DataError, match=r"age: '31.5' is a number, and no set of classes such as a\|b; choose --task regress"
    ):
        open_source(root, columns=Columns(task="multilabel"))
    root = table_folder("path,age\na.png,5.0\nb.png,5.0\nc.png,5.0")
    with pytest.raises(DataError, match="all training rows have the number 5.0; choose another column"):
        open_source(root)


def test_splits_and_other_columns(table_folder: TableFolder) -> None:
    rows = "path,label,split,patient\na.png,x,Train,1\nb.png,y,train,2\nc.png,x,valid,3\nd.png,y,test,4\n"
    source = open_source(table_folder(rows))
    assert list(source.splits) == ["train", "val", "test"]
    assert source.kind.endswith(", paths in the column path, 2 classes in the column label; other columns: patient")
    assert source.split_origin == "column split"
    assert labels_by_id(source, "val") == {"c.png": "x"}
    assert {split: listing.columns["patient"] for split, listing in source.splits.items()} == {
        "train": ("1", "2"),
        "val": ("3",),
        "test": ("4",),
    }


def test_images_in_a_folder_beside_the_table(table_folder: TableFolder) -> None:
    root = table_folder("id,label\na.png,x\nb.png,y\n", images="images")
    assert open_source(root).splits["all"].ids == ("images/a.png", "images/b.png")
    (root / "more").mkdir()
    assert open_source(root).kind.startswith("CSV table")  # its paths lead to files
    elsewhere = table_folder("id,label\na.png,x\nb.png,y\n", images="far/images", folder="other")
    assert open_source(elsewhere / "labels.csv").splits["all"].ids == ("far/images/a.png", "far/images/b.png")
    assert open_source(elsewhere, columns=Columns(folder="far")).splits["all"].ids == ("images/a.png", "images/b.png")


def test_class_folders_with_some_table_beside_them_stay_class_folders(class_folders: Callable[..., Path]) -> None:
    root = class_folders({"cat": 1, "dog": 1})
    (root / "notes.csv").write_text("path,label\nnothing.png,x\n")
    assert open_source(root).kind == "class folders"


def test_every_row_ends_in_one_place(table_folder: TableFolder, tmp_path: Path) -> None:
    (tmp_path / "secret.png").write_bytes(b"secret")
    root = table_folder("a b c d f")
    (root / "link.png").symlink_to(tmp_path / "secret.png")
    (root / "inner.png").symlink_to(root / "f.png")
    (root / "out").symlink_to(tmp_path)
    os.mkfifo(root / "pipe.png")
    paths = ["a.png", "./b.png", "x/../c.png", "gone.png", "../secret.png", "out/secret.png", "link.png", "inner.png"]
    paths += [
        str(tmp_path / "secret.png"),
        str(root / "d.png"),
        "pipe.png",
        "a.png",
        "b.png",
        "n" * 300,
        "..",
        "c.png/z",
    ]
    rows = [("path", "label"), *((path, "xy"[path.endswith("d.png")]) for path in paths)]
    (root / "labels.csv").write_text(written(rows).replace("gone", "\r\ngone"), newline="")
    source = open_source(root)
    assert labels_by_id(source) == {"a.png": "x", "b.png": "x", "c.png": "x", "inner.png": "x", "d.png": "y"}
    assert {one.id: one.reason for one in source.splits["all"].skipped} == {
        "gone.png": "missing",
        "../secret.png": "link out of the folder",
        "out/secret.png": "link out of the folder",
        "link.png": "link out of the folder",
        "pipe.png": "not a regular file",
        "n" * 300: "missing",
        "..": "not a regular file",
        "c.png/z": "missing",
    }
    assert source.ignored == {"blank rows": 1, "rows given twice": 3}  # a, b, and the secret by its other name


def test_the_digest_changes_with_a_label_and_a_pixel(table_folder: TableFolder) -> None:
    before = open_source(table_folder(ANIMALS)).digest()
    assert open_source(table_folder(ANIMALS.replace("c.png,dog", "c.png,cat"))).digest() != before
    root = table_folder(ANIMALS)
    content = bytearray((root / "a.png").read_bytes())
    content[-1] ^= 1
    (root / "a.png").write_bytes(content)
    assert open_source(root).digest() != before
    assert np.unique(open_source(root).splits["all"].labels).tolist() == [0, 1]


def test_a_first_row_that_is_an_image_is_no_name_of_columns(table_folder: TableFolder) -> None:
    root = table_folder("a,x\nb,y\nc,x\n")
    with pytest.raises(DataError, match=r"labels.csv, row 1: a is an image, not a column name; add a row above"):
        open_source(root)
    assert open_source(root, columns=Columns(path="a")).splits["all"].ids == ("b.png", "c.png")
    (root / "image.png").write_bytes((root / "a.png").read_bytes())
    assert len(open_source(table_folder("image,label\na,x\nb,y\nimage,x\n")).splits["all"]) == 3
