"""Files are written whole or not at all: a temporary sibling, flushed to the disk, takes the name in one step.

A reader, or a process that was killed, sees the old file or the new one, never half of either.
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
    """A file that there is no room for; whoever knows what is left of the work says the way out."""

    def __init__(self, place: Path, shortage: str, way_out: str = "make room or choose another --out") -> None:
        super().__init__(f"{place}: disk full, {shortage}; {way_out}")
        self.place, self.shortage = place, shortage

    def after_removal_of(self, folder: Path) -> "DiskFullError":
        """The same where nothing of a run is kept: it names what is still there without its folder."""
        way_out = "make room or choose another --out; nothing of the run is kept, for it had no checkpoint yet"
        return DiskFullError(existing(folder.parent), self.shortage, way_out)

    def with_resume_of(self, folder: Path) -> "DiskFullError":
        """The same where a run is kept."""
        return DiskFullError(self.place, self.shortage, f"make room, then `striate resume {folder}` goes on")


def existing(folder: Path) -> Path:
    """The folder, or the nearest above it that exists."""
    return next((one for one in (folder, *folder.parents) if one.is_dir()), Path())


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
    """Turn an error of the operating system while writing `path` into one line that says what to do.

    What is written under a temporary name is called as it is in the end.
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
