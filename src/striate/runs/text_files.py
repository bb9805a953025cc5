"""The JSON and CSV files of a run: their names and how they are read and written. Nothing here needs torch."""

import csv
import io
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from striate.errors import RunError

__all__ = [
    "FOLDS",
    "FORMAT",
    "HISTORY",
    "MANIFEST",
    "METRICS",
    "RECIPE",
    "as_json",
    "csv_text",
    "read_csv",
    "read_json",
]

FORMAT: Final = 3  # of a run's files
MANIFEST: Final = "manifest.json"
RECIPE: Final = "recipe.toml"
HISTORY: Final = "metrics.csv"
METRICS: Final = "metrics.json"
FOLDS: Final = "folds.json"  # of a cross-validation
FORMULA_START: Final = ("=", "+", "-", "@", "\t", "\r")
NUMBER: Final = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)


def as_json(value: object) -> str:
    return json.dumps(value, indent=1, allow_nan=False) + "\n"


def read_json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise RunError(f"{path}: cannot be read ({error.strerror}); `striate resume` finishes a run") from None
    except ValueError as error:
        raise RunError(f"{path}: is damaged ({error}); train again") from None


def read_csv(path: Path) -> list[dict[str, str]]:
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))
    except OSError as error:
        raise RunError(f"{path}: cannot be read ({error.strerror}); `striate resume` finishes a run") from None


def csv_text(rows: Sequence[Mapping[str, Any]], columns: Sequence[str] = ()) -> str:
    """Rows as CSV, with a header of `columns` where there are none.

    Text that a spreadsheet would run as a formula gets an apostrophe in front, a number does not.
    """
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]) if rows else columns, lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow({key: _cell(value) for key, value in row.items()})
    return text.getvalue()


def _cell(value: object) -> object:
    if isinstance(value, str) and value.startswith(FORMULA_START) and not NUMBER.fullmatch(value):
        return "'" + value
    return f"{value:.6g}" if isinstance(value, float) else value
