"""A folder of images that a few steps can tell apart, and a run trained on it."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from striate.jobs import Run, train

QUICK: dict[str, Any] = {
    "model": "bn_gap_cnn",
    "epochs": 2,
    "batch_size": 16,
    "lr": 0.01,
    "threads": 1,
    "precision": "float32",
}


def make_images(folder: Path, each: int = 20, size: int = 24) -> Path:
    """Class folders of three kinds of image, drawn from a fixed seed."""
    generator = np.random.default_rng(0)
    for kind in ("dark", "light", "striped"):
        (folder / kind).mkdir(parents=True)
        for number in range(each):
            pixels = generator.integers(0, 60, (size, size, 3))
            if kind == "light":
                pixels += 180
            if kind == "striped":
                pixels[::4] += 180
            Image.fromarray(pixels.astype(np.uint8)).save(folder / kind / f"{number}.png")
    return folder


@pytest.fixture(scope="session")
def shapes(tmp_path_factory) -> Path:
    return make_images(tmp_path_factory.mktemp("data") / "shapes")


@pytest.fixture(scope="session")
def trained(shapes, tmp_path_factory) -> Run:
    """A finished run; tests read it and do not change it."""
    return train(shapes, out=tmp_path_factory.mktemp("runs") / "shapes", progress=False, **{**QUICK, "epochs": 8})
