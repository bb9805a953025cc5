"""One process at a time: a lock on a folder, which goes when the process goes, however it ends."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from striate.errors import RunError


@contextmanager
def exclusive(folder: Path) -> Iterator[None]:
    """Keep other processes off a folder while this lasts; RunError where one is at it."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        if sys.platform != "win32":
            import fcntl

            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise RunError(f"{folder}: another process is at work on this run; wait for it or stop it") from None
        yield
    finally:
        os.close(handle)
