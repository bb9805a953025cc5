"""Numbers as people write them in cells, and whether they are measurements or ids of classes.

    1.5, -2, 1e3           numbers
    12 kg, 30%, $10.50     numbers of one unit
    0,5 and 12,25          with a decimal comma, for what follows are not always three digits
    1,101 and 1,101.5      with separators of thousands
    1,101 and 2,200        may be either, so there are no numbers to learn

Measurements are asked about where they may be ids: ages look like measurements, the ids 0 to 999 or 1 to 102 do not.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, final

from striate.errors import DataError

__all__ = ["Quantities", "decimal_mark", "is_measure", "is_number", "measured", "quantities"]

_NUMBER: Final = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|[+-]?(inf|infinity)", re.ASCII | re.IGNORECASE)
_QUANTITY: Final = re.compile(
    r"(?P<sign>[+-]?)(?P<before>[$\u20ac\u00a3\u00a5\u20b9]?) ?"
    r"(?P<digits>[0-9]{1,3}(?:(?P<mark>[.,])[0-9]{3})(?:(?P=mark)[0-9]{3})*(?:(?!(?P=mark))[.,][0-9]+)?|[0-9]+[.,]?[0-9]*|[.,][0-9]+)"
    r"(?P<power>[eE][+-]?[0-9]+)?(?: ?(?P<after>[^\s\d.,;|+\-_()\"']{1,12}))?"
)
_EITHER: Final = re.compile(r"[+-]?[1-9]\d{0,2}[.,]\d{3}", re.ASCII)  # thousands, or three decimals
_MEASURES: Final = frozenset(
    (
        *("age", "ages", "price", "prices", "cost", "count", "counts", "weight", "height", "width", "length", "depth"),
        *("area", "volume", "mass", "temperature", "year", "years", "month", "months", "days", "hours", "minutes"),
        *("seconds", "distance", "speed", "angle", "degrees", "diameter", "income", "salary", "population", "density"),
        *("percent", "percentage", "score", "rating", "value", "amount", "duration", "pressure", "humidity", "bmi"),
        *("mpg", "quantity", "size"),
    )
)
_FEW: Final = 10  # different numbers that are never asked about
_SOME: Final = 20  # different numbers up to which a range may begin anywhere
_MANY: Final = 100
_OFTEN: Final = 10  # times that a class comes on the average, at least
_EACH: Final = 3  # times that each class comes, at least, where it is less often than that
_DENSE: Final = 0.95  # share of a range from 0 or 1 that ids fill


@final
@dataclass(frozen=True)
class Quantities:
    """Cells that are numbers of one unit, which may be none: cell -> the number as it is written there."""

    unit: str
    numbers: Mapping[str, str]

    @property
    def plain(self) -> bool:
        """Whether they are written as programs write them."""
        return not self.unit and all(map(is_number, self.numbers.values()))

    def values(self, decimal_mark: str) -> dict[str, float]:
        """Cell -> the number, where "." or "," is the decimal mark and the other one separates thousands."""
        thousands = "." if decimal_mark == "," else ","
        return {
            cell: float(number.replace(thousands, "").replace(decimal_mark, "."))
            for cell, number in self.numbers.items()
        }


def decimal_mark(found: Quantities, where: Callable[[str], str]) -> str:
    """The decimal mark, "." or ",". DataError where it is ambiguous, or cells differ in it."""
    shown: dict[str, str] = {}  # mark -> a cell in which it must be one
    for cell, number in found.numbers.items():
        marks = re.findall(r"[.,]", number)
        if len(set(marks)) == 2 or (len(marks) == 1 and not _EITHER.fullmatch(number)):
            shown.setdefault(marks[-1], cell)
        elif len(marks) > 1:
            shown.setdefault("," if marks[0] == "." else ".", cell)
    if len(shown) == 2:
        raise DataError(
            f"{where(shown[','])}: '{shown[',']}' has a decimal comma, and '{shown['.']}' a point; write all numbers the same way"
        )
    open_ = next((cell for cell, number in found.numbers.items() if "," in number), None)
    if open_ is not None and not shown:
        number = found.numbers[open_]
        raise DataError(
            f"{where(open_)}: '{open_}' may be {number.replace(',', '.')} or {number.replace(',', '')}, as three digits "
            "follow each comma; write a decimal point, or no thousands separator"
        )
    return next(iter(shown), ".")


def is_number(cell: str) -> bool:
    """Whether it is written as a number, infinity among them."""
    return _NUMBER.fullmatch(cell.strip()) is not None


def quantities(cells: Iterable[str]) -> Quantities:
    """Those of the cells that are numbers with the unit that most of them have, `numbers` in the order of the cells."""
    by_unit: dict[str, dict[str, str]] = {}
    for cell in cells:
        unit, number = _unit_and_number(cell)
        if number:
            by_unit.setdefault(unit, {})[cell] = number
    unit = max(by_unit, key=lambda unit: len(by_unit[unit]), default="")
    return Quantities(unit, by_unit.get(unit, {}))


def _unit_and_number(cell: str) -> tuple[str, str]:
    if is_number(cell):
        return "", cell
    found = _QUANTITY.fullmatch(cell)
    if found is None or (found["before"] and found["after"]):
        return "", ""
    return found["before"] or found["after"] or "", found["sign"] + found["digits"] + (found["power"] or "")


def is_measure(name: str) -> bool:
    """Whether a column is called as measurements are: age, image width, price_eur."""
    return not _MEASURES.isdisjoint(re.split(r"[\W_]+", name.lower()))


def measured(name: str, cells: Sequence[str]) -> bool | None:
    """Whether numbers are measurements (True) or ids of classes (False); None where whole ones may be either.

    Ids fill a range from 0 or 1, or each comes often, or there are few. Numbers of which hardly any comes twice are
    measurements. A name such as age or price leaves it open, however dense they are; leading zeros mean ids.
    """
    counts = Counter(cells)
    if not all(float(cell).is_integer() for cell in counts):
        return True
    numbers = {int(float(cell)) for cell in counts}
    if len(numbers) <= _FEW or any(re.match(r"0\d", cell) for cell in counts):
        return False
    if not is_measure(name):
        low, high = min(numbers), max(numbers)
        filled = len(numbers) / (high - low + 1)
        if (low in (0, 1) and filled >= _DENSE) or (filled == 1 and len(numbers) <= _SOME):
            return False
        if len(cells) >= _OFTEN * len(numbers) or min(counts.values()) >= _EACH:
            return False
    return True if len(numbers) > _MANY and len(cells) < 1.5 * len(numbers) else None
