"""A tar archive as a list of its plain files: where each begins and how long it is. Nothing is ever unpacked.

Headers are read once, by the standard library; contents later, by their position, from any thread.
"""

import os
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final, final

from striate.data.decoding.regular_file import open_regular_file
from striate.data.names import printable
from striate.data.skipped_files import Unreadable
from striate.errors import DataError

__all__ = ["Member", "Other", "list_tar", "read_member"]

_COMPRESSED: Final = ((b"\x1f\x8b", "gzip"), (b"BZh", "bzip2"), (b"\xfd7zXZ\0", "xz"), (b"\x28\xb5\x2f\xfd", "zstd"))
_MOST_MEMBERS: Final = 10_000_000


@final
@dataclass(frozen=True, slots=True)
class Member:
    """A plain file in an archive."""

    path: Path
    name: str
    offset: int
    size: int


@final
@dataclass(frozen=True, slots=True)
class Other:
    """What is no plain file: a link, a device, a file with holes. Folders are not listed."""

    name: str
    link: bool


def list_tar(path: Path) -> tuple[list[Member], list[Other]]:
    """The plain files of an archive and whatever else is in it, in its order. Raises DataError."""
    name = printable(path)
    members: list[Member] = []
    others: list[Other] = []
    try:
        with open_regular_file(path) as file:
            size = os.fstat(file.fileno()).st_size
            start = file.read(8)
            file.seek(0)
            packed = next((kind for mark, kind in _COMPRESSED if start.startswith(mark)), None)
            if packed:
                raise DataError(
                    f"{name} is packed with {packed}, so single files in it cannot be read; unpack it to a plain .tar"
                )
            end = 0
            with tarfile.open(fileobj=file, mode="r:") as archive:
                while (one := archive.next()) is not None:
                    archive.members.clear()  # type: ignore[attr-defined] # typeshed leaves it out; kept, it holds every header a second time
                    if one.offset_data + one.size > size or one.size < 0 or archive.offset <= end:
                        raise DataError(
                            f"{name} declares {one.size} bytes for {printable(one.name)[:80]} and ends before them"
                        )
                    end = archive.offset
                    if one.isreg() and not one.issparse():
                        members.append(Member(path, one.name, one.offset_data, one.size))
                    elif not one.isdir():
                        others.append(Other(one.name, one.issym() or one.islnk()))
                    if len(members) + len(others) > _MOST_MEMBERS:
                        raise DataError(f"{name} has over {_MOST_MEMBERS} files; split it into shards")
    except DataError as refusal:
        raise DataError(f"{refusal}; get a new copy" if "; " not in str(refusal) else str(refusal)) from None
    except Unreadable as failure:
        raise DataError(f"cannot read {name}: {failure.detail}; make it readable") from None
    except Exception as error:  # noqa: BLE001 - besides TarError, damaged headers make tarfile raise ValueError, OverflowError and more
        message = printable(" ".join(str(error).split()))[:80] or type(error).__name__
        raise DataError(f"{name} is not a tar archive, or damaged ({message}); get a new copy") from None
    return members, others


def read_member(member: Member, at_most: int) -> bytes:
    """The content of a file in an archive. Raises Unreadable, also where it has over `at_most` bytes; any thread may call it."""
    if member.size > at_most:
        raise Unreadable("unreadable", f"{member.size} bytes, more than the limit of {at_most}")
    try:
        with open_regular_file(member.path) as file:
            file.seek(member.offset)
            content = file.read(member.size)
    except OSError as error:
        raise Unreadable("unreadable", error.strerror or "cannot be read") from None
    if len(content) < member.size:
        raise Unreadable("truncated", "the archive ends before it")
    return content
