"""CSV as spreadsheets, pandas and people write it."""

import pytest
from tests.sources.tables.table_folder import ANIMALS, TableFolder, labels_by_id

from striate.errors import DataError
from striate.sources import open_source

ROWS = {"a.png": "dog", "b.png": "cat", "c.png": "dog"}


@pytest.mark.parametrize(
    ("content", "name"),
    [
        ("sep=;\r\npath;label\r\na.png;dog\r\nb.png;cat\r\nc.png;dog\r\n", "labels.csv"),
        ("sep=,\npath,label\na.png,dog\nb.png,cat\nc.png,dog\n", "labels.csv"),
        ("\ufeffSEP=\t\r\npath\tlabel\r\na.png\tdog\r\nb.png\tcat\r\nc.png\tdog\r\n", "labels.csv"),
        ('"sep=;"\npath;label\na.png;dog\nb.png;cat\nc.png;dog\n', "labels.csv"),
        ("path|label\na.png|dog\nb.png|cat\nc.png|dog\n", "labels.csv"),
        ("path\tlabel\na.png\tdog\nb.png\tcat\nc.png\tdog\n", "labels.txt"),
        ("path,label\na.png,dog\nb.png,cat\nc.png,dog\n", "labels.txt"),
        ("path;label\na.png;dog\nb.png;cat\nc.png;dog\n", "labels.txt"),
        ("path label\na.png dog\nb.png  cat\n\nc.png dog\n", "labels.txt"),
        ("path,label\na.png,dog\nb.png,cat\nc.png,dog\n", "labels.tsv"),
        ('path, label\n"a.png", "dog"\nb.png, "cat"\nc.png,  "dog"\n', "labels.csv"),
        ("path, label\na.png, dog\nb.png, cat\nc.png, dog\n", "labels.csv"),
        ("path\tlabel\na.png\tdog\nb.png\tcat\nc.png\tdog\n", "labels.tab"),
        ("path|label\na.png|dog\nb.png|cat\nc.png|dog\n", "labels.psv"),
        ("\n\r\npath;label\na.png;dog\nb.png;cat\nc.png;dog\n", "labels.csv"),
        (" \n,,,\npath,label\na.png,dog\nb.png,cat\nc.png,dog\n", "labels.csv"),
    ],
)
def test_a_dialect(content: str, name: str, table_folder: TableFolder) -> None:
    root = table_folder(content, name)
    for data in (root, root / name):
        source = open_source(data)
        assert labels_by_id(source) == ROWS
        assert not source.notes
        assert not source.ignored or "\n\n" in content[1:]


def test_rows_below_blank_ones_keep_their_numbers(table_folder: TableFolder) -> None:
    with pytest.raises(DataError, match="row 4: it has 3 cells for 2 columns"):
        open_source(table_folder("\n\npath,label\na.png,x,y\n"))
    with pytest.raises(DataError, match="row 3: a.png is an image, not a column name"):
        open_source(table_folder("\n\na.png,x\n"))


@pytest.mark.parametrize(
    ("name", "start"), [("labels.csv", b"\x1f\x8b"), ("labels.tsv", b"\xd0\xcf\x11\xe0"), ("train.csv", b"PK\3\4")]
)
def test_a_compressed_table_is_refused_as_such(name: str, start: bytes, table_folder: TableFolder) -> None:
    with pytest.raises(DataError, match=f"{name} is compressed, or an old Excel file; unpack it"):
        open_source(table_folder(start + bytes(40), name))


@pytest.mark.parametrize("name", ["metadata.jsonl", "labels.xls"])
def test_a_format_that_is_not_read_names_the_way_out(name: str, table_folder: TableFolder) -> None:
    with pytest.raises(DataError, match=f"{name} has a format that cannot be read; save it as .xlsx or as CSV"):
        open_source(table_folder("x", name))


@pytest.mark.parametrize(
    ("cell", "label"),
    [
        (' "cat, big"', "cat, big"),
        (' "a ""big"" cat"', 'a "big" cat'),
        ('"cat, big"', "cat, big"),
        ('"two\nlines"', "two\\u000alines"),
        ('5" disk', '5" disk'),
        (' "so" they say', '"so" they say'),
        (" 'cat'", "'cat'"),
    ],
)
def test_quotes_after_a_separator_and_a_space(cell: str, label: str, table_folder: TableFolder) -> None:
    root = table_folder(f"path,label,more\na.png,{cell},1\nb.png,x,2\n")
    assert labels_by_id(open_source(root))["a.png"] == label
    assert open_source(root).splits["all"].columns["more"] == ("1", "2")


def test_a_cell_that_begins_with_a_space_keeps_it(table_folder: TableFolder) -> None:
    root = table_folder("")
    (root / "a.png").rename(root / " a.png")
    (root / "labels.csv").write_text('path,label,more\n a.png, "x", z\nb.png,"y, w", z\n')
    source = open_source(root)
    assert labels_by_id(source) == {" a.png": "x", "b.png": "y, w"}
    assert source.splits["all"].columns["more"] == (" z", " z")


def test_rows_are_counted_as_excel_shows_them(table_folder: TableFolder) -> None:
    with pytest.raises(DataError, match="row 3: it has 1 cells for 2 columns"):
        open_source(table_folder("sep=;\npath;label\na.png;x\nb.png\n"))


@pytest.mark.parametrize(
    ("content", "name", "message"),
    [
        ("a.png,dog\nb.png,cat\n", "labels.csv", "row 1: a.png is an image, not a column name"),
        ("a.png dog\nb.png cat\n", "labels.txt", "row 1: a.png is an image, not a column name"),
        ("Images, of things.\nTaken in 2020\n", "about.txt", "row 2: it has 1 cells for 2 columns"),
        ("What these images are: taken in 2020.\n", "about.txt", "no column names in row 1"),
        ("x", "labels.xls", "labels.xls has a format that cannot be read; save it as .xlsx or as CSV"),
        ("x", "labels.ods", "labels.ods has a format that cannot be read; save it as .xlsx or as CSV"),
    ],
)
def test_what_is_no_table_ends_as_one_line(content: str, name: str, message: str, table_folder: TableFolder) -> None:
    with pytest.raises(DataError, match=message) as caught:
        open_source(table_folder(content, name) / name)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("blank", [",", " , ", '"",""'])
def test_rows_of_empty_cells_are_blank(blank: str, table_folder: TableFolder) -> None:
    source = open_source(table_folder(f"{ANIMALS}{blank}\n{blank}\n"))
    assert len(source.splits["all"]) == 3
    assert source.ignored["blank rows"] == 2
    with pytest.raises(DataError, match="row 5, column label: the label is missing"):
        open_source(table_folder(f"{ANIMALS}d.png,\n{blank}\n", folder="other"))


def test_names_of_columns_are_counted_from_the_first_row(table_folder: TableFolder) -> None:
    with pytest.raises(DataError, match="row 3: two columns have the name path"):
        open_source(table_folder(",,\n,,\npath,label,path\na.png,x,1\nb.png,y,1\n"))
