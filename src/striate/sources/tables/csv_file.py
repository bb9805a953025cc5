"""CSV, TSV and text files of rows as a table, in the dialects that spreadsheets, pandas and people write.

    path,label          commas, or semicolons, tabs or "|", whichever separates the names of the columns
    sep=;               as Excel writes it in the first line: the separator, and no row
    a.png, "cat, big"   spaces before a quoted cell are no part of it, nor of others in a row that only so has its cells
    path label          in a .txt the words of each line, where the first line names the columns

UTF-8, or the encoding of a byte order mark. Limits come before parsing: the size of the file, the length of a row, the number
of columns.
"""

import csv
import io
import os
import re
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Final

from striate.data.decoding.formats import IMAGE_EXTENSIONS
from striate.data.decoding.regular_file import open_regular_file
from striate.data.names import printable
from striate.errors import DataError
from striate.sources.files.read_errors import readable
from striate.sources.tables.table import MAX_BYTES, Table, table_of

__all__ = ["read_csv"]

_MAX_ROW: Final = 2**20  # characters; no table of paths and labels comes near
_BYTE_ORDER_MARKS: Final = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
_SEPARATORS: Final = ",;\t"
_SEP: Final = re.compile(r"\"?sep=(?P<mark>[^\"\r\n])\"?[,;\t]*", re.IGNORECASE)  # Excel's first line
_IMAGE: Final = re.compile(f"({'|'.join(map(re.escape, IMAGE_EXTENSIONS))})$", re.IGNORECASE)


def read_csv(path: Path, most: int | None = None) -> Table:
    """A text file of rows, of which at most `most` are read.

    Raises DataError, which names the row, for whatever is no table: rows of unequal length, NUL, a quote without its
    end, two columns of one name.
    """
    name = printable(path)
    with readable(name), open_regular_file(path) as file:
        size = file.seek(0, os.SEEK_END)
        if size > MAX_BYTES:
            raise DataError(f"{name} has {size} bytes, more than the limit of {MAX_BYTES}; split the table")
        file.seek(0)
        start = file.read(4)
        file.seek(0)
        encoding = next((encoding for mark, encoding in _BYTE_ORDER_MARKS if start.startswith(mark)), "utf-8")
        with io.TextIOWrapper(file, encoding, "surrogateescape" if "8" in encoding else "strict", newline="") as text:
            return _read(text, path, most)


def _read(file: io.TextIOWrapper, path: Path, most: int | None) -> Table:
    name = printable(path)
    reached = [0]  # the last row that was read
    try:
        first = next((line for line in iter(partial(file.readline, _MAX_ROW), "") if line.strip()), "")
        declared = _SEP.fullmatch(first.strip("\r\n "))
        if declared is None:
            file.seek(0)
        separator = declared["mark"] if declared else _separator(first, path.suffix.lower())
        lines = _Lines(file)
        if separator == " ":
            _check_words(first, name)
            rows: Iterator[Sequence[str]] = (line.split() for line in lines)
        else:
            rows = _repaired(csv.reader(lines, delimiter=separator, strict=True), lines, separator)
        return table_of(name, "CSV table", _headed(_counted(rows, lines, reached), name), most=most)
    except csv.Error as error:
        raise DataError(f"{name}, row {reached[0] + 1}: {error}; fix the row") from None
    except UnicodeError:
        raise DataError(
            f"{name}, row {reached[0] + 1} or below: some bytes are not text; save the table as UTF-8"
        ) from None


class _Lines:
    """The lines of a file, no row of which may be too long: of a line of 1 GB no more than 1 MB is read."""

    def __init__(self, file: io.TextIOWrapper) -> None:
        self._file = file
        self._taken = 0  # characters of the row that is read
        self.row: list[str] = []  # its lines

    def end_row(self) -> None:
        self._taken = 0
        self.row.clear()

    def __iter__(self) -> Iterator[str]:
        for line in iter(partial(self._file.readline, _MAX_ROW + 1), ""):
            self._taken += len(line)
            if self._taken > _MAX_ROW:
                raise csv.Error(f"it is longer than {_MAX_ROW} characters, a closing quote may be missing")
            if "\0" in line:
                raise csv.Error("it has a NUL byte, so this is not a table, or one in UTF-16; save it as UTF-8")
            self.row.append(line)
            yield line


def _counted(rows: Iterator[Sequence[str]], lines: _Lines, reached: list[int]) -> Iterator[tuple[int, Sequence[str]]]:
    for row, cells in enumerate(rows, 1):
        reached[0] = row
        lines.end_row()
        yield row, cells


def _headed(rows: Iterator[tuple[int, Sequence[str]]], name: str) -> Iterator[tuple[int, Sequence[str]]]:
    """The rows; DataError where the first one with anything in it is the path of an image already."""
    row, names = next((one for one in rows if any(map(str.strip, one[1]))), (0, ()))
    if not names:
        return
    if any(_IMAGE.search(cell.strip()) for cell in names):
        raise DataError(
            f"{name}, row {row}: {printable(next(filter(_IMAGE.search, names)))[:80]} is an image, not a column "
            "name; add a row above it, such as path,label"
        )
    yield row, names
    yield from rows


def _separator(line: str, suffix: str) -> str:
    """What separates the names of the columns: the mark that is there most often outside of quotes."""
    bare = re.sub(r'"[^"]*"', "", line)
    if suffix == ".tsv" and "\t" in bare:
        return "\t"
    counts = {mark: bare.count(mark) for mark in _SEPARATORS}
    if any(counts.values()):
        return max(counts, key=lambda mark: counts[mark])
    if "|" in bare:
        return "|"
    return " " if suffix == ".txt" and " " in bare.strip() else ","


def _check_words(line: str, name: str) -> None:
    """DataError where a first line of words does not look like the names of columns."""
    words = line.split()
    if not all(re.fullmatch(r"\w[\w-]*", word) and not word.isdecimal() for word in words) and not any(
        map(_IMAGE.search, words)
    ):
        raise DataError(f"{name} has no column names in row 1; add them, such as path,label, or give another file")


def _repaired(rows: Iterator[Sequence[str]], lines: _Lines, mark: str) -> Iterator[Sequence[str]]:
    """The rows; where a cell begins with spaces and a quote, which csv takes for text, its row is read once more without them."""
    for cells in rows:
        if not any('"' in line for line in lines.row):
            yield cells
            continue
        spaced = [cell[:1] == " " and cell.lstrip(" ")[:1] == '"' for cell in cells]
        again = _again(lines.row, mark) if any(spaced) else None
        if again is None:
            yield cells
        elif len(again) != len(cells):
            yield again
        else:
            yield [new if is_spaced else old for is_spaced, old, new in zip(spaced, cells, again, strict=True)]


def _again(lines: Sequence[str], mark: str) -> Sequence[str] | None:
    try:
        rows = list(csv.reader(lines, delimiter=mark, strict=True, skipinitialspace=True))
    except csv.Error:
        return None
    return rows[0] if len(rows) == 1 else None
