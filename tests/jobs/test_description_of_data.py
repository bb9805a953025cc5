"""How the data were read is printed before anything else, written to the run, and not repeated with --quiet."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.jobs.conftest import QUICK, make_images

from striate.cli import main
from striate.errors import DataError
from striate.jobs import Run, check, predict, train


def _run(words: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 0


def test_train_describes_the_data_first_and_the_run_keeps_it(tmp_path: Path, capsys: Any) -> None:
    data = make_images(tmp_path / "data")
    for file in list(data.rglob("*.png")):
        file.with_name(f"{file.name}.json").write_text("{}")
    run = train(data, out=tmp_path / "run", follow_links=True, **{**QUICK, "epochs": 1, "size": 16})
    lines = capsys.readouterr().out.splitlines()
    assert lines[:4] == [
        f"data:    {data}, read as class folders",
        "         60 images, 3 classes (dark, light, striped); one class per image (classify)",
        "splits:  random: 15 % for validation, 15 % for test (stratified, seed 0)",
        "ignored: 60 .json files",
    ]
    kept = run.manifest["data"]
    assert (kept["listed"], kept["ignored"], kept["notes"]) == ({"all": 60}, {".json files": 60}, [])
    assert "--follow-links" in run.manifest["command"]
    assert 'source = "auto"' in (tmp_path / "run/recipe.toml").read_text()
    assert run.evaluate()["images"] == 9  # the recipe of the run is read again


def test_check_states_it_and_is_quiet_where_asked(shapes: Path, tmp_path: Path, capsys: Any) -> None:
    checked = check(shapes, out=tmp_path / "page.html", progress=False)
    assert capsys.readouterr().out == ""
    data = checked.as_json()["data"]
    assert (data["listed"], data["split_origin"], data["notes"]) == ({"all": 60}, "", [])
    _run(["check", str(shapes), "--out", str(tmp_path / "page.html")])
    reported = capsys.readouterr().out.splitlines()
    assert reported[0] == f"data:    {shapes}, read as class folders"
    assert sum("class folders" in line for line in reported) == 1
    assert "sizes: all 24 x 24 (height x width); 60 PNG" in reported
    _run(["check", str(shapes), "--out", str(tmp_path / "page.html"), "--quiet"])
    assert capsys.readouterr().out.splitlines()[0] == "shapes: class folders, 60 images, 3 classes (classify)"


def test_check_finds_names_that_are_nearly_equal(tmp_path: Path, capsys: Any) -> None:
    data = make_images(tmp_path / "data")
    (data / "light").rename(data / "Dark")
    _run(["check", str(data), "--out", str(tmp_path / "page.html"), "--json"])
    reported = json.loads(capsys.readouterr().out)
    (finding,) = [one for one in reported["findings"] if one["id"] == "data-near-equal-names"]
    assert finding["evidence"]["groups"] == [["Dark", "dark"]]


def test_predict_names_links_as_the_cause_and_follows_them_when_asked(
    trained: Run, shapes: Path, tmp_path: Path
) -> None:
    links = tmp_path / "links"
    links.mkdir()
    for i in range(3):
        (links / f"{i}.png").symlink_to(shapes / "dark" / f"{i}.png")
    (links / "0.png.json").write_text("{}")
    refused = predict(trained.path, [links])
    assert len(refused) == 3
    assert all("a link to a file outside the data; --follow-links" in str(one.error) for one in refused)
    assert len(predict(trained.path, [links], follow_links=True)) == 3
    (tmp_path / "sidecars").mkdir()
    (tmp_path / "sidecars/a.json").write_text("{}")
    with pytest.raises(DataError, match=r"this folder has no image, only 1 .json files"):
        predict(trained.path, tmp_path / "sidecars")


def test_the_pages_describe_the_data(tmp_path: Path) -> None:
    data = make_images(tmp_path / "data", each=8)
    for split, numbers in (("Training", range(6)), ("Testing", range(6, 8))):
        for kind in ("dark", "light"):
            (data / split / kind).mkdir(parents=True)
            for i in numbers:
                (data / kind / f"{i}.png").rename(data / split / kind / f"{i}.png")
    shutil.rmtree(data / "striped")
    for kind in ("dark", "light"):
        (data / kind).rmdir()
    np.savez(data / "notes.npz", a=np.zeros(3))
    checked = check(data, out=tmp_path / "page.html", progress=False)
    run = train(data, out=tmp_path / "run", progress=False, **{**QUICK, "epochs": 1, "val": 0.2})
    assert checked.page is not None
    for page in (checked.page, run.report):
        text = page.read_text(encoding="utf-8")
        assert "folders Training, Testing" in text
        assert "notes.npz lies beside the class folders and is not read" in text


def test_color_images_for_a_network_of_one_channel_are_converted_and_a_line_tells_it(
    shapes: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = {**QUICK, "epochs": 1, "val": 0.0}
    gray = train(shapes, out=tmp_path / "gray", channels=1, **settings)
    del settings["model"]
    train(shapes, out=tmp_path / "next", weights=gray.path, **settings)
    shown = capsys.readouterr().out.splitlines()
    for name, why in (("gray", "--channels 1 asks for it"), ("next", "the initial weights take 1 channel")):
        line = f"channels: images of 3 channels are converted to grayscale: {why}"
        assert shown.count(line) == 1
        assert line in Run(tmp_path / name).manifest["reasons"]
