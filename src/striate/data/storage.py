"""Where decoded pixels live: in memory, in a mapped file, or nowhere, by the room that memory and disk have left."""

import errno
import math
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, cast

import numpy as np
import torch

from striate.data.decoding.canvas import Canvas
from striate.data.decoding.resize import Pixels
from striate.data.names import printable
from striate.data.settings import Place
from striate.errors import DataError

__all__ = [
    "allocate",
    "available_memory",
    "choose_place",
    "explained_disk",
    "image_bytes",
    "map_new_file",
    "pixel_type",
]


MEMORY_SHARE: Final = 0.5  # of the available memory that images take unasked; the other half is for training
DISK_SHARE: Final = 0.8  # of the free disk; the rest is for checkpoints and for others
UNKNOWN_MEMORY: Final = 4 * 2**30  # assumed where the system does not report it


def pixel_type(canvas: Canvas) -> type[np.uint8] | type[np.uint16]:
    """The type of the values that are decoded for a canvas."""
    return np.uint8 if canvas.bits == 8 else np.uint16


def image_bytes(canvas: Canvas) -> int:
    """What an image on the canvas takes."""
    return math.prod(canvas.shape) * pixel_type(canvas)(0).itemsize


def choose_place(wanted: Place, size: int, folder: Path | None) -> Place:
    """Where `size` bytes of pixels go by default: memory, else a file in `folder`, else nowhere, as there is room."""
    if wanted != "auto":
        return wanted
    if size <= MEMORY_SHARE * available_memory():
        return "memory"
    return "disk" if folder is not None and size <= DISK_SHARE * _free_disk(folder) else "none"


def allocate(shape: tuple[int, ...], kind: type[np.uint8] | type[np.uint16]) -> Pixels:
    """An array in memory, of any content; DataError where there is not enough."""
    size, available = math.prod(shape) * kind(0).itemsize, available_memory()
    if size > available:
        raise DataError(
            f"the decoded images take {_gib(size)} and {_gib(available)} of memory is free; choose a smaller image "
            "size, or keep them on disk (--cache disk) or nowhere (--cache none)"
        )
    # by torch, which takes ordinary pages: the huge ones that NumPy asks for take four times as long to get on a virtual
    # machine that gave its free memory back (255 MB: 0.6 s against 0.14 s), and save 0.1 s where it did not
    pixels: Pixels = torch.empty(shape, dtype=torch.uint8 if kind is np.uint8 else torch.uint16).numpy()
    return pixels


def map_new_file(path: Path, shape: tuple[int, ...], kind: type[np.uint8] | type[np.uint16]) -> Pixels:
    """An array that is mapped from a new file. Raises OSError.

    The file's blocks are taken at once, so that a full disk is an error here and no crash at some later write.
    """
    size = math.prod(shape) * kind(0).itemsize
    if _free_disk(path.parent) < size:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    with path.open("xb+") as file:
        if sys.platform == "linux":
            os.posix_fallocate(file.fileno(), 0, size)
        else:
            file.truncate(size)
    return cast(Pixels, np.memmap(path, kind, "r+", shape=shape))


@contextmanager
def explained_disk(folder: Path, size: int) -> Iterator[None]:
    """An error of the system while pixels are put into a folder, as one line with the way out."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise DataError(
                f"the decoded images take {_gib(size)} and the disk of {printable(folder)} has no such room; choose a "
                "smaller image size, or decode them anew each epoch (--cache none)"
            ) from None
        raise DataError(
            f"cannot make a cache in {printable(folder)}: {error.strerror}; choose another folder, or --cache memory or none"
        ) from None


def available_memory() -> int:
    """Bytes that can be taken without swapping, by the system's account and by the limit of the container, if any."""
    free = _system_memory()
    group = Path("/sys/fs/cgroup")
    for limit, used in (
        ("memory.max", "memory.current"),
        ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes"),
    ):
        try:
            free = min(free, int((group / limit).read_text()) - int((group / used).read_text()))
        except (OSError, ValueError):  # no container, or "max": no limit
            continue
    return max(free, 0)


def _system_memory() -> int:
    try:
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    except OSError:  # not Linux
        pass
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2  # macOS reports only what is built in
    except (OSError, ValueError, AttributeError):
        return UNKNOWN_MEMORY


def _free_disk(folder: Path) -> int:
    """Bytes free where the folder is, or will be made."""
    there = next(place for place in (folder, *folder.absolute().parents) if place.exists())
    return shutil.disk_usage(there).free


def _gib(size: int) -> str:
    return f"{size / 2**30:.1f} GiB"
