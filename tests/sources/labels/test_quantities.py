"""Numbers in cells: measurements, ids of classes, units, decimal commas and separators of thousands."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.sources.tables.table_folder import TableFolder, labels_by_id, written

from striate.errors import DataError, SettingError
from striate.sources import Columns, open_source
from striate.sources.labels.quantities import measured


@pytest.mark.parametrize("name", ["label", "y", "id"])
def test_ids_of_classes(name: str) -> None:
    for numbers in (
        [i % 10 for i in range(30)],
        [1 + i % 102 for i in range(816)],
        [i % 1000 for i in range(3000)],
        [3, 7, 12, 3],
        [-1, 0, 1] * 3,
        [2001 + i % 15 for i in range(60)],
        [7 * (i % 300) for i in range(6000)],
    ):
        assert measured(name, list(map(str, numbers))) is False
    assert measured("label", [f"{i:03}" for i in range(5, 400, 7)]) is False
    assert (
        measured("label", [f"{1 + i % 12}.0" for i in range(40)]) is False
    )  # as pandas writes whole numbers with gaps


def test_measurements() -> None:
    random = np.random.default_rng(0)
    ages, prices = random.integers(18, 81, 200), random.integers(100, 2000, 300)
    for name in ("label", "age"):
        assert measured(name, list(map(str, ages))) is None
        assert measured(name, list(map(str, map(float, ages)))) is None
    assert measured("price", list(map(str, prices))) is True  # hardly any comes twice
    assert measured("target", list(map(str, random.integers(0, 10**6, 1000)))) is True
    assert measured("age", [str(1 + i % 90) for i in range(9000)]) is None  # dense and often, and yet no ids
    assert measured("rating", list("12345") * 20) is False


def test_decimal_commas_are_asked_and_the_task_answers(table_folder: TableFolder) -> None:
    root = table_folder("path;label\na.png;0,5\nb.png;2\nc.png;1,25\n")
    with pytest.raises(DataError, match=r"row 2, column label: '0,5' may be a number with a comma, .*--task regress"):
        open_source(root)
    source = open_source(root, columns=Columns(task="regress"))
    assert labels_by_id(source) == {"a.png": (0.5,), "b.png": (2.0,), "c.png": (1.25,)}
    assert open_source(root, columns=Columns(task="classify")).classes == ("0,5", "1,25", "2")


@pytest.mark.parametrize("task", ["classify", "regress"])
def test_numbers_are_asked_and_the_task_answers(task: str, tmp_path: Path, png: Callable[[Path], None]) -> None:
    ages = [18 + 7 * i % 31 for i in range(60)]
    for i in range(60):
        png(tmp_path / f"{i}.png")
    paths = [f"{i}.png" for i in range(60)]
    (tmp_path / "a.csv").write_text(
        "path,age\n" + "".join(f"{path},{age}\n" for path, age in zip(paths, ages, strict=True))
    )
    pq.write_table(pa.table({"path": paths, "age": ages}), tmp_path / "a.parquet")
    np.savez(tmp_path / "a.npz", x=np.zeros((60, 4, 4), np.uint8), y=np.array(ages))
    for name in ("a.csv", "a.parquet", "a.npz"):
        with pytest.raises(DataError, match=r"31 different numbers from 18 to 48 .*--task classify, or --task regress"):
            open_source(tmp_path / name)
        source = open_source(tmp_path / name, columns=Columns(task=task))  # type: ignore[arg-type]
        assert source.task == task
        assert task == "regress" or source.classes == tuple(map(str, range(18, 49)))


def test_a_task_that_the_data_do_not_have_is_refused(class_folders: Callable[..., Path]) -> None:
    root = class_folders({"cat": 1, "dog": 1})
    assert open_source(root, columns=Columns(task="classify")).task == "classify"
    with pytest.raises(SettingError, match=r"task = 'regress': .* has labels for classify; leave --task out"):
        open_source(root, columns=Columns(task="regress"))


def test_classes_that_a_file_holds_as_numbers_have_no_point(tmp_path: Path, png: Callable[[Path], None]) -> None:
    for name in "abc":
        png(tmp_path / f"{name}.png")
    pq.write_table(pa.table({"path": ["a.png", "b.png", "c.png"], "label": [1.0, 2.0, 10.0]}), tmp_path / "a.parquet")
    assert open_source(tmp_path / "a.parquet").classes == ("1", "2", "10")
    np.savez(tmp_path / "a.npz", x=np.zeros((3, 4, 4), np.uint8), y=np.array([1.0, 2.0, 10.0]))
    assert open_source(tmp_path / "a.npz").classes == ("1", "2", "10")
    np.savez(tmp_path / "b.npz", x=np.zeros((3, 4, 4), np.uint8), y=np.array(["7", "007", "8"]))
    assert open_source(tmp_path / "b.npz").classes == ("7", "007", "8")


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        (
            "12 kg,30 kg,9.5 kg",
            "row 2, column label: '12 kg' may be a measurement or the name of a class; .*--task regress",
        ),
        ("$10.50,$1.5,$2", "row 2, column label: '\\$10.50' may be a measurement"),
        ("12.5%,30%,7.25%", "row 2, column label: '12.5%' may be a measurement"),
        ("1.5,2.5,NA", "row 4, column label: 'NA' is not a number, and most labels are; .* --task classify"),
        ("1.5,2.5,?", "row 4, column label: '\\?' is not a number"),
        ("-,2.5,1", "row 2, column label: '-' is not a number"),
        ("1.5 kg,2.5 kg,500 g", "row 4, column label: '500 g' is not a number, and most"),
        ("1.5,2.5,", "row 4, column label: the label is missing"),
    ],
)
def test_numbers_that_are_written_by_people_are_asked_about(
    cells: str, message: str, table_folder: TableFolder
) -> None:
    rows = "".join(f"{name}.png,{cell}\n" for name, cell in zip("abc", cells.split(","), strict=True))
    with pytest.raises(DataError, match=message):
        open_source(table_folder("path,label\n" + rows))
    if "classify" in message or "class;" in message:
        assert len(open_source(table_folder("path,label\n" + rows), columns=Columns(task="classify")).classes) == 3


@pytest.mark.parametrize(
    "cells",
    [
        "1st,2nd,3rd",
        "2 doors,4 doors,2 doors",
        "3a,3b,4a",
        "30%,10%,20%",
        "50kmh,30kmh,50kmh",
        "1,2,3+",
        "img1,img2,img3",
        "A4,A5,A4",
        "1.2.3,1.2.4,2.0.0",
        "v1.0,v1.1,v1.0",
    ],
)
def test_numbers_in_the_names_of_classes_are_plain(cells: str, table_folder: TableFolder) -> None:
    rows = "".join(f"{name}.png,{cell}\n" for name, cell in zip("abc", cells.split(","), strict=True))
    source = open_source(table_folder("path,label\n" + rows))
    assert (source.task, source.notes) == ("classify", ())


@pytest.mark.parametrize(
    ("cells", "numbers"),
    [
        (("0,5", "2", "1,250"), (0.5, 2, 1.25)),
        (("1,101", "2,2", "3,500"), (1.101, 2.2, 3.5)),
        (("1,101,000", "2,000", "7"), (1101000, 2000, 7)),
        (("1,101.5", "2,000", "7"), (1101.5, 2000, 7)),
        (("1.101,5", "2.000", "7"), (1101.5, 2000, 7)),
        (("1.101", "2.202", "7.5"), (1.101, 2.202, 7.5)),
        (("12 kg", "0.5 kg", "1e1 kg"), (12, 0.5, 10)),
        (("$1,101.50", "$2", "-$3"), (1101.5, 2, -3)),
        (("12,5%", "30%", "7%"), (12.5, 30, 7)),
    ],
)
def test_numbers_are_read_as_people_write_them(
    cells: tuple[str, ...], numbers: tuple[float, ...], table_folder: TableFolder
) -> None:
    rows = [("path", "label"), *((f"{name}.png", cell) for name, cell in zip("abc", cells, strict=True))]
    source = open_source(table_folder(written(rows)), columns=Columns(task="regress"))
    assert [labels_by_id(source)[f"{name}.png"] for name in "abc"] == [(pytest.approx(number),) for number in numbers]
    assert bool(source.notes) == any("," in cell for cell in cells)


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        (("1,101", "2,200", "7"), "row 2, column label: '1,101' may be 1.101 or 1101, as three digits"),
        (("1,101 kg", "2,200 kg", "7 kg"), "row 2, column label: '1,101 kg' may be 1.101 or 1101"),
        (("1.5", "7", "1,5"), "row 4, column label: '1,5' has a decimal comma, and '1.5' a point"),
        (("1.5 kg", "2 kg", "500 g"), "row 4, column label: '500 g' is not a number in kg, as others are"),
    ],
)
def test_numbers_that_may_be_two_are_refused(cells: tuple[str, ...], message: str, table_folder: TableFolder) -> None:
    rows = [("path", "label"), *((f"{name}.png", cell) for name, cell in zip("abc", cells, strict=True))]
    with pytest.raises(DataError, match=message):
        open_source(table_folder(written(rows)), columns=Columns(task="regress"))


def test_product_numbers_with_several_images_each_are_classes() -> None:
    products = [1001, 1005, 1010, 1023, 1040, 1055, 1077, 1080, 1099, 1111, 1200, 1300]
    assert measured("label", [str(one) for one in products * 3]) is False
    assert measured("label", [str(one) for one in products * 2]) is None


@pytest.mark.parametrize("slip", ["2", "maybe"])
def test_a_slip_among_columns_of_0_and_1_does_not_make_numbers_of_classes(slip: str, table_folder: TableFolder) -> None:
    header = ["path", "ant", "cat", "dog", "eel"]
    rows = [[f"{name}.png", n % 2, n // 2 % 2, 1, 0] for n, name in enumerate("abcdef")]
    columns = Columns(label=("ant", "cat", "dog", "eel"))
    assert open_source(table_folder(written([header, *rows])), columns=columns).task == "multilabel"
    rows[4][3] = slip
    files = table_folder(written([header, *rows]), folder="slip")
    message = f"row 6, column dog: '{slip}' among columns of 0 and 1; fix it, or choose --task regress"
    with pytest.raises(DataError, match=message):
        open_source(files, columns=columns)
    if slip == "2":
        assert open_source(files, columns=replace(columns, task="regress")).task == "regress"
