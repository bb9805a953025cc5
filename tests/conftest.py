"""Images and folders of images that tests make for themselves; each process computes on one thread, for two cores run tests."""

import gc
import io
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

os.environ |= dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")  # read when numpy and torch are imported

import numpy as np
import pytest
import torch
from PIL import Image

from striate.data import ArrayStore, ClassTargets, Listing
from striate.sources.arrays.mnist import open_mnist

Encode = Callable[..., bytes]
ClassFolders = Callable[[Mapping[str, int]], Path]


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """Imported modules and collected tests stay until the end: they are not searched for garbage again and again."""
    gc.disable()
    yield
    gc.freeze()
    gc.enable()


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """A test that trained with more threads leaves them to no other: those that wait for a core keep it busy."""
    yield
    torch.set_num_threads(1)


def encoded(image: Image.Image, kind: str = "PNG", **how: Any) -> bytes:
    content = io.BytesIO()
    image.save(content, kind, **how)
    return content.getvalue()


@pytest.fixture
def encode() -> Encode:
    """An image as the content of a file: encode(image, "JPEG", quality=90)."""
    return encoded


@pytest.fixture
def scene() -> Callable[..., Image.Image]:
    """A smooth RGB image with some texture, as photographs have: scene(height, width, seed)."""

    def make(height: int, width: int, seed: int = 0) -> Image.Image:
        random = np.random.default_rng(seed)
        coarse = Image.fromarray(random.integers(0, 256, (6, 8, 3), dtype=np.uint8))
        smooth = np.asarray(coarse.resize((width, height), Image.Resampling.BICUBIC)).astype(float)
        return Image.fromarray((smooth + random.normal(0, 3, smooth.shape)).clip(0, 255).astype(np.uint8))

    return make


@pytest.fixture
def class_folders(tmp_path: Path, scene: Callable[..., Image.Image]) -> ClassFolders:
    """Folders of JPEGs below tmp_path/data: class_folders({"train/cat": 4, "train/dog": 4}) -> the folder of all."""

    def make(counts: Mapping[str, int]) -> Path:
        root = tmp_path / "data"
        for seed, (folder, count) in enumerate(counts.items()):
            (root / folder).mkdir(parents=True)
            for i in range(count):
                content = encoded(scene(24, 32, 100 * seed + i), "JPEG", quality=90)
                (root / folder / f"{i:03}.jpg").write_bytes(content)
        return root

    return make


@pytest.fixture
def put(scene: Callable[..., Image.Image]) -> Callable[..., Path]:
    """An image file, JPEG or PNG by its name, with its folders: put(path, height, width, held) with an orientation."""

    def write(path: Path, height: int = 24, width: int = 32, held: int = 1) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        exif = Image.Exif()
        exif[0x0112] = held
        kind = "PNG" if path.suffix == ".png" else "JPEG"
        path.write_bytes(encoded(scene(height, width), kind, **({"exif": exif} if held > 1 else {})))
        return path

    return write


@pytest.fixture
def small_mnist(monkeypatch: pytest.MonkeyPatch) -> None:
    """The built-in MNIST with the first digits of each split only, so that a command that trains on it takes a second."""
    whole = open_mnist()
    splits = {
        name: _first(listing, count) for (name, listing), count in zip(whole.splits.items(), (1200, 300), strict=True)
    }
    monkeypatch.setattr("striate.sources.open.open_mnist", lambda: replace(whole, splits=splits))


def _first(listing: Listing, count: int) -> Listing:
    store, targets = listing.store, listing.targets
    assert isinstance(store, ArrayStore)
    assert isinstance(targets, ClassTargets)
    first = replace(store, shape=(count, *store.shape[1:]), read=lambda: store.pixels[:count], digest=f"first {count}")
    return Listing(listing.ids[:count], ClassTargets(targets.values[:count]), first)
