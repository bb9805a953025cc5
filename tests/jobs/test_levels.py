"""New images have the levels that the run learned with, or are refused: in `evaluate` as in `predict`, arrays as files."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from tests.jobs.conftest import QUICK

import striate as st
from striate.errors import DataError
from striate.jobs import Run

Values = np.ndarray[Any, Any]
REFUSED = "the network was not trained on such a range"


def blobs(count: int, seed: int) -> tuple[Values, list[str]]:
    """N 16 16 in 0..255: a square on a dark ground, small or large."""
    random = np.random.default_rng(seed)
    images = random.uniform(0, 60, (count, 16, 16))
    for i, image in enumerate(images):
        image[4 : 8 + 5 * (i % 2), 4 : 8 + 5 * (i % 2)] = 230
    return images, ["ab"[i % 2] for i in range(count)]


@pytest.fixture(scope="module")
def twelve(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run on arrays of 12 bits."""
    images, labels = blobs(60, 0)
    out = tmp_path_factory.mktemp("runs") / "twelve"
    return st.train(((images * 16).astype(np.uint16), labels), out=out, progress=False, **QUICK)


def by_hand(run: Run, images: Any, labels: list[str]) -> float:
    return -float(
        np.mean([np.log(one.probabilities[label]) for one, label in zip(run.predict(images), labels, strict=True)])
    )


@pytest.mark.parametrize(
    "form",
    [
        lambda x: x.astype(np.uint16),
        lambda x: x.astype(np.int64),
        lambda x: list(x.astype(np.uint16)),
        lambda x: (x * 16).astype(np.uint16),
        lambda x: x.astype(np.uint8),
        lambda x: x / 255,
    ],
    ids=["uint16 of 0..255", "int64 of 0..255", "list of uint16", "12 bits", "uint8", "0..1"],
)
def test_arrays_are_measured_as_they_are_predicted(form: Callable[[Values], Any], twelve: Run, tmp_path: Path) -> None:
    x, labels = blobs(12, 1)
    images = form(x)
    figures = twelve.evaluate((images, labels))
    assert figures["log_loss"]["value"] == pytest.approx(by_hand(twelve, images, labels), abs=1e-6)
    np.savez(tmp_path / "new.npz", x=np.stack(list(images)), y=np.array(labels))
    stored = twelve.evaluate(tmp_path / "new.npz")
    assert stored["log_loss"]["value"] == pytest.approx(figures["log_loss"]["value"], abs=1e-6)
    stack = np.stack(list(images))
    dark = stack.dtype != np.uint8 and 1 < stack.max() < 256
    assert [one["id"] for one in figures["findings"]] == ["data-shift"] * int(dark)


@pytest.mark.parametrize(
    ("form", "message"),
    [
        (lambda x: x / 127.5 - 1, "values from -"),
        (lambda x: x * 16 + 0.5, "values from "),
        (lambda x: (x - 30).astype(np.int16), "values from -.* to 200"),
    ],
    ids=["-1..1", "fractions up to 4095", "negative integers"],
)
def test_a_range_that_nothing_was_learned_from_is_refused_wherever_it_comes_from(
    form: Callable[[Values], Values], message: str, trained: Run, tmp_path: Path
) -> None:
    x, _ = blobs(6, 1)
    images, labels = form(x), ["dark", "light"] * 3
    rgb = np.repeat(images[..., None], 3, -1)
    np.savez(tmp_path / "new.npz", x=images[..., None], y=np.array(labels))
    for data in ((rgb, labels), (list(rgb), labels), tmp_path / "new.npz"):
        with pytest.raises(DataError, match=rf"{message}.*{REFUSED}"):
            trained.evaluate(data)
    with pytest.raises(DataError, match=REFUSED):
        trained.predict(rgb)
    for i, (image, label) in enumerate(zip(images, labels, strict=True)):
        (tmp_path / "files" / label).mkdir(parents=True, exist_ok=True)
        Image.fromarray(image.astype(np.float32)).save(tmp_path / "files" / label / f"{i}.tif")
    with pytest.raises(DataError, match=REFUSED):
        trained.evaluate(tmp_path / "files")
    with pytest.raises(DataError, match=rf"0.tif: .*{REFUSED}"):
        trained.predict(tmp_path / "files" / "dark" / "0.tif")


def test_what_is_refused_of_a_list_is_marked_alone(trained: Run, shapes: Path, tmp_path: Path) -> None:
    x, _ = blobs(2, 1)
    Image.fromarray((x[0] - 500).astype(np.float32)).save(tmp_path / "hu.tif")
    Image.fromarray((x[1] * 16).astype(np.uint16)).save(tmp_path / "twelve.png")
    Image.fromarray((x[1] / 255).astype(np.float32)).save(tmp_path / "fractions.tif")
    refused, *answered = trained.predict([tmp_path / "hu.tif", tmp_path / "twelve.png", shapes / "dark" / "0.png"])
    assert REFUSED in str(refused.error)
    assert [one.error for one in answered] == [None, None]
    (fractions,) = trained.predict([tmp_path / "fractions.tif"])
    assert fractions.error is None
