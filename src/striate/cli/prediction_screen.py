"""The screen of `striate predict`: a table for a person, or JSON or CSV for a program; whole errors are on stderr too."""

import csv
import json
import sys
from collections.abc import Sequence
from typing import Literal

from striate.cli.console_tables import print_table
from striate.errors import SettingError
from striate.tasks import Prediction

Format = Literal["table", "json", "csv"]


def choose_format(*, json: bool, csv: bool) -> Format:
    """What the flags ask for. SettingError where they ask for two."""
    if json and csv:
        raise SettingError("--json and --csv: both are printed to the screen; give one of them")
    return "json" if json else "csv" if csv else "table"


def print_predictions(predictions: Sequence[Prediction], form: Format) -> None:
    match form:
        case "json":
            _print_errors(predictions)
            print(json.dumps([one.as_json() for one in predictions], indent=1))
        case "csv":
            _print_errors(predictions)
            _print_csv(predictions)
        case "table":
            _print_table(predictions)
            _print_errors(predictions)


def _print_errors(predictions: Sequence[Prediction]) -> None:
    """The errors with their reasons, a line each, for a person."""
    for one in predictions:
        if one.error is not None:
            print(f"{one.path}: {one.error}", file=sys.stderr)


def _print_csv(predictions: Sequence[Prediction]) -> None:
    rows = [{**one.values(), "error": one.error or ""} for one in predictions]
    writer = csv.DictWriter(sys.stdout, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)


def _print_table(predictions: Sequence[Prediction]) -> None:
    """With a column of errors where there are any, in short: with their reasons they are too long for it."""
    has_errors = any(one.error is not None for one in predictions)
    rows = [
        {**one.cells(), **({"error": (one.error or "").partition(": ")[0]} if has_errors else {})}
        for one in predictions
    ]
    words = ("image", "prediction", "area", "error")
    print_table([(name, name not in words) for name in rows[0]], [list(row.values()) for row in rows])
