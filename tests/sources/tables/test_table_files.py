"""Folders with several tables, as Kaggle and others lay them out."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from striate.errors import AmbiguousDataError, DataError, SettingError
from striate.sources import Columns, open_source
from striate.sources.data_path import DataPath
from striate.sources.tables.table_files import find_table

Png = Callable[[Path], None]
NAMES = [f"a{i}" for i in range(6)]


def table(path: Path, names: Sequence[str], label: str | None = "label", end: str = "") -> None:
    head = "id,label\n" if label else "id\n"
    path.write_text(
        head + "".join(f"{name}{end},{'xy'[i % 2]}\n" if label else f"{name}{end}\n" for i, name in enumerate(names))
    )


@pytest.fixture
def images(tmp_path: Path, png: Png) -> Callable[..., Path]:
    def make(*folders: str, names: Sequence[str] = NAMES) -> Path:
        for folder in folders:
            for name in names:
                png(tmp_path / folder / f"{name}.png")
        return tmp_path

    return make


@pytest.mark.parametrize("end", ["", ".png"])
def test_a_root_of_kaggle(end: str, images: Callable[..., Path]) -> None:
    root = images("test", "train")  # with the same names in both
    table(root / "train.csv", NAMES, end=end)
    table(root / "test.csv", NAMES, None, end=end)
    table(root / "sample_submission.csv", NAMES, end=end)
    source = open_source(root)
    assert source.splits["all"].ids == tuple(f"train/{name}.png" for name in NAMES)
    assert source.location == str(root / "train.csv")
    assert source.kind == "CSV table train.csv, paths in the column id, 2 classes in the column label"
    assert "labels are read from train.csv; sample_submission.csv, test.csv are left out" in source.notes
    assert "the table names no image in the folder test, so it is left out" in source.notes
    assert open_source(source.location).digest() == source.digest()


@pytest.mark.parametrize(
    "name", ["train.csv", "train_labels.csv", "trainLabels.csv", "labels.csv", "data.tsv", "list.txt"]
)
@pytest.mark.parametrize("folder", ["train", "images"])
def test_one_table_and_a_folder_of_images(name: str, folder: str, images: Callable[..., Path]) -> None:
    root = images(folder)
    table(root / name, NAMES)
    (root / "readme.txt").write_text("Images of things, taken in 2020.\n")
    source = open_source(root)
    assert source.splits["all"].ids == tuple(f"{folder}/{one}.png" for one in NAMES)
    assert not [note for note in source.notes if "extension" not in note]


def test_a_table_for_each_split(images: Callable[..., Path]) -> None:
    root = images("images")
    for name, names in (("train.csv", NAMES[:3]), ("val_labels.csv", NAMES[3:5]), ("test.csv", NAMES[5:])):
        table(root / name, names, end=".png")
    source = open_source(root)
    assert {split: len(listing) for split, listing in source.splits.items()} == {"train": 3, "val": 2, "test": 1}
    assert source.split_origin == "tables train.csv, val_labels.csv, test.csv"
    assert not source.notes
    assert open_source(source.location).digest() == source.digest()
    (root / "train.csv").write_text("id,label,patient\n" + "".join(f"{NAMES[i]}.png,{'xyx'[i]},1\n" for i in range(3)))
    assert open_source(root).notes == ("columns that only some of the tables have are left out: patient",)
    (root / "val_labels.csv").write_text("id,label\na3.png,\na4.png,x\n")
    with pytest.raises(DataError, match="val_labels.csv, row 2, column label: the label is missing"):
        open_source(root)
    (root / "val_labels.csv").write_text("id,label\na0.png,x\na4.png,x\n")
    with pytest.raises(DataError, match="val_labels.csv, row 2, column id: images/a0.png is in row 2 .*too"):
        open_source(root)


def test_a_list_of_classes_beside_a_table_is_left_out(images: Callable[..., Path]) -> None:
    numbers = [str(i) for i in range(6)]
    root = images("train", names=numbers)
    table(root / "train.csv", numbers)
    (root / "class_names.csv").write_text("id,name\n0,x\n1,y\n")
    source = open_source(root)
    assert source.location == str(root / "train.csv")
    assert "labels are read from train.csv; class_names.csv is left out" in source.notes
    (root / "class_names.csv").write_text("id,name\n0,x\n1,y\n2,y\n")
    with pytest.raises(AmbiguousDataError, match="any may have the labels"):
        open_source(root)
    (root / "train.csv").unlink()
    (root / "class_names.csv").write_text("id,name\n0,x\n1,y\n")
    with pytest.raises(DataError, match="class_names.csv lists classes, not images"):
        open_source(root)


def test_a_test_table_without_the_label_is_left_out(images: Callable[..., Path]) -> None:
    root = images("images")
    (root / "train.csv").write_text(
        "id,label,age\n" + "".join(f"{name},{'xy'[i % 2]},{i}\n" for i, name in enumerate(NAMES))
    )
    (root / "test.csv").write_text("id,age\n" + "".join(f"{name},{i}\n" for i, name in enumerate(NAMES)))
    source = open_source(root)
    assert list(source.splits) == ["all"]
    assert "labels are read from train.csv; test.csv is left out" in source.notes


@pytest.mark.parametrize("shared", [("f0", "f1", "f2"), ("width",)])
def test_a_label_that_only_train_has_is_asked_for_and_named(
    shared: tuple[str, ...], images: Callable[..., Path]
) -> None:
    root = images("train", "test")
    for name, columns in (("train.csv", (*shared, "Pawpularity")), ("test.csv", shared)):
        rows = [
            ",".join([one, *(str(17 * i if c == "Pawpularity" else i % 2) for c in columns)])
            for i, one in enumerate(NAMES)
        ]
        (root / name).write_text("\n".join([f"Id,{','.join(columns)}", *rows]) + "\n")
    with pytest.raises(DataError, match=r"train.csv has the columns .*Pawpularity, and any may be the label"):
        open_source(root)
    source = open_source(root, columns=Columns(label=("Pawpularity",), task="regress"))
    assert (source.location, source.classes) == (str(root / "train.csv"), ("Pawpularity",))
    both = open_source(root, columns=Columns(label=(shared[0],), task="classify"))  # which both have
    assert list(both.splits) == ["train", "test"]
    with pytest.raises(SettingError, match="no column 'Pawpulariti'; did you mean Pawpularity"):
        open_source(root, columns=Columns(label=("Pawpulariti",)))
    with pytest.raises(SettingError, match="train.csv has no column 'ID'; did you mean Id"):
        open_source(root, columns=Columns(path="ID"))


def test_images_outside_of_a_folder_of_several_tables_are_named(images: Callable[..., Path]) -> None:
    root = images("images")
    tables = root / "tables"
    for name in ("tables/notes/more", "tables/old"):
        (root / name).mkdir(parents=True)
    table(tables / "train.csv", NAMES[:4])
    table(tables / "val.csv", NAMES[4:])
    source = open_source(tables, columns=Columns(folder="../images"))
    assert {split: len(listing) for split, listing in source.splits.items()} == {"train": 4, "val": 2}


@pytest.mark.parametrize("end", ["metadata", "annotations", "list", "labels"])
def test_tables_and_folders_are_named_by_one_rule(end: str, images: Callable[..., Path]) -> None:
    root = images("train", "val")  # with the same names in both
    table(root / f"train_{end}.csv", NAMES)
    table(root / f"val_{end}.csv", NAMES)
    source = open_source(root)
    for split in ("train", "val"):
        assert source.splits[split].ids == tuple(f"{split}/{name}.png" for name in NAMES)


def test_the_one_that_fits(images: Callable[..., Path]) -> None:
    root = images("images")
    table(root / "labels.csv", NAMES, end=".png")
    (root / "people.csv").write_text("who,when\nme,now\n")
    source = open_source(root)
    assert source.location == str(root / "labels.csv")
    assert source.notes == ("labels are read from labels.csv; people.csv is left out",)


def test_several_that_fit_are_refused_with_their_names(images: Callable[..., Path]) -> None:
    root = images("images")
    table(root / "alice.csv", NAMES, end=".png")
    table(root / "bob.csv", NAMES, end=".png")
    message = r"alice.csv and bob.csv name images of this folder.*give the path of the right one, such as /.*/alice.csv"
    with pytest.raises(AmbiguousDataError, match=message):
        open_source(root)
    assert len(open_source(root / "bob.csv").splits["all"]) == 6
    assert open_source(root / "bob.csv", columns=Columns(label=("label",))).classes == ("x", "y")


@pytest.mark.parametrize("name", ["sample_sub.csv", "submission_format.csv", "predictions.csv", "my_preds.csv"])
def test_what_is_no_labels_by_its_name_is_left_out_beside_a_table(name: str, images: Callable[..., Path]) -> None:
    root = images("train", "test")
    table(root / "train.csv", NAMES, end=".png")
    table(root / name, list(reversed(NAMES)), end=".png")
    source = open_source(root)
    assert source.location == str(root / "train.csv")
    assert source.notes[0] == f"labels are read from train.csv; {name} is left out"


@pytest.mark.parametrize("other", ["train_folds.csv", "test.csv"])
@pytest.mark.parametrize("folder", ["train", "train/images"])
def test_where_no_table_fits_the_error_is_that_of_the_best_named(
    other: str, folder: str, images: Callable[..., Path]
) -> None:
    root = images(folder)
    for name in ("train.csv", other):
        table(root / name, [f"gone_{one}" for one in NAMES])
    (root / "train.csv").write_text("path,label\ngone.png,x\n")
    with pytest.raises(
        DataError, match=r"1 images that .*train.csv names.*gone.png.*; without a table, put the images"
    ):
        open_source(root)
    for name in ("train.csv", other):
        (root / name).unlink()
    with pytest.raises(DataError, match="no class folders|only one class"):
        open_source(root)


def test_tables_of_splits_whose_paths_have_an_unusual_name(images: Callable[..., Path]) -> None:
    root = images("train", "test")
    for name in ("train.csv", "test.csv"):
        table(root / name, NAMES, end=".png")
        (root / name).write_text((root / name).read_text().replace("id,", "uid,"))
    assert {split: len(listing) for split, listing in open_source(root).splits.items()} == {"train": 6, "test": 6}


def test_a_submission_is_never_the_labels(images: Callable[..., Path]) -> None:
    root = images("train", "more")
    table(root / "sample_submission.csv", NAMES)
    assert find_table(DataPath(root)) is None
    table(root / "train.csv", NAMES)
    assert find_table(DataPath(root)) is not None
