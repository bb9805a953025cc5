"""Checking from start to finish: page, JSON, exit codes; nothing but the page is written."""

import csv
import hashlib
import io
import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from tests.audit.images_of_noise import folders, textured
from tests.jobs.conftest import make_images

from striate.analysis.learning_curve import fit_power_law, measure_learning_curve, more_would_help, steps_for
from striate.audit.fingerprints import take_fingerprints
from striate.cli import main
from striate.errors import RunError, SettingError
from striate.jobs import check
from striate.number_format import percent
from striate.report.check_images import overview
from striate.sources import open_source


def state(folder: Path) -> dict[bytes, str]:
    paths = [Path(where) / name for where, _, files in os.walk(folder) for name in files]
    return {os.fsencode(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


@pytest.fixture
def odd(tmp_path, monkeypatch):
    """Folders with names that break careless writers, a leak among them; read-only."""
    monkeypatch.chdir(tmp_path)
    data = folders(tmp_path / "data <b>", each=11)
    leak = (data / "train/a/00.png").read_bytes()
    for name in ("new\nline.png", 'quote".png', "<script>alert(1)</script>.png".replace("/", "_"), "\U0001f600.png"):
        (data / "test/a" / name).write_bytes(leak)
    Path(os.fsdecode(os.fsencode(data / "test/a") + b"/\xff.png")).write_bytes(leak)
    for where, _, files in os.walk(data):
        for name in files:
            (Path(where) / name).chmod(0o400)
        Path(where).chmod(0o500)
    yield data
    for where, _, _ in os.walk(data):
        Path(where).chmod(0o700)


def test_page_and_json_carry_any_name_and_nothing_else_is_written(odd, tmp_path, capsys):
    before = state(odd)
    with pytest.raises(SystemExit) as ended:
        main(["check", str(odd), "--json"])
    assert ended.value.code == 1  # a finding has the severity stop
    reported = json.loads(capsys.readouterr().out)
    leak = next(one for one in reported["findings"] if one["id"] == "data-duplicates-across-splits")
    assert leak["severity"] == "stop"
    assert set(leak["files"][0]) == {
        "train/a/00.png", "test/a/new\\u000aline.png", 'test/a/quote".png', "test/a/<script>alert(1)<_script>.png",
        "test/a/\U0001f600.png", "test/a/\\xff.png",
    }  # fmt: skip
    assert reported["files"] == {"found": 71, "used": 71, "skipped": {}, "ignored": {}}
    page = (tmp_path / reported["page"]).read_text("utf-8")
    assert "<script" not in page
    assert "&lt;script&gt;alert(1)" in page
    assert state(odd) == before
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([odd.name, reported["page"]])


def test_healthy_data_end_with_exit_code_0(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    folders(tmp_path / "data")
    with pytest.raises(SystemExit) as ended:
        main(["check", "data", "--quiet", "--out", "page.html"])
    assert ended.value.code == 0
    reported = capsys.readouterr().out
    assert "no findings" in reported
    assert "72 found = 72 used + 0 skipped + 0 ignored" in reported
    assert (tmp_path / "page.html").exists()


@pytest.mark.parametrize(
    ("arguments", "expected_message"),
    [
        (["nowhere/at/all"], "nowhere/at/all"),
        (["data", "--out", "data/page.html"], "lies within the data"),
        (["data", "--out", "data/train"], "is a folder"),
        (["data", "--out", "no/page.html"], "no folder no"),
        (["data", "--group", "("], "regular expression"),
        (["data", "--group", "patient"], "needs one group in parentheses"),
        (["data", "--run", "no-run"], "no such run"),
        (["data", "--learning-curve"], "too few for a learning curve"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(arguments, expected_message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    folders(tmp_path / "data", each=4)
    with pytest.raises(SystemExit) as ended:
        main(["check", *arguments])
    reported = capsys.readouterr()
    assert ended.value.code == 2
    assert reported.err.count("\n") == 1
    assert expected_message in reported.err


def test_suspects_of_a_run(trained, shapes, tmp_path):
    checked = check(shapes, out=tmp_path / "page.html", run=trained.path, progress=False)
    assert "data-label-suspects" not in [one.finding.id for one in checked.findings]
    run = shutil.copytree(trained.path, tmp_path / "run")
    with (run / "predictions.csv").open() as file:
        rows = list(csv.DictReader(file))
    dark = [row for row in rows if row["label"] == "dark"]
    dark[0] |= {"label": "light", "label_probability": "0.001"}  # as if its label were another
    with (run / "predictions.csv").open("w") as file:
        writer = csv.DictWriter(file, rows[0].keys())
        writer.writeheader()
        writer.writerows(rows)
    checked = check(shapes, out=tmp_path / "page.html", run=run, progress=False)
    found = next(one for one in checked.findings if one.finding.id == "data-label-suspects")
    assert found.files == ((dark[0]["id"],),)


def test_a_run_on_other_data_is_refused(trained, tmp_path):
    with pytest.raises(RunError, match="was trained on"):
        check("mnist", out=tmp_path / "page.html", run=trained.path, progress=False)
    (tmp_path / "run").mkdir()
    with pytest.raises(RunError, match="no manifest"):
        check("mnist", out=tmp_path / "page.html", run=tmp_path / "run", progress=False)


def test_the_power_law_is_recovered():
    sizes = np.array([100, 200, 400])
    b, c = fit_power_law(sizes, 3.0 * sizes**-0.4)
    assert (b, c) == pytest.approx((3.0, 0.4))
    assert fit_power_law(sizes, np.array([0.1, 0.2, 0.3]))[1] == 0.0


def test_steps_of_a_learning_curve_grow_with_the_data_up_to_a_limit():
    assert [steps_for(images) for images in (80, 160, 480, 3840, 4000)] == [50, 100, 300, 300, 312]


def test_a_learning_curve_knows_from_the_first_training_how_long_it_takes(tmp_path, monkeypatch):
    clock = [0.0]

    def train_in_no_time(training, held_out, recipe):
        batch_size = recipe.training.batch_size
        steps = recipe.training.epochs * -(-len(training) // batch_size)
        clock[0] += steps * (20 + batch_size) / 1000  # seconds
        return np.arange(len(held_out)) > 2

    monkeypatch.setattr("striate.analysis.learning_curve._hits", train_in_no_time)
    monkeypatch.setattr("striate.analysis.learning_curve.time.perf_counter", lambda: clock[0])
    lines: list[str] = []
    measure_learning_curve(open_source(make_images(tmp_path / "data", each=40)), torch.device("cpu"), lines.append)
    assert len(lines) == 12
    assert lines[0].startswith("learning curve 1 of 12: 12 images, accuracy ")
    first = float(lines[0].partition("about ")[2].removesuffix(" s left"))
    assert first == pytest.approx(clock[0], rel=0.2)
    assert lines[-1].endswith("about 0 s left")


@pytest.mark.large
def test_a_learning_curve_of_what_is_learned_at_once_has_nothing_to_gain(tmp_path, monkeypatch):
    monkeypatch.setattr("striate.analysis.learning_curve.STEPS", 20)
    monkeypatch.setattr("striate.analysis.learning_curve.SEEDS", 2)
    for name, shade in (("dark", 0), ("light", 120)):
        (tmp_path / "data" / name).mkdir(parents=True)
        for i in range(80):
            image = np.asarray(textured(i, 32, 32)) // 2 + shade
            Image.fromarray(image.astype(np.uint8)).save(tmp_path / "data" / name / f"{i}.png")
    checked = check(tmp_path / "data", out=tmp_path / "page.html", learning_curve=True, progress=False)
    assert checked.curve is not None
    assert checked.curve.sizes == (16, 32, 64, 128)
    assert checked.curve.gain.low <= checked.curve.gain.value <= checked.curve.gain.high
    assert more_would_help(checked.curve) == [] or checked.curve.gain.low >= 0.005
    assert "<h2>Learning curve</h2>" in (tmp_path / "page.html").read_text()
    assert "95 % interval" in checked.curve.message


def paired(root: Path) -> Path:
    """Images and masks of two classes, in splits."""
    for split, count in (("train", 24), ("val", 8)):
        for where in ("images", "masks"):
            (root / split / where).mkdir(parents=True)
        for number in range(count):
            textured(number + (100 if split == "val" else 0)).save(root / split / "images" / f"{number}.png")
            Image.new("L", textured(0).size, 1 + number % 2).save(root / split / "masks" / f"{number}.png")
    return root


def table(root: Path, column: str, cells: list[str]) -> Path:
    """A table of as many images, all different, as there are cells."""
    root.mkdir()
    for number in range(len(cells)):
        textured(number).save(root / f"{number}.png")
    rows = [f"{number}.png,{cell}" for number, cell in enumerate(cells)]
    (root / "table.csv").write_text("\n".join([f"path,{column}", *rows]))
    return root / "table.csv"


def test_masks_of_another_size_and_images_in_two_splits_are_found(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert not check(paired(tmp_path / "healthy"), progress=False).findings
    ill = paired(tmp_path / "ill")
    shutil.copy(ill / "train/images/0.png", ill / "val/images/2.png")  # its mask is the same
    Image.new("L", (9, 9)).save(ill / "train/masks/3.png")
    found = {one.finding.id: one for one in check(ill, progress=False).findings}
    assert set(found) == {"data-duplicates-across-splits", "data-unreadable"}
    assert found["data-duplicates-across-splits"].files == (("train/images/0.png", "val/images/2.png"),)
    assert found["data-unreadable"].files == (("train/masks/3.png",),)
    assert "1 file cannot be used (1 another size)" in found["data-unreadable"].finding.message


@pytest.mark.parametrize(
    ("column", "cells", "expected_message"),
    [
        ("labels", ["a", "a;b"] * 20, [["a", "a, b"]]),
        ("value", [str(number / 4) for number in range(40)], [["value 0.0", "value 9.75"]]),
    ],
)
def test_copies_that_are_labeled_different_are_found(column, cells, expected_message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert not check(table(tmp_path / "healthy", column, cells), progress=False).findings
    ill = table(tmp_path / "ill", column, cells)
    shutil.copy(ill.parent / "0.png", ill.parent / "39.png")
    found = {one.finding.id: one for one in check(ill, progress=False).findings}
    assert set(found) == {"data-two-labels"}
    assert found["data-two-labels"].files == (("0.png", "39.png"),)
    assert found["data-two-labels"].finding.evidence["labels"] == expected_message
    cells[39] = cells[0]  # named twice
    ill.write_text("\n".join([f"path,{column}", *(f"{number}.png,{cell}" for number, cell in enumerate(cells))]))
    assert [one.finding.id for one in check(ill, progress=False).findings] == ["data-duplicates"]


def test_copies_with_different_masks_are_found_and_those_with_equal_ones_are_silent(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    data = paired(tmp_path / "ill")
    mask = np.where(np.arange(textured(0).width) < 20, 1, 2) * np.ones((textured(0).height, 1))
    Image.fromarray(mask.astype(np.uint8)).save(data / "train/masks/0.png")
    for kind in ("images", "masks"):
        shutil.copy(data / f"train/{kind}/0.png", data / f"train/{kind}/copy.png")
    (found,) = check(data, progress=False).findings
    assert (found.finding.id, found.files) == ("data-duplicates", (("train/images/0.png", "train/images/copy.png"),))
    moved = np.roll(mask, 1, axis=1)  # of the same classes
    Image.fromarray(moved.astype(np.uint8)).save(data / "train/masks/copy.png")
    (found,) = check(data, progress=False).findings
    share = percent((moved != mask).mean())
    assert found.finding.id == "data-two-labels"
    assert found.files == (("train/images/0.png", "train/images/copy.png"),)
    assert found.finding.message == (
        f"1 image has two labels, pixel for pixel, such as masks that differ in {share} of the pixels."
    )


def test_a_box_over_the_edge_is_reported_with_its_image(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    data = tmp_path / "coco"
    data.mkdir()
    for number in range(2):
        noise = np.random.default_rng(number).integers(0, 256, (40, 50, 3), np.uint8)
        Image.fromarray(noise).save(data / f"{number}.png")
    images = [{"id": n, "file_name": f"{n}.png", "height": 40, "width": 50} for n in range(2)]
    boxes = [{"id": n, "image_id": n, "category_id": 1, "bbox": [30, 5, 40 - 30 * n, 10]} for n in range(2)]
    reported = {"images": images, "annotations": boxes, "categories": [{"id": 1, "name": "x"}]}
    (data / "a.json").write_text(json.dumps(reported))
    (found,) = [one for one in check(data, progress=False).findings if one.finding.id == "data-annotation-faults"]
    assert found.files == (("0.png",),)
    assert found.finding.evidence["kinds"] == {"box clipped": 1}


def test_wide_images_are_shown_whole(tmp_path):
    for name, shade in (("a", 90), ("b", 160)):
        (tmp_path / "data" / name).mkdir(parents=True)
        for i in range(2):
            image = np.full((40, 60, 3), shade + i, np.uint8)
            image[:, :10] = image[:, -10:] = (255, 0, 0)  # the ends, which a square would cut off
            Image.fromarray(image).save(tmp_path / "data" / name / f"{i}.png")
    source = open_source(tmp_path / "data")
    assert source.native().fit == "cover"  # training from random weights cuts their ends off
    png = overview(take_fingerprints(source, threads=1))
    assert png is not None
    first = np.asarray(Image.open(io.BytesIO(png)))[:60, :60]
    assert (first[30, [2, 57]] == (255, 0, 0)).all()
    assert (first[[2, 57]] == 0).all()  # above and below


@pytest.mark.parametrize("channels", [1, 3])
def test_what_training_cuts_off_is_told_where_training_cuts_it_off(channels, tmp_path):
    """Color images are shown whole by the recipe that starts from ImageNet weights; gray ones are not, where few are wide."""
    for name in ("a", "b"):
        (tmp_path / "data" / name).mkdir(parents=True)
        for i in range(20):
            noise = np.random.default_rng(i).integers(0, 256, (40, 200 if i < 3 else 40, channels), np.uint8)
            Image.fromarray(noise.squeeze()).save(tmp_path / "data" / name / f"{i}.png")
    checked = check(tmp_path / "data", out=tmp_path / "page.html", progress=False)
    found = {one.finding.id: one.finding for one in checked.findings}
    assert ("data-cropped" in found) == (channels == 1)
    assert ("shows them small" in found["data-aspect-outliers"].fix) == (channels == 3)


def test_a_file_that_is_no_page_of_a_check_is_not_replaced(shapes, tmp_path):
    out = tmp_path / "notes.html"
    out.write_text("<title>mine</title>")
    with pytest.raises(SettingError, match="notes.html: exists and is no page of `striate check`; choose another"):
        check(shapes, out=out, progress=False)
    assert out.read_text() == "<title>mine</title>"
    out.unlink()
    for _ in range(2):  # its own page is
        assert check(shapes, out=out, progress=False).page == out
