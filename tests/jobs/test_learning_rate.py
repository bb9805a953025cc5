"""`striate lr`: a rate that trains, a chart that is one file, and nothing else left behind."""

import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest
from tests.jobs.conftest import QUICK

from striate.cli import main
from striate.errors import SettingError
from striate.jobs import LearningRateResult, find_learning_rate, train

SETTINGS = {name: value for name, value in QUICK.items() if name != "lr"}


@pytest.fixture(scope="module")
def found(shapes, tmp_path_factory) -> LearningRateResult:
    folder = tmp_path_factory.mktemp("lr")
    return find_learning_rate(shapes, out=folder / "rate.svg", progress=False, **SETTINGS)


@pytest.mark.large
def test_the_proposed_rate_trains_and_a_thousandth_of_it_does_not(found, shapes, tmp_path):
    rate = found.test.proposed()
    assert rate is not None
    settings = {**SETTINGS, "epochs": 6, "progress": False}
    good, slow = (
        train(shapes, out=tmp_path / name, lr=lr, **settings).metrics["test"]["accuracy"]["value"]
        for name, lr in (("good", rate), ("slow", rate / 1000))
    )
    assert good > 0.9
    assert slow < 0.7


def test_the_command_trains_with_the_rate(found, shapes):
    assert found.command.startswith(f"striate train {shapes} ")
    assert f"--lr {found.test.proposed()}" in found.command
    assert "--batch-size 16" in found.command
    assert "--out" not in found.command


def test_the_chart_is_xml_without_what_a_browser_would_fetch(found):
    text = found.path.read_text(encoding="utf-8")
    root = ElementTree.fromstring(text)
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert f"{found.test.proposed():g}" in "".join(root.itertext())
    assert "href" not in text
    assert "<script" not in text


@pytest.mark.large
def test_the_same_seed_finds_the_same_and_another_one_other_losses(found, shapes, tmp_path):
    again = find_learning_rate(shapes, out=tmp_path / "again.svg", progress=False, **SETTINGS)
    assert again.test == found.test
    assert again.path.read_bytes() == found.path.read_bytes()
    other = find_learning_rate(shapes, out=tmp_path / "again.svg", progress=False, seed=1, **SETTINGS)
    assert other.test.losses != found.test.losses


def test_on_the_command_line_the_chart_is_the_only_new_file_and_lines_fit(shapes, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as end:
        main(["lr", str(shapes), "--model", "bn_gap_cnn", "--batch-size", "16", "--threads", "1", "--quiet"])
    assert not end.value.code
    lines = capsys.readouterr().out.splitlines()
    assert [path.name for path in Path().iterdir()] == ["lr-shapes.svg"]
    chart = lines[: next(n for n, line in enumerate(lines) if "+--" in line) + 2]
    assert chart[-17] == "smoothed loss over learning rate"
    assert max(map(len, chart[-17:])) <= 79
    assert lines[-3].startswith("rate:    ")
    assert lines[-1].startswith(f"next:    striate train {shapes} ")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"out": "rate.png"}, r"^--out rate.png: is no SVG; give a name that ends in .svg"),
        ({"out": "kept.svg"}, r"^--out kept.svg: exists and is no SVG of `striate lr`; choose another"),
        ({"out": "nowhere/rate.svg"}, "there is no folder nowhere"),
        ({"folds": 3}, r"^folds = 3: a range test trains one network; add fold = 1$"),
        ({"epochs": 0}, "epochs = 0"),
        ({"lr": 0.1}, "lr = 0.1: is what a range test looks for; leave it out"),
        ({"optimizer": "adamm"}, "did you mean adam"),
    ],
)
def test_what_cannot_be_done_is_refused_and_nothing_is_written(settings, message, shapes, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "kept.svg").write_text("<svg/>")
    with pytest.raises(SettingError, match=message):
        find_learning_rate(shapes, progress=False, **{**SETTINGS, **settings})
    assert [path.name for path in Path().iterdir()] == ["kept.svg"]
    assert (tmp_path / "kept.svg").read_text() == "<svg/>"
