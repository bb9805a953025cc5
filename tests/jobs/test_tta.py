"""Test-time augmentation of a run: it travels in the bundle, and evaluation and prediction merge the same views."""

import csv

import numpy as np
import pytest
from PIL import Image
from tests.jobs.conftest import QUICK

from striate.cli import main
from striate.errors import SettingError
from striate.jobs import Run, predict, train
from striate.runs import Bundle


@pytest.fixture(scope="module")
def run(shapes, tmp_path_factory) -> Run:
    settings = {**QUICK, "epochs": 1, "tta": "flip"}
    return train(shapes, out=tmp_path_factory.mktemp("runs") / "merged", progress=False, **settings)


def test_it_travels_in_the_bundle(run):
    assert Bundle.open(run.path / "bundle").preprocessing.tta == "flip"
    assert run.evaluate() == run.metrics["test"]
    assert run.evaluate(tta="flip") == run.metrics["test"]
    assert run.evaluate(tta="none")["log_loss"] != run.metrics["test"]["log_loss"]


def test_prediction_equals_evaluation(run, shapes):
    rows = [
        row for row in csv.DictReader((run.path / "predictions.csv").read_text().splitlines()) if row["split"] == "test"
    ]
    files = [shapes / row["id"] for row in rows]
    for bundle in (run.path, run.path / "bundle"):
        merged, alone = (predict(bundle, files, tta=tta) for tta in (None, "none"))
        assert [one.confidence for one in merged] == pytest.approx([float(row["confidence"]) for row in rows], abs=1e-4)
        assert [one.confidence for one in merged] != pytest.approx([one.confidence for one in alone], abs=1e-5)


def test_a_mirrored_image_has_the_same_prediction(run, shapes):
    image = np.asarray(Image.open(shapes / "striped" / "3.png"))
    one, other = run.predict([image, image[:, ::-1]])
    assert one.probabilities == other.probabilities
    one, other = run.predict([image, image[:, ::-1]], tta="none")
    assert one.probabilities != other.probabilities


def test_a_run_without_it_can_be_asked_for_it(trained, shapes, capsys):
    assert Bundle.open(trained.path / "bundle").preprocessing.tta == "none"
    assert trained.evaluate(tta="flip")["log_loss"] != trained.metrics["test"]["log_loss"]
    for verb in (["evaluate", str(trained.path)], ["predict", str(trained.path), str(shapes / "dark" / "0.png")]):
        with pytest.raises(SystemExit, match="0"):
            main([*verb, "--tta", "flip", "--json"])
    (merged,) = trained.predict(shapes / "dark" / "0.png", tta="flip")
    assert f'"confidence": {merged.confidence}' in capsys.readouterr().out
    with pytest.raises(SystemExit, match="0"):
        main(["evaluate", str(trained.path), "--tta", "flip"])
    assert "test (tta = flip, unlike the run): " in capsys.readouterr().out
    assert trained.evaluate(tta="flip")["tta"] == "flip"
    assert "tta" not in trained.evaluate(tta="none")


def test_an_unknown_one_is_refused(trained, shapes):
    for verb in (trained.evaluate, lambda tta: trained.predict(shapes, tta=tta)):
        with pytest.raises(SettingError, match="tta = 'rotate': takes one of none, flip"):
            verb(tta="rotate")
