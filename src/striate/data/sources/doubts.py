"""Labels that may mean two things: words that are sets of classes or one name, whole numbers that are ids or measurements.

The rules are for what people have: "clear primary", "haze primary", "clear" look like sets, "turn left", "turn right" or
"apple", "red apple" do not; ages look like measurements, the ids 0 to 999 or 1 to 102 do not. Where they are in doubt, the
caller asks; `task` answers.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

__all__ = ["MARKS", "as_list", "is_measure", "measured", "set_of_words"]

MARKS: Final = ",/+& "  # what may part the words of a set; the first of them that is there counts

_OF_SETS: Final = re.compile(r"(\w+_)?(tags|keywords|attributes|labels|genres|categories|objects|findings|topics)")
_MEASURES: Final = frozenset(
    (
        *("age", "ages", "price", "prices", "cost", "count", "counts", "weight", "height", "width", "length", "depth"),
        *("area", "volume", "mass", "temperature", "year", "years", "month", "months", "days", "hours", "minutes"),
        *("seconds", "distance", "speed", "angle", "degrees", "diameter", "income", "salary", "population", "density"),
        *(
            "percent",
            "percentage",
            "score",
            "rating",
            "value",
            "amount",
            "duration",
            "pressure",
            "humidity",
            "bmi",
            "mpg",
        ),
        *("quantity", "size"),
    )
)
_MOST_WORDS: Final = 50  # of a cell; longer ones are sentences
_FEW: Final = 10  # different numbers that are never asked about
_SOME: Final = 20  # different numbers up to which a range may begin anywhere
_MANY: Final = 100
_OFTEN: Final = 10  # times that a class comes on the average, at least
_DENSE: Final = 0.95  # share of a range from 0 or 1 that ids fill
_ITEM: Final = re.compile(r"'([^']*)'|\"([^\"]*)\"|([^\s,'\"\[\]]+)")


def set_of_words(name: str, cells: Sequence[str]) -> str | None:
    """A cell that looks like a set of words, parted by one of MARKS; None where the cells are names of classes.

    Sets have different numbers of words, more than half of their words come in two or more different cells, and some
    word stands alone in one cell and with others in another. Where words are parted by spaces it must not always be the
    last one there, as in "apple" and "red apple", unless the column is called tags, keywords or the like.
    """
    named = _OF_SETS.fullmatch(name.strip().lower().replace(" ", "_")) is not None
    for mark in MARKS:
        parted = {cell: words for cell in set(cells) if (words := _words(cell, mark))}
        if any(len(words) > 1 for words in parted.values()):
            return _combined(parted, ordered=mark == " ", named=named)
    return None


def as_list(cell: str) -> list[str] | None:
    """The items of a list as Python, JSON or numpy write it, ['a', 'b']; None where the cell is no list."""
    cell = cell.strip()
    if not (cell.startswith("[") and cell.endswith("]")):
        return None
    return ["".join(found).strip() for found in _ITEM.findall(cell[1:-1])]


def measured(name: str, cells: Sequence[str]) -> bool | None:
    """Whether whole numbers are measurements (True) or ids of classes (False); None where they may be either.

    Ids fill a range from 0 or 1, or each comes often, or there are few. Numbers of which hardly any comes twice are
    measurements. A name such as age or price leaves it open, however dense they are; leading zeros speak for ids.
    """
    counts = Counter(cells)
    numbers = {int(float(cell)) for cell in counts}
    if len(numbers) <= _FEW or any(re.match(r"0\d", cell) for cell in counts):
        return False
    if not is_measure(name):
        low, high = min(numbers), max(numbers)
        filled = len(numbers) / (high - low + 1)
        if (low in (0, 1) and filled >= _DENSE) or (filled == 1 and len(numbers) <= _SOME):
            return False
        if len(cells) >= _OFTEN * len(numbers):
            return False
    return True if len(numbers) > _MANY and len(cells) < 1.5 * len(numbers) else None


def is_measure(name: str) -> bool:
    """Whether a column is called as measurements are: age, image width, price_eur."""
    return not _MEASURES.isdisjoint(re.split(r"[\W_]+", name.lower()))


def _words(cell: str, mark: str) -> list[str]:
    words = [word for part in cell.split(mark) if (word := part.strip())]
    return words if len(words) <= _MOST_WORDS else []


def _combined(parted: Mapping[str, Sequence[str]], *, ordered: bool, named: bool) -> str | None:
    """The first cell of several words, where the cells look like combinations of words."""
    cells = sorted(parted)
    several = next(cell for cell in cells if len(parted[cell]) > 1)
    holding = Counter(word for words in parted.values() for word in set(words))
    repeated = sum(times > 1 for times in holding.values())
    if 2 * repeated <= len(holding):
        return None
    if named:
        return several
    alone = {words[0] for words in parted.values() if len(words) == 1}
    last: dict[str, bool] = defaultdict(lambda: True)
    for words in parted.values():
        if len(words) > 1:
            for place, word in _places(words):
                if word in alone:
                    last[word] &= place
    is_combined = bool(last) and not (ordered and all(last.values()))
    return several if is_combined else None


def _places(words: Sequence[str]) -> Iterator[tuple[bool, str]]:
    """Whether each word is the last one, and the word."""
    return ((i == len(words) - 1, word) for i, word in enumerate(words))
