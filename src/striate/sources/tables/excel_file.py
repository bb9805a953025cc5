"""An Excel workbook as a table of text: what one of its sheets shows, cell by cell.

That is the first one that names a column of paths, else the first with anything on it.

Whole numbers are written without a point, dates as 2024-01-31; text stays text, so "007" keeps its zeros. Formulas count
by the values that were saved with them. Empty columns and rows around the table are no part of it.
"""

import datetime
import warnings
import zipfile
from collections.abc import Iterator, Sequence
from importlib import import_module
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, Final

from striate.data.decoding.regular_file import open_regular_file
from striate.data.names import printable
from striate.errors import DataError
from striate.sources.files.read_errors import read_errors
from striate.sources.tables.columns import named_paths
from striate.sources.tables.table import MAX_COLUMNS, Table, table_of

__all__ = ["is_workbook", "read_excel"]

_MAX_UNPACKED: Final = 2**29  # bytes of XML; a full sheet of a million rows with a path and a label has about 100 MB


def read_excel(path: Path, most: int | None = None) -> Table:
    """The sheet that is meant, at most `most` of its rows. Raises DataError, also where openpyxl is missing."""
    name = printable(path)
    try:
        openpyxl = import_module("openpyxl")
    except ImportError:
        raise DataError(
            f"{name} needs openpyxl, which is not installed; pip install 'striate[tables]', or save it as CSV"
        ) from None
    with read_errors(name, "save it again as .xlsx, or as CSV"), open_regular_file(path) as file:
        _check_size(zipfile.ZipFile(file), name)
        file.seek(0)
        with warnings.catch_warnings(action="ignore"):  # of styles and validations, which do not matter here
            book = openpyxl.load_workbook(file, read_only=True, data_only=True, keep_links=False)
            try:
                return _worksheet(book, name, most)
            finally:
                book.close()


def is_workbook(file: BinaryIO) -> bool:
    """Whether a ZIP archive is a workbook."""
    try:
        return "xl/workbook.xml" in zipfile.ZipFile(file).namelist()
    except (zipfile.BadZipFile, OSError, ValueError):
        return False


def _worksheet(book: Any, name: str, most: int | None) -> Table:
    sheets: dict[str, Any] = {}
    names: dict[str, Sequence[str]] = {}
    for sheet in (one for one in book.worksheets if one.sheet_state == "visible"):
        sheet.reset_dimensions()  # which some writers get wrong
        if first := next(_rows(sheet), None):
            sheets[sheet.title], names[sheet.title] = sheet, first[1]
    if not sheets:
        raise DataError(f"{name} has only empty sheets; add a row of column names, such as path and label")
    title = next((title for title, cells in names.items() if len(cells) > 1 and named_paths(cells)), next(iter(sheets)))
    rows = list(_rows(sheets[title]) if most is None else islice(_rows(sheets[title]), most + 1))
    others = [printable(other) for other in sheets if other != title]
    notes: tuple[str, ...] = ()
    if others:
        notes = (
            f"{name}: the sheet {printable(title)} is read, and {', '.join(others[:4])} not; "
            "to read another sheet, save it as a file of its own",
        )
    return table_of(name, "Excel table", _trimmed(rows, name), notes=notes)


def _rows(sheet: Any) -> Iterator[tuple[int, Sequence[str]]]:
    """Rows with anything in them, as text, with their numbers."""
    for number, row in enumerate(sheet.iter_rows(values_only=True), 1):
        cells = [_text(value) for value in row[: MAX_COLUMNS + 1]]
        while cells and not cells[-1]:
            cells.pop()
        if cells:
            yield number, cells


def _trimmed(rows: Sequence[tuple[int, Sequence[str]]], name: str) -> Iterator[tuple[int, Sequence[str]]]:
    """Rows as long as the names of the columns, without the empty columns on the left of them."""
    names = rows[0][1]
    left = next(i for i, cell in enumerate(names) if cell)
    yield rows[0][0], names[left:]
    for number, cells in rows[1:]:
        if len(cells) > len(names) or any(cells[:left]):
            i = len(names) if len(cells) > len(names) else next(i for i in range(left) if cells[i])
            raise DataError(
                f"{name}, row {number}: '{printable(cells[i] or cells[-1])[:40]}' is in a column without a name; "
                "name the column in the first row, or remove the cell"
            )
        yield number, [*cells[left:], *[""] * (len(names) - len(cells))]


def _text(value: object) -> str:
    """A cell as a spreadsheet shows it, as far as its value determines that."""
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return str(int(value))
    if isinstance(value, datetime.datetime):
        return (value.date() if value.time() == datetime.time.min else value).isoformat()
    return str(value)


def _check_size(archive: zipfile.ZipFile, name: str) -> None:
    """DataError for a workbook that unpacks to more than a table has: zip bombs among them."""
    size = sum(one.file_size for one in archive.infolist())
    if size > _MAX_UNPACKED:
        raise DataError(f"{name} unpacks to {size} bytes, more than the limit of {_MAX_UNPACKED}; save it as CSV")
