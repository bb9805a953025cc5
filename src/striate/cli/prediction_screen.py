"""The screen of `striate predict`: a table for a person, or JSON or CSV for a program; whole errors are on stderr too."""

import csv
import json
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Literal

from striate.cli.print_table import print_table
from striate.errors import SettingError
from striate.tasks import Prediction

Format = Literal["table", "json", "csv"]


def choose_format(*, json: bool, csv: bool) -> Format:
    """What the flags ask for. SettingError where they ask for two."""
    if json and csv:
        raise SettingError("--json and --csv: both are printed to the screen; give one of them")
    return "json" if json else "csv" if csv else "table"


def print_predictions(predictions: Iterable[Prediction], form: Format) -> None:
    """Printed when the last of them has come; of each only what is printed is held."""
    match form:
        case "json":
            print(json.dumps(_collected(predictions, lambda one: one.as_json()), indent=1))
        case "csv":
            _print_csv(_collected(predictions, lambda one: {**one.values(), "error": one.error or ""}))
        case "table":
            rows, errors = [], []
            for one in predictions:
                rows.append((one.cells(), one.error))
                if one.error is not None:
                    errors.append(f"{one.path}: {one.error}")
            _print_table(rows)
            _print_errors(errors)


def _collected(predictions: Iterable[Prediction], row: Callable[[Prediction], dict[str, Any]]) -> list[dict[str, Any]]:
    """A row of each; errors go to stderr for a person, where a program reads the rows."""
    rows, errors = [], []
    for one in predictions:
        rows.append(row(one))
        if one.error is not None:
            errors.append(f"{one.path}: {one.error}")
    _print_errors(errors)
    return rows


def _print_csv(rows: Sequence[dict[str, Any]]) -> None:
    writer = csv.DictWriter(sys.stdout, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)


def _print_errors(errors: Sequence[str]) -> None:
    """With their reasons, a line each."""
    for line in errors:
        print(line, file=sys.stderr)


def _print_table(given: Sequence[tuple[dict[str, str], str | None]]) -> None:
    """With a column of errors where there are any, in short: with their reasons they are too long for it."""
    has_errors = any(error is not None for _, error in given)
    rows = [{**cells, **({"error": (error or "").partition(": ")[0]} if has_errors else {})} for cells, error in given]
    words = ("image", "prediction", "area", "error")
    print_table([(name, name not in words) for name in rows[0]], [list(row.values()) for row in rows])
