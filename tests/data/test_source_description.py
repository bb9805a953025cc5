"""How the data were read, in plain lines and for programs."""

from collections.abc import Callable, Mapping
from pathlib import Path

from striate.data import describe_source, source_as_json
from striate.sources import open_source

ClassFolders = Callable[[Mapping[str, int]], Path]


def test_what_was_understood(class_folders: ClassFolders) -> None:
    root = class_folders({"training/cat": 3, "training/dog": 2, "testing/cat": 1, "testing/dog": 1})
    (root / "training/cat/000.jpg.json").write_text("{}")
    (root / "notes.yaml").write_text("x: 1")
    (root / "data.npz").write_bytes(b"junk")
    source = open_source(root)
    assert describe_source(source, "random from train: 15 % for validation (stratified, seed 0)") == (
        f"data:    {root}, read as class folders",
        "         7 images, 2 classes (cat, dog); one class per image (classify)",
        "splits:  train 5, test 2 (folders training, testing)",
        "         random from train: 15 % for validation (stratified, seed 0)",
        "ignored: 2 outside the class folders, 1 .json files",
        "note:    data.npz lies beside the class folders and is not read (--source arrays)",
    )
    assert source_as_json(source) == {
        "listed": {"train": 5, "test": 2},
        "split_origin": "folders training, testing",
        "ignored": {".json files": 1, "outside the class folders": 2},
        "notes": ["data.npz lies beside the class folders and is not read (--source arrays)"],
    }


def test_plain_data_take_three_lines(class_folders: ClassFolders) -> None:
    source = open_source(class_folders({str(i): 1 for i in range(7)}))
    assert describe_source(source)[1:] == (
        "         7 images, 7 classes (0, 1, 2, 3, 4 ...); one class per image (classify)",
        "splits:  none in the data",
    )
