"""One process at a time: a lock on a folder, released when the process ends, however it ends."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from striate.errors import RunError

__all__ = ["exclusive", "is_locked"]


@contextmanager
def exclusive(folder: Path) -> Iterator[None]:
    """Hold the lock on a folder. Raises RunError if another process holds it."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        if sys.platform != "win32":
            import fcntl

            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise RunError(f"{folder}: another process is working on this run; wait for it or stop it") from None
        yield
    finally:
        os.close(handle)


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
