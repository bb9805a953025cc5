"""Cells of several words: sets of labels are asked about, and the names of classes are not."""

import random
from collections.abc import Sequence

import pytest
from tests.sources.labels.class_names_of_datasets import NAMES
from tests.sources.tables.table_folder import TableFolder, written

from striate.errors import DataError
from striate.sources import Columns, open_source
from striate.sources.labels.word_sets import as_list, word_sets

ASKS_WORDS = "row 2, column label: 'x y' may be several labels or the name of one class; choose --task classify, or "
PLANET = {
    "primary": 0.93,
    "agriculture": 0.3,
    "road": 0.2,
    "water": 0.18,
    "cultivation": 0.11,
    "habitation": 0.1,
    "clear": 0.7,
    "partly_cloudy": 0.2,
    "haze": 0.1,
}
PASCAL = dict.fromkeys(("person", "car", "dog", "cat", "chair", "bicycle", "bottle", "horse"), 0.25)


def drawn(chances: dict[str, float], rows: int, mark: str) -> list[str]:
    """Sets of words, each of which is there with its chance, in the order of the alphabet."""
    draw = random.Random(0)
    sets = ([word for word, chance in sorted(chances.items()) if draw.random() < chance] for _ in range(rows))
    return [mark.join(words) for words in sets if words]


def is_asked(name: str, cells: Sequence[str]) -> bool:
    found = word_sets(name, cells)
    return found is not None and found.sure


@pytest.mark.parametrize("mark", [" ", ", ", "/", "+", " & ", " and ", ":"])
@pytest.mark.parametrize("chances", [PLANET, PASCAL], ids=["planet", "pascal"])
@pytest.mark.parametrize("rows", [40, 2000])
def test_sets_of_words_as_data_sets_have_them(chances: dict[str, float], rows: int, mark: str) -> None:
    assert is_asked("label", drawn(chances, rows, mark))


def test_one_word_in_two_cells_is_asked_about_where_the_column_has_a_name_for_sets() -> None:
    cells = [
        "agriculture clear primary",
        "clear primary",
        "haze primary water",
        "partly_cloudy primary road",
        "cloudy",
    ] * 6
    assert is_asked("tags", cells)
    assert not is_asked("label", cells)
    assert word_sets("tags", ["golden retriever", "poodle", "siamese cat"]) is None
    assert word_sets("tags", ["golden_retriever", "labrador_retriever", "poodle"]) is None


@pytest.mark.parametrize("mark", [" ", ",", "_", "-", ":"])
def test_sets_of_the_same_number_of_words(mark: str) -> None:
    assert is_asked("label", [one.replace(" ", mark) for one in ("cat dog", "cat bird", "dog bird", "cat fish")])


@pytest.mark.parametrize(
    "change", [str, str.lower, lambda name: name.replace(" ", "_"), lambda name: name.replace("_", " ")]
)
@pytest.mark.parametrize("name", NAMES)
def test_names_of_classes_of_well_known_data(name: str, change) -> None:
    assert word_sets("label", list(map(change, NAMES[name]))) is None


@pytest.mark.parametrize(
    ("name", "cells"),
    [
        ("tags", ["clear primary", "haze primary", "clear road", "haze water", "clear"]),
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
def test_few_sets_of_words(name: str, cells: list[str]) -> None:
    assert is_asked(name, cells)


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
    assert word_sets("label", cells) is None
    assert len(cells) != 2 or word_sets("tags", cells) is None


def test_lists_as_python_writes_them() -> None:
    assert as_list("['a', \"b c\"]") == ["a", "b c"]
    assert as_list("['a' 'b']") == ["a", "b"]
    assert as_list("[1, 2]") == ["1", "2"]
    assert as_list("[]") == []
    assert as_list("a, b") is None


def test_lists_are_sets_and_brackets_are_names(table_folder: TableFolder) -> None:
    source = open_source(table_folder("path,label\na.png,\"['x', 'y z']\"\nb.png,['x']\nc.png,[]\n"))
    assert source.task == "multilabel"
    assert source.classes == ("x", "y z")
    assert open_source(table_folder("path,label\na.png,[x]\nb.png,[y]\n")).classes == ("[x]", "[y]")


def test_words_are_asked_and_the_task_answers(table_folder: TableFolder) -> None:
    root = table_folder("path,label\na.png,x y\nb.png,y\nc.png,x\n")
    with pytest.raises(DataError, match=ASKS_WORDS) as caught:
        open_source(root)
    assert "\n" not in str(caught.value)
    assert open_source(root, columns=Columns(task="multilabel")).classes == ("x", "y")
    assert open_source(root, columns=Columns(task="classify")).classes == ("x", "x y", "y")


def test_few_words_that_may_be_sets_are_pointed_out(table_folder: TableFolder) -> None:
    for cells in (
        ("clear primary", "haze primary", "clear road", "haze water", "clear"),
        ("person car", "person", "car dog", "dog", "dog"),
    ):
        rows = [("path", "label"), *((f"{name}.png", cell) for name, cell in zip("abcde", cells, strict=True))]
        source = open_source(table_folder(written(rows)))
        assert source.task == "classify"
        assert "and similar are read as names of classes; --task multilabel reads them" in source.notes[0]
        assert not open_source(table_folder(written(rows)), columns=Columns(task="classify")).notes


@pytest.mark.parametrize(
    ("cells", "classes"),
    [
        (("cat and dog", "cat", "dog"), ("cat", "dog")),
        (("cat, dog and bird", "cat, dog", "dog"), ("bird", "cat", "dog")),
        (("fire truck and dog", "fire truck", "dog"), ("dog", "fire truck")),
        (("cat_dog", "cat_bird", "dog_bird"), ("bird", "cat", "dog")),
        (("bare_ground", "road", "water"), ("bare_ground", "road", "water")),
        (("{'a', 'b'}", "set()", "{'c'}"), ("a", "b", "c")),
        (("('a', 'b')", "('a',)", "()"), ("a", "b")),
    ],
)
def test_the_separator_of_several_labels(
    cells: tuple[str, ...], classes: tuple[str, ...], table_folder: TableFolder
) -> None:
    rows = [("path", "label"), *((f"{name}.png", cell) for name, cell in zip("abc", cells, strict=True))]
    assert open_source(table_folder(written(rows)), columns=Columns(task="multilabel")).classes == classes


def test_lists_of_fractions_are_no_sets(table_folder: TableFolder) -> None:
    rows = [("path", "label"), ("a.png", "[0.5, 1]"), ("b.png", "[2, 1.5]")]
    with pytest.raises(DataError, match="the cell has several fractions, lists, which are not classes"):
        open_source(table_folder(written(rows)))


@pytest.mark.parametrize("word", ["NA", "None", "#N/A", "null", "-"])
def test_classes_named_as_missing_values_give_a_note(word: str, table_folder: TableFolder) -> None:
    source = open_source(table_folder(f"path,label\na.png,cat\nb.png,dog\nc.png,{word}\n"))
    assert word in source.classes
    assert source.notes == (
        f"the class {word} of the column label has 1 row; remove it if that means that the label is missing",
    )
    source = open_source(table_folder(f"path,label\na.png,cat|{word}\nb.png,dog\nc.png,{word}\n"))
    assert source.notes[0].startswith(f"the class {word} of the column label has 2 rows; remove them")


def test_marks_are_classes_as_any_other(table_folder: TableFolder) -> None:
    assert not open_source(table_folder("path,label\na.png,+\nb.png,-\n")).notes
    assert not open_source(table_folder("path,label\na.png,nothing\nb.png,no finding\n")).notes
