"""Opening files of an untrusted folder without waiting: a FIFO without a writer holds an ordinary open for ever."""

import os
import stat
from io import BufferedReader, BytesIO
from pathlib import Path
from typing import Final

from striate.data.skipped_files import Unreadable

__all__ = ["hold_regular_file", "open_regular_file", "read_small_file"]

SMALL: Final = (
    1 << 26
)  # bytes of a file that is read at once: as many as its decoded pixels may well take in each thread

# Windows has the second and no first, other systems the first and no second
_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)


def open_regular_file(path: str | Path) -> BufferedReader:
    """The file, opened to be read. Raises Unreadable for what is no regular file, may not be read or is not there."""
    descriptor, _ = _descriptor(path)
    return os.fdopen(descriptor, "rb")


def hold_regular_file(path: str | Path) -> BufferedReader | BytesIO:
    """The same for what will read all of it: a small file in memory, since among threads each small read may have to wait."""
    content = read_small_file(path)
    return open_regular_file(path) if content is None else BytesIO(content)


def read_small_file(path: str | Path) -> bytes | None:
    """The whole content of a file of up to SMALL bytes; None for a larger one, or one that changes while it is read."""
    descriptor, size = _descriptor(path)
    try:
        content = os.read(descriptor, size) if size <= SMALL else None
    except OSError as error:
        raise Unreadable("unreadable", error.strerror or "cannot be read") from None
    finally:
        os.close(descriptor)
    return content if content is not None and len(content) == size else None


def _descriptor(path: str | Path) -> tuple[int, int]:
    """An open descriptor of a regular file, and the file's size."""
    try:
        descriptor = os.open(path, _FLAGS)
    except FileNotFoundError:
        raise Unreadable("missing", "there is no such file") from None
    except OSError as error:
        kept_shut = Path(path).is_file()  # a socket cannot be opened either, but is no file
        raise Unreadable(
            "unreadable" if kept_shut else "not a regular file", error.strerror or "cannot be opened"
        ) from None
    state = os.fstat(descriptor)
    if not stat.S_ISREG(state.st_mode):
        os.close(descriptor)
        raise Unreadable("not a regular file", "a folder, FIFO, socket or device")
    return descriptor, state.st_size
