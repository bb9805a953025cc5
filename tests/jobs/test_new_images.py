"""New images: whether they look like those of the training, and how data of any form are read for evaluation."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from tests.jobs.conftest import QUICK, make_images
from tests.jobs.test_held_out import moved

from striate.cli import main
from striate.errors import DataError, RunError, SettingError
from striate.jobs import train

COUNTS = {"train": 42, "val": 9, "test": 9}  # of 60 images, 15 % each


def test_predicting_states_when_images_are_unlike_those_of_the_training(shapes, trained, tmp_path, capsys, caplog):
    files = sorted(shapes.glob("*/*.png"))
    dark = [np.asarray(Image.open(path)) // 16 for path in files]
    for healthy in (files, files[:1], files[:20], [np.asarray(Image.open(files[5]))]):
        trained.predict(healthy)
        assert caplog.text == ""
    answers = trained.predict(dark)
    assert [one.error for one in answers] == [None] * 60
    (record,) = caplog.records
    assert (record.name, record.levelname) == ("striate", "WARNING")
    assert record.getMessage().startswith("warning: 60 of 60 images differ from those")
    Image.fromarray(dark[0]).save(tmp_path / "dark.png")
    caplog.clear()
    with pytest.raises(SystemExit, match="0"):
        main(["predict", str(trained.path), str(tmp_path / "dark.png"), "--csv"])
    assert len(caplog.records) == 1
    assert "data-shift" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("height", "width", "at", "found"),
    [(24, 120, 2, "data-cropped"), (24, 120, 56, None), (27, 48, 2, None), (24, 24, 2, None)],
)
def test_new_images_that_the_network_reads_in_part_are_reported(height, width, at, found, trained, tmp_path, caplog):
    """Content lies at an end, in the middle, or within what a photograph of 16 x 9 loses."""
    rng = np.random.default_rng(0)
    for kind in ("dark", "light"):
        (tmp_path / kind).mkdir()
        for i in range(6):
            image = rng.integers(0, 60, (height, width, 3)) + 180 * (kind == "light")
            image[4:20, at : at + 8] = 120 if kind == "light" else rng.integers(100, 150, 3)
            Image.fromarray(image.astype(np.uint8)).save(tmp_path / kind / f"{i}.png")
    reported = [one["id"] for one in trained.evaluate(tmp_path)["findings"]]
    assert reported == ([found] if found else [])
    caplog.clear()
    trained.predict(tmp_path)
    assert [record.getMessage().split("[")[1].split("]")[0] for record in caplog.records] == reported
    assert all("train with --fit contain" in record.getMessage() for record in caplog.records)


def test_other_data_are_read_as_is_reported(shapes, trained, tmp_path, capsys):
    """A table that disagrees with the folders beside it is asked about, and evaluate takes the answer that the question names."""
    new = moved(shapes, tmp_path / "new")
    rows = [f"{kind}/{i}.png,{label}" for kind, label in (("dark", "light"), ("light", "dark")) for i in range(6)]
    (new / "labels.csv").write_text("\n".join(["path,label", *rows[:-1], "light/5.png,light"]))
    with pytest.raises(DataError, match="--source folders or --source table"):
        trained.evaluate(new)
    assert trained.evaluate(new, source="folders")["overlap"]["measured"] == {"test": 9}
    with pytest.raises(SystemExit, match="0"):
        main(["evaluate", str(trained.path), "--data", str(new), "--source", "folders", "--json"])
    assert json.loads(capsys.readouterr().out)["overlap"]["measured"] == {"test": 9}
    with pytest.raises(
        SettingError, match="source: the data of the run are read as in training; give this only with --data"
    ):
        trained.evaluate(source="folders")
    with pytest.raises(SettingError, match="'epochs' is not a setting for reading data"):
        trained.evaluate(new, epochs=3)


def table_of(files: list[Path], to: Path, split: str = "") -> Path:
    to.mkdir()
    for file in files:
        (to / file.parent.name).mkdir(exist_ok=True)
        shutil.copy(file, to / file.parent.name / file.name)
    rows = [f"{file.parent.name}/{file.name},{file.parent.name}{split and f',{split}'}" for file in files]
    (to / "labels.csv").write_text("\n".join([f"path,label{split and ',split'}", *rows]) + "\n")
    return to / "labels.csv"


def folders_of(files: list[Path], to: Path, split: str = "") -> Path:
    for file in files:
        (to / split / file.parent.name).mkdir(parents=True, exist_ok=True)
        shutil.copy(file, to / split / file.parent.name / file.name)
    return to


def archive_of(files: list[Path], to: Path, split: str = "") -> Path:
    images, labels = memory_of(files, to)
    end = split and f"_{split}"
    np.savez(to.with_suffix(".npz"), **{f"x{end}": images, f"y{end}": np.array(labels)})
    return to.with_suffix(".npz")


def memory_of(files: list[Path], _: Path, split: str = "") -> Any:
    pair = np.stack([np.asarray(Image.open(file)) for file in files]), [file.parent.name for file in files]
    return {split: pair} if split else pair


def paths_of(files: list[Path], _: Path, split: str = "") -> Any:
    pair = files, [file.parent.name for file in files]
    return {split: pair} if split else pair


FORMS = [folders_of, table_of, archive_of, memory_of, paths_of]


@pytest.mark.parametrize("split", ["", "test", "val"])
@pytest.mark.parametrize("form", FORMS)
def test_one_class_and_one_image_and_one_split_can_be_measured(form, split, trained, tmp_path):
    new = make_images(tmp_path / "others", each=3, size=30)
    for name, files in (
        ("one", [new / "light" / "0.png"]),
        ("class", sorted((new / "light").iterdir())),
        ("two", sorted([*(new / "light").iterdir(), *(new / "dark").iterdir()])),
    ):
        found = trained.evaluate(form(files, tmp_path / name, split))
        assert found["images"] == len(files)
        assert found["overlap"]["measured"] == {"unseen": len(files)}
        per_class = {one["class"]: one["images"] for one in found["per_class"]}
        assert per_class["light"] == min(3, len(files))


@pytest.mark.parametrize("form", FORMS)
def test_what_is_learned_needs_two_classes_and_a_train_split_all_the_same(form, tmp_path):
    new = make_images(tmp_path / "others", each=3, size=30)
    light, dark = sorted((new / "light").iterdir()), sorted((new / "dark").iterdir())
    for name, files, split in (("class", light, ""), ("test", [*light, *dark], "test")):
        with pytest.raises(DataError, match=r"one class|no training|no split train|training needs|in val or test"):
            train(form(files, tmp_path / name, split), out=tmp_path / "run", progress=False, **QUICK)


@pytest.mark.parametrize("form", FORMS)
def test_a_label_that_the_run_does_not_know_is_named(form, trained, tmp_path):
    new = make_images(tmp_path / "others", each=3, size=30)
    (new / "light").rename(new / "foo")
    for name, files in (
        ("one", [new / "foo" / "0.png"]),
        ("two", sorted([*(new / "foo").iterdir(), new / "dark" / "0.png"])),
    ):
        with pytest.raises(RunError, match="was not trained on: foo"):
            trained.evaluate(form(files, tmp_path / name))


def test_a_class_without_a_readable_image_is_no_data_to_measure(trained, tmp_path):
    (tmp_path / "new" / "light").mkdir(parents=True)
    (tmp_path / "new" / "light" / "0.png").write_bytes(b"no image")
    missing = tmp_path / "new" / "light" / "1.png"
    for data in (tmp_path / "new", ([tmp_path / "new" / "light" / "0.png", missing], ["light"] * 2)):
        with pytest.raises(DataError, match="light"):
            trained.evaluate(data)
    test = tmp_path / "test only" / "test"
    test.mkdir(parents=True)
    Image.new("RGB", (30, 30)).save(test / "0.png")
    with pytest.raises(DataError, match="test has no class folders, so its images have no labels"):
        trained.evaluate(test.parent)
