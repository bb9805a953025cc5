"""Tables of paths and labels: what is told by names and contents, and what each hostile table ends as."""

import csv
import io
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from striate.data import (
    Columns,
    Labels,
    LabelSets,
    Limits,
    Numbers,
    Source,
    load_pictures,
    open_source,
    require_classes,
)
from striate.errors import DataError, SettingError, StriateError

Encode = Callable[..., bytes]
Tabled = Callable[..., Path]


@pytest.fixture
def tabled(tmp_path: Path, encode: Encode) -> Tabled:
    """A folder with the pictures a.png to f.png and labels.csv with this content: tabled(b"path,label\n...")."""

    def make(content: bytes | str, name: str = "labels.csv", pictures: str = "", folder: str = "data") -> Path:
        root = tmp_path / folder
        (root / pictures).mkdir(parents=True, exist_ok=True)
        for i, one in enumerate("abcdef"):
            (root / pictures / f"{one}.png").write_bytes(encode(Image.new("RGB", (4, 3), (40 * i, 0, 0))))
        (root / name).write_bytes(content.encode() if isinstance(content, str) else content)
        return root

    return make


def written(rows: Sequence[Sequence[object]], **how: Any) -> str:
    """What an independent writer makes of the rows."""
    text = io.StringIO(newline="")
    csv.writer(text, **how).writerows(rows)
    return text.getvalue()


def told(source: Source, part: str = "all") -> Mapping[str, object]:
    """Path and label of each sample, labels as names or values."""
    listing = source.splits[part]
    targets = listing.targets
    if isinstance(targets, Labels):
        return dict(zip(listing.ids, (source.classes[one] for one in targets.values), strict=True))
    if isinstance(targets, LabelSets):
        sets = [{name for name, is_in in zip(source.classes, row, strict=True) if is_in} for row in targets.values]
        return dict(zip(listing.ids, sets, strict=True))
    assert isinstance(targets, Numbers)
    return dict(zip(listing.ids, (tuple(row) for row in targets.values.tolist()), strict=True))


ANIMALS = "path,label\na.png,dog\nb.png,cat\nc.png,dog\n"


def test_text_is_classes(tabled: Tabled) -> None:
    root = tabled(ANIMALS)
    source = open_source(root)
    assert source.classes == ("cat", "dog")
    assert told(source) == {"a.png": "dog", "b.png": "cat", "c.png": "dog"}
    assert source.kind == "CSV table, 2 classes in the column label"
    assert source.name == "labels"
    assert source.location == str(root / "labels.csv")
    assert not source.ignored
    assert open_source(source.location).digest() == source.digest() == open_source(root / "labels.csv").digest()
    pictures = load_pictures(source, source.native(), threads=1, limits=Limits())["all"]
    assert pictures.images[:, 0, 0, 0].tolist() == [0, 40, 80]


@pytest.mark.parametrize(
    ("content", "task", "classes", "a"),
    [
        ("file,y\na.png,3\nb.png,12\nc.png,3", "classify", ("3", "12"), "3"),  # in the order of the numbers
        ("file,y\na.png,1.0\nb.png,2\nc.png,01", "classify", ("1", "2"), "1"),
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
def test_what_a_column_holds_is_told_by_its_cells(
    content: str, task: str, classes: tuple[str, ...] | None, a: object, tabled: Tabled
) -> None:
    source = open_source(tabled(content))
    assert source.task == task
    assert classes is None or source.classes == classes
    assert told(source)["a.png"] == a


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-8-sig"])
def test_what_a_byte_order_mark_says(encoding: str, tabled: Tabled) -> None:
    mark = "" if encoding in ("utf-16", "utf-8-sig") else "\ufeff"
    source = open_source(tabled((mark + ANIMALS.replace("cat", "Kätzchen")).encode(encoding)))
    assert source.classes == ("Kätzchen", "dog")


def test_many_different_whole_numbers_are_numbers_and_some_are_classes(tabled: Tabled) -> None:
    def rows(different: int, each: int) -> str:
        cells = [i % different for i in range(different * each)]
        return written(
            [("path", "label"), *((f"x{i}.png" if i > 5 else f"{'abcdef'[i]}.png", n) for i, n in enumerate(cells))]
        )

    with pytest.raises(DataError, match="no picture of the class"):
        open_source(tabled(rows(100, 2)))
    with pytest.raises(DataError, match="no picture of the class"):
        open_source(tabled(rows(101, 10)))
    assert open_source(tabled(rows(101, 9))).task == "regress"
    with pytest.raises(DataError, match="each row has a class of its own"):
        open_source(tabled(rows(60, 1)))


def test_a_task_that_is_named_comes_first(tabled: Tabled) -> None:
    root = tabled("path,label\na.png,1\nb.png,2\nc.png,2\n")
    assert open_source(root, columns=Columns(task="regress")).task == "regress"
    assert open_source(root, columns=Columns(task="multilabel")).classes == ("1", "2")
    root = tabled("path,label\na.png,x y\nb.png,y\nc.png,x\n")
    assert open_source(root).classes == ("x", "x y", "y")
    assert told(open_source(root, columns=Columns(task="multilabel")))["a.png"] == {"x", "y"}
    root = tabled("path,label\na.png,x|y\nb.png,y\nc.png,x\n")
    assert open_source(root, columns=Columns(task="classify")).classes == ("x", "x|y", "y")
    root = tabled("path,cat,dog\na.png,1,0\nb.png,0,1\nc.png,0,1")
    assert open_source(root, columns=Columns(task="multilabel")).task == "multilabel"
    assert open_source(root, columns=Columns(label=("cat",))).classes == ("0", "1")


def test_parts_and_other_columns(tabled: Tabled) -> None:
    rows = "path,label,split,patient\na.png,x,Train,1\nb.png,y,train,2\nc.png,x,valid,3\nd.png,y,test,4\n"
    source = open_source(tabled(rows))
    assert list(source.splits) == ["train", "val", "test"]
    assert told(source, "val") == {"c.png": "x"}
    assert {part: listing.columns["patient"] for part, listing in source.splits.items()} == {
        "train": ("1", "2"),
        "val": ("3",),
        "test": ("4",),
    }


def test_pictures_in_a_folder_beside_the_table(tabled: Tabled) -> None:
    root = tabled("id,label\na.png,x\nb.png,y\n", pictures="images")
    assert open_source(root).splits["all"].ids == ("images/a.png", "images/b.png")
    (root / "more").mkdir()
    assert open_source(root).kind.startswith("CSV table")  # its paths lead to files
    elsewhere = tabled("id,label\na.png,x\nb.png,y\n", pictures="far/images", folder="other")
    with pytest.raises(DataError, match=r"no column of paths to pictures that are there, among id, label"):
        open_source(elsewhere / "labels.csv")
    assert len(open_source(elsewhere, columns=Columns(folder="far/images")).splits["all"]) == 2


def test_class_folders_with_some_table_beside_them_stay_class_folders(class_folders: Callable[..., Path]) -> None:
    root = class_folders({"cat": 1, "dog": 1})
    (root / "notes.csv").write_text("path,label\nnothing.png,x\n")
    assert open_source(root).kind == "class folders"


def test_every_row_ends_in_one_place(tabled: Tabled, tmp_path: Path) -> None:
    (tmp_path / "secret.png").write_bytes(b"secret")
    root = tabled("")
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
    assert told(source) == {"a.png": "x", "b.png": "x", "c.png": "x", "inner.png": "x", "d.png": "y"}
    assert {one.id: one.reason for one in source.splits["all"].set_aside} == {
        "gone.png": "vanished",
        "../secret.png": "link out of the folder",
        "out/secret.png": "link out of the folder",
        "link.png": "link out of the folder",
        "pipe.png": "not a regular file",
        "n" * 300: "vanished",
        "..": "not a regular file",
        "c.png/z": "vanished",
    }
    assert source.ignored == {"blank rows": 1, "rows given twice": 3}  # a, b, and the secret by its other name


HEAD = "path,label\n"


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("", "no names of columns in row 1"),
        ("\n\n", "no names of columns in row 1"),
        ("path,label\n", "names of columns and no rows"),
        ("path,label\n\n\n", "names of columns and no rows"),
        (HEAD + "a.png,x\nb.png\n", "row 3: there are 1 cells for 2 columns"),
        (HEAD + "a.png,x\n\nb.png,y,z\n", "row 4: there are 3 cells for 2 columns"),
        (HEAD + '"a\n.png",x\n"b.png"y,z\n', "row 3: ',' expected after"),
        (HEAD + 'a.png,x\n"b.png,y\n', "row 3: unexpected end of data"),
        (HEAD + "a.png,x\nb\0.png,y\n", "row 3: it holds a NUL byte"),
        (ANIMALS.encode("utf-16-le"), "row 1: it holds a NUL byte"),
        (b"\xff\xfe" + ANIMALS.encode("utf-16-le")[:-1], "bytes that are no text"),
        (HEAD + "a.png,x\nb.png," + "y" * 200_000, "row 3: field larger than field limit"),
        (HEAD + "a.png,x\nb.png," + "y" * 2**21, "row 3: it is longer than 1048576 characters"),
        (HEAD + "a.png,x\n" + ('"b\n",' * 2**19), "row 3: it is longer than 1048576 characters"),
        ("c," * 10**6, "row 1: it is longer than 1048576 characters"),
        ("c," * 20_000 + "\n", "20001 columns, more than the 10000"),
        ("path,label,label\na.png,x,y\n", "row 1: two columns are called label"),
        ("colour,label\nred,x\nblue,y\n", "no column of paths to pictures that are there, among colour, label"),
        ("path\na.png\nb.png\n", "no column of labels, only path"),
        ("path,weight,height\na.png,1,x\nb.png,2,y\n", "columns weight, height, and any may be the label"),
        ("path,label,class\na.png,1,x\nb.png,2,y\n", "has label and class, and either may be the label"),
        (HEAD + "a.png,x\nb.png,\nc.png,y\n", "row 3, column label: there is no label"),
        (HEAD + "a.png,x\nb.png,NaN\nc.png,y\n", "row 3, column label: there is no label"),
        (HEAD + "a.png,1.5\nb.png,nan\n", "row 3, column label: there is no label"),
        (HEAD + "a.png,1\nb.png,1e309\n", "row 3, column label: 1e309 is infinite"),
        (HEAD + "a.png,1.5\nb.png,-inf\n", "row 3, column label: -inf is infinite"),
        (HEAD + "a.png,1.5\nb.png,1e39\n", "row 3, column label: 1e39 is infinite, or too large"),
        (HEAD + "a.png,1\nb.png," + "9" * 5000 + "\n", "row 3, column label: 9{40} is infinite"),
        (HEAD + "a.png,x\n,y\n", "row 3, column path: there is no path"),
        (HEAD + "a.png,x\nb.png,x\n", "row 2, column label: all rows to learn from have the one class x"),
        (HEAD + "a.png,x\nb.png,y\na.png,y\n", "row 4, column path: a.png is in row 2 too, with another label"),
        (HEAD + "a.png,x\nb.png,y\n./a.png,y\n", "row 4, column path: a.png is in row 2 too, with another label"),
        (HEAD + "gone.png,x\nz.png,y\n", r"none of the 2 pictures .* can be used \(row 2, gone.png: vanished"),
        (HEAD + "a.png,x\nb.png,x\nz.png,y\n", "row 4, column label: no picture of the class y is there"),
        (HEAD.encode() + b"a.png,x\nb.png,caf\xe9\n", r"row 3, column label: 'caf\\xe9' holds bytes that are no UTF-8"),
        (
            HEAD.encode() + b"a.png,x\ncaf\xe9.png,y\nb.png,y",
            r"row 3, column path: caf\\xe9.png holds bytes that are no",
        ),
        ("path,label,split\na.png,x,train\nb.png,y,learn\n", "row 3, column split: 'learn' is no part"),
        ("path,label,split\na.png,x,val\nb.png,y,test\n", "of val or test; name some train"),
        (
            "path,label,split\na.png,x,train\nb.png,y,train\nc.png,dgo,test",
            "row 4, column label: nothing to learn from has",
        ),
        ("path,label,split\na.png,x,train\nb.png,y,train\na.png,x,test", "row 4, column path: a.png is in row 2 too"),
        ("path,x,y\na.png,1.5,2.5\nb.png,1.5,cat\n", "columns x, y, and any may be the label"),
    ],
)
def test_a_hostile_table_ends_as_one_line(content: str | bytes, says: str, tabled: Tabled) -> None:
    with pytest.raises(DataError, match=says) as caught:
        open_source(tabled(content) / "labels.csv")
    assert "labels.csv" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert "; " in str(caught.value)  # the way out


@pytest.mark.parametrize(
    ("columns", "says"),
    [
        ({"path": "pth"}, r"no column 'pth'; did you mean path\?"),
        ({"label": ("label", "labell")}, r"no column 'labell'; did you mean label\?"),
        ({"split": "fold"}, "no column 'fold'; known: label, path"),
        ({"task": "clasify"}, r"task = 'clasify' .* did you mean classify\?"),
        ({"task": "detect"}, "task = 'detect' is nothing that a table can hold"),
        ({"label": ()}, "label names no column"),
    ],
)
def test_a_column_that_is_not_there_is_refused(columns: dict[str, Any], says: str, tabled: Tabled) -> None:
    with pytest.raises(SettingError, match=says):
        open_source(tabled(ANIMALS), columns=Columns(**columns))


def test_columns_of_what_is_no_table_are_refused(class_folders: Callable[..., Path]) -> None:
    with pytest.raises(SettingError, match="columns are those of a table"):
        open_source(class_folders({"cat": 1, "dog": 1}), columns=Columns(label=("x",)))


def test_a_task_that_does_not_fit_names_the_cell(tabled: Tabled) -> None:
    root = tabled("path,u,v\na.png,1,0\nb.png,1,1\nc.png,z,2")
    for task, says in (
        ("classify", "row 4, column u: 'z' is not 0 or 1"),
        ("regress", "row 4, column u: 'z' is no number"),
    ):
        with pytest.raises(DataError, match=says):
            open_source(root, columns=Columns(label=("u", "v"), task=task))  # type: ignore[arg-type]
    with pytest.raises(DataError, match="row 3, column u: the row has 2 classes and not one"):
        open_source(tabled("path,u,v\na.png,1,0\nb.png,1,1"), columns=Columns(task="classify"))


def test_training_refuses_what_is_no_class_in_one_line(tabled: Tabled) -> None:
    for content, what in (("path,y\na.png,.5\nb.png,1", "numbers"), ("path,y\na.png,x|y\nb.png,x", "several classes")):
        with pytest.raises(DataError, match=what):
            require_classes(open_source(tabled(content)))


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
    (root / "pictures").mkdir()
    for name in names:
        (root / "pictures" / name).write_bytes(name.encode())
    with (root / "labels.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("path", "label"), *((f"pictures/{name}", i % 2) for i, name in enumerate(names))])
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
    assert told(open_source(root)).keys() >= {"b.png"}
    assert len(open_source(root).splits["all"]) == 2


@given(
    rows=st.lists(
        st.tuples(st.sampled_from("abcdef"), st.text(st.characters(exclude_categories=["Cs"]), max_size=8)), max_size=6
    ),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "latin-1"]),
)
@settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_whatever_a_table_holds_it_is_a_source_or_one_line(
    rows: list[tuple[str, str]], encoding: str, tabled: Tabled
) -> None:
    content = written([("path", "label"), *((f"{path}.png", label) for path, label in rows)]).encode(
        encoding, "replace"
    )
    try:
        source = open_source(tabled(content) / "labels.csv")
    except StriateError as error:
        assert "\n" not in str(error)  # noqa: PT017 - either is right
    else:
        listing = source.splits["all"]
        assert len(listing) + len(listing.set_aside) + sum(source.ignored.values()) == len(rows)


def parquet(root: Path, **columns: Any) -> Path:
    (root / "labels.csv").unlink()
    pq.write_table(pa.table(columns), root / "labels.parquet")
    return root


@pytest.mark.parametrize(
    ("labels", "task", "a"),
    [
        (["x", "y", "x"], "classify", "x"),
        (pa.array(["x", "y", "x"]).dictionary_encode(), "classify", "x"),
        ([1, 2, 1], "classify", "1"),
        ([True, False, True], "classify", "True"),
        ([0.5, 1, 2], "regress", (0.5,)),
        ([["x", "y z"], ["y z"], []], "multilabel", {"x", "y z"}),
        ([["x z"], ["y"], []], "multilabel", {"x z"}),
    ],
)
def test_parquet(labels: Any, task: str, a: object, tabled: Tabled) -> None:
    source = open_source(parquet(tabled(""), path=["a.png", "b.png", "c.png"], label=labels))
    assert source.task == task
    assert told(source)["a.png"] == a
    assert source.kind.startswith("Parquet table")


@pytest.mark.parametrize(
    ("labels", "says"),
    [
        (["x", None, "y"], "row 3, column label: there is no label"),
        ([0.5, float("nan"), 1], "row 3, column label: there is no label"),
        ([0.5, float("inf"), 1], "row 3, column label: inf is infinite"),
        ([{"u": 1}] * 3, "column label: it holds struct"),
    ],
)
def test_a_hostile_parquet_ends_as_one_line(labels: Any, says: str, tabled: Tabled) -> None:
    root = parquet(tabled(""), path=["a.png", "b.png", "c.png"], label=labels)
    with pytest.raises(DataError, match=says):
        open_source(root)
    content = (root / "labels.parquet").read_bytes()
    for damaged in (b"", b"PAR1", content[:-20], content[:40] + bytes(40) + content[80:]):
        (root / "labels.parquet").write_bytes(damaged)
        with pytest.raises(DataError) as caught:
            open_source(root)
        assert "\n" not in str(caught.value)


def test_without_pyarrow_it_says_what_to_install(tabled: Tabled, monkeypatch: pytest.MonkeyPatch) -> None:
    root = parquet(tabled(""), path=["a.png", "b.png"], label=["x", "y"])
    monkeypatch.setitem(__import__("sys").modules, "pyarrow.parquet", None)
    with pytest.raises(
        DataError, match=r"labels.parquet is read with pyarrow, which is not here; pip install 'striate\[tables\]'"
    ):
        open_source(root)


def test_the_digest_changes_with_a_label_and_a_pixel(tabled: Tabled) -> None:
    before = open_source(tabled(ANIMALS)).digest()
    assert open_source(tabled(ANIMALS.replace("c.png,dog", "c.png,cat"))).digest() != before
    root = tabled(ANIMALS)
    content = bytearray((root / "a.png").read_bytes())
    content[-1] ^= 1
    (root / "a.png").write_bytes(content)
    assert open_source(root).digest() != before
    assert np.unique(open_source(root).splits["all"].labels).tolist() == [0, 1]
