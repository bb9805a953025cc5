"""Class folders of drawn images, for what the survey of a data set finds in them."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from striate.data import Source, load_images

SIDE = 24
Draw = Callable[[int], Any]


def disc(i: int, low: float = 20, high: float = 220) -> npt.NDArray[np.float64]:
    """A disc somewhere on a dark ground, SIDE SIDE; no two are alike."""
    random = np.random.default_rng(i)
    y, x = np.ogrid[:SIDE, :SIDE]
    cy, cx = random.integers(8, SIDE - 8, 2)
    ground = random.uniform(low, low + (high - low) / 10, (SIDE, SIDE))
    return np.where((y - cy) ** 2 + (x - cx) ** 2 < 36, high - random.uniform(0, (high - low) / 10), ground)


def content(values: npt.NDArray[Any], kind: str = "PNG", **how: Any) -> bytes:
    file = io.BytesIO()
    Image.fromarray(values).save(file, kind, **how)
    return file.getvalue()


def folders(root: Path, draw: Draw, count: int = 8, extension: str = "png", split: str = "") -> Path:
    for label in ("a", "b"):
        (root / split / label).mkdir(parents=True)
        for i in range(count):
            image, path = draw(i + count * (label == "b")), root / split / label / f"{i}.{extension}"
            if extension == "npy":
                np.save(path, image)
            else:
                (image if isinstance(image, Image.Image) else Image.fromarray(image)).save(path)
    return root


def decoded(source: Source, **how: Any) -> npt.NDArray[Any]:
    pixels = load_images(source, source.native(), threads=1, **how)
    return next(iter(pixels.values())).images.numpy()
