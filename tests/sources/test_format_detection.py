"""What lies beside class folders: stray files never replace or block them, real rivals are asked about, agreement is silent."""

import json
import os
import tarfile
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.sources.tables.table_folder import TableFolder

from striate.data import Source
from striate.errors import AmbiguousDataError, DataError, SettingError
from striate.sources import open_source
from striate.sources.tables import table_files, table_source
from striate.sources.tables.table import Table

ClassFolders = Callable[[Mapping[str, int]], Path]


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
def test_a_second_format_is_asked_about_or_named(
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


def test_a_named_format_is_the_only_one(photos: Path) -> None:
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


@pytest.mark.parametrize("source", ["table", "arrays"])
def test_a_class_level_is_for_class_folders(source: str, photos: Path) -> None:
    with pytest.raises(SettingError, match="class_level = 2: only class folders have levels"):
        open_source(photos, class_level=2, source=source)


@pytest.mark.parametrize("names", [("raw", "cooked"), ("mask", "no_mask"), ("photo", "sketch"), ("jpg", "png")])
def test_classes_with_plain_names_are_read_beside_a_stray_table(
    names: tuple[str, str], class_folders: ClassFolders
) -> None:
    folder = class_folders(dict.fromkeys(names, 4))
    rows = "".join(f"{names[0]}/00{i}.jpg,{names[i % 2]}\n" for i in range(4))
    (folder / "answers.csv").write_text("path,class\n" + rows)
    with pytest.raises(DataError, match="--source folders or --source table"):
        open_source(folder)


@pytest.mark.parametrize("names", [("part_1", "part_2"), ("images_001", "images_002"), ("train", "test")])
def test_a_table_of_batches_of_images_is_refused_with_the_reason(
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
    with nullcontext() if table else pytest.raises(DataError, match="has files but no folders"):
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
