"""A folder of idx files: MNIST, Fashion-MNIST, KMNIST, EMNIST and whatever else has their form and their file names."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import final

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image

from striate.data.canvas import Canvas
from striate.data.fit import fit
from striate.data.idx import read_idx, read_shape
from striate.data.limits import Limits
from striate.data.modes import to_channels
from striate.data.names import printable
from striate.data.pictures import Pictures
from striate.data.reading import in_threads
from striate.data.source import Listing, Progress, Source
from striate.data.storage import allocate
from striate.errors import DataError

__all__ = ["IdxFiles", "IdxSource", "find_idx", "open_idx"]

# train-images-idx3-ubyte, t10k-labels.idx1-ubyte.gz, emnist-letters-train-images-idx3-ubyte.gz
_NAME = re.compile(r"(?P<set>.*?)(?P<split>train|t10k|test)-(?P<what>images|labels)[-.]idx[13]-ubyte(\.gz)?")
_SPLITS = {"train": "train", "t10k": "test", "test": "test"}


@final
@dataclass(frozen=True)
class IdxFiles:
    """The two files of one split."""

    images: Path
    labels: Path


@final
@dataclass(frozen=True, eq=False)
class IdxSource(Source):
    """Grey pictures of one size, labelled with whole numbers; the classes are the numbers in the training part."""

    name: str
    location: str
    classes: tuple[str, ...]
    splits: Mapping[str, Listing]
    files: Mapping[str, IdxFiles]
    known: Mapping[str, str]  # SHA-256 of the unpacked files by name, checked when they are read; may be empty
    kind: str = "idx"
    ignored: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))

    def native(self) -> Canvas:
        _, height, width = read_shape(next(iter(self.files.values())).images)
        return Canvas(height, width, 1)

    def decode(
        self,
        split: str,
        canvas: Canvas,
        *,
        threads: int,
        limits: Limits,  # noqa: ARG002 - part of the contract; an idx file is good as a whole or refused as a whole
        cache: Path | None = None,
        progress: Progress | None = None,
    ) -> Pictures:
        listing = self.splits[split]
        pixels = _read(self.files[split].images, self.known)  # N H W
        images, mapped_in = pixels[..., None], None  # N H W 1
        if images.shape[1:] != canvas.shape:
            images, mapped_in = allocate((len(pixels), *canvas.shape), cache)

            def place(i: int) -> None:
                picture = to_channels(Image.fromarray(pixels[i]), canvas.channels)
                images[i] = np.asarray(
                    fit(picture, canvas.height, canvas.width, (0, 0, picture.width, picture.height))
                ).reshape(canvas.shape)

            in_threads(place, len(pixels), threads, progress)
        elif progress is not None:
            progress(len(pixels), len(pixels))
        labels = torch.from_numpy(listing.labels)
        return Pictures(torch.from_numpy(images), labels, listing.ids, self.classes, cache=mapped_in)

    def digest(self) -> str:
        total = hashlib.sha256()
        for split, files in sorted(self.files.items()):
            for path in (files.images, files.labels):
                content = self.known.get(_stem(path)) or hashlib.sha256(_read(path, {}).tobytes()).hexdigest()
                total.update(f"{split} {_stem(path)} {content}\n".encode())
        return total.hexdigest()


def find_idx(folder: Path) -> dict[str, IdxFiles]:
    """The idx files in a folder by split, {} if it holds none; a plain file comes before its gzip. Raises DataError."""
    found: dict[tuple[str, str, str], Path] = {}  # set, split, what
    for path in sorted(folder.iterdir(), key=lambda path: (path.suffix == ".gz", path.name)):
        match = _NAME.fullmatch(path.name)
        if match and path.is_file():
            found.setdefault((match["set"], _SPLITS[match["split"]], match["what"]), path)
    sets = sorted({name for name, _, _ in found})
    if len(sets) > 1:
        names = ", ".join(printable(name) or "one without a name" for name in sets)
        raise DataError(f"{printable(folder)} holds several idx sets ({names}); give each a folder of its own")
    files = {}
    for name, split, what in found:
        images, labels = found.get((name, split, "images")), found.get((name, split, "labels"))
        if images is None or labels is None:
            missing = "labels-idx1" if what == "images" else "images-idx3"
            raise DataError(
                f"{printable(found[name, split, what])} has no {missing} file beside it; add it to the folder"
            )
        files[split] = IdxFiles(images, labels)
    if files and "train" not in files:
        raise DataError(
            f"{printable(folder)} has idx files for a test but none to train on; add train-images and train-labels"
        )
    return dict(sorted(files.items(), reverse=True))  # train first


def open_idx(name: str, location: str, files: Mapping[str, IdxFiles], known: Mapping[str, str]) -> IdxSource:
    """The source over idx files found; reads headers and labels. `known`: SHA-256 by name of the unpacked file."""
    raw = {split: _read(two.labels, known) for split, two in files.items()}
    values = np.unique(raw["train"])
    if len(values) < 2:
        raise DataError(f"{printable(files['train'].labels)} has labels of one class only; two or more are needed")
    height_width: tuple[int, ...] = ()
    splits = {}
    for split, two in files.items():
        shape = read_shape(two.images)
        if len(shape) != 3 or 0 in shape:
            raise DataError(f"{printable(two.images)} declares {shape} and not count x height x width; get it anew")
        if shape[1:] != (height_width or shape[1:]):
            raise DataError(f"{printable(two.images)} has pictures of another size than the training part; get it anew")
        height_width = shape[1:]
        labels = raw[split]
        if labels.shape != shape[:1]:
            raise DataError(
                f"{printable(two.labels)} has {labels.size} labels for {shape[0]} pictures; get both files anew"
            )
        unknown = np.setdiff1d(labels, values)
        if len(unknown):
            raise DataError(
                f"{printable(two.labels)} has the label {unknown[0]}, which the training part has not; get both anew"
            )
        stem = _stem(two.images)
        ids = tuple(f"{stem}[{i}]" for i in range(shape[0]))
        splits[split if len(files) > 1 else "all"] = Listing(ids, np.searchsorted(values, labels).astype(np.int64))
    return IdxSource(
        name,
        location,
        tuple(str(value) for value in values),
        MappingProxyType(splits),
        MappingProxyType({split if len(files) > 1 else "all": two for split, two in files.items()}),
        known,
    )


def _read(path: Path, known: Mapping[str, str]) -> npt.NDArray[np.uint8]:
    return read_idx(path, known.get(_stem(path)))


def _stem(path: Path) -> str:
    return printable(path.name.removesuffix(".gz"))
