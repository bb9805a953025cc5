"""JSON of a stranger, with limits, and with numbers that are numbers."""

import json
import math
from pathlib import Path
from typing import Any, Final

from striate.data.names import printable
from striate.errors import DataError
from striate.sources.files.text_file import read_text

__all__ = ["LARGEST", "read_json", "show", "to_numbers"]

_MAX_BYTES: Final = 2**30  # twice the largest file of COCO
LARGEST: Final = 1e9  # no coordinate of an image comes near
_NUMBERS: Final = frozenset({int, float})  # a bool is none


def read_json(path: Path) -> Any:
    """The content of a JSON file. Raises DataError for what is no JSON, NaN among it, and for what is too deep or large."""
    name = printable(path)

    def refuse(constant: str) -> None:
        raise DataError(f"{name} has the value {constant}, which JSON does not allow; fix or remove that annotation")

    try:
        return json.loads(read_text(path, _MAX_BYTES), parse_constant=refuse)
    except json.JSONDecodeError as error:
        raise DataError(f"{name}, line {error.lineno}, column {error.colno}: {error.msg}; fix it") from None
    except RecursionError:
        raise DataError(f"{name} is nested too deeply for an annotation file; get a new copy") from None
    except ValueError:  # Python reads no number of over 4300 digits
        raise DataError(f"{name} has a number of thousands of digits; fix it") from None


def to_numbers(values: object, where: str, what: str) -> list[float]:
    """A list of numbers, each finite and no larger than LARGEST. Raises DataError."""
    if not isinstance(values, list):
        raise DataError(f"{where}: {what} is {show(values)} and not a list of numbers; fix it")
    if values and _NUMBERS.issuperset(map(type, values)) and min(values) >= -LARGEST and max(values) <= LARGEST:
        return values
    for value in values:
        if type(value) not in (int, float) or not -LARGEST <= value <= LARGEST:
            size = " in the range of image coordinates" if type(value) is float and not math.isnan(value) else ""
            raise DataError(f"{where}: {what} contains {show(value)}, which is not a number{size}; fix it")
    return values


def show(value: object) -> str:
    """A value in a message: one short printable line."""
    try:
        text = printable(json.dumps(value, ensure_ascii=False))
    except (ValueError, RecursionError):
        return "something too long to show"
    return text if len(text) <= 60 else text[:57] + "..."
