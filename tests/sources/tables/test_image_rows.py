"""Images in rows of Parquet and Arrow files, as `datasets` and others write them."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from striate.data import Limits, load_images
from striate.errors import DataError, SettingError
from striate.sources import Columns, open_source

Encode = Callable[..., bytes]
NAMES = ["zebra", "ape", "unused"]
IMAGE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])


def features(**columns: object) -> dict[bytes, bytes]:
    """The metadata of a schema, in the form that `datasets` writes."""
    return {b"huggingface": json.dumps({"info": {"features": columns}}).encode()}


LABELLED = features(image={"_type": "Image"}, label={"names": NAMES, "_type": "ClassLabel"})


@pytest.fixture
def rows(encode: Encode) -> Callable[..., pa.Table]:
    def make(count: int = 6, metadata: Any = LABELLED, **more: list[Any]) -> pa.Table:
        images = [{"bytes": encode(Image.new("L", (4, 3), i)), "path": f"{i}.png"} for i in range(count)]
        columns = {"image": pa.array(images, IMAGE), "label": pa.array([i % 2 for i in range(count)])}
        return pa.table(columns | {name: pa.array(values) for name, values in more.items()}, metadata=metadata)

    return make


def saved(root: Path, table: pa.Table, shards: int = 1) -> Path:
    """What `save_to_disk` leaves: streams of Arrow, the list of them, and a description."""
    root.mkdir(parents=True)
    names = [f"data-{i:05}-of-{shards:05}.arrow" for i in range(shards)]
    each = len(table) // shards
    for i, name in enumerate(names):
        with pa.OSFile(str(root / name), "wb") as file, pa.ipc.new_stream(file, table.schema) as stream:
            stream.write_table(table.slice(i * each, each), max_chunksize=2)
    (root / "state.json").write_text(json.dumps({"_data_files": [{"filename": name} for name in names]}))
    (root / "dataset_info.json").write_text("{}")
    return root


def check(path: Path, splits: dict[str, int]) -> None:
    source = open_source(path)
    assert source.classes == ("zebra", "ape")  # in the order of the file, without what no row has
    assert {split: len(listing) for split, listing in source.splits.items()} == splits
    for split, samples in load_images(source, source.native(), threads=2).items():
        assert samples.images[:, 0, 0, 0].tolist() == list(range(splits[split]))
        assert samples.labels.tolist() == [i % 2 for i in range(splits[split])]
        assert not samples.skipped
    assert open_source(source.location).digest() == source.digest()


def test_saved_to_disk(rows: Callable[..., pa.Table], tmp_path: Path) -> None:
    check(saved(tmp_path / "one", rows(), shards=3), {"all": 6})
    saved(tmp_path / "several/train", rows())
    saved(tmp_path / "several/test", rows(4))
    (tmp_path / "several/dataset_dict.json").write_text('{"splits": ["train", "test"]}')
    check(tmp_path / "several", {"train": 6, "test": 4})
    assert open_source(tmp_path / "several").splits["test"].ids[1] == "test/data-00000-of-00001.arrow[1]"
    check(tmp_path / "one/data-00000-of-00003.arrow", {"all": 2})


def test_parquet(rows: Callable[..., pa.Table], tmp_path: Path) -> None:
    pq.write_table(rows(), tmp_path / "some.parquet", row_group_size=2)
    check(tmp_path / "some.parquet", {"all": 6})
    check(tmp_path, {"all": 6})
    (tmp_path / "hub/data").mkdir(parents=True)
    pq.write_table(rows(), tmp_path / "hub/data/train-00000-of-00001.parquet", row_group_size=4)
    pq.write_table(rows(4), tmp_path / "hub/data/validation-00000-of-00001.parquet")
    check(tmp_path / "hub", {"train": 6, "val": 4})


def test_a_column_of_bare_bytes(rows: Callable[..., pa.Table], tmp_path: Path) -> None:
    table = rows(metadata=None)
    contents = [row["bytes"] for row in table.column("image").to_pylist()]
    pq.write_table(pa.table({"img": contents, "class": ["x", "y"] * 3, "camera": [1, 2] * 3}), tmp_path / "a.parquet")
    source = open_source(tmp_path / "a.parquet")
    assert source.classes == ("x", "y")
    assert source.splits["all"].columns == {"camera": ("1", "2") * 3}
    assert source.splits["all"].ids[1] == "a.parquet[1]"


def test_lists_and_named_columns(rows: Callable[..., pa.Table], tmp_path: Path) -> None:
    kinds = {"feature": {"names": NAMES, "_type": "ClassLabel"}, "_type": "Sequence"}
    table = rows(metadata=features(kinds=kinds), kinds=[[0], [1, 0], [], [0], [1], [2]], size=[0.5, 1, 2, 3, 4, 5])
    pq.write_table(table, tmp_path / "a.parquet")
    source = open_source(tmp_path / "a.parquet", columns=Columns(label=("kinds",)))
    assert source.task == "multilabel"
    assert source.classes == tuple(NAMES)
    assert source.splits["all"].targets.values[1].tolist() == [True, True, False]  # type: ignore[attr-defined]
    assert open_source(tmp_path / "a.parquet", columns=Columns(label=("size",))).task == "regress"
    with pytest.raises(SettingError, match=r"no column 'sise'; did you mean size\?"):
        open_source(tmp_path / "a.parquet", columns=Columns(label=("sise",)))


def test_a_row_without_an_image_is_skipped(rows: Callable[..., pa.Table], tmp_path: Path) -> None:
    table = rows(8)
    images = table.column("image").to_pylist()
    images[1]["bytes"], images[2]["bytes"], images[3] = None, b"GIF89a", None
    pq.write_table(table.set_column(0, "image", pa.array(images, IMAGE)), tmp_path / "a.parquet")
    source = open_source(tmp_path / "a.parquet")
    loaded = load_images(source.with_limits(Limits(max_bad=0.5)), source.native(), threads=1)["all"]
    assert [one.id for one in loaded.skipped] == ["a.parquet[1]", "a.parquet[2]", "a.parquet[3]"]
    assert [loaded.skipped[i].reason for i in (0, 2)] == ["missing", "missing"]


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"label": [0, 1, -1, 0, 1, 0]}, "row 3, column label: the label is missing"),
        ({"label": [0, 1, 3, 0, 1, 0]}, "the class 3 has no name"),
        ({"label": [0, 0, 0, 0, 0, 0]}, "have one class, zebra"),
        ({"photo": [b"x"] * 6}, r"several columns of images, image, photo; choose one with --path-column NAME"),
        ({"class": ["x", "y"] * 3}, "label and class, and either may be the label"),
    ],
)
def test_rows_that_cannot_be_used_end_as_one_line(
    more: dict[str, list[Any]], message: str, rows: Callable[..., pa.Table], tmp_path: Path
) -> None:
    table = rows()
    for name, values in more.items():
        table = table.drop_columns([name]) if name in table.column_names else table
        table = table.append_column(name, pa.array(values))
    pq.write_table(table, tmp_path / "a.parquet")
    for path in (tmp_path / "a.parquet", saved(tmp_path / "saved", table)):
        with pytest.raises(DataError, match=message) as caught:
            open_source(path)
        assert "\n" not in str(caught.value)


def test_damaged_files_end_as_one_line(rows: Callable[..., pa.Table], tmp_path: Path) -> None:
    root = saved(tmp_path / "saved", rows())
    arrow = root / "data-00000-of-00001.arrow"
    content = arrow.read_bytes()
    for damaged in (b"", b"<html>", content[:100], content[: len(content) // 2], b"\xff" * len(content)):
        arrow.write_bytes(damaged)
        with pytest.raises(DataError, match=r"data-00000") as caught:
            open_source(root)
        assert "\n" not in str(caught.value)
    for state in ("", "[" * 10_000, "{}", '{"_data_files": [{"filename": "../x.arrow"}]}', '{"_data_files": 3}'):
        (root / "state.json").write_text(state)
        with pytest.raises(DataError, match=r"state\.json") as caught:
            open_source(root)
        assert "\n" not in str(caught.value)
    (root / "state.json").write_text('{"_data_files": [{"filename": "gone.arrow"}]}')
    with pytest.raises(DataError, match=r"gone\.arrow is not a file"):
        open_source(root)
    for names in ('{"splits": ["train", "../x"]}', '{"splits": ["test"]}', "{}", "{"):
        saved_splits = tmp_path / "splits"
        saved_splits.mkdir(exist_ok=True)
        (saved_splits / "dataset_dict.json").write_text(names)
        with pytest.raises(DataError) as caught:
            open_source(saved_splits)
        assert "\n" not in str(caught.value)


def test_without_pyarrow_the_error_names_what_to_install(
    rows: Callable[..., pa.Table], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = saved(tmp_path / "saved", rows())
    monkeypatch.setitem(sys.modules, "pyarrow.ipc", None)
    with pytest.raises(
        DataError, match=r"arrow needs pyarrow, which is not installed; pip install 'striate\[tables\]'"
    ):
        open_source(root)


def test_a_column_of_splits_and_a_task(rows: Callable[..., pa.Table], tmp_path: Path) -> None:
    table = rows(is_valid=[False, False, False, False, True, True], kind=["a b", "b", "a", "b", "a", "b"])
    pq.write_table(table, tmp_path / "a.parquet", row_group_size=2)
    source = open_source(tmp_path / "a.parquet")
    assert {split: listing.ids for split, listing in source.splits.items()} == {
        "train": tuple(f"a.parquet[{i}]" for i in range(4)),
        "val": ("a.parquet[4]", "a.parquet[5]"),
    }
    assert source.split_origin == "column is_valid (True is val)"
    samples = load_images(source, source.native(), threads=1)["val"]
    assert samples.images[:, 0, 0, 0].tolist() == [4, 5]
    assert list(open_source(tmp_path / "a.parquet", columns=Columns(split="none")).splits) == ["all"]
    with pytest.raises(
        DataError, match=r"column kind: 'a b' may be several labels .*--task classify, or --task multilabel"
    ):
        open_source(tmp_path / "a.parquet", columns=Columns(label=("kind",)))
    assert open_source(tmp_path / "a.parquet", columns=Columns(label=("kind",), task="multilabel")).classes == (
        "a",
        "b",
    )


@pytest.mark.parametrize(
    ("names", "splits"),
    [
        (("train-0", "validation-0", "eval-0"), ["train", "val", "test"]),
        (("cub-train-00000-of-00001", "cub-test-00000-of-00001"), ["train", "test"]),
        (("train-00000-of-00001-a09b74b3ef9c3b56", "test-00000-of-00001-2a1fd6c58a3e7d11"), ["train", "test"]),
        (("part-0", "part-1"), ["all"]),
        (("test_run_1", "test_run_2"), ["all"]),
    ],
)
def test_splits_by_the_names_of_files(
    names: tuple[str, ...], splits: list[str], rows: Callable[..., pa.Table], tmp_path: Path
) -> None:
    for name in names:
        pq.write_table(rows(), tmp_path / f"{name}.parquet")
    assert list(open_source(tmp_path).splits) == splits
