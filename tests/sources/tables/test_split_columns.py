"""Columns that say which split a row is of: the names and forms that people use, and what only looks like one."""

from collections.abc import Sequence

import pytest
from tests.sources.tables.table_folder import TableFolder, labels_by_id

from striate.data import Source
from striate.errors import DataError
from striate.sources import Columns, open_source


def opened(table_folder: TableFolder, head: str, cells: Sequence[str], **columns: str) -> Source:
    """The source over a.png to f.png with labels x and y in turn and these cells in the columns after them."""
    rows = [f"{name}.png,{'xy'[i % 2]},{cell}" for i, (name, cell) in enumerate(zip("abcdef", cells, strict=False))]
    return open_source(table_folder("\n".join([f"path,label,{head}", *rows])), columns=Columns(**columns))  # type: ignore[arg-type]


def splits(source: Source) -> dict[str, str]:
    return {name: "".join(id_[0] for id_ in listing.ids) for name, listing in source.splits.items()}


@pytest.mark.parametrize(
    ("head", "cells", "expected", "origin"),
    [
        ("split", ["Train", "TRAINING", "val", "dev", "Testing", "hold-out"], ("ab", "cd", "ef"), "column split"),
        ("Data Set", ["train"] * 4 + ["Validation", "test set"], ("abcd", "e", "f"), "column Data Set"),
        ("Usage", ["Training"] * 4 + ["PublicTest", "PrivateTest"], ("abcd", "", "ef"), "column Usage"),
        ("set", ["learn"] * 4 + ["test"] * 2, ("abcd", "", "ef"), "column set"),
        ("Split", ["tr"] * 4 + ["va", "te"], ("abcd", "e", "f"), "column Split"),
        ("subset", ["train"] * 4 + ["valid"] * 2, ("abcd", "ef", ""), "column subset"),
        ("is_valid", ["False"] * 4 + ["True"] * 2, ("abcd", "ef", ""), "column is_valid (True is val)"),
        ("isvalid", ["0"] * 4 + ["1"] * 2, ("abcd", "ef", ""), "column isvalid (1 is val)"),
        ("Is Test?", ["FALSCH"] * 4 + ["WAHR"] * 2, ("abcd", "", "ef"), "column Is Test? (WAHR is test)"),
        ("is_valid", ["nein"] * 4 + ["ja"] * 2, ("abcd", "ef", ""), "column is_valid (ja is val)"),
        ("isVal", ["0"] * 4 + ["1"] * 2, ("abcd", "ef", ""), "column isVal (1 is val)"),
        ("validation", ["", "", "", "", "x", "X"], ("abcd", "ef", ""), "column validation (x is val)"),
        ("is_test", ["no"] * 4 + ["yes"] * 2, ("abcd", "", "ef"), "column is_test (yes is test)"),
        ("test", ["f"] * 4 + ["t"] * 2, ("abcd", "", "ef"), "column test (t is test)"),
        ("is_train", ["1"] * 4 + ["0"] * 2, ("abcd", "", "ef"), "column is_train (1 is train)"),
        ("is_training_image", ["1"] * 4 + ["0"] * 2, ("abcd", "", "ef"), "column is_training_image (1 is train)"),
        (
            "is_valid,is_test",
            ["0,0", "0,0", "0,0", "0,0", "1,0", "0,1"],
            ("abcd", "e", "f"),
            "columns is_valid (1 is val), is_test (1 is test)",
        ),
        (
            "is_train,is_valid",
            ["1,0", "1,0", "1,0", "1,0", "0,1", "0,0"],
            ("abcd", "e", "f"),
            "columns is_train (1 is train), is_valid (1 is val)",
        ),
        ("split,is_test", ["train,0"] * 4 + [",1", "val,0"], ("abcd", "f", "e"), "columns split, is_test (1 is test)"),
        ("is_test,is_valid", ["0,0"] * 4 + ["0,1"] * 2, ("abcd", "ef", ""), "column is_valid (1 is val)"),
    ],
)
def test_a_column_of_splits(
    head: str, cells: list[str], expected: tuple[str, str, str], origin: str, table_folder: TableFolder
) -> None:
    source = opened(table_folder, head, cells)
    assert splits(source) == {name: ids for name, ids in zip(("train", "val", "test"), expected, strict=True) if ids}
    assert source.split_origin == origin
    assert not source.notes


@pytest.mark.parametrize(
    ("head", "cells"),
    [
        ("set", ["1", "2", "3", "1", "2", "3"]),
        ("mode", ["night", "day"] * 3),
        ("phase", ["train", "bus"] * 3),
        ("is_valid", ["True"] * 6),  # each row is good
        ("is_test", ["False"] * 6),
        ("test", ["pos", "neg"] * 3),
        ("stage", ["1", "2", "3"] * 2),
        ("camera", ["train"] * 6),
        ("invalid", ["0", "1"] * 3),
        ("blood_test", ["0", "1"] * 3),
        ("train_station", ["A", "B"] * 3),
        ("test_score", ["0.1", "0.2"] * 3),
    ],
)
def test_what_only_sounds_like_a_split_is_a_column(head: str, cells: list[str], table_folder: TableFolder) -> None:
    source = opened(table_folder, head, cells)
    assert splits(source) == {"all": "abcdef"}
    assert source.splits["all"].columns[head] == tuple(cells)
    assert not source.notes
    assert not source.split_origin


def test_labels_with_names_of_splits_stay_labels(table_folder: TableFolder) -> None:
    assert open_source(table_folder("path,test\na.png,pos\nb.png,neg\n")).classes == ("neg", "pos")
    assert open_source(table_folder("path,is_valid\na.png,True\nb.png,False\n")).classes == ("False", "True")
    source = open_source(table_folder("path,car,train,bus\na.png,1,0,0\nb.png,0,1,0\nc.png,0,0,1\n"))  # vehicles
    assert source.classes == ("car", "train", "bus")
    assert list(source.splits) == ["all"]
    source = open_source(table_folder("path,car,bus,is_test\na.png,1,0,0\nb.png,0,1,0\nc.png,0,1,1\n"))
    assert source.classes == ("car", "bus")
    assert splits(source) == {"train": "ab", "test": "c"}


def test_an_unusual_name_is_used_and_pointed_out(table_folder: TableFolder) -> None:
    cells = ["train"] * 4 + ["val"] * 2
    source = opened(table_folder, "what for", cells)
    assert splits(source) == {"train": "abcd", "val": "ef"}
    assert source.notes == (
        "the column what for holds train, val alone, so it is read as the split; --split-column none keeps it as a column",
    )
    assert splits(opened(table_folder, "what for", cells, split="none")) == {"all": "abcdef"}
    assert not opened(table_folder, "what for", cells, split="what for").notes


@pytest.mark.parametrize("learned", ["Training", "entrainement", "Trainingsdaten", "训练"])
def test_cells_of_other_languages(learned: str, table_folder: TableFolder) -> None:
    assert splits(opened(table_folder, "Teil", [learned] * 4 + ["Testdaten"] * 2)) == {"train": "abcd", "test": "ef"}


@pytest.mark.parametrize(
    ("head", "cells", "held"),
    [
        ("fold", list("012012"), "0, 1, 2"),
        ("cv", list("012340"), "0, 1, 2, 3, 4"),
        ("kfold", ["fold1", "fold2"] * 3, "fold1, fold2"),
        ("train?", ["1", "1", "1", "1", "-1", "-1"], "-1, 1"),
        ("valid_idx", list("000011"), "0, 1"),
        ("is_oof", list("000011"), "0, 1"),
        ("not_train", ["True", "False"] * 3, "False, True"),
        ("subset", list("TTTTVV"), "T, V"),
        ("subset", list("111122"), "1, 2"),
        ("valid", list("000012"), "0, 1, 2"),
        ("what for", ["train"] * 4 + ["val", "tset"], "train, tset, val"),
        ("what for", ["train"] * 4 + ["val", ""], "nothing, train, val"),
        ("what for", ["val"] * 3 + ["test"] * 3, "test, val"),
        *((name, list("000011"), "0, 1") for name in ("is_in_test_set", "is_trainval", "test_only", "isUnseen")),
        ("exclude from training", list("000011"), "0, 1"),
        ("Datensatz", ["Training"] * 4 + ["Validierend"] * 2, "Training, Validierend"),
        ("Teil", ["Trainingsgut"] * 4 + ["Testgut"] * 2, "Testgut, Trainingsgut"),
    ],
)
def test_what_may_be_a_split_and_is_not_used_is_pointed_out(
    head: str, cells: list[str], held: str, table_folder: TableFolder
) -> None:
    source = opened(table_folder, head, cells)
    assert splits(source) == {"all": "abcdef"}
    assert source.notes == (
        f"the column {head} holds {held} and is not used; if it is the split, write train, val or test in each row and "
        f"give --split-column {head}",
    )
    assert not opened(table_folder, head, cells, split="none").notes


@pytest.mark.parametrize("head", ["blood_test", "test_result", "invalid", "pretraining", "dev_stage", "age at test"])
def test_a_name_with_a_word_of_splits_and_another_is_no_split(head: str, table_folder: TableFolder) -> None:
    assert not opened(table_folder, head, list("010101")).notes


@pytest.mark.parametrize("cells", [("train", "bus"), ("valid", "invalid"), ("test", "control"), ("tests", "testing")])
def test_a_word_of_splits_among_others_is_none(cells: tuple[str, str], table_folder: TableFolder) -> None:
    assert not opened(table_folder, "kind", [*cells] * 3).notes


def test_a_second_column_of_splits_is_pointed_out_where_it_differs(table_folder: TableFolder) -> None:
    cells = ["train,train"] * 4 + ["val,val"] * 2
    assert not opened(table_folder, "split,old", cells).notes
    assert (
        opened(table_folder, "split,old", [*cells[1:], "val,train"])
        .notes[0]
        .startswith("the column old holds train, val")
    )


@pytest.mark.parametrize(
    ("head", "cells", "message"),
    [
        ("split", ["train", "train", ""], "row 4, column split: the split is missing"),
        ("is_valid", ["0", "1", "", "0", "0"], "row 4, column is_valid: the split is missing"),
        ("is_valid,is_test", ["0,0", "1,1"], "row 3, column is_valid: the columns is_valid, is_test give two splits"),
        (
            "split,is_train",
            ["train,1", "val,1", "test,0"],
            "row 3, column split: the columns split, is_train give two splits",
        ),
        ("subset", ["train", "val", "extra"], r"row 4, column subset: 'extra' is not a split; .*--split-column none"),
        ("set", ["train", "train", "more"], r"row 4, column set: 'more' is not a split; .*--split-column none"),
        ("split", ["1", "2"], r"row 2, column split: '1' is not a split; .*--split-column none"),
        (
            "is_train",
            ["0"] * 6,
            r"the column is_train .* no training rows, only test; write train in some",
        ),
        (
            "split",
            ["dev", "dev", "test"],
            "the column split there are no training rows, only val and test; write train",
        ),
        (
            "is_valid",
            ["True", "False", "False", "maybe", "False"],
            "row 5, column is_valid: 'maybe' is neither yes nor no; .*--split-column none",
        ),
        (
            "valid",
            ["1", "1", "1", "1", "0", "1"],
            "valid is true in 83 % .* --split-column none, or --split-column valid",
        ),
    ],
)
def test_a_row_of_no_split_or_of_two_is_refused(
    head: str, cells: list[str], message: str, table_folder: TableFolder
) -> None:
    with pytest.raises(DataError, match=message):
        opened(table_folder, head, cells)


def test_columns_that_are_named(table_folder: TableFolder) -> None:
    source = opened(table_folder, "valid,other", ["1,0", "1,0", "1,0", "1,0", "0,0", "0,0"], split="valid")
    assert splits(source) == {"train": "ef", "val": "abcd"}
    with pytest.raises(DataError, match="column other: '0' is not a split"):
        opened(table_folder, "other", list("010101"), split="other")
    assert labels_by_id(source, "val")["a.png"] == "x"


def test_folders_in_the_paths_with_names_of_splits_are_splits(class_folders) -> None:
    root = class_folders({"images/train": 4, "images/test": 2})
    rows = [
        f"images/{split}/00{i}.jpg,{'xy'[i % 2]}" for split, count in (("train", 4), ("test", 2)) for i in range(count)
    ]
    (root / "labels.csv").write_text("\n".join(["path,label", *rows]))
    source = open_source(root / "labels.csv")
    assert {name: len(listing) for name, listing in source.splits.items()} == {"train": 4, "test": 2}
    assert source.split_origin == "folders in the paths: train, test"
    assert list(open_source(root / "labels.csv", columns=Columns(split="none")).splits) == ["all"]


@pytest.mark.parametrize(
    "names", [("train", "bus"), ("train", "test", "bus"), ("a", "b"), ("test", "val"), ("train", "training")]
)
def test_other_folders_in_the_paths_are_no_splits(names: tuple[str, ...], class_folders) -> None:
    root = class_folders(dict.fromkeys(names, 2))
    rows = [f"{name}/00{i}.jpg,{'xy'[i]}" for name in names for i in range(2)]
    (root / "labels.csv").write_text("\n".join(["path,label", *rows]))
    assert list(open_source(root / "labels.csv").splits) == ["all"]


def test_the_only_other_column_is_no_label_where_it_holds_splits(table_folder: TableFolder) -> None:
    root = table_folder("image,where\na.png,train\nb.png,test\nc.png,train\n")
    with pytest.raises(DataError, match="has no column of labels, only image, where; add a column"):
        open_source(root)
    assert len(open_source(root, columns=Columns(label=("where",))).classes) == 2
    assert open_source(table_folder("image,label\na.png,train\nb.png,bus\n")).classes == ("bus", "train")
