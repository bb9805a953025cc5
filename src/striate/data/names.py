"""File names as text that any terminal, CSV, JSON or HTML writer can carry.

A name on disk may hold newlines, control characters, marks that turn the reading direction, or bytes that are no UTF-8.
"""

import os
from pathlib import Path

__all__ = ["named", "printable"]

JOINERS = "\u200c\u200d"  # zero-width joiners: Persian words and composed emoji need them


def printable(name: str | os.PathLike[str]) -> str:
    r"""The name with everything that does not print written as an escape; different names stay different.

    A byte that is no UTF-8 becomes `\xNN`, another character that does not print `\uNNNN`, a backslash `\\`.
    Letters, quotes, spaces and emoji stay as they are.
    """
    text = os.fspath(name)
    return text if text.isprintable() and "\\" not in text else "".join(map(_printable_character, text))


def named(path: Path) -> tuple[str, str]:
    """What a source is called, by its folder or by its file without the ending, and where it is."""
    whole = path.resolve()
    return printable(whole.stem if path.is_file() else whole.name), printable(whole.as_posix())


def _printable_character(character: str) -> str:
    if character == "\\":
        return "\\\\"
    if character.isprintable() or character in JOINERS:
        return character
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:  # how Python carries a byte that is no UTF-8 (surrogateescape)
        return f"\\x{code - 0xDC00:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"
