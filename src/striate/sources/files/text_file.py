"""A small text file of a stranger, whole: its size is checked before it is read, and its encoding detected."""

import codecs
import os
from pathlib import Path

from striate.data.decoding.regular_file import open_regular_file
from striate.data.names import printable
from striate.errors import DataError
from striate.sources.files.read_errors import readable

__all__ = ["read_text"]


def read_text(path: str | Path, most: int) -> str:
    """The text of a file of at most `most` bytes: UTF-8, or UTF-16 with a byte order mark. Raises DataError."""
    name = printable(path)
    with readable(name), open_regular_file(path) as file:
        size = os.fstat(file.fileno()).st_size
        content = file.read(most + 1)
    if len(content) > most:
        raise DataError(f"{name} has {size} bytes, more than the limit of {most}; split it")
    sixteen = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        text = content.decode("utf-16" if sixteen else "utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"{name} is not text: byte {error.start} is not UTF-8; save it as UTF-8") from None
    if "\0" in text:
        raise DataError(f"{name} is not text: it contains a NUL character; save it as UTF-8")
    return text
