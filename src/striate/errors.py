"""Errors that the user can fix: each names the file or value and the way out, and has no traceback on the command line."""

import re
from collections.abc import Iterable
from difflib import get_close_matches

__all__ = [
    "AmbiguousDataError",
    "DataError",
    "RunError",
    "SettingError",
    "StriateError",
    "close_names",
    "first_bytes",
    "nearest",
]


class StriateError(Exception):
    """An error that the user can fix. The message is one line; a command that fails with it ends with `exit_code`.

    The message names options of the command line; a note, which only a traceback shows, names them as Python arguments.
    """

    exit_code = 2

    def __init__(self, message: str) -> None:
        super().__init__(message)
        names = dict.fromkeys(re.findall(r"(?<!install )--([a-z][a-z-]*[a-z])", message))
        if names:
            keywords = (f"{name[3:]}=False" if name.startswith("no-") else f"{name}=" for name in names)
            self.add_note(f"From Python: {', '.join(keywords).replace('-', '_')}")


class SettingError(StriateError):
    """A name or a value that a command does not accept."""


class DataError(StriateError):
    """Images or labels that cannot be used."""


class AmbiguousDataError(DataError):
    """Data that can be read in several ways; the message names the setting that chooses one."""


class RunError(StriateError):
    """A run folder or a bundle that cannot be opened, trusted or written."""


def close_names(wrong: str, known: Iterable[str]) -> list[str]:
    """At most three names in `known` that look like `wrong`, the most similar first; case and dashes make no difference."""

    def folded(name: str) -> str:
        return name.lower().replace("-", "_").strip("_")

    by_folded: dict[str, list[str]] = {}
    for name in sorted(known):
        by_folded.setdefault(folded(name), []).append(name)
    if folded(wrong) in by_folded:
        return by_folded[folded(wrong)]
    close = get_close_matches(folded(wrong), by_folded, n=3, cutoff=0.6)
    return [name for key in close for name in by_folded[key]]


def nearest(wrong: str, known: Iterable[str]) -> str:
    """The names in `known` that look like `wrong`, as the end of a sentence: "; did you mean a, b?" or the whole list if short."""
    known = sorted(known)
    close = close_names(wrong, known)
    if close:
        return f"; did you mean {', '.join(close)}?"
    return f"; known: {', '.join(known)}" if 0 < len(known) <= 16 else ""


def first_bytes(start: bytes) -> str:
    """How a file begins, for a message: its first line in quotes where that is text, else its first bytes in hexadecimal."""
    text = start.partition(b"\n")[0][:20].decode("ascii", "replace").strip()
    if text and text.isascii() and text.isprintable():
        return f"'{text}'"
    return f"the bytes {start[:8].hex(' ')}"
