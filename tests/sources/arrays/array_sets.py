"""Twelve gray and twelve color images with their classes, saved as arrays, and read back."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from striate.data import load_images
from striate.sources import open_source

COUNT = 12
GRAY = np.random.default_rng(0).integers(0, 256, (COUNT, 6, 5), dtype=np.uint8)
COLOR = np.random.default_rng(1).integers(0, 256, (COUNT, 6, 5, 3), dtype=np.uint8)
CLASSES = np.arange(COUNT) % 3


def saved(root: Path, **arrays: Any) -> Path:
    np.savez_compressed(root / "set.npz", **arrays)
    return root / "set.npz"


def pixels(path: Path, split: str = "all") -> npt.NDArray[np.uint8]:
    source = open_source(path)
    decoded = load_images(source, source.native(), threads=1, only=split)[split].images.numpy()
    assert (source.sample(split, 3).image == decoded[3]).all()
    return decoded
