"""Files that another version of striate wrote: refused by their format number, with the way out."""

from pathlib import Path

from striate.errors import RunError


def check_format(path: Path, found: object, known: int) -> None:
    """RunError unless the file at `path` has the format that this version reads and writes."""
    if found == known:
        return
    if isinstance(found, int) and found > known:
        raise RunError(f"{path}: made by a later version of striate (format {found}); upgrade striate")
    raise RunError(f"{path}: made by an earlier version of striate (format {found}, not {known}); train again")
