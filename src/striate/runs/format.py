"""Files that another version of striate wrote: refused by their format number, with the way out."""

from pathlib import Path

from striate.errors import RunError


def check_format(path: Path, found: object, known: int, *, command_in: str) -> None:
    """RunError unless the files at `path` have the format that this version reads and writes.

    command_in: which of them holds the command that made them. Its recipe.toml is no way out: settings were renamed with the
    format, and it names values for settings that an optimizer or policy does not take.
    """
    if found == known:
        return
    if isinstance(found, int) and found > known:
        raise RunError(f"{path}: made by a later version of striate (format {found}); upgrade striate")
    raise RunError(
        f"{path}: made by an earlier version of striate (format {found}, not {known}), whose recipe.toml is of that version "
        f"too; train again: {command_in} has the command, `striate train --help` the names of settings today"
    )
