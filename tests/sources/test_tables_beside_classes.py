"""Tables beside class folders: a person is asked where their labels differ from the folders, else the folders are read."""

import re
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest

from striate.data.splits import read_split
from striate.errors import AmbiguousDataError, DataError
from striate.sources import open_source

ClassFolders = Callable[[Mapping[str, int]], Path]


@pytest.fixture
def photos(class_folders: ClassFolders) -> Path:
    return class_folders({"cat": 3, "dog": 3})


def _rows(*rows: str) -> str:
    return "\n".join(rows) + "\n"


def test_a_table_with_other_labels_is_asked_about(photos: Path) -> None:
    (photos / "answers.csv").write_text(_rows("path,class,probability", "cat/000.jpg,dog,0.9", "dog/000.jpg,cat,0.8"))
    with pytest.raises(DataError) as caught:
        open_source(photos)
    message = str(caught.value)
    for word in (
        "class folders with 6 images",
        "answers.csv",
        "with 2 images",
        "--source folders or --source table",
    ):
        assert word in message
    assert open_source(photos, source="folders").kind == "class folders"
    table = open_source(photos, source="table")
    assert table.location.endswith("answers.csv")
    assert open_source(table.location, source="table").digest() == table.digest()


FILES = [f"{kind}/{i:03}.jpg" for kind in ("cat", "dog") for i in range(6)]


@pytest.mark.parametrize(
    ("column", "cells", "asks"),
    [
        ("timestamp", [f"2021-03-{i:02} 10:00" for i in range(1, 13)], False),
        ("date", ["2021-03-01", "2021-03-02"] * 6, False),
        ("fold", [0, 1, 2] * 4, False),
        ("patient", ["p1", "p2", "p1"] * 4, False),
        ("keyword", ["clear primary", "clear road", "primary road", "haze primary road"] * 3, False),
        ("lesion diagnosis", ["well", "ill"] * 6, True),
        ("answer", ["Cat", "dog"] * 6, True),
    ],
)
def test_a_table_beside_class_folders_is_asked_about_where_it_speaks_of_labels(
    column: str, cells: Sequence[object], asks: bool, class_folders: ClassFolders
) -> None:
    root = class_folders({"cat": 6, "dog": 6})
    (root / "meta.csv").write_text(_rows(f"filename,{column}", *map("{},{}".format, FILES, cells)))
    if asks:
        with pytest.raises(AmbiguousDataError, match="can be read in two ways"):
            open_source(root)
        return
    (root / "more.csv").write_text(_rows("filename,source", *(f"{file},web" for file in FILES)))
    source = open_source(root)
    assert (source.kind, source.classes) == ("class folders", ("cat", "dog"))
    assert source.notes == ("meta.csv, more.csv lie beside the class folders and are not read (--source table)",)


@pytest.mark.parametrize("header", ["id,split", "path,split", "path,set"])
def test_splits_without_labels_beside_class_folders_are_pointed_out(header: str, class_folders: ClassFolders) -> None:
    root = class_folders({"cat": 6, "dog": 6})
    table = root / "split.csv"
    table.write_text(_rows(header, *map("{},{}".format, FILES, ["train", "test", "val"] * 4)))
    source = open_source(root)
    assert source.classes == ("cat", "dog")
    (note,) = source.notes
    assert note.startswith("split.csv has splits and no labels, so the folders are read without it; train --split ")
    if header == "id,split":
        assert note.endswith(f"--split {table} takes its splits")
        assert read_split(table).keys() == set(source.splits["all"].ids)
    else:
        assert note.endswith("needs a CSV with the columns id and split, where split is train, val or test")


def test_lists_of_the_images_of_splits_beside_class_folders_are_pointed_out(class_folders: ClassFolders) -> None:
    root = class_folders({"cat": 6, "dog": 6})
    (root / "notes.txt").write_text("taken in 2020\n")
    (root / "train.txt").write_text(_rows(*FILES[::2]))
    assert not open_source(root).notes
    (root / "test.txt").write_text(_rows(*FILES[1::2]))
    (note,) = open_source(root).notes
    assert note.startswith("test.txt, train.txt lie beside the class folders and are not read; train --split needs")


@pytest.mark.parametrize("around", ["", "train/"])
@pytest.mark.parametrize("header", ["id,name", "label,name", "index,class,group"])
def test_a_list_of_classes_is_no_table_of_images(around: str, header: str, class_folders: ClassFolders) -> None:
    root = class_folders({f"{around}cat": 3, f"{around}dog": 3})
    for image in list(root.rglob("*.jpg")):
        image.rename(image.with_stem(str(int(image.stem))))
    group = ",pet" if "group" in header else ""
    (root / "class_map.csv").write_text(_rows(header, f"0,cat{group}", f"1,dog{group}"))
    source = open_source(root)
    assert (source.kind, source.classes) == ("class folders", ("cat", "dog"))
    assert source.notes == ("class_map.csv lies beside the class folders and is not read (--source table)",)
    rows = [f"{i},{('cat', 'dog')[i % 2]}{group}" for i in range(3)]
    (root / "class_map.csv").write_text(_rows(header, *rows))
    with pytest.raises(AmbiguousDataError, match="may be those in"):
        open_source(root)


@pytest.mark.parametrize("around", ["", "train/"])
def test_predictions_beside_class_folders_are_never_read(around: str, class_folders: ClassFolders) -> None:
    root = class_folders({f"{around}car": 2, f"{around}bus": 2})
    for name in ("predictions.csv", "resnet_preds.csv"):
        (root / name).write_text(_rows("path,class", f"{around}car/000.jpg,bus", f"{around}bus/000.jpg,car"))
    source = open_source(root)
    assert (source.kind, source.classes) == ("class folders", ("bus", "car"))
    assert source.notes == (
        "predictions.csv, resnet_preds.csv lie beside the class folders and are not read (--source table)",
    )
    assert open_source(root / "predictions.csv").classes == ("bus", "car")
    shutil.rmtree(root / f"{around}bus")
    with pytest.raises(DataError, match="one class, car"):
        open_source(root)
    assert open_source(root, for_training=False).classes == ("car",)


@pytest.mark.parametrize(
    ("column", "cells"),
    [
        ("size", range(1200, 1700, 80)),
        ("age", range(20, 80, 10)),
        ("brightness", [0.1, 0.3, 0.5, 0.2, 0.4, 0.6]),
        ("image width", [640, 800, 640, 1024, 800, 640]),
    ],
)
def test_numbers_beside_class_folders_are_no_labels(
    column: str, cells: Sequence[float], class_folders: ClassFolders
) -> None:
    photos = class_folders({"cat": 12, "dog": 12})
    files = [f"{kind}/{i:03}.jpg" for kind in ("cat", "dog") for i in range(12)]

    def write(name: str) -> None:
        step = {"brightness": 0.001, "image width": 0}.get(column, 1)
        rows = (f"{file},{cells[i % 6] + i // 6 * step}" for i, file in enumerate(files))
        (photos / "meta.csv").write_text(_rows(f"path,{name}", *rows))

    write(column)
    source = open_source(photos)
    assert (source.kind, source.classes) == ("class folders", ("cat", "dog"))
    assert source.notes == ("meta.csv lies beside the class folders and is not read (--source table)",)
    write("target")
    with pytest.raises(AmbiguousDataError):
        open_source(photos)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ("dog cat cat dog dog dog", "cat/000.jpg is in the folder cat, and labels.csv has the label dog"),
        ("DOG CAT CAT DOG DOG DOG", "cat/000.jpg is in the folder cat, and labels.csv has the label DOG"),
        ("dog dog dog cat cat cat", "cat/000.jpg is in the folder cat, and labels.csv has the label dog"),
        ("cat cat cat cat cat dog", "dog/000.jpg is in the folder dog, and labels.csv has the label cat"),
        ("k m m h h h", "cat/000.jpg is in the folder cat, and labels.csv has the label k"),
    ],
)
def test_the_example_of_a_disagreement_is_true(labels: str, message: str, photos: Path) -> None:
    files = [f"{kind}/00{i}.jpg" for kind in ("cat", "dog") for i in range(3)]
    rows = [f"{file},{label}" for file, label in zip(files, labels.split(), strict=True)]
    (photos / "labels.csv").write_text(_rows("path,label", *rows))
    with pytest.raises(AmbiguousDataError, match=re.escape(message)):
        open_source(photos)


@pytest.mark.parametrize("name", ["history.csv", "log.jsonl"])
def test_a_stray_table_does_not_block_one_class_that_is_evaluated(name: str, class_folders: ClassFolders) -> None:
    root = class_folders({"car": 2})
    (root / name).write_text(_rows("epoch,loss", "1,0.5"))
    assert open_source(root, for_training=False).classes == ("car",)
    (root / name).write_text(_rows("path,label", "car/000.jpg,x", "car/001.jpg,x"))
    if name.endswith(".csv"):
        assert open_source(root, for_training=False).classes == ("x",)


def test_a_table_with_two_labels_for_a_folder_is_asked_about(photos: Path) -> None:
    (photos / "labels.csv").write_text(_rows("path,label", "cat/000.jpg,x", "cat/001.jpg,y", "dog/000.jpg,y"))
    with pytest.raises(DataError, match=r"cat/001.jpg is in the folder cat, and labels.csv has the label y"):
        open_source(photos)


@pytest.mark.parametrize("labels", [("cat", "dog"), ("a cat", "a dog")])
def test_a_table_with_the_labels_of_the_folders_is_not_read(labels: tuple[str, str], photos: Path) -> None:
    names = zip(("cat", "dog"), labels, strict=True)
    rows = [f"{folder}/00{i}.jpg,{label}" for folder, label in names for i in range(3)]
    (photos / "labels.csv").write_text(_rows("path,label", *rows))
    source = open_source(photos)
    assert (source.kind, source.classes) == ("class folders", ("cat", "dog"))
    assert source.notes[0].startswith("labels.csv has the labels of the folders for each image")


def test_a_table_of_some_images_gives_a_note(photos: Path) -> None:
    (photos / "labels.csv").write_text(_rows("path,label", "cat/000.jpg,cat", "dog/000.jpg,dog"))
    assert open_source(photos).notes[0] == (
        "labels.csv has the labels of the folders for the 2 images that it names; the folders are read"
    )


def test_several_tables_beside_class_folders_are_all_named(photos: Path) -> None:
    for i, name in enumerate(("train.csv", "val.csv")):
        (photos / name).write_text(_rows("path,label", f"cat/00{i}.jpg,dog", f"dog/00{i}.jpg,cat"))
    with pytest.raises(AmbiguousDataError, match="in the folder cat, and train.csv, val.csv has the label dog"):
        open_source(photos)


def test_a_table_that_agrees_and_has_splits_is_read(photos: Path) -> None:
    rows = [
        f"{name}/00{i}.jpg,{name},{split}"
        for name in ("cat", "dog")
        for i, split in enumerate(("train", "train", "test"))
    ]
    (photos / "labels.csv").write_text(_rows("path,label,split", *rows))
    source = open_source(photos)
    assert list(source.splits) == ["train", "test"]
    assert "has the labels of the folders, and splits as well" in source.notes[0]


def test_a_table_beside_class_folders_that_has_a_question_asks_it(photos: Path) -> None:
    rows = "".join(
        f"{kind}/00{i}.jpg,{tags}\n" for kind in ("cat", "dog") for i, tags in enumerate(("sky sun", "sky", "sea sun"))
    )
    (photos / "labels.csv").write_text("path,tags\n" + rows)
    with pytest.raises(DataError, match=r"--task classify, or --task multilabel, or .* --source folders"):
        open_source(photos)
    assert open_source(photos, source="folders").classes == ("cat", "dog")


def test_a_table_with_splits_of_some_images_only_is_asked_about(photos: Path) -> None:
    rows = "".join(
        f"{kind}/00{i}.jpg,{kind},{split}\n" for kind in ("cat", "dog") for i, split in enumerate(("train", "val"))
    )
    (photos / "labels.csv").write_text("path,label,split\n" + rows)
    with pytest.raises(
        DataError, match="labels.csv has splits, but only for 4 images.*--source folders or --source table"
    ):
        open_source(photos)
