"""Data that are only measured, of any kind: a split test of one class is enough; to be learned from it is not."""

import io
import json
import struct
import tarfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from striate.errors import DataError
from striate.sources import open_source

COUNT = 3


def _png(color: int = 90) -> bytes:
    content = io.BytesIO()
    Image.new("L", (8, 8), color).save(content, "PNG")
    return content.getvalue()


def _put(path: Path, content: bytes | str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)


def _class_folders(root: Path) -> None:
    _put(root / "test/cat/0.png", _png())


def _idx(root: Path) -> None:
    _put(root / "t10k-images-idx3-ubyte", struct.pack(">4BIII", 0, 0, 8, 3, COUNT, 8, 8) + bytes(range(COUNT * 64)))
    _put(root / "t10k-labels-idx1-ubyte", struct.pack(">4BI", 0, 0, 8, 1, COUNT) + bytes([7] * COUNT))


def _cifar(root: Path) -> None:
    _put(root / "test_batch.bin", bytes([1, *(i % 251 for i in range(3072))]) * COUNT)
    _put(root / "batches.meta.txt", "cat\ndog\n")


def _arrays(root: Path) -> None:
    images = np.arange(COUNT * 64, dtype=np.uint8).reshape(COUNT, 8, 8)
    np.savez(root / "data.npz", x_test=images, y_test=np.ones(COUNT, np.int64))


def _webdataset(root: Path) -> None:
    with tarfile.open(root / "test-000.tar", "w") as archive:
        for name, content in (("0.png", _png()), ("0.cls", b"1")):
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))


def _rows(root: Path) -> None:
    images = pa.array([{"bytes": _png(), "path": "0.png"}], pa.struct([("bytes", pa.binary()), ("path", pa.string())]))
    pq.write_table(pa.table({"image": images, "label": pa.array(["cat"])}), root / "test.parquet")


def _table(root: Path) -> None:
    _put(root / "images/0.png", _png())
    _put(root / "labels.csv", "path,label,split\nimages/0.png,cat,test\n")


def _coco(root: Path) -> None:
    _put(root / "test/0.png", _png())
    content = {
        "images": [{"id": 1, "file_name": "0.png", "width": 8, "height": 8}],
        "categories": [{"id": 1, "name": "cat"}],
        "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [1, 1, 4, 4]}],
    }
    _put(root / "test/_annotations.coco.json", json.dumps(content))


def _voc(root: Path) -> None:
    _put(root / "test/0.png", _png())
    corners = "<xmin>1</xmin><ymin>1</ymin><xmax>4</xmax><ymax>4</ymax>"
    object_ = f"<object><name>cat</name><bndbox>{corners}</bndbox></object>"
    _put(root / "test/0.xml", f"<annotation><size><width>8</width><height>8</height></size>{object_}</annotation>")


def _yolo(root: Path) -> None:
    _put(root / "test/images/0.png", _png())
    _put(root / "test/labels/0.txt", "0 0.5 0.5 0.5 0.5\n")


def _masks(root: Path) -> None:
    _put(root / "test/images/0.png", _png())
    _put(root / "test/masks/0.png", _png(1))


KINDS = [_class_folders, _idx, _cifar, _arrays, _webdataset, _rows, _table, _coco, _voc, _yolo, _masks]


@pytest.mark.parametrize("write", KINDS)
def test_a_split_test_of_one_class_can_be_evaluated_but_not_trained_on(
    write: Callable[[Path], None], tmp_path: Path
) -> None:
    write(tmp_path)
    source = open_source(tmp_path, for_training=False)
    assert list(source.splits) == ["test"]
    assert len(source.splits["test"]) >= 1
    with pytest.raises(DataError, match=r"no training|training needs|in val or test"):
        open_source(tmp_path)


def test_a_train_of_one_class_can_be_evaluated_but_not_trained_on(tmp_path: Path) -> None:
    _idx(tmp_path)
    for name in ("images-idx3-ubyte", "labels-idx1-ubyte"):
        (tmp_path / f"t10k-{name}").rename(tmp_path / f"train-{name}")
    assert open_source(tmp_path, for_training=False).classes == ("7",)
    with pytest.raises(DataError, match="has only one class, 7; add images of another"):
        open_source(tmp_path)


@pytest.mark.parametrize("level", [None, 1, 2])
@pytest.mark.parametrize("names", [["test/sub/notes.txt"], ["test/sub/notes.txt", "val/sub/notes.txt"]])
def test_folders_without_any_image_are_refused(names: list[str], level: int | None, tmp_path: Path) -> None:
    for name in names:
        _put(tmp_path / name, "none")
    with pytest.raises(DataError, match="has no .*folders"):
        open_source(tmp_path, class_level=level, for_training=False)
