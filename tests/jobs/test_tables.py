"""Tables from a command to the files of a run: the task that is asked for, text that stays text, splits as marked."""

import csv
from pathlib import Path

import pytest
from tests.jobs.conftest import QUICK

from striate.cli.check import check as check_command
from striate.cli.overrides import ReadingOverrides
from striate.errors import DataError
from striate.jobs import augment, check, train
from striate.runs import RunFolder


@pytest.fixture(scope="session")
def table(shapes: Path) -> Path:
    """Labels "7", "007" and -1 of the three kinds of images, and those that are for validation."""
    rows = [
        (f"{kind}/{i}", label, i >= 14)
        for kind, label in (("dark", "7"), ("light", "007"), ("striped", "-1"))
        for i in range(20)
    ]
    path = shapes.parent / "labels.csv"
    path.write_text("id,label,is_valid\n" + "".join(f"shapes/{id_},{label},{valid}\n" for id_, label, valid in rows))
    return path


def test_training_on_a_table(table: Path, tmp_path: Path) -> None:
    train(table, out=tmp_path / "run", progress=False, **QUICK)
    with (tmp_path / "run/predictions.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    label_of = {"dark": "7", "light": "007", "striped": "-1"}
    assert {row["id"] for row in rows if row["split"] == "val"} == {
        f"shapes/{kind}/{i}.png" for kind in label_of for i in range(14, 20)
    }
    assert {row["id"].split("/")[1]: row["label"] for row in rows} == label_of
    assert RunFolder.open(tmp_path / "run").bundle().classes == ("-1", "7", "007")


def test_the_task_is_asked_for_and_given(shapes: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tags = {"dark": "night", "light": "day sky", "striped": "day"}
    table = shapes.parent / "tags.csv"
    rows = [f"shapes/{kind}/{i}.png,{tag}\n" for kind, tag in tags.items() for i in range(20)]
    table.write_text("path,tags\n" + "".join(rows).replace("dark/1.png,night", "dark/1.png,night sky"))
    with pytest.raises(DataError, match=r"--task classify, or --task multilabel"):
        train(table, out=tmp_path / "run", progress=False, **QUICK)
    assert not (tmp_path / "run").exists()
    sheet = augment(table, out=tmp_path / "a.png", task="multilabel", rows=2, columns=2)
    assert sheet.task == "multilabel"
    check_command(str(table), out=str(tmp_path / "a.html"), quiet=True, settings=ReadingOverrides(task="multilabel"))
    assert "sets of 3 classes in the column tags, separated by spaces" in capsys.readouterr().out
    with pytest.raises(DataError, match="--task"):
        check(table, progress=False)
