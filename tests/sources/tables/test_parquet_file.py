"""Parquet tables: the same meanings as of text, and the same one line where there is none."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.sources.tables.table_folder import TableFolder, labels_by_id

from striate.errors import DataError
from striate.sources import open_source


def parquet(root: Path, **columns: Any) -> Path:
    (root / "labels.csv").unlink()
    pq.write_table(pa.table(columns), root / "labels.parquet")
    return root


@pytest.mark.parametrize(
    ("labels", "task", "a"),
    [
        (["x", "y", "x"], "classify", "x"),
        (pa.array(["x", "y", "x"]).dictionary_encode(), "classify", "x"),
        ([1, 2, 1], "classify", "1"),
        ([True, False, True], "classify", "True"),
        ([0.5, 1, 2], "regress", (0.5,)),
        ([["x", "y z"], ["y z"], []], "multilabel", {"x", "y z"}),
        ([["x z"], ["y"], []], "multilabel", {"x z"}),
    ],
)
def test_parquet(labels: Any, task: str, a: object, table_folder: TableFolder) -> None:
    source = open_source(parquet(table_folder(""), path=["a.png", "b.png", "c.png"], label=labels))
    assert source.task == task
    assert labels_by_id(source)["a.png"] == a
    assert source.kind.startswith("Parquet table")


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (["x", None, "y"], "row 3, column label: the label is missing"),
        ([0.5, float("nan"), 1], "row 3, column label: the label is missing"),
        ([0.5, float("inf"), 1], "row 3, column label: inf is infinite"),
        ([{"u": 1}] * 3, "column label: its type is struct"),
    ],
)
def test_a_hostile_parquet_ends_as_one_line(labels: Any, message: str, table_folder: TableFolder) -> None:
    root = parquet(table_folder(""), path=["a.png", "b.png", "c.png"], label=labels)
    with pytest.raises(DataError, match=message):
        open_source(root)
    content = (root / "labels.parquet").read_bytes()
    for damaged in (b"", b"PAR1", content[:-20], content[:40] + bytes(40) + content[80:]):
        (root / "labels.parquet").write_bytes(damaged)
        with pytest.raises(DataError) as caught:
            open_source(root)
        assert "\n" not in str(caught.value)


def test_without_pyarrow_the_error_names_what_to_install(
    table_folder: TableFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = parquet(table_folder(""), path=["a.png", "b.png"], label=["x", "y"])
    monkeypatch.setitem(__import__("sys").modules, "pyarrow.parquet", None)
    with pytest.raises(
        DataError, match=r"labels.parquet needs pyarrow, which is not installed; pip install 'striate\[tables\]'"
    ):
        open_source(root)
