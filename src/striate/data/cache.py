"""Decoded pixels kept on disk for as long as a run needs them: a run that was cut off does not decode again.

    FOLDER/<split>-<key>/pixels.raw   N H W C, mapped when it is read
    FOLDER/<split>-<key>/index.json   which files it holds, and a checksum; the folder gets its name when both are whole

The key is a digest of all that the pixels depend on, so what changed is never served: it has another key. An entry is
made under a temporary name of its own, so that neither a kill nor a second process can leave half of one behind.
"""

import hashlib
import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Final, final

import numpy as np
import numpy.typing as npt
import PIL
import torch

from striate.data.decoding.canvas import Canvas
from striate.data.decoding.resize import Pixels
from striate.data.images import BLOCK, TensorImages
from striate.data.measurements import content_hashes
from striate.data.settings import Place
from striate.data.skipped_files import SkippedFile
from striate.data.storage import choose_place, explained_disk, image_bytes, map_new_file, pixel_type

__all__ = ["ANYWHERE", "Cache", "Entry", "entry_path", "finish_entry", "has_entry", "new_entry", "open_entry"]

DECODER: Final = 3  # to be raised whenever a file decodes to other pixels than before
TEMPORARY: Final = ".tmp-"  # as in a run's folder, which clears such names away when it is locked


@final
@dataclass(frozen=True)
class Cache:
    """Where decoded images are kept: `folder` is for those on disk."""

    place: Place = "auto"
    folder: Path | None = None

    def resolved(self, size: int) -> "Cache":
        """With the place decided for images that take `size` bytes."""
        return replace(self, place=choose_place(self.place, size, self.folder))

    def messages(self, size: int, *, asked: Place) -> list[str]:
        """A line where images that take `size` bytes are kept elsewhere than in memory, and nobody `asked` for that."""
        if asked != "auto" or self.place == "memory":
            return []
        where = "on disk" if self.place == "disk" else "nowhere and decoded anew each epoch"
        return [f"the images take {size / 2**30:.1f} GiB, more than memory allows: they are kept {where}"]


ANYWHERE: Final = Cache()


@final
@dataclass(frozen=True, eq=False)
class Entry:
    """Pixels of the files at the positions `kept` of a listing, and those that cannot be used."""

    images: TensorImages
    kept: list[int]
    skipped: list[SkippedFile]


def entry_path(folder: Path, split: str, contents: str, canvas: Canvas, max_pixels: int) -> Path:
    """Where an entry lies: its name holds the split, the contents of its files, the settings and the versions of what decodes."""
    key = json.dumps([contents, asdict(canvas), max_pixels, DECODER, PIL.__version__])
    return folder / f"{split}-{hashlib.sha256(key.encode()).hexdigest()[:32]}"


def has_entry(folder: Path, split: str) -> bool:
    """Whether there is an entry of a split, be it of these contents or of others."""
    return any(folder.glob(f"{split}-*"))


def open_entry(path: Path, canvas: Canvas) -> Entry | None:
    """A whole entry; None where there is none, and one that is damaged is removed."""
    if not path.is_dir():
        return None
    try:
        index = json.loads((path / "index.json").read_text(encoding="utf-8"))
        kept, shape = [int(i) for i in index["kept"]], (len(index["kept"]), *canvas.shape)
        # a private mapping: nothing that happens to the pixels in memory reaches the file
        pixels = (
            np.memmap(path / "pixels.raw", pixel_type(canvas), "c", shape=shape) if kept else np.empty(shape, np.uint8)
        )
        images = TensorImages(torch.from_numpy(pixels))
        if _checksum(images.measurements.content_hashes) != index["checksum"]:
            raise ValueError("the pixels are not those that were written")
        return Entry(images, kept, [SkippedFile(*one) for one in index["skipped"]])
    except (OSError, ValueError, KeyError, TypeError):
        shutil.rmtree(path, ignore_errors=True)
        return None


@contextmanager
def new_entry(folder: Path, count: int, canvas: Canvas) -> Iterator[tuple[Pixels, Path]]:
    """Pixels to be filled, `count` H W C, and the place that `finish_entry` makes an entry of; else it is removed."""
    with explained_disk(folder, count * image_bytes(canvas)):
        folder.mkdir(parents=True, exist_ok=True)
        unfinished = Path(tempfile.mkdtemp(prefix=TEMPORARY, dir=folder))
    try:
        with explained_disk(folder, count * image_bytes(canvas)):
            pixels = map_new_file(unfinished / "pixels.raw", (count, *canvas.shape), pixel_type(canvas))
        yield pixels, unfinished
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def finish_entry(unfinished: Path, path: Path, pixels: Pixels, kept: list[int], skipped: list[SkippedFile]) -> None:
    """Name what was filled; where another process was first, its entry stays, which holds the same."""
    hashes = [content_hashes(block) for block in torch.from_numpy(pixels[: len(kept)]).split(BLOCK)]
    checksum = _checksum(np.concatenate(hashes) if kept else np.empty(0, np.uint64))
    index = {"kept": kept, "skipped": [[one.id, one.reason, one.detail] for one in skipped], "checksum": checksum}
    with explained_disk(path.parent, 0):
        (unfinished / "index.json").write_text(json.dumps(index), encoding="utf-8")
        try:
            unfinished.rename(path)
        except OSError:
            if not path.is_dir():
                raise


def _checksum(hashes: npt.NDArray[np.uint64]) -> str:
    return hashlib.sha256(hashes.tobytes()).hexdigest()
