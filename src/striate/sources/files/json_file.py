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
        raise DataError(f"{name} holds {constant}, which is no number in JSON; mend or remove that annotation")

    try:
        return json.loads(read_text(path, _MAX_BYTES), parse_constant=refuse)
    except json.JSONDecodeError as error:
        raise DataError(f"{name}, line {error.lineno}, column {error.colno}: {error.msg}; mend it") from None
    except RecursionError:
        raise DataError(f"{name} is nested too deeply to be an annotation; get it anew") from None
    except ValueError:  # Python reads no number of over 4300 digits
        raise DataError(f"{name} holds a number of thousands of digits; mend it") from None


def to_numbers(values: object, where: str, what: str) -> list[float]:
    """A list of numbers, each finite and no larger than LARGEST. Raises DataError."""
    if not isinstance(values, list):
        raise DataError(f"{where}: {what} is {show(values)} and no list of numbers; mend it")
    if values and _NUMBERS.issuperset(map(type, values)) and min(values) >= -LARGEST and max(values) <= LARGEST:
        return values
    for value in values:
        if type(value) not in (int, float) or not -LARGEST <= value <= LARGEST:
            size = " of a size that images have" if type(value) is float and not math.isnan(value) else ""
            raise DataError(f"{where}: {what} holds {show(value)}, which is no number{size}; mend it")
    return values


def show(value: object) -> str:
    """A value in a message: one short printable line."""
    try:
        text = printable(json.dumps(value, ensure_ascii=False))
    except (ValueError, RecursionError):
        return "something too long to show"
    return text if len(text) <= 60 else text[:57] + "..."
