"""metrics.json: to be read by a person where classes are few, and small where they are many."""

import json

import numpy as np
import pytest

from striate.runs import RunFolder
from striate.runs.metrics_json import MOST_DENSE
from striate.tasks.classify.metrics import classification_metrics


def metrics_of(classes: int, images: int) -> dict[str, object]:
    draw = np.random.default_rng(0)
    labels = draw.integers(0, classes, images)
    predictions = np.where(draw.random(images) < 0.5, labels, draw.integers(0, classes, images))
    probabilities = np.full((images, classes), 0.5 / classes)
    probabilities[np.arange(images), predictions] += 0.5
    names = tuple(f"class number {i}" for i in range(classes))
    return classification_metrics(probabilities, labels, names)


@pytest.mark.parametrize("classes", [2, MOST_DENSE, MOST_DENSE + 1])
def test_what_was_written_is_read_again(tmp_path, classes):
    found = {"val": metrics_of(classes, 300), "test": metrics_of(classes, 200)}
    folder = RunFolder(tmp_path)
    folder.write_metrics(found)
    assert folder.metrics() == found
    folder.write_metrics({})
    assert folder.metrics() == {}


def test_few_classes_are_a_row_a_line(tmp_path):
    found = metrics_of(3, 60)
    folder = RunFolder(tmp_path)
    folder.write_metrics({"test": found})
    text = (tmp_path / "metrics.json").read_text()
    assert json.loads(text) == {"test": found}
    for row in found["confusion_matrix"]:  # type: ignore[attr-defined]
        assert f"\n   {row}" in text
    assert len(text.splitlines()) < 40
    assert max(map(len, text.splitlines())) < 500


def test_a_thousand_classes_are_below_2_mb(tmp_path):
    one = metrics_of(100, 4000)
    draw = np.random.default_rng(0)
    confusion = np.bincount(draw.integers(0, 1_000_000, 50_000), minlength=1_000_000).reshape(1000, 1000).tolist()
    many = {**one, "confusion_matrix": confusion, "per_class": one["per_class"] * 10}  # type: ignore[operator]
    folder = RunFolder(tmp_path)
    folder.write_metrics({"test": many})
    assert (tmp_path / "metrics.json").stat().st_size < 1.5e6
    assert folder.metrics()["test"]["confusion_matrix"] == confusion


def test_a_file_of_before_is_read(tmp_path):
    found = {"test": metrics_of(MOST_DENSE + 1, 300)}
    (tmp_path / "metrics.json").write_text(json.dumps(found, indent=1))
    assert RunFolder(tmp_path).metrics() == found
