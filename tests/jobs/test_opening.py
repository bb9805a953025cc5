"""Other data are read as a run's own were; by themselves only where they hold nothing of that kind."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.jobs.conftest import make_images

from striate.cli.evaluate import evaluate as evaluate_command
from striate.errors import DataError, SettingError, StriateError
from striate.jobs import Run
from striate.training.opening import open_data_like

SICK = {"label_column": "sick", "path_column": "path"}


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """A table in which the column of a run is called otherwise, and another would be read by itself."""
    root = make_images(tmp_path / "data")
    files = [path.relative_to(root) for path in sorted(root.rglob("*.png"))]
    rows = [f"{file},{'yn'[i % 2]},{file.parent}\n" for i, file in enumerate(files)]
    (root / "new.csv").write_text("path,Sick,label\n" + "".join(rows))
    return root / "new.csv"


@pytest.mark.parametrize("reading", [{}, {"source": "table"}])
@pytest.mark.parametrize("form", ["file", "folder"])
def test_another_column_is_never_measured(reading: dict[str, str], form: str, table: Path) -> None:
    data = table if form == "file" else table.parent
    with pytest.raises(SettingError, match="no column 'sick'; did you mean Sick"):
        open_data_like(data, SICK, reading)
    assert open_data_like(data, SICK, {"label_column": "Sick"}).classes == ("n", "y")


def test_data_without_a_table_are_read_by_themselves(table: Path) -> None:
    table.unlink()
    (table.parent / "notes.csv").write_text("epoch,loss\n100,0.5\n")
    classes = ("dark", "light", "striped")
    assert open_data_like(table.parent, SICK, {}).classes == classes
    assert open_data_like((np.zeros((2, 8, 8), np.uint8), ["dark", "light"]), SICK, {}).classes == classes[:2]
    for other in ({"source": "coco"}, {"class_level": 2}, {"source": "folders", "class_level": 1}):
        assert open_data_like(table.parent, other, {}).classes == classes


def test_what_is_named_comes_before_what_the_recipe_names(table: Path) -> None:
    assert open_data_like(table.parent, SICK, {"source": "folders"}).classes == ("dark", "light", "striped")
    assert open_data_like(table, {"source": "coco"}, {"label_column": "Sick"}).classes == ("n", "y")
    for path in table.parent.rglob("*.png"):
        path.write_bytes(b"")
    with pytest.raises(DataError, match="no readable image"):  # nor are folders that do not fit read as the table
        open_data_like(table.parent, {"source": "folders"}, {})


@pytest.mark.parametrize("recipe", [SICK, {"source": "coco"}])
def test_limits_and_task_stay_those_of_the_run(recipe: dict[str, Any], table: Path, tmp_path: Path) -> None:
    linked = tmp_path / "linked"
    linked.mkdir()
    for kind in ("dark", "light", "striped"):
        (linked / kind).symlink_to(table.parent / kind)
    with pytest.raises(DataError, match="is a link to a folder, and such links are not followed"):
        open_data_like(linked, recipe, {})
    found = open_data_like(linked, {**recipe, "follow_links": True, "max_pixels": 5000}, {})
    assert (found.limits.follow_links, found.limits.max_pixels) == (True, 5000)
    with pytest.raises(StriateError, match="task = 'regress'"):
        open_data_like(linked, {**recipe, "follow_links": True, "task": "regress"}, {})


def test_evaluate_describes_the_data(trained: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = make_images(tmp_path / "new")
    evaluate_command(str(trained.path), data=str(data))
    reported = capsys.readouterr().out.splitlines()
    assert reported[0] == f"data:    {data}, read as class folders"
    assert reported[1].startswith("         60 images, 3 classes (dark, light, striped)")
    evaluate_command(str(trained.path), data=str(data), json=True)
    assert capsys.readouterr().out.startswith("{")
    evaluate_command(str(trained.path))
    assert "read as" not in capsys.readouterr().out
