"""A path as people write it into a table: with spaces or quotes around, backslashes, as an address, from the root of a disk."""

import re
from dataclasses import dataclass
from typing import Final, final
from urllib.parse import unquote

from striate.data.names import printable
from striate.sources.tables.file_index import same_form

__all__ = ["WrittenPath", "is_address", "parse_path", "what_was_done"]

_ADDRESS: Final = re.compile(r"[a-z][a-z0-9+.-]+://", re.IGNORECASE)
_ROOTS: Final = re.compile(r"[A-Za-z]:/|~[^/]*/|//[^/]+/|/|(\.\./)+")  # how a path begins that leads somewhere else
_FILE: Final = re.compile(r"file:(//[^/]*)?(/(?=[A-Z]:/))?", re.IGNORECASE)  # with a host, and the "/" before a disk
_QUOTES: Final = "'\"`"


@final
@dataclass(frozen=True)
class WrittenPath:
    """A cell as a path: the folders and the name, what it begins with if that leads elsewhere, and how it was written."""

    root: str  # "", or "/", "C:/", "../"
    parts: tuple[str, ...]
    how: tuple[str, ...]


def parse_path(cell: str) -> WrittenPath:
    """A cell as people write a path: with spaces around, backslashes, as an address of a file, from the root of a disk."""
    path = cell.strip()
    how: tuple[str, ...] = ()
    if len(path) > 1 and path[0] == path[-1] and path[0] in _QUOTES:
        path, how = path[1:-1].strip(), ("without quotes",)
    if is_address(path):
        return WrittenPath("https://", (), how)
    if path[:5].lower() == "file:":
        path = unquote(_FILE.sub("", path.replace("\\", "/")))
        how += ("as file addresses",)
    elif "\\" in path:
        path = path.replace("\\", "/")
        how += ("with / for \\",)
    begins = _ROOTS.match(path)
    root = begins[0] if begins else ""
    parts = [one for one in path[len(root) :].split("/") if one not in ("", ".")]
    return WrittenPath(root, tuple(parts), how)


def what_was_done(written: WrittenPath, left_out: int, found: str) -> tuple[str, ...]:
    """What was done to find a file, in words."""
    how = list(written.how)
    if written.root or left_out:
        how.append(f"without {printable(written.root + '/'.join(written.parts[:left_out]))} in front")
    path = "/".join(written.parts[left_out:])
    other_form = path not in found and same_form(path) in same_form(found)
    path, found = same_form(path), same_form(found)
    if len(found) > len(path) and not found.lower().endswith(path.lower()):
        how.append("with an extension added")
        found = found[: found.lower().rindex(path.lower()) + len(path)]
    if other_form:
        how.append("in another form of Unicode")
    elif not found.endswith(path):
        how.append("in another case")
    return tuple(how)


def is_address(cell: str) -> bool:
    """Whether a cell is an address on the web, https://..., s3://... and the like."""
    return "://" in cell and _ADDRESS.match(cell.strip()) is not None and cell.strip()[:5].lower() != "file:"
