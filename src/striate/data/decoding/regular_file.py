"""Opening what a stranger's folder holds, without waiting: a FIFO without a writer holds an ordinary open for ever."""

import os
import stat
from io import BufferedReader
from pathlib import Path

from striate.data.set_aside import Unreadable

__all__ = ["open_regular_file"]

# Windows has the second and no first, other systems the first and no second
_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)


def open_regular_file(path: str | Path) -> BufferedReader:
    """The file, opened to be read. Raises Unreadable for what is no regular file, may not be read or is not there."""
    try:
        descriptor = os.open(path, _FLAGS)
    except FileNotFoundError:
        raise Unreadable("vanished", "the file is not there any more") from None
    except OSError as error:
        kept_shut = Path(path).is_file()  # a socket cannot be opened either, but is no file
        raise Unreadable(
            "unreadable" if kept_shut else "not a regular file", error.strerror or "cannot be opened"
        ) from None
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise Unreadable("not a regular file", "a folder, FIFO, socket or device")
    return os.fdopen(descriptor, "rb")
