"""Files are written whole or not at all: a temporary sibling, flushed to the disk, takes the name in one step.

A reader, or a process that was killed, sees the old file or the new one, never half of either.
"""

import errno
import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from striate.errors import RunError

TEMPORARY = ".tmp-"


def write_bytes(path: Path, data: bytes) -> None:
    """Replace `path` by a file with these bytes; a RunError says when the disk is full or the folder cannot be written."""
    temporary = path.with_name(f"{TEMPORARY}{os.getpid()}-{path.name}")
    with explained(path, len(data)):
        try:
            with temporary.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
        sync_folder(path.parent)


def write_text(path: Path, text: str) -> None:
    """Replace `path` by a UTF-8 file; what cannot be encoded (an undecodable file name) is written as an escape."""
    write_bytes(path, text.encode("utf-8", errors="backslashreplace"))


def sync_folder(folder: Path) -> None:
    """Make renames inside a folder durable."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def explained(path: Path, needed: int = 0) -> Iterator[None]:
    """Turn an error of the operating system while writing `path` into one line that says what to do."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            free = shutil.disk_usage(path.parent).free
            raise RunError(
                f"{path}: disk full, needs {_mebibytes(needed)} and {_mebibytes(free)} are free; "
                "make room or choose another --out, then `striate resume` goes on"
            ) from None
        raise RunError(
            f"{path}: cannot be written ({error.strerror}); check the folder or choose another --out"
        ) from None


def _mebibytes(count: int) -> str:
    return f"{count / 2**20:.1f} MiB"
