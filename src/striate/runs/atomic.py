"""Atomic writes: a temporary sibling, flushed to the disk, is renamed in one step.

A reader gets the old file or the new one, never a piece of either, even if the writer is killed.
"""

import errno
import hashlib
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import final

from striate.errors import RunError

TEMPORARY = ".tmp-"


@final
class DiskFullError(RunError):
    """The disk is full; callers add the way out, which depends on what is left of the run."""

    def __init__(self, path: Path, shortage: str, way_out: str = "make room or choose another --out") -> None:
        super().__init__(f"{path}: disk full, {shortage}; {way_out}")
        self.path, self.shortage = path, shortage

    def after_removal_of(self, folder: Path) -> "DiskFullError":
        """The same where the run folder is removed: names the nearest folder that exists."""
        way_out = "make room or choose another --out; the run had no checkpoint yet and is removed"
        return DiskFullError(existing(folder.parent), self.shortage, way_out)

    def with_resume_of(self, folder: Path) -> "DiskFullError":
        """The same where the run can be resumed."""
        return DiskFullError(self.path, self.shortage, f"make room, then resume with `striate resume {folder}`")


def existing(folder: Path) -> Path:
    """The folder, or the nearest above it that exists."""
    return next((one for one in (folder, *folder.parents) if one.is_dir()), Path())


def write_bytes(path: Path, data: bytes) -> None:
    """Replace `path` by a file with these bytes; RunError if the disk is full or the folder cannot be written."""
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
    """Turn an OSError while writing `path` into a RunError with what to do.

    The message names the final path, not the temporary one.
    """
    try:
        yield
    except OSError as error:
        path = Path(*(re.sub(rf"^{re.escape(TEMPORARY)}\d+-", "", one) for one in path.parts))
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            free = shutil.disk_usage(existing(path.parent)).free
            raise DiskFullError(path, f"needs {_mebibytes(needed)} and {_mebibytes(free)} are free") from None
        raise RunError(
            f"{path}: cannot be written ({error.strerror}); check the folder or choose another --out"
        ) from None


def _mebibytes(count: int) -> str:
    return f"{count / 2**20:.1f} MiB"
