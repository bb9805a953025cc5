"""The command line: one line and exit code 2 for what was typed wrong; tables, JSON and CSV for what was asked."""

import csv
import importlib
import io
import json
import os
import pty
import subprocess
import sys
import typing
from pathlib import Path

import pytest
from tests.jobs.conftest import QUICK, make_images

from striate.cli import VERBS, create_app, main


@pytest.fixture(scope="module")
def desk(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("desk")
    make_images(folder / "shapes", each=12)
    return folder


@pytest.fixture(scope="module")
def finished(desk) -> Path:
    options = [f"--{name.replace('_', '-')}={value}" for name, value in QUICK.items()]
    out = desk / "run"
    done = striate("train", str(desk / "shapes"), *options, "--out", str(out))
    assert done.returncode == 0, done.stderr
    return out


def striate(*arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "striate", *arguments], capture_output=True, text=True, check=False, cwd=cwd
    )


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["trian"], 'Did you mean "train"'),
        (["train"], "data"),
        (["train", "mnist", "--epohcs", "3"], "Did you mean --epochs"),
        (["train", "mnist", "--epochs", "three"], "--epochs"),
        (["train", "mnist", "--epochs", "1.5"], "--epochs '1.5': takes a whole number"),
        (["train", "mnist", "--size", "nan"], "--size 'nan': takes a whole number"),
        (["train", "mnist", "--seed", "inf"], "--seed 'inf': takes a whole number"),
        (["augment", "mnist", "--rows", "2.5"], "--rows '2.5': takes a whole number"),
        (["info", "lenet5", "--classes", "9.5"], "--classes '9.5': takes a whole number"),
        (["train", "mnist", "--epochs", "0"], "epochs = 0: out of range"),
        (["train", "mnits"], "did you mean mnist"),
        (["train", "no/such/folder"], "no/such/folder"),
        (["train", "mnist-scenes"], "mnist-scenes:2000 has boxes"),
        (["train", "mnist-scenes:many"], "no number of scenes behind the colon"),
        (["train", "mnist", "--model", "lenet6"], "did you mean lenet5"),
        (["train", "mnist", "--recipe", "fast"], "mnist-fast"),
        (["train", "mnist", "--recipe", "absent.toml"], "absent.toml: cannot be read"),
        (["train", "mnist", "--optimizer", "adamx"], "sgd, adam"),
        (["train", "mnist", "--val", "0.99"], "val = 0.99"),
        (["train", "mnist", "--device", "tpu9"], "tpu9"),
        (["train", "mnist", "--folds", "1"], "folds = 1: a single fold leaves no"),
        (["train", "mnist", "--folds", "5"], "mnist has a test split, and cross-validation draws its own"),
        (["train", "mnist", "--group", "patient"], "group = 'patient': is no column (mnist has no columns)"),
        (["train", "mnist", "--split", "nowhere.csv"], "split = 'nowhere.csv': takes stratified, random"),
        (["train", "mnist", "--normalize", "imagenet"], "3 channels and the images have 1; say --channels 3"),
        (["train", "mnist", "--cache", "ram"], "takes one of auto, memory, disk, none"),
        (["train", "mnist", "--size", "8", "--model", "digit_cnn"], "size = 8: too small for digit_cnn"),
        (["augment"], "data"),
        (["augment", "mnits"], "did you mean mnist"),
        (["augment", "mnist", "--augment", "strnog"], "takes one of none, light"),
        (["augment", "mnist", "--size", "2"], "size = 2: out of range"),
        (["augment", "mnist", "--rows", "0"], "rows = 0: out of range"),
        (["augment", "mnist", "--out", "no/such/sheet.png"], "there is no folder no/such"),
        (["augment", "mnist", "--epochs", "3"], "--epochs"),
        (["evaluate", "no-run"], "no-run: no such run"),
        (["resume", "no-run"], "no-run: no such run"),
        (["predict", "no-run", "x.png"], "no-run: no such run"),
        (["models", "zzz"], "no network's name fits 'zzz'"),
        (["info", "lenet6"], "did you mean lenet5"),
        (["info", "digit_cnn", "--size", "8"], "too small"),
        (["info", "lenet5", "--size", "0"], "size must be at least 1, not 0"),
        (["info", "lenet5", "--objects", "0"], "objects must be at least 1 pixel, not 0"),
    ],
)
def test_what_was_typed_wrong_is_one_line_and_exit_code_2(arguments, says, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    said = capsys.readouterr()
    assert ended.value.code == 2
    assert said.err.count("\n") == 1
    assert said.err.startswith("striate: ")
    assert says in said.err
    assert list(tmp_path.iterdir()) == []


def test_training_ends_with_the_result_the_report_and_what_to_type_next(desk, finished):
    again = striate("train", str(desk / "shapes"), "--model=bn_gap_cnn", "--epochs=1", cwd=desk)
    *_, result, report, following = again.stdout.splitlines()
    assert "test accuracy" in result
    assert "(95 % interval" in result
    assert report == "report: runs/shapes-bn_gap_cnn/report.html"
    assert following == "next:   striate predict runs/shapes-bn_gap_cnn IMAGE"
    assert "epoch 1/1  loss" in again.stdout
    assert again.stderr == ""


def test_on_a_terminal_there_is_a_bar(desk):
    """A pseudo-terminal sees the epoch, the speed and the time left while it trains."""
    parent, child = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "striate", "train", str(desk / "shapes"), "--model=bn_gap_cnn", "--epochs=4", "--batch-size=2",
         "--threads=1", "--out", str(desk / "watched")],
        stdout=child, stderr=child, env={**os.environ, "TERM": "xterm", "COLUMNS": "140"},
    )  # fmt: skip
    os.close(child)
    seen = b""
    while True:
        try:
            more = os.read(parent, 65536)
        except OSError:
            break
        if not more:
            break
        seen += more
    os.close(parent)
    assert process.wait() == 0, seen[-2000:]
    assert b"images/s" in seen
    assert b"accuracy" in seen
    assert b"\x1b[" in seen
    assert b"epoch 4/4" in seen


def test_augmenting_says_what_is_done_in_order_and_where_the_sheet_is(desk):
    done = striate(
        "augment", "mnist-scenes:20", "--augment=strong", "--shift=0.9", "--flip", "--rows=3", "--columns=3", cwd=desk
    )
    assert done.stderr == ""
    data, policy, *steps, boxes, sheet = done.stdout.splitlines()
    assert data == "data:   mnist-scenes:20 (scenes), to detect, 10 classes"
    assert policy == "policy: strong, 128 x 128 pixels, in this order"
    assert [int(step.split()[0]) for step in steps] == list(range(1, len(steps) + 1))
    assert "place: mirror left and right" in " ".join(steps)
    assert "mostly left the image and are not learned from" in boxes
    assert sheet == "sheet:  mnist-scenes-augment.png (3 images, as they are and in 2 epochs)"
    assert (desk / "mnist-scenes-augment.png").exists()


def test_quiet_is_quiet(desk):
    done = striate(
        "train", str(desk / "shapes"), "--model=bn_gap_cnn", "--epochs=1", "--quiet", "--out", str(desk / "quiet")
    )
    assert "epoch 1/1" not in done.stdout
    assert "test accuracy" in done.stdout


def test_predicting_in_three_forms(desk, finished):
    images = str(desk / "shapes" / "dark")
    (desk / "shapes" / "dark" / "3.png").stat()
    table = striate("predict", str(finished), images)
    assert table.stdout.count(".png") == 12
    rows = json.loads(striate("predict", str(finished), images, "--json").stdout)
    assert len(rows) == 12
    assert sum(rows[0]["probabilities"].values()) == pytest.approx(1)
    lines = list(csv.DictReader(io.StringIO(striate("predict", str(finished), images, "--csv").stdout)))
    assert [line["class"] for line in lines] == [row["said"] for row in rows]


def test_evaluating(finished):
    table = striate("evaluate", str(finished))
    assert "accuracy" in table.stdout
    assert "striped" in table.stdout
    figures = json.loads(striate("evaluate", str(finished), "--split", "val", "--json").stdout)
    assert figures == {"data": "shapes", "split": "val", **json.loads((finished / "metrics.json").read_text())["val"]}


def test_listing_networks():
    shown = striate("models", "resnet*").stdout
    assert [line.split()[0] for line in shown.splitlines() if line.startswith("resnet")] == [
        "resnet18",
        "resnet34",
        "resnet50",
        "resnet101",
        "resnet152",
    ]
    (line,) = [line for line in shown.splitlines() if line.startswith("resnet18 ")]
    assert line.split()[1:7] == ["2015", "11,689,512", "1.81", "G", "224x224x3", "69.8"]


def test_info_of_a_model_and_of_a_run(finished):
    assert "110,474 parameters" in striate("info", "digit_cnn").stdout
    assert "Conv2d" in striate("info", str(finished)).stdout
    assert "an image of 3x40x40" in striate("info", str(finished), "--size", "40").stdout
    refused = striate("info", str(finished), "--classes", "3")
    assert refused.returncode == 2
    assert "is a run, whose channels and classes are its data's" in refused.stderr


def test_info_shows_how_far_layers_see_and_how_the_figures_come_about():
    shown = striate("info", "se_resnet18", "--formulas", "--objects", "500").stdout
    (line,) = [line for line in shown.splitlines() if line.startswith("layer2.0.conv1 ") and "->" not in line]
    assert line.split() == [
        "layer2.0.conv1",
        "Conv2d",
        "128x28x28",
        "73,728",
        "57,802,752",
        "392.0",
        "KiB",
        "51+",
        "8",
        "0.5",
    ]
    assert "    receptive field: 43 + 1*(3 - 1)*4 = 51, stride 4*2 = 8" in shown
    assert "    parameters: 3*3*64*128 = 73728" in shown
    assert "warning: A cell of the last map sees 435 x 435 pixels, less than an object of 500." in shown
    assert "?" not in striate("info", "resnet18").stdout


def test_a_bundle_changed_by_one_bit_is_refused(desk, finished, tmp_path):
    copy = tmp_path / "run"
    subprocess.run(["cp", "-r", str(finished), str(copy)], check=True)
    weights = copy / "bundle" / "model.safetensors"
    content = bytearray(weights.read_bytes())
    content[-5] ^= 1
    weights.write_bytes(content)
    refused = striate("predict", str(copy), str(desk / "shapes"))
    assert refused.returncode == 2
    assert refused.stderr.count("\n") == 1
    assert "was changed" in refused.stderr


def test_help_shows_an_example_of_each_verb(capsys):
    for verb, (_, example) in VERBS.items():
        with pytest.raises(SystemExit):
            main([verb, "--help"])
        assert f"Example: {example}" in " ".join(capsys.readouterr().out.split())


def test_a_closed_pipe_is_no_error():
    done = subprocess.run(
        f"{sys.executable} -m striate models | true", shell=True, capture_output=True, text=True, check=False
    )
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(("typed", "number"), [("3", 3), ("+3", 3), ("3.0", 3), ("1e3", 1000), ("10_000", 10_000)])
def test_whole_numbers_are_taken_as_people_type_them(typed, number):
    _, bound, _ = create_app().parse_args(["train", "mnist", "--epochs", typed], exit_on_error=False, print_error=False)
    assert bound.arguments["settings"].epochs == number


@pytest.mark.parametrize("verb", list(VERBS))
def test_no_option_takes_half_a_number_for_a_whole_one(verb):
    function = getattr(importlib.import_module(f"striate.cli.{verb}"), verb)
    hints = typing.get_type_hints(function, include_extras=True)
    for name, hint in hints.items():
        bare = {hint, *(() if typing.get_origin(hint) is typing.Annotated else typing.get_args(hint))}
        assert int not in bare, f"striate {verb} --{name} is no WholeNumber"
