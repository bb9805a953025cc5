"""What lies beside class folders: stray files never replace or block them, real rivals are asked about, agreement is silent."""

import json
import os
import re
import shutil
import tarfile
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.sources.tables import TableFolder

from striate.data import Source
from striate.data.split_file import read_split
from striate.errors import AmbiguousDataError, DataError, SettingError
from striate.sources import open_source
from striate.sources.tables import table_files, table_source
from striate.sources.tables.table import Table

ClassFolders = Callable[[Mapping[str, int]], Path]
Put = Callable[..., Path]


@pytest.fixture
def photos(class_folders: ClassFolders) -> Path:
    return class_folders({"cat": 3, "dog": 3})


def _tar(path: Path) -> None:
    with tarfile.open(path, "w") as archive:
        archive.add(path.parent / "cat", "cat")


STRAYS: dict[str, tuple[str, Callable[[Path], object]]] = {
    "features.npz": ("arrays", lambda path: np.savez(path, a=np.zeros((3, 4)))),
    "data.npz": ("arrays", lambda path: np.savez(path, x=np.zeros((4, 8, 8), np.uint8), y=np.arange(4) % 2)),
    "x.npy": ("arrays", lambda path: np.save(path, np.zeros(3))),
    "cat.tar": ("webdataset", _tar),
    "data.yaml": ("yolo", lambda path: path.write_text("lr: 0.1\n")),
    "results.json": ("coco", lambda path: path.write_text('{"images": [], "accuracy": 1}')),
    "project.xml": ("voc", lambda path: path.write_text("<project/>")),
    "broken.parquet": ("rows", lambda path: path.write_bytes(b"PAR1 and no more")),
    "train-images-idx3-ubyte": ("idx", lambda path: path.write_bytes(b"junk")),
    "sizes.csv": ("table", lambda path: path.write_text("path,width,height\ncat/000.jpg,32,24\ndog/000.jpg,32,24\n")),
}


@pytest.mark.parametrize("name", STRAYS)
def test_a_stray_file_neither_replaces_nor_blocks_class_folders(name: str, photos: Path) -> None:
    healthy = open_source(photos)
    reading, write = STRAYS[name]
    write(photos / name)
    source = open_source(photos)
    assert (source.kind, source.classes) == ("class folders", ("cat", "dog"))
    assert source.digest() == healthy.digest()
    assert source.notes == (f"{name} lies beside the class folders and is not read (--source {reading})",)
    assert source.ignored == {"outside the class folders": 1}
    assert not healthy.notes


def test_what_has_nothing_to_do_with_images_is_counted_only(photos: Path) -> None:
    (photos / "history.csv").write_text("epoch,loss\n1,0.5\n2,0.4\n")
    (photos / "README.md").write_text("photos")
    source = open_source(photos)
    assert not source.notes
    assert source.ignored == {"outside the class folders": 2}


def _rows(*rows: str) -> str:
    return "\n".join(rows) + "\n"


def test_a_table_that_says_other_things_is_asked_about(photos: Path) -> None:
    (photos / "answers.csv").write_text(_rows("path,class,probability", "cat/000.jpg,dog,0.9", "dog/000.jpg,cat,0.8"))
    with pytest.raises(DataError) as caught:
        open_source(photos)
    says = str(caught.value)
    for part in (
        "class folders with 6 images",
        "answers.csv",
        "with 2 images",
        "--source folders or --source table",
    ):
        assert part in says
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
        assert note.endswith("takes a CSV with the columns id and split, and train, val or test for each image")


def test_lists_of_the_images_of_splits_beside_class_folders_are_pointed_out(class_folders: ClassFolders) -> None:
    root = class_folders({"cat": 6, "dog": 6})
    (root / "notes.txt").write_text("taken in 2020\n")
    (root / "train.txt").write_text(_rows(*FILES[::2]))
    assert not open_source(root).notes
    (root / "test.txt").write_text(_rows(*FILES[1::2]))
    (note,) = open_source(root).notes
    assert note.startswith("test.txt, train.txt lie beside the class folders and are not read; train --split takes")


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
def test_predictions_beside_class_folders_are_never_meant(around: str, class_folders: ClassFolders) -> None:
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
    with pytest.raises(DataError, match="one class only, car"):
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
    ("labels", "says"),
    [
        ("dog cat cat dog dog dog", "cat/000.jpg is in the folder cat, and labels.csv has the label dog"),
        ("DOG CAT CAT DOG DOG DOG", "cat/000.jpg is in the folder cat, and labels.csv has the label DOG"),
        ("dog dog dog cat cat cat", "cat/000.jpg is in the folder cat, and labels.csv has the label dog"),
        ("cat cat cat cat cat dog", "dog/000.jpg is in the folder dog, and labels.csv has the label cat"),
        ("k m m h h h", "cat/000.jpg is in the folder cat, and labels.csv has the label k"),
    ],
)
def test_the_example_of_two_readings_is_true(labels: str, says: str, photos: Path) -> None:
    files = [f"{kind}/00{i}.jpg" for kind in ("cat", "dog") for i in range(3)]
    rows = [f"{file},{label}" for file, label in zip(files, labels.split(), strict=True)]
    (photos / "labels.csv").write_text(_rows("path,label", *rows))
    with pytest.raises(AmbiguousDataError, match=re.escape(says)):
        open_source(photos)


@pytest.mark.parametrize("name", ["history.csv", "log.jsonl"])
def test_a_stray_table_does_not_block_one_class_that_is_measured(name: str, class_folders: ClassFolders) -> None:
    root = class_folders({"car": 2})
    (root / name).write_text(_rows("epoch,loss", "1,0.5"))
    assert open_source(root, for_training=False).classes == ("car",)
    (root / name).write_text(_rows("path,label", "car/000.jpg,x", "car/001.jpg,x"))
    if name.endswith(".csv"):
        assert open_source(root, for_training=False).classes == ("x",)


def test_a_table_that_tears_a_folder_apart_is_asked_about(photos: Path) -> None:
    (photos / "labels.csv").write_text(_rows("path,label", "cat/000.jpg,x", "cat/001.jpg,y", "dog/000.jpg,y"))
    with pytest.raises(DataError, match=r"cat/001.jpg is in the folder cat, and labels.csv has the label y"):
        open_source(photos)


@pytest.mark.parametrize("labels", [("cat", "dog"), ("a cat", "a dog")])
def test_a_table_that_says_what_the_folders_say_is_no_rival(labels: tuple[str, str], photos: Path) -> None:
    names = zip(("cat", "dog"), labels, strict=True)
    rows = [f"{folder}/00{i}.jpg,{label}" for folder, label in names for i in range(3)]
    (photos / "labels.csv").write_text(_rows("path,label", *rows))
    source = open_source(photos)
    assert (source.kind, source.classes) == ("class folders", ("cat", "dog"))
    assert source.notes[0].startswith("labels.csv has the labels of the folders for each image")


def test_a_table_of_some_images_is_said_to_name_some(photos: Path) -> None:
    (photos / "labels.csv").write_text(_rows("path,label", "cat/000.jpg,cat", "dog/000.jpg,dog"))
    assert open_source(photos).notes[0] == (
        "labels.csv has the labels of the folders for the 2 images that it names; the folders are read"
    )


def test_several_tables_beside_class_folders_are_called_by_their_names(photos: Path) -> None:
    for i, name in enumerate(("train.csv", "val.csv")):
        (photos / name).write_text(_rows("path,label", f"cat/00{i}.jpg,dog", f"dog/00{i}.jpg,cat"))
    with pytest.raises(AmbiguousDataError, match="in the folder cat, and train.csv, val.csv has the label dog"):
        open_source(photos)


def test_a_table_that_agrees_and_has_splits_is_meant(photos: Path) -> None:
    rows = [
        f"{name}/00{i}.jpg,{name},{split}"
        for name in ("cat", "dog")
        for i, split in enumerate(("train", "train", "test"))
    ]
    (photos / "labels.csv").write_text(_rows("path,label,split", *rows))
    source = open_source(photos)
    assert list(source.splits) == ["train", "test"]
    assert "has the labels of the folders, and splits as well" in source.notes[0]


def test_folders_whose_names_are_no_classes_are_none_against_a_table(class_folders: ClassFolders) -> None:
    root = class_folders({"images_001": 2, "images_002": 2})
    rows = ["images_001/000.jpg,x", "images_001/001.jpg,y", "images_002/000.jpg,x", "images_002/001.jpg,y"]
    (root / "Data_Entry.csv").write_text(_rows("path,label", *rows))
    source = open_source(root)
    assert (source.classes, source.notes) == (("x", "y"), ())
    (root / "Data_Entry.csv").unlink()
    assert open_source(root).classes == ("images_001", "images_002")


def test_coco_at_the_top_that_opens_is_asked_about_and_annotations_win(photos: Path) -> None:
    images = [{"id": i, "file_name": f"cat/00{i}.jpg", "height": 24, "width": 32} for i in range(3)]
    box = {"id": 1, "image_id": 1, "category_id": 1, "bbox": [4, 6, 8, 12]}
    content = json.dumps({"images": images, "categories": [{"id": 1, "name": "cat"}], "annotations": [box]})
    (photos / "boxes.json").write_text(content)
    with pytest.raises(DataError, match="--source folders or --source coco"):
        open_source(photos)
    (photos / "boxes.json").unlink()
    (photos / "annotations").mkdir()
    (photos / "annotations" / "boxes.json").write_text(content.replace("cat/002", "dog/002"))
    source = open_source(photos)
    assert source.kind == "COCO"
    assert source.notes[-1] == "the folders cat, dog are not read as classes (--source folders)"
    (photos / "annotations" / "boxes.json").write_text(content)
    assert not [
        note for note in open_source(photos).notes if "as classes" in note
    ]  # all of its images are of one folder


def test_a_stray_archive_does_not_hide_a_table_of_images(class_folders: ClassFolders) -> None:
    root = class_folders({"images": 4})
    (root / "labels.csv").write_text(_rows("path,label", *(f"images/00{i}.jpg,{'xy'[i % 2]}" for i in range(4))))
    np.savez(root / "features.npz", a=np.zeros(3))
    source = open_source(root)
    assert source.classes == ("x", "y")
    assert source.notes == ("features.npz lies beside a table and is not read (--source arrays)",)
    np.savez(root / "features.npz", x=np.zeros((4, 8, 8), np.uint8), y=np.arange(4) % 2)
    with pytest.raises(DataError, match="--source arrays or --source table"):
        open_source(root)


@pytest.mark.parametrize(
    ("table", "name", "asks"),
    [
        ("path,label", "labels.csv", True),
        ("path,width", "sizes.csv", False),
        ("path,label", "predictions.csv", False),
        ("epoch,loss", "log.csv", False),
    ],
)
def test_a_second_reading_is_asked_about_or_named(
    table: str, name: str, asks: bool, class_folders: ClassFolders
) -> None:
    root = class_folders({"images": 6})
    images = [{"id": i, "file_name": f"images/00{i}.jpg", "height": 24, "width": 32} for i in range(6)]
    box = {"id": 1, "image_id": 1, "category_id": 1, "bbox": [4, 6, 8, 12]}
    content = {"images": images, "categories": [{"id": 1, "name": "cat"}], "annotations": [box]}
    (root / "boxes.json").write_text(json.dumps(content))
    assert (open_source(root).kind, open_source(root).notes) == ("COCO", ())
    cells = [800 + 7 * i if "width" in table else "xy"[i % 2] for i in range(6)]
    (root / name).write_text(
        _rows(table, *(f"{'images/00' if 'path' in table else 9}{i}.jpg,{cell}" for i, cell in enumerate(cells)))
    )
    if asks:
        with pytest.raises(AmbiguousDataError, match="--source coco or --source table"):
            open_source(root)
    elif "path" in table:
        assert open_source(root).notes == (f"{name} lies beside COCO and is not read (--source table)",)
    else:
        assert open_source(root).kind == "COCO"
    assert open_source(root, source="coco").notes == ()


def test_two_files_of_images_are_asked_about(tmp_path: Path) -> None:
    pixels, classes = np.arange(4 * 64, dtype=np.uint8).reshape(4, 8, 8), np.arange(4) % 2
    np.savez(tmp_path / "data.npz", x=pixels, y=classes)
    for kind, values in (("images", pixels), ("labels", classes.astype(np.uint8))):
        head = bytes([0, 0, 8, values.ndim]) + b"".join(size.to_bytes(4, "big") for size in values.shape)
        (tmp_path / f"train-{kind}-idx{values.ndim}-ubyte").write_bytes(head + values.tobytes())
    with pytest.raises(AmbiguousDataError, match="--source idx or --source arrays"):
        open_source(tmp_path)
    (tmp_path / "data.npz").unlink()
    assert open_source(tmp_path).notes == ()


def test_a_reading_that_was_named_is_the_only_one(photos: Path) -> None:
    with pytest.raises(DataError, match="cannot be read as COCO; that takes a JSON file with images"):
        open_source(photos, source="coco")
    with pytest.raises(SettingError, match="'tabel' is not a format; did you mean table"):
        open_source(photos, source="tabel")
    with pytest.raises(SettingError, match="class_level = 3"):
        open_source(photos, class_level=3)
    np.savez(photos / "data.npz", x=np.zeros((4, 8, 8), np.uint8), y=np.arange(4) % 2)
    source: Source = open_source(photos, source="arrays")
    assert source.classes == ("0", "1")
    assert open_source(source.location, source="arrays").digest() == source.digest()


def test_a_table_beside_class_folders_that_has_a_question_asks_it(photos: Path) -> None:
    rows = "".join(
        f"{kind}/00{i}.jpg,{tags}\n" for kind in ("cat", "dog") for i, tags in enumerate(("sky sun", "sky", "sea sun"))
    )
    (photos / "labels.csv").write_text("path,tags\n" + rows)
    with pytest.raises(DataError, match=r"--task classify, or --task multilabel .*, or .* --source folders"):
        open_source(photos)
    assert open_source(photos, source="folders").classes == ("cat", "dog")


@pytest.mark.parametrize("source", ["table", "arrays"])
def test_a_class_level_is_for_class_folders(source: str, photos: Path) -> None:
    with pytest.raises(SettingError, match="class_level = 2: only class folders have levels"):
        open_source(photos, class_level=2, source=source)


@pytest.mark.parametrize("names", [("raw", "cooked"), ("mask", "no_mask"), ("photo", "sketch"), ("jpg", "png")])
def test_classes_with_plain_names_are_no_prey_of_a_stray_table(
    names: tuple[str, str], class_folders: ClassFolders
) -> None:
    folder = class_folders(dict.fromkeys(names, 4))
    rows = "".join(f"{names[0]}/00{i}.jpg,{names[i % 2]}\n" for i in range(4))
    (folder / "answers.csv").write_text("path,class\n" + rows)
    with pytest.raises(DataError, match="--source folders or --source table"):
        open_source(folder)


def test_a_table_with_splits_of_some_images_only_is_asked_about(photos: Path) -> None:
    rows = "".join(
        f"{kind}/00{i}.jpg,{kind},{split}\n" for kind in ("cat", "dog") for i, split in enumerate(("train", "val"))
    )
    (photos / "labels.csv").write_text("path,label,split\n" + rows)
    with pytest.raises(
        DataError, match="labels.csv has splits, but only for 4 images.*--source folders or --source table"
    ):
        open_source(photos)


@pytest.mark.parametrize("names", [("part_1", "part_2"), ("images_001", "images_002"), ("train", "test")])
def test_a_table_that_leads_to_batches_of_images_says_why_it_cannot_be_read(
    names: tuple[str, str], class_folders: ClassFolders
) -> None:
    folder = class_folders(dict.fromkeys(names, 3))
    rows = "".join(f"{name}/00{i}.jpg,{i},a{i},b{i % 2}\n" for name in names for i in range(3))
    (folder / "metadata.csv").write_text("path,age,site,kind\n" + rows)
    with pytest.raises(
        DataError, match="--label-column NAME.*if the folders are classes nevertheless: --source folders"
    ):
        open_source(folder)


@pytest.mark.parametrize("table", ["path,label\na.png,cat\nb.png,dog\nc.png,dog\n", ""])
def test_a_flat_folder_is_listed_once_for_all_formats(
    table: str, table_folder: TableFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = table_folder(table or "readme", "labels.csv" if table else "readme.md")
    listed = Counter[str]()

    def counted(list_folder: Callable[[str], Any], path: str = ".") -> Any:
        listed[os.path.realpath(path)] += 1
        return list_folder(path)

    for name in ("scandir", "listdir"):
        monkeypatch.setattr(os, name, partial(counted, getattr(os, name)))
    with nullcontext() if table else pytest.raises(DataError, match="holds files but no folders"):
        open_source(root)
    assert listed == {str(root.resolve()): 1}


def test_a_format_that_fits_is_opened_once(
    png: Callable[[Path], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for image in ("images_1/a.png", "images_2/b.png", "images_2/c.png"):
        png(tmp_path / image)
    (tmp_path / "labels.csv").write_text("path,label\nimages_1/a.png,cat\nimages_2/b.png,dog\nimages_2/c.png,cat\n")
    opened: list[Path] = []
    read = table_files.read_table

    def count(path: Path) -> Table:
        opened.append(path)
        return read(path)

    monkeypatch.setattr(table_source, "read_table", count)
    assert open_source(tmp_path).kind.startswith("CSV table")
    assert len(opened) == 1
