"""The screen of `striate predict`: a table for a person, or JSON or CSV for a program, with errors on stderr too."""

import csv
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import Literal

from striate.analysis import Prediction
from striate.cli.console_tables import print_table
from striate.errors import SettingError
from striate.number_format import percent

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
            print(json.dumps([asdict(one) for one in predictions], indent=1))
        case "csv":
            _print_errors(predictions)
            _print_csv(predictions)
        case "table":
            _print_table(predictions)


def _print_errors(predictions: Sequence[Prediction]) -> None:
    """The errors for a person, where a program reads the predictions."""
    for one in predictions:
        if one.error is not None:
            print(f"{one.path}: {one.error}", file=sys.stderr)


def _print_csv(predictions: Sequence[Prediction]) -> None:
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(["path", "prediction", "confidence", "error"])
    for one in predictions:
        confidence = "" if one.confidence is None else f"{one.confidence:.6g}"
        writer.writerow([one.path, one.prediction or "", confidence, one.error or ""])


def _print_table(predictions: Sequence[Prediction]) -> None:
    """With a column of errors where there are any, in short; JSON and CSV have them in full."""
    columns = [("image", False), ("prediction", False), ("confidence", True), ("error", False)]
    rows = [
        (
            one.path,
            one.prediction or "",
            "" if one.confidence is None else percent(one.confidence),
            (one.error or "").partition(": ")[0],
        )
        for one in predictions
    ]
    shown = 4 if any(one.error is not None for one in predictions) else 3
    print_table(columns[:shown], [row[:shown] for row in rows])
