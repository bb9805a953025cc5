"""File names as text that any terminal, CSV, JSON or HTML writer can carry.

A name on disk may hold newlines, control characters, marks that turn the reading direction, or bytes that are no UTF-8.
"""

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

__all__ = ["expanded", "listed", "named", "natural_key", "printable", "unescaped"]

_DIGITS: Final = re.compile(r"(\d+)", re.ASCII)
_NEGATIVE: Final = re.compile(r"-\d", re.ASCII)
_BACKWARDS: Final = bytes(255 - i for i in range(256))  # larger digits first
_ESCAPED: Final = re.compile(r"\\(\\|x[0-9a-f]{2}|u[0-9a-f]{4}|U[0-9a-f]{8})")  # as `printable` writes it
JOINERS = "\u200c\u200d"  # zero-width joiners: Persian words and composed emoji need them


def printable(name: str | os.PathLike[str]) -> str:
    r"""The name with everything that does not print written as an escape; different names stay different.

    A byte that is no UTF-8 becomes `\xNN`, another character that does not print `\uNNNN`, a backslash `\\`.
    Letters, quotes, spaces and emoji stay as they are.
    """
    text = os.fspath(name)
    return text if text.isprintable() and "\\" not in text else "".join(map(_printable_character, text))


def unescaped(name: str) -> str:
    """The name that `printable` was given."""
    return _ESCAPED.sub(_character, name)


def listed(names: Sequence[str], most: int) -> str:
    """The first of the names, and how many more there are: "a, b and 3 more"."""
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


def expanded(path: str | os.PathLike[str]) -> Path:
    """The path with a home folder in the place of ~ or ~user; as it is where there is no such user."""
    try:
        return Path(path).expanduser()
    except (RuntimeError, ValueError):  # no home, or a zero character in the name of the user
        return Path(path)


def natural_key(name: str) -> tuple[tuple[bytes | int, ...], bytes]:
    """The key that sorts as a person counts: -1 before 0, 2 before 10, img2 before img10; else by the bytes of the name.

    Names that differ in leading zeros alone ("7", "007") come side by side, the shorter first. Any length of number goes.
    """
    is_negative = _NEGATIVE.match(name) is not None
    key: list[bytes | int] = []
    for i, run in enumerate(_DIGITS.split(name[is_negative:])):  # text, digits, text, digits ...
        if i % 2 == 0:
            key.append(_bytes(run))
        else:
            digits = _bytes(run.lstrip("0"))
            key += [-len(digits), digits.translate(_BACKWARDS)] if is_negative and i == 1 else [len(digits), digits]
    return tuple(key), b"%08d" % len(name) + _bytes(name)


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def named(path: Path) -> tuple[str, str]:
    """What a source is called, by its folder or by its file without the ending, and where it is."""
    whole = path.resolve()
    return printable(whole.stem if path.is_file() else whole.name), printable(whole.as_posix())


def _character(escape: re.Match[str]) -> str:
    code = escape[1]
    if code == "\\":
        return code
    return chr(int(code[1:], 16) + (0xDC00 if code[0] == "x" else 0))


def _printable_character(character: str) -> str:
    if character == "\\":
        return "\\\\"
    if character.isprintable() or character in JOINERS:
        return character
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:  # how Python carries a byte that is no UTF-8 (surrogateescape)
        return f"\\x{code - 0xDC00:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"
