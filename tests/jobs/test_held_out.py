"""Evaluation on other data never measures unasked what the run learned from, wherever it went and whatever it is called now."""

import csv
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from tests.jobs.conftest import QUICK, make_images

from striate.cli import main
from striate.data import FileStore, LabeledImages, Source, loading
from striate.errors import DataError, RunError, SettingError, StriateError
from striate.jobs import Run, check, train

COUNTS = {"train": 42, "val": 9, "test": 9}  # of 60 images, 15 % each


def copied(folder: Path, to: Path) -> Path:
    return Path(shutil.copytree(folder, to))


def moved(shapes: Path, to: Path) -> Path:
    return copied(shapes, to)


def renamed(shapes: Path, to: Path) -> Path:
    """Other names, in another order, saved as another format that loses nothing, some of them wide."""
    for kind in ("dark", "light", "striped"):
        (to / kind).mkdir(parents=True)
        for number, path in enumerate(sorted((shapes / kind).iterdir(), reverse=True)):
            Image.open(path).save(to / kind / f"new{number:02}.{('bmp', 'webp', 'tif')[number % 3]}", lossless=True)
    return to


def as_arrays(shapes: Path, to: Path) -> Path:
    files = sorted(shapes.glob("*/*.png"))
    images = np.stack([np.asarray(Image.open(path)) for path in files])
    labels = np.array([path.parent.name for path in files])
    to.mkdir()
    np.savez(to / "data.npz", x=images, y=labels)
    return to / "data.npz"


def as_table(shapes: Path, to: Path) -> Path:
    moved(shapes, to)
    rows = [f"{path.relative_to(to)},{path.parent.name}" for path in sorted(to.glob("*/*.png"))]
    (to / "labels.csv").write_text("\n".join(["path,label", *rows]))
    return to / "labels.csv"


@pytest.mark.parametrize("form", [moved, renamed, as_arrays, as_table])
def test_moved_data_give_the_figures_of_the_run(form: Callable[[Path, Path], Path], shapes, trained, tmp_path):
    assert trained.manifest["data"]["counts"] == COUNTS
    found = trained.evaluate(form(shapes, tmp_path / "new"))
    account = found["overlap"]
    assert account["measured"] == {"test": 9}
    assert account["excluded"] == {"train": 42, "val": 9}
    assert account["message"] == (
        "60 images: 42 that the run was trained on and 9 that chose its epoch are left out; 9 measured: "
        "images of the run's test split"
    )
    assert found["findings"] == []
    own = trained.metrics["test"]
    for name in ("images", "accuracy", "confusion_matrix", "per_class"):
        assert found[name] == own[name]
    assert found["log_loss"]["value"] == pytest.approx(own["log_loss"]["value"])
    if form is moved:
        assert {name: found[name] for name in own} == own


def test_images_that_the_run_does_not_know_are_measured_with_its_own(shapes, trained, tmp_path):
    data = moved(shapes, tmp_path / "new")
    for path in make_images(tmp_path / "more", each=4, size=30).glob("*/*.png"):
        path.rename(data / path.parent.name / f"more{path.name}")
    found = trained.evaluate(data)["overlap"]
    assert found["measured"] == {"test": 9, "unseen": 12}
    assert "21 measured: 9 of the run's test split and 12 that the run does not know" in found["message"]
    assert trained.evaluate(data, split="test")["overlap"]["measured"] == {"test": 9}


def test_what_is_asked_for_is_measured_and_reported(shapes, trained, tmp_path):
    data = moved(shapes, tmp_path / "new")
    learned = trained.evaluate(data, split="train")
    assert learned["overlap"]["measured"] == {"train": 42}
    assert "how well the run remembers them, not how well it does on new images" in learned["overlap"]["message"]
    assert trained.evaluate(data, split="val")["confusion_matrix"] == trained.metrics["val"]["confusion_matrix"]
    own = trained.evaluate(split="train")
    assert own["overlap"]["message"].startswith("42 images that the run was trained on; the metrics show how well")
    assert "overlap" not in trained.evaluate(split="val")
    with pytest.raises(SettingError, match="split = 'tset': .* has all$"):
        trained.evaluate(data, split="tset")
    others = make_images(tmp_path / "others", each=2, size=30)
    with pytest.raises(SettingError, match="has all, and none of the run's own val images"):
        trained.evaluate(others, split="val")


def sorted_anew(shapes: Path, run: Run, to: Path) -> Path:
    """Given splits: images that the run was trained on in test, its test images in train."""
    with (run.path / "splits.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            path = to / {"train": "test", "test": "train", "val": "val"}[row["split"]] / row["id"]
            path.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(shapes / row["id"], path)
    return to


def test_a_folder_called_test_does_not_make_them_unseen(shapes, trained, tmp_path):
    data = sorted_anew(shapes, trained, tmp_path / "new")
    with pytest.raises(RunError) as refused:
        trained.evaluate(data)
    assert "no image is left to measure" in str(refused.value)
    assert str(refused.value).endswith("42 that the run was trained on; give images that it does not know")
    assert trained.evaluate(data, split="train")["overlap"]["measured"] == {"test": 9}
    for path in make_images(tmp_path / "more", each=2, size=30).glob("*/*.png"):
        path.rename(data / "test" / path.parent.name / f"more{path.name}")
    found = trained.evaluate(data)["overlap"]
    assert (found["measured"], found["excluded"]) == ({"unseen": 6}, {"train": 42})
    found = trained.evaluate(data, split="val")["overlap"]
    assert (found["measured"], found["excluded"]) == ({"val": 9}, {})


def test_the_label_that_counts_is_the_new_one(shapes, trained, tmp_path):
    data = moved(shapes, tmp_path / "new")
    for old, new in (("dark", "x"), ("light", "dark"), ("x", "light")):
        (data / old).rename(data / new)
    figures = trained.evaluate(data)
    assert figures["overlap"]["measured"] == {"test": 9}
    assert figures["accuracy"]["value"] < trained.metrics["test"]["accuracy"]["value"]


def test_own_data_that_changed_are_other_data_where_they_are_named(tmp_path):
    data = make_images(tmp_path / "data", each=10)
    run = train(data, out=tmp_path / "run", progress=False, val=0.0, **{**QUICK, "epochs": 1})
    data.rename(tmp_path / "moved")
    with pytest.raises(RunError, match="if the data of .* were moved, name them with --data"):
        run.evaluate()
    (tmp_path / "moved").rename(data)
    (data / "dark" / "0.png").rename(data / "dark" / "renamed.png")
    with pytest.raises(RunError, match="changed since"):
        run.evaluate()
    found = run.evaluate(data)["overlap"]
    assert sum(found["measured"].values()) + sum(found["excluded"].values()) == 30
    assert set(found["measured"]) == {"test"}


@pytest.fixture(scope="module")
def all_trained(shapes, tmp_path_factory) -> Run:
    settings = {**QUICK, "epochs": 1, "val": 0.0, "test": 0.0}
    return train(shapes, out=tmp_path_factory.mktemp("runs") / "all", progress=False, **settings)


def test_a_run_that_held_out_nothing_measures_nothing_unasked(all_trained, shapes, tmp_path):
    with pytest.raises(RunError, match="held out no images; .* or `--split train`"):
        all_trained.evaluate()
    with pytest.raises(RunError, match="no image is left to measure .* or `--split train` to measure these all the"):
        all_trained.evaluate(moved(shapes, tmp_path / "new"))
    assert all_trained.evaluate(split="train")["images"] == 60


@pytest.mark.parametrize("kept", [None, 0, 1, 3, 60])
def test_a_split_that_is_not_as_the_run_wrote_it_is_refused(kept, shapes, trained, tmp_path):
    """Missing, emptied, without rows or cut off; else images that were learned from would be taken for new ones."""
    run = Run(copied(trained.path, tmp_path / "run"))
    splits = run.path / "splits.csv"
    run.evaluate(split="val")  # as written, it is taken
    lines = splits.read_text().splitlines(keepends=True)
    splits.unlink() if kept is None else splits.write_text("".join(lines[:kept]))
    for data in (None, copied(shapes, tmp_path / "new")):
        with pytest.raises(
            StriateError, match=r"run/splits\.csv: .*(bring the file back|columns id and split)"
        ) as reported:
            run.evaluate(data)
        assert "\n" not in str(reported.value)


def test_rows_of_a_split_that_were_changed_are_refused_and_line_ends_do_not_matter(trained, tmp_path):
    run = Run(copied(trained.path, tmp_path / "run"))
    splits = run.path / "splits.csv"
    content = splits.read_bytes()
    splits.write_bytes(content.replace(b"\n", b"\r\n"))
    assert run.evaluate() == trained.metrics["test"]
    splits.write_bytes(
        content.replace(b",train,", b",x,", 1).replace(b",test,", b",train,", 1).replace(b",x,", b",test,", 1)
    )
    with pytest.raises(RunError, match="was changed after the run wrote it"):
        run.evaluate()


def test_only_the_split_that_is_measured_is_decoded_and_hashed(shapes, trained, tmp_path, monkeypatch):
    """Unless the images are sought in all of them: then they are, and the files of those that pixels tell are not read."""
    data = sorted_anew(shapes, trained, tmp_path / "new")
    for path in make_images(tmp_path / "more", each=2, size=30).glob("*/*.png"):
        path.rename(data / "test" / path.parent.name / f"more{path.name}")
    decoded: list[str] = []
    hashed: list[int] = []
    load, digests = loading._load, FileStore.digests

    def seen(source: Source, split: str, *rest: Any) -> LabeledImages:
        decoded.append(split)
        return load(source, split, *rest)

    def read(self: FileStore) -> list[str]:
        hashed.append(len(self))
        return digests(self)

    monkeypatch.setattr(loading, "_load", seen)
    monkeypatch.setattr(FileStore, "digests", read)
    assert trained.evaluate(data)["overlap"]["measured"] == {"unseen": 6}
    assert (decoded, hashed) == (["test"], [48])
    decoded.clear()
    hashed.clear()
    assert trained.evaluate(data, split="train")["overlap"]["measured"] == {"test": 9}
    assert (decoded, hashed) == (["train"], [])
    shutil.rmtree(data / "val")
    decoded.clear()
    hashed.clear()
    with pytest.raises(SettingError, match="has test, train, and none of the run's own val images"):
        trained.evaluate(data, split="val")
    assert (sorted(decoded), hashed) == (["test", "train"], [48])


def test_own_data_are_held_against_the_limits_of_the_run(tmp_path):
    data = make_images(tmp_path / "data", each=10)
    Image.new("RGB", (50, 50)).save(data / "dark" / "large.png")
    run = train(data, out=tmp_path / "run", progress=False, max_pixels=2000, **{**QUICK, "epochs": 1})
    assert run.manifest["data"]["skipped"][0]["id"] == "dark/large.png"
    assert run.evaluate() == run.metrics["test"]
    found = run.evaluate(moved(data, tmp_path / "new"))["overlap"]
    assert found["measured"].get("unseen") == 1  # new images are held against no less than by default
    found = run.evaluate(tmp_path / "new", max_pixels=2000)["overlap"]
    assert "unseen" not in found["measured"]


def test_other_data_may_be_larger_or_partly_unreadable_where_that_is_reported(trained, tmp_path, capsys):
    new = make_images(tmp_path / "new", each=3, size=30)
    large = Image.new("L", (7200, 7200))  # more than 50 million pixels
    large.save(new / "dark" / "large.png")
    for reading in ({}, {"max_bad": 0.05}):
        with pytest.raises(DataError, match="1 of 10 files cannot be used .* or raise --max-bad"):
            trained.evaluate(new, **reading)
    assert trained.evaluate(new, max_bad=0.1)["images"] == 9
    assert trained.evaluate(new, max_pixels=7200 * 7200)["images"] == 10
    with pytest.raises(SystemExit, match="0"):
        main(["evaluate", str(trained.path), "--data", str(new), "--max-bad", "0.1"])
    assert "9 images that the run does not know" in capsys.readouterr().out
    with pytest.raises(
        SettingError, match="max_bad: the data of the run are read as in training; give this only with --data"
    ):
        trained.evaluate(max_bad=0.1)
    with pytest.raises(SettingError, match="max_bad = 7"):
        trained.evaluate(new, max_bad=7)


def test_copies_saved_anew_with_loss_are_known_too(tmp_path):
    rng = np.random.default_rng(0)
    for kind in ("a", "b"):
        for where in ("data", "new"):
            (tmp_path / where / kind).mkdir(parents=True)
        for number in range(20):
            coarse = Image.fromarray(rng.integers(0, 256, (6, 8, 3), np.uint8))
            photo = coarse.resize((120, 90), Image.Resampling.BICUBIC)
            photo.save(tmp_path / "data" / kind / f"{number}.jpg", quality=90)
            again = Image.open(tmp_path / "data" / kind / f"{number}.jpg")
            again.resize((100, 75)).save(tmp_path / "new" / kind / f"{number}.jpg", quality=60)
    run = train(tmp_path / "data", out=tmp_path / "run", progress=False, size=24, **{**QUICK, "epochs": 1})
    found = run.evaluate(tmp_path / "new")["overlap"]
    assert found["measured"] == {"test": run.manifest["data"]["counts"]["test"]}


def test_python_is_told_what_was_left_out_or_learned_from(shapes, trained, tmp_path, caplog):
    trained.evaluate()
    assert caplog.text == ""
    trained.evaluate(moved(shapes, tmp_path / "new"))
    trained.evaluate(split="train")
    left_out, learned = (record.getMessage() for record in caplog.records)
    assert left_out.startswith(
        "60 images: 42 that the run was trained on and 9 that chose its epoch are left out; 9 measured"
    )
    assert learned.startswith("42 images that the run was trained on; the metrics show how well the run remembers")


def test_screen_and_json_state_what_was_done(shapes, trained, tmp_path, capsys):
    data = moved(shapes, tmp_path / "new")
    for path in data.glob("*/*.png"):
        Image.fromarray(np.asarray(Image.open(path)) // 16).save(path)

    def typed(*words: str) -> str:
        with pytest.raises(SystemExit, match="0"):
            main(["evaluate", str(trained.path), "--data", str(data), *words])
        return capsys.readouterr().out

    understood, _, _, *lines = typed().splitlines()
    assert understood == f"data:    {data}, read as class folders"
    assert lines[0] == "60 images that the run does not know"
    assert lines[1].startswith(
        "warning: 60 of 60 images differ from those that the network was trained on (brightness is"
    )
    assert "[data-shift] Fix: compare some of them" in lines[1]
    reported: dict[str, Any] = json.loads(typed("--json"))
    assert reported["overlap"]["measured"] == {"unseen": 60}
    assert [one["id"] for one in reported["findings"]] == ["data-shift"]
    assert trained.evaluate(data)["findings"] == reported["findings"]


def test_suspects_among_labels_are_searched_in_data_that_were_moved(shapes, trained, tmp_path):
    data = moved(shapes, tmp_path / "new")
    assert check(data, out=tmp_path / "page.html", run=trained.path, progress=False)
    (data / "dark" / "0.png").unlink()
    with pytest.raises(RunError, match="was trained on"):
        check(data, out=tmp_path / "page.html", run=trained.path, progress=False)
