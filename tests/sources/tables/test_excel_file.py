"""Excel workbooks as tables, and what is refused."""

import datetime
import io
import zipfile
from collections.abc import Sequence
from pathlib import Path

import pytest
from openpyxl import Workbook, load_workbook
from tests.sources.tables.table_folder import TableFolder, labels_by_id

from striate.errors import DataError
from striate.sources import open_source


def workbook(path: Path, *sheets: Sequence[Sequence[object]], hidden: int = 0) -> Path:
    book = Workbook()
    book.remove(book.active)
    for i, rows in enumerate(sheets):
        sheet = book.create_sheet(f"sheet {i}")
        sheet.sheet_state = "hidden" if i < hidden else "visible"
        for row in rows:
            sheet.append(row)
    book.save(path)
    return path.parent


HEAD = ("path", "label")
ANIMALS = (HEAD, ("a.png", "dog"), ("b.png", "cat"), ("c.png", "dog"))


def test_a_workbook(table_folder: TableFolder) -> None:
    root = table_folder("")
    (root / "labels.csv").unlink()
    workbook(root / "labels.xlsx", ANIMALS)
    source = open_source(root)
    assert labels_by_id(source) == {"a.png": "dog", "b.png": "cat", "c.png": "dog"}
    assert source.kind == "Excel table labels.xlsx, paths in the column path, 2 classes in the column label"
    assert not source.notes
    assert not source.ignored


@pytest.mark.parametrize(
    ("cells", "classes"),
    [
        ((1, 2.0, 10), ("1", "2", "10")),
        (("7", "007", 8), ("7", "007", "8")),
        ((True, False, True), ("False", "True")),
        (("=x", "x", "y"), ("=x", "x", "y")),
    ],
)
def test_cells(cells: tuple[object, ...], classes: tuple[str, ...], table_folder: TableFolder) -> None:
    rows = [(f"{name}.png", cell) for name, cell in zip("abc", cells, strict=True)]
    root = table_folder("")
    path = root / "labels.xlsx"
    workbook(path, [HEAD, *rows])
    if cells[0] == "=x":  # as text, not as a formula
        book = load_workbook(path)
        book.active["B2"].data_type = "s"
        book.save(path)
    assert open_source(path).classes == classes


def test_what_lies_around_the_table(table_folder: TableFolder) -> None:
    root = table_folder("")
    rows = [
        (),
        (None, "path", "label", "when", "is_valid", None),
        (None, "a.png", "x", datetime.datetime(2024, 1, 31), False),
    ]
    rows += [
        (),
        (None, "b.png", "y", datetime.datetime(2024, 2, 1, 12), False),
        (None, "c.png", "y", None, True),
        (None,),
        (),
    ]
    workbook(root / "labels.xlsx", rows)
    source = open_source(root / "labels.xlsx")
    assert labels_by_id(source, "train") == {"a.png": "x", "b.png": "y"}
    assert source.splits["train"].columns == {"when": ("2024-01-31", "2024-02-01T12:00:00")}
    assert source.split_origin == "column is_valid (True is val)"


def test_several_sheets(table_folder: TableFolder) -> None:
    root = table_folder("")
    workbook(root / "labels.xlsx", [("old",)], (), ANIMALS, [("x", "y")], hidden=1)
    source = open_source(root / "labels.xlsx")
    assert source.classes == ("cat", "dog")
    assert source.notes == (
        f"{root}/labels.xlsx: the sheet sheet 2 is read, and sheet 3 not; to read another sheet, save it as a file of its own",
    )


@pytest.mark.parametrize(
    "first", [[("made by me",), ("in 2020",)], [("class", "count"), ("cat", 1)], [("photos",), ("", "x")]]
)
def test_the_sheet_with_paths_is_read(first: Sequence[Sequence[object]], table_folder: TableFolder) -> None:
    root = table_folder("")
    workbook(root / "labels.xlsx", first, ANIMALS)
    source = open_source(root / "labels.xlsx")
    assert labels_by_id(source) == {"a.png": "dog", "b.png": "cat", "c.png": "dog"}
    assert "the sheet sheet 1 is read, and sheet 0 not" in source.notes[0]


def test_a_workbook_is_read_under_any_name(table_folder: TableFolder) -> None:
    root = table_folder("")
    workbook(root / "labels.xlsx", ANIMALS)
    (root / "labels.xlsx").rename(root / "labels.csv")
    assert open_source(root).kind.startswith("Excel table labels.csv")


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([], "only empty sheets"),
        ([HEAD], "column names and no rows"),
        ([HEAD, ("a.png", "x"), ("b.png", None), ("c.png", "y")], "row 3, column label: the label is missing"),
        ([HEAD, ("a.png", "x", "note"), ("b.png", "y")], "row 2: 'note' is in a column without a name"),
        ([HEAD, ("a.png", "x"), (None, "y")], "row 3, column path: the path is missing"),
    ],
)
def test_a_workbook_that_is_no_table(rows: Sequence[Sequence[object]], message: str, table_folder: TableFolder) -> None:
    root = table_folder("")
    workbook(root / "labels.xlsx", rows)
    with pytest.raises(DataError, match=message):
        open_source(root / "labels.xlsx")


def test_damaged_and_hostile_workbooks_end_as_one_line(
    table_folder: TableFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = table_folder("")
    path = root / "labels.xlsx"
    workbook(path, ANIMALS)
    content = path.read_bytes()
    other = io.BytesIO()
    with zipfile.ZipFile(other, "w") as archive:
        archive.writestr("something.txt", "else")
    for damaged in (
        b"",
        b"PK",
        b"path,label\n",
        content[:-40],
        content[:200] + bytes(200) + content[400:],
        other.getvalue(),
    ):
        path.write_bytes(damaged)
        with pytest.raises(DataError, match="cannot read .*save it again as .xlsx, or as CSV") as caught:
            open_source(path)
        assert "\n" not in str(caught.value)
    path.write_bytes(content)
    monkeypatch.setattr("striate.sources.tables.excel_file._MAX_UNPACKED", 1000)
    with pytest.raises(DataError, match="unpacks to .* bytes, more than the limit of 1000"):
        open_source(path)


def test_without_openpyxl_the_error_names_what_to_install(
    table_folder: TableFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = table_folder("")
    workbook(root / "labels.xlsx", ANIMALS)
    monkeypatch.setitem(__import__("sys").modules, "openpyxl", None)
    with pytest.raises(
        DataError, match=r"openpyxl, which is not installed; pip install 'striate\[tables\]', or save it as CSV"
    ):
        open_source(root / "labels.xlsx")
