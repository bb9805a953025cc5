"""The SHA-256 of a file of weights, which is large: taken once as long as the file stays as it is."""

from functools import lru_cache
from hashlib import file_digest as digest_of_file
from pathlib import Path

__all__ = ["file_digest"]


def file_digest(path: Path) -> str:
    """In hexadecimal; taken again where the file, its size or its time of change are others. Raises OSError."""
    status = path.stat()
    return _digest(path.absolute(), status.st_ino, status.st_size, status.st_mtime_ns)


@lru_cache(16)
def _digest(path: Path, inode: int, size: int, changed: int) -> str:  # noqa: ARG001 - keys of the cache: a changed file is hashed anew
    with path.open("rb") as file:
        return digest_of_file(file, "sha256").hexdigest()
