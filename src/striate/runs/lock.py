"""One process at a time: a lock on a folder, released when the process ends, however it ends."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import sleep
from typing import Final

from striate.errors import RunError

__all__ = ["exclusive", "is_locked"]

TRIES: Final = 11
SECONDS_BETWEEN: Final = 0.01


@contextmanager
def exclusive(folder: Path) -> Iterator[None]:
    """Hold the lock on a folder. Raises RunError if another process holds it for more than a moment."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        if sys.platform != "win32":
            _lock(handle, folder)
        yield
    finally:
        os.close(handle)


def _lock(handle: int, folder: Path) -> None:
    """Try for a tenth of a second: one that asks whether the folder is locked holds a shared lock for a moment."""
    import fcntl

    for remaining in reversed(range(TRIES)):
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            if not remaining:
                raise RunError(f"{folder}: another process is working on this run; wait for it or stop it") from None
            sleep(SECONDS_BETWEEN)
        else:
            return


def is_locked(folder: Path) -> bool:
    """Whether a process holds the lock on a folder; True where the system does not tell."""
    if sys.platform == "win32":
        return True
    import fcntl

    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)  # shared: two that ask at once are not in each other's way
    except OSError:
        return True
    finally:
        os.close(handle)
    return False
