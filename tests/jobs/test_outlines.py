"""Outlines of COCO through the whole workbench: checked, augmented, trained in folds, evaluated and predicted as masks."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.jobs.conftest import QUICK

from striate.errors import DataError
from striate.jobs import CrossValidationResult, Run, augment, check, train, train_folds

COUNT = 12
SMALL = {**QUICK, "model": "unet_small", "size": 32, "batch_size": 6, "epochs": 1, "val": 0}


def draw(folder: Path) -> Path:
    """Dark images with a bright square each, and its outline."""
    generator = np.random.default_rng(0)
    (folder / "images").mkdir(parents=True)
    images, annotations = [], []
    for n in range(COUNT):
        pixels = generator.integers(0, 60, (24, 32), np.uint8)
        x, y = (int(generator.integers(0, side - 10)) for side in (32, 24))
        pixels[y : y + 10, x : x + 10] += 150
        Image.fromarray(pixels).save(folder / f"images/{n:02d}.png")
        images.append({"id": n, "file_name": f"{n:02d}.png", "height": 24, "width": 32})
        polygon = [x, y, x + 10, y, x + 10, y + 10, x, y + 10]
        place = {"bbox": [x, y, 10, 10], "segmentation": [polygon]}
        annotations.append({"id": n + 1, "image_id": n, "category_id": 1, **place})
    content = {"images": images, "categories": [{"id": 1, "name": "square"}], "annotations": annotations}
    (folder / "squares.json").write_text(json.dumps(content))
    return folder


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    return draw(tmp_path_factory.mktemp("data") / "squares")


@pytest.fixture(scope="module")
def folds(data, tmp_path_factory) -> CrossValidationResult:
    out = tmp_path_factory.mktemp("runs") / "cv"
    return train_folds(data, folds=2, out=out, progress=False, task="segment", **SMALL)


def test_each_image_is_predicted_once_in_the_folds_of_masks(folds):
    assert folds.line().startswith("test mean IoU: ")
    assert [one["images"] for one in folds.summary["runs"]] == [6, 6]
    rows = list(csv.DictReader((folds.path / "predictions.csv").read_text().splitlines()))
    assert [row["id"] for row in rows] == [f"images/{n:02d}.png" for n in range(COUNT)]
    assert {row["labels"] for row in rows} == {"background; square"}
    assert "--task segment" in folds.summary["command"]


def test_a_fold_is_opened_again_as_masks(folds, data, tmp_path):
    run = Run(folds.path / "fold-1")
    assert run.classes == ("background", "square")
    assert run.evaluate() == run.metrics["test"]
    (one,) = run.predict(data / "images" / "00.png")
    assert one.prediction.shape == (24, 32)
    other = draw(tmp_path / "other")
    for path in (other / "images").iterdir():
        Image.fromarray(np.asarray(Image.open(path))[:, ::-1]).rotate(180).save(path)  # images that it does not know
    assert run.evaluate(other)["images"] > 0


def test_outlines_are_checked_and_augmented_as_masks(data, tmp_path):
    for task, words in (("segment", "background"), ("auto", "square")):
        checked = check(data, out=tmp_path / f"{task}.html", progress=False, task=task)
        assert checked.source.classes[0] == words
        assert {one.finding.id for one in checked.findings} <= {"data-few-images"}
    assert augment(data, out=tmp_path / "sheet.png", task="segment", rows=2, columns=2).task == "segment"


def test_boxes_with_outlines_name_the_way_to_train_on_them(data, tmp_path):
    with pytest.raises(DataError, match="has boxes: .* drawn into masks, with --task segment"):
        train(data, out=tmp_path / "run", progress=False, **SMALL)
