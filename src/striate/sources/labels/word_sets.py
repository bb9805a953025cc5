"""Words in a cell that may be several labels or the name of one class: the way that words combine distinguishes them.

    clear primary, clear road, haze primary road    labels: which are together is free, as in any set
    golden retriever, labrador retriever            names: most words come once
    red apple, green apple, red car, green car      names: what is in one place of a name is never together (red, green)
    Apple scab, Apple rust, Corn rust               names, as before: crops are not together, nor are diseases
    cat, dog, cat dog                               labels: the words are labels by themselves

Where the words are in doubt, the caller asks; `task` answers.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, combinations, islice, pairwise
from typing import Final, final

__all__ = ["LIST", "MARKS", "WordSets", "as_list", "separated", "word_sets"]

LIST: Final = "\x1f"  # ends each item of a cell that was a list in the file: the unit separator of ASCII
MARKS: Final = (
    ",",
    "/",
    "+",
    "&",
    " and ",
    " ",
)  # what may separate the words of a set; the first of them that is there counts
_IN_NAMES: Final = (":", "_", "-")  # these do only where the words combine as those of sets
_OF_SETS: Final = re.compile(r"(\w+_)?(tags|keywords|attributes|genres|objects|findings|topics)")
_MOST_WORDS: Final = 50  # of a cell; longer ones are sentences
_CELLS: Final = 500  # of several words, and
_PAIRS: Final = 20_000  # of words in them beside a third, that are looked at at most
_REPEATED: Final = 0.6  # share of the words that come in several different cells, at least
_CLOSED: Final = 0.2  # see _closed, at least
_HEADED: Final = 0.9  # share of the names that have such a word, at least
_FULL: Final = 0.5  # share of the cells of several words all of which stand alone too, at least
_ITEM: Final = re.compile(r"'([^']*)'|\"([^\"]*)\"|([^\s,'\"\[\](){}]+)")


@final
@dataclass(frozen=True)
class WordSets:
    """A cell that looks like a set of words, what separates them, and whether that can hardly be an accident."""

    cell: str
    mark: str
    sure: bool


def word_sets(name: str, cells: Sequence[str]) -> WordSets | None:
    """An example, where the cells of the column look like sets of words; None where they are names of classes.

    Most words come in several different cells. Words that come together with a third do so with each other, or the words
    of many cells stand alone in others. Little is needed where words are parted by commas and other marks that are rare in names,
    and one word in two cells, of which not all have as many, where a column is called tags, keywords or the like. Less than
    that is not `sure`.
    """
    named = _OF_SETS.fullmatch(name.strip().lower().replace(" ", "_")) is not None
    distinct = set(cells)
    for mark in (*MARKS, *_IN_NAMES):
        if not any(mark in cell for cell in distinct):
            continue
        words = {cell: found for cell in distinct if 0 < len(found := separated(cell, mark)) <= _MOST_WORDS}
        several = sorted(cell for cell, found in words.items() if len(found) > 1)
        free = named and mark in MARKS and len(set(map(len, words.values()))) > 1
        needed = 0 if free else _REPEATED
        if several and (share := _share_repeated(words)) and share >= needed:
            sure = named or _are_sets(words, strict=mark in (" ", *_IN_NAMES))
            if sure or (mark == " " and _may_be_sets(words)):
                return WordSets(several[0], mark, sure)
    return None


def separated(cell: str, mark: str) -> list[str]:
    """The labels in a cell. With marks that people write in sentences the word "and" separates them too: a, b and c."""
    also = r"|\s+and\s+" if mark in MARKS and mark != " " else ""
    return [word for text in re.split(re.escape(mark) + also, cell) if (word := text.strip())]


def as_list(cell: str) -> list[str] | None:
    """The items of a list, set or tuple as Python, JSON or numpy write it, ['a', 'b'] or {'a'}; None where the cell is none.

    Text in round or curly brackets is one only where it is in quotes: (0, 2) may be the name of a range.
    """
    cell = cell.strip()
    if cell in ("set()", "()", "{}"):
        return []
    if cell[:1] + cell[-1:] not in ("[]", "()", "{}"):
        return None
    if cell[0] != "[" and not re.fullmatch(r".\s*['\"].*['\"],?\s*.", cell):
        return None
    return ["".join(found).strip() for found in _ITEM.findall(cell[1:-1])]


def _share_repeated(words: Mapping[str, Sequence[str]]) -> float:
    holding = Counter(word for found in words.values() for word in set(found))
    return sum(times > 1 for times in holding.values()) / len(holding)


def _are_sets(words: Mapping[str, Sequence[str]], *, strict: bool) -> bool:
    """Whether words are combined freely. Not `strict`: it is enough that one stands alone, and with others elsewhere."""
    alone = {found[0] for found in words.values() if len(found) == 1}
    several = [found for _, found in sorted(words.items()) if len(found) > 1]
    if not strict and not alone.isdisjoint(chain.from_iterable(several)):
        return True
    if sum(alone.issuperset(found) for found in several) >= _FULL * len(several):
        return True
    return not (_have_heads(several, 0) or _have_heads(several, -1)) and _closed(several) >= _CLOSED


def _have_heads(cells: Sequence[Sequence[str]], place: int) -> bool:
    """Whether words of another kind are in one place, first or last: the fruit in Apple Red, Apple Red Yellow, Cherry Red."""
    heads = {found[place] for found in cells}
    heads -= {word for found in cells for word in (found[1:] if place == 0 else found[:-1])}
    return sum(found[place] in heads for found in cells) >= _HEADED * len(cells)


def _closed(cells: Sequence[Sequence[str]]) -> float:
    """Of all words a and c that come with a third, b, without the other: the share that comes together without b.

    In names it is near 0, for such words take the same place there: red apple and green apple, but no "red green".
    """
    cells = cells[:: -(-len(cells) // _CELLS)]
    holding: dict[str, set[int]] = defaultdict(set)
    for i, cell in enumerate(cells):
        for word in cell:
            holding[word].add(i)
    beside = {b: sorted(set[str]().union(*(cells[i] for i in of_b)) - {b}) for b, of_b in holding.items()}
    triples = ((holding[b], holding[a], holding[c]) for b in sorted(beside) for a, c in combinations(beside[b], 2))
    looked_at = [bool(a & c - b) for b, a, c in islice(triples, _PAIRS) if b & a - c and b & c - a]
    return sum(looked_at) / max(1, len(looked_at))


def _may_be_sets(words: Mapping[str, Sequence[str]]) -> bool:
    """Whether a word stands alone and before two others, or words that stand alone come first and last beside others.

    Numbers only count: Pear, Pear 2.
    """
    alone = {found[0] for found in words.values() if len(found) == 1}
    after: dict[str, set[str]] = defaultdict(set)
    for found in words.values():
        for word, following in pairwise(found):
            if not following.isdecimal():
                after[word].add(following)
    followed = alone & after.keys()
    last = {found[-1] for found in words.values() if len(found) > 1}
    return any(len(after[word]) > 1 for word in followed) or bool(followed and alone & last - followed)
