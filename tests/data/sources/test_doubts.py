"""Labels that may mean two things are asked about, and those that are plain are not."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.data.sources.tables import Tabled, told

from striate.data import Columns, open_source
from striate.data.sources.doubts import as_list, measured, set_of_words
from striate.errors import DataError, SettingError

ASKS_WORDS = (
    "row 2, column label: 'x y' may be several labels or the name of one class; say which: --task multilabel or --task"
)


@pytest.mark.parametrize(
    ("name", "cells"),
    [
        ("tags", ["clear primary", "haze primary", "clear road", "haze water", "clear"]),
        ("label", ["clear primary", "haze primary", "clear road", "haze water", "clear"]),
        ("labels", ["person car", "person", "car dog", "dog"]),
        ("label", ["cat, dog", "cat", "dog"]),
        ("label", ["cat,dog", "cat", "bird,dog", "bird"]),
        ("label", ["Action/Drama", "Drama", "Comedy", "Comedy/Action"]),
        ("label", ["cat & dog", "cat", "dog"]),
        ("label", ["cat+dog", "cat", "dog"]),
        ("Target", ["16 0", "0", "5 16", "5", "7 0 5"]),
        ("keywords", ["clear primary", "haze water", "clear water", "haze primary"]),  # the name lowers the bar
        ("image tags", ["primary", "clear primary", "haze primary", "clear road", "haze road", "road"]),
    ],
)
def test_sets_of_words(name: str, cells: list[str]) -> None:
    assert set_of_words(name, cells) in cells


@pytest.mark.parametrize(
    "cells",
    [
        ["turn left", "turn right"],
        ["golden retriever", "labrador", "german shepherd", "poodle"],
        ["red apple", "green apple", "red pear"],
        ["red apple", "green apple", "red pear", "green pear"],
        ["apple", "red apple", "green apple"],
        ["apple", "red apple", "green apple", "pear", "red pear", "green pear"],
        ["New York", "York", "New Delhi", "Paris"],
        ["no damage", "damage", "minor damage", "major damage"],
        ["tench, Tinca tinca", "goldfish, Carassius auratus", "shark"],
        ["a dog runs on grass", "a cat sits", "two men on a boat"],
        ["cat", "dog"],
        ["animal/cat", "animal/dog", "plant/rose"],
        ["animal", "animal/cat", "animal/dog"],
        ["A+", "A", "B+", "B"],
        ["n/a", "yes", "no"],
    ],
)
def test_names_of_classes_that_have_spaces(cells: list[str]) -> None:
    assert set_of_words("label", cells) is None
    assert len(cells) != 2 or set_of_words("tags", cells) is None


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


def test_lists_as_python_writes_them() -> None:
    assert as_list("['a', \"b c\"]") == ["a", "b c"]
    assert as_list("['a' 'b']") == ["a", "b"]
    assert as_list("[1, 2]") == ["1", "2"]
    assert as_list("[]") == []
    assert as_list("a, b") is None


def test_lists_are_sets_and_brackets_are_names(tabled: Tabled) -> None:
    source = open_source(tabled("path,label\na.png,\"['x', 'y z']\"\nb.png,['x']\nc.png,[]\n"))
    assert source.task == "multilabel"
    assert source.classes == ("x", "y z")
    assert open_source(tabled("path,label\na.png,[x]\nb.png,[y]\n")).classes == ("[x]", "[y]")


def test_words_are_asked_and_the_task_answers(tabled: Tabled) -> None:
    root = tabled("path,label\na.png,x y\nb.png,y\nc.png,x\n")
    with pytest.raises(DataError, match=ASKS_WORDS) as caught:
        open_source(root)
    assert "\n" not in str(caught.value)
    assert open_source(root, columns=Columns(task="multilabel")).classes == ("x", "y")
    assert open_source(root, columns=Columns(task="classify")).classes == ("x", "x y", "y")


def test_decimal_commas_are_asked_and_the_task_answers(tabled: Tabled) -> None:
    root = tabled("path;label\na.png;0,5\nb.png;2\nc.png;1,25\n")
    with pytest.raises(
        DataError, match=r"row 2, column label: '0,5' may be a number with a decimal comma, .*--task regress"
    ):
        open_source(root)
    source = open_source(root, columns=Columns(task="regress"))
    assert told(source) == {"a.png": (0.5,), "b.png": (2.0,), "c.png": (1.25,)}
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
        with pytest.raises(DataError, match=r"31 different numbers from 18 to 48 .*--task regress or --task classify"):
            open_source(tmp_path / name)
        source = open_source(tmp_path / name, columns=Columns(task=task))  # type: ignore[arg-type]
        assert source.task == task
        assert task == "regress" or source.classes == tuple(map(str, range(18, 49)))


def test_a_task_that_the_data_do_not_have_is_refused(class_folders: Callable[..., Path]) -> None:
    root = class_folders({"cat": 1, "dog": 1})
    assert open_source(root, columns=Columns(task="classify")).task == "classify"
    with pytest.raises(SettingError, match=r"task = 'regress': .* has labels for classify; leave --task out"):
        open_source(root, columns=Columns(task="regress"))


def test_what_a_file_holds_as_numbers_is_called_without_a_point(tmp_path: Path, png: Callable[[Path], None]) -> None:
    for name in "abc":
        png(tmp_path / f"{name}.png")
    pq.write_table(pa.table({"path": ["a.png", "b.png", "c.png"], "label": [1.0, 2.0, 10.0]}), tmp_path / "a.parquet")
    assert open_source(tmp_path / "a.parquet").classes == ("1", "2", "10")
    np.savez(tmp_path / "a.npz", x=np.zeros((3, 4, 4), np.uint8), y=np.array([1.0, 2.0, 10.0]))
    assert open_source(tmp_path / "a.npz").classes == ("1", "2", "10")
    np.savez(tmp_path / "b.npz", x=np.zeros((3, 4, 4), np.uint8), y=np.array(["7", "007", "8"]))
    assert open_source(tmp_path / "b.npz").classes == ("7", "007", "8")
