"""Tables that are none, or say what cannot be: each ends as one line that names the place."""

import csv
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.sources.tables.table_folder import ANIMALS, TableFolder, labels_by_id, written

from striate.data import require_classes
from striate.errors import DataError, SettingError, StriateError
from striate.sources import Columns, open_source

HEAD = "path,label\n"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "no column names in row 1"),
        ("\n\n", "no column names in row 1"),
        ("path,label\n", "column names and no rows"),
        ("path,label\n\n\n", "column names and no rows"),
        (HEAD + "a.png,x\nb.png\n", "row 3: it has 1 cells for 2 columns"),
        (HEAD + "a.png,x\n\nb.png,y,z\n", "row 4: it has 3 cells for 2 columns"),
        (HEAD + '"a\n.png",x\n"b.png"y,z\n', "row 3: ',' expected after"),
        (HEAD + 'a.png,x\n"b.png,y\n', "row 3: unexpected end of data"),
        (HEAD + "a.png,x\nb\0.png,y\n", "row 3: it has a NUL byte"),
        (ANIMALS.encode("utf-16-le"), "row 1: it has a NUL byte"),
        (b"\xff\xfe" + ANIMALS.encode("utf-16-le")[:-1], "not text"),
        (HEAD + "a.png,x\nb.png," + "y" * 200_000, "row 3: field larger than field limit"),
        (HEAD + "a.png,x\nb.png," + "y" * 2**21, "row 3: it is longer than 1048576 characters"),
        (HEAD + "a.png,x\n" + ('"b\n",' * 2**19), "row 3: it is longer than 1048576 characters"),
        ("c," * 10**6, "row 1: it is longer than 1048576 characters"),
        ("c," * 20_000 + "\n", "20001 columns, more than the limit of 10000"),
        ("path,label,label\na.png,x,y\n", "row 1: two columns have the name label"),
        ("color,label\nred,x\nblue,y\n", "no column of paths to existing images, only color, label"),
        ("path\na.png\nb.png\n", "no column of labels, only path"),
        ("path,weight,height\na.png,1,x\nb.png,2,y\n", "columns weight, height, and any may be the label"),
        ("path,label,class\na.png,1,x\nb.png,2,y\n", "has label and class, and either may be the label"),
        (HEAD + "a.png,x\nb.png,\nc.png,y\n", "row 3, column label: the label is missing"),
        (HEAD + "a.png,x\nb.png,NaN\nc.png,y\n", "row 3, column label: the label is missing"),
        (HEAD + "a.png,1.5\nb.png,nan\n", "row 3, column label: the label is missing"),
        (HEAD + "a.png,1\nb.png,1e309\n", "row 3, column label: 1e309 is infinite"),
        (HEAD + "a.png,1.5\nb.png,-inf\n", "row 3, column label: -inf is infinite"),
        (HEAD + "a.png,1.5\nb.png,1e39\n", "row 3, column label: 1e39 is infinite, or too large"),
        (HEAD + "a.png,1\nb.png," + "9" * 5000 + "\n", "row 3, column label: 9{40} is infinite"),
        (HEAD + "a.png,x\n,y\n", "row 3, column path: the path is missing"),
        (HEAD + "a.png,x\nb.png,x\n", "row 2, column label: all training rows have one class, x"),
        (HEAD + "a.png,x\nb.png,y\na.png,y\n", "row 4, column path: a.png is in row 2 too, with another label"),
        (HEAD + "a.png,x\nb.png,y\n./a.png,y\n", "row 4, column path: a.png is in row 2 too, with another label"),
        (HEAD + "gone.png,x\nz.png,y\n", r"none of the 2 images .* can be used \(row 2, gone.png: missing"),
        (HEAD + "a.png,x\nb.png,x\nz.png,y\n", "row 4, column label: all images of the class y are missing"),
        (HEAD.encode() + b"a.png,x\nb.png,caf\xe9\n", r"row 3, column label: 'caf\\xe9' has bytes that are not UTF-8"),
        (
            HEAD.encode() + b"a.png,x\ncaf\xe9.png,y\nb.png,y",
            r"row 3, column path: caf\\xe9.png has bytes that are not",
        ),
        (
            "path,label,split\na.png,x,train\nb.png,y,lern\n",
            "row 3, column split: 'lern' is not a split; write train, val or test",
        ),
        ("path,label,split\na.png,x,val\nb.png,y,test\n", "there are no training rows, only val and test"),
        (
            "path,label,split\na.png,x,train\nb.png,y,train\nc.png,dgo,test",
            "row 4, column label: no training row has",
        ),
        ("path,label,split\na.png,x,train\nb.png,y,train\na.png,x,test", "row 4, column path: a.png is in row 2 too"),
        ("path,x,y\na.png,1.5,2.5\nb.png,1.5,cat\n", "columns x, y, and any may be the label"),
    ],
)
def test_a_hostile_table_ends_as_one_line(content: str | bytes, message: str, table_folder: TableFolder) -> None:
    with pytest.raises(DataError, match=message) as caught:
        open_source(table_folder(content) / "labels.csv")
    assert "labels.csv" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert "; " in str(caught.value)  # the way out


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"path": "pth"}, r"no column 'pth'; did you mean path\?"),
        ({"label": ("label", "labell")}, r"no column 'labell'; did you mean label\?"),
        ({"split": "fold"}, "no column 'fold'; known: label, path"),
        ({"task": "clasify"}, r"task = 'clasify' .* did you mean classify\?"),
        ({"task": "detect"}, "task = 'detect' is not a task for labels"),
        ({"label": ()}, "label is empty"),
    ],
)
def test_a_column_that_is_not_there_is_refused(
    columns: dict[str, Any], message: str, table_folder: TableFolder
) -> None:
    with pytest.raises(SettingError, match=message):
        open_source(table_folder(ANIMALS), columns=Columns(**columns))


def test_columns_of_what_is_no_table_are_refused(class_folders: Callable[..., Path]) -> None:
    with pytest.raises(SettingError, match="only tables have columns"):
        open_source(class_folders({"cat": 1, "dog": 1}), columns=Columns(label=("x",)))


def test_a_task_that_does_not_fit_names_the_cell(table_folder: TableFolder) -> None:
    root = table_folder("path,u,v\na.png,1,0\nb.png,1,1\nc.png,z,2")
    for task, message in (
        ("classify", "row 4, column u: 'z' is not 0 or 1"),
        ("regress", "row 4, column u: 'z' is not a number"),
    ):
        with pytest.raises(DataError, match=message):
            open_source(root, columns=Columns(label=("u", "v"), task=task))  # type: ignore[arg-type]
    with pytest.raises(DataError, match="row 3, column u: the row has 2 classes and not one"):
        open_source(table_folder("path,u,v\na.png,1,0\nb.png,1,1"), columns=Columns(task="classify"))


def test_training_refuses_what_is_no_class_in_one_line(table_folder: TableFolder) -> None:
    for content, what in (("path,y\na.png,.5\nb.png,1", "numbers"), ("path,y\na.png,x|y\nb.png,x", "sets of classes")):
        with pytest.raises(DataError, match=what):
            require_classes(open_source(table_folder(content)))


NAMES = st.text(
    st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1, max_size=20
) | st.sampled_from(
    ["=cmd()", 'a "b", c', "two\nlines", "cr\rlf\r\n", "-x", " a ", "\u202egnp.jpg", "👩‍🚀", "a|b;c", "\ufeff", "\\"]
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(names=st.lists(NAMES, min_size=2, max_size=6, unique=True))
def test_awkward_names_go_there_and_back(names: list[str], tmp_path_factory: pytest.TempPathFactory) -> None:
    names = [f"{name}.png" for name in names]
    root = tmp_path_factory.mktemp("names")
    (root / "images").mkdir()
    for name in names:
        (root / "images" / name).write_bytes(name.encode())
    with (root / "labels.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("path", "label"), *((f"images/{name}", i % 2) for i, name in enumerate(names))])
    listing = open_source(root).splits["all"]
    assert [Path(path).read_bytes().decode() for path in listing.store.paths] == names  # type: ignore[attr-defined]
    assert len(set(listing.ids)) == len(names)
    assert all(("\n" not in one and one.isprintable()) or "\u200d" in one for one in listing.ids)


@given(name=st.binary(min_size=1, max_size=20))
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_names_that_are_no_utf8_are_found(name: bytes, tmp_path_factory: pytest.TempPathFactory) -> None:
    name = name.translate(None, b'/\0"\r\n,') + b"\xe9.png"
    root = tmp_path_factory.mktemp("bytes")
    (Path(os.fsdecode(os.fsencode(root) + b"/" + name))).write_bytes(b"1")
    (root / "b.png").write_bytes(b"2")
    (root / "labels.csv").write_bytes(b"path,label\n" + name + b",x\nb.png,y\n")
    assert labels_by_id(open_source(root)).keys() >= {"b.png"}
    assert len(open_source(root).splits["all"]) == 2


@given(
    rows=st.lists(
        st.tuples(st.sampled_from("abcdef"), st.text(st.characters(exclude_categories=["Cs"]), max_size=8)), max_size=6
    ),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "latin-1"]),
)
@settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_whatever_a_table_holds_it_is_a_source_or_one_line(
    rows: list[tuple[str, str]], encoding: str, table_folder: TableFolder
) -> None:
    content = written([("path", "label"), *((f"{path}.png", label) for path, label in rows)]).encode(
        encoding, "replace"
    )
    try:
        source = open_source(table_folder(content) / "labels.csv")
    except StriateError as error:
        assert "\n" not in str(error)  # noqa: PT017 - either is right
    else:
        listing = source.splits["all"]
        assert len(listing) + len(listing.skipped) + sum(source.ignored.values()) == len(rows)
