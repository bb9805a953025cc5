"""Where decoded pixels live: in memory, or in a mapped file when they are larger than half of what memory is left."""

import errno
import math
import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import cast

import numpy as np
import numpy.typing as npt

from striate.data.names import printable
from striate.errors import DataError

__all__ = ["MEMORY_SHARE", "allocate", "allocate_in_file", "available_memory"]

MEMORY_SHARE = 0.5  # of the available memory; the other half is for the copy that a split makes, and for training
UNKNOWN_MEMORY = 4 * 2**30  # assumed where the system does not tell


def allocate(shape: tuple[int, ...], cache: Path | None) -> tuple[npt.NDArray[np.uint8], Path | None]:
    """A uint8 array of any content, and the folder of its file: None when it is in memory.

    It is put in a file in the folder `cache` when it takes more than MEMORY_SHARE of the available memory. Without a
    `cache` it is put in memory as long as there is any; DataError when there is not.
    """
    size, available = math.prod(shape), available_memory()
    if size > MEMORY_SHARE * available and cache is not None:
        return allocate_in_file(shape, cache), cache
    if size > available:
        raise DataError(
            f"the decoded pictures take {_gib(size)} and {_gib(available)} of memory is free; choose a smaller picture "
            "size, or give a folder for a cache on disk"
        )
    return np.empty(shape, np.uint8), None


def allocate_in_file(shape: tuple[int, ...], cache: Path) -> npt.NDArray[np.uint8]:
    """A uint8 array that is mapped from a file in the folder `cache`, which is made if it does not exist.

    The file's blocks are taken at once, so that a full disk is an error here and not a crash at some later write. It
    has no name (on Windows: it goes when it is closed), so nothing is left behind, not even when the process is killed.
    """
    size = math.prod(shape)
    try:
        cache.mkdir(parents=True, exist_ok=True)
        if shutil.disk_usage(cache).free < size:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        with tempfile.TemporaryFile(dir=cache) as file:
            if sys.platform == "linux":
                os.posix_fallocate(file.fileno(), 0, size)
            return cast(npt.NDArray[np.uint8], np.memmap(file, np.uint8, "r+", shape=shape))
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise DataError(
                f"the decoded pictures take {_gib(size)} and the disk of {printable(cache)} has no such room; choose a "
                "smaller picture size, or another folder"
            ) from None
        raise DataError(f"cannot make a cache in {printable(cache)}: {error.strerror}; choose another folder") from None


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
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2  # macOS tells only what is built in
    except (OSError, ValueError, AttributeError):
        return UNKNOWN_MEMORY


def _gib(size: int) -> str:
    return f"{size / 2**30:.1f} GiB"
