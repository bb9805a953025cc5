"""Classes that a mirror exchanges, found by their names: "turn left" and "TurnRight", clockwise and counterclockwise.

Two classes are a pair where each name is the other's once all words of direction in it are exchanged, so that neither
"bright" nor a "left" without its "right" counts. Case, spaces, underscores and the like make no difference.
"""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final, Literal

from striate.data.names import unescaped

__all__ = ["Mirror", "mirrored_names"]

Mirror = Literal[
    "flip", "flip_vertical", "rotate"
]  # by the settings' names: left and right, top and bottom, both by half a turn

# Exchanged wherever they are, also within a word (northeast, turnleft, linkskurve); in some languages stems
_ANYWHERE: Final[Mapping[Mirror, str]] = MappingProxyType(
    {
        "flip": """left right, east west, links rechts, gauche droite, izquierd derech, esquerd direit, sinistr destr,
            vänster höger, venstre højre, vasem oike, vasen oikea, lev prav, lew praw, лев прав, αριστερ δεξι,
            左 右, 왼 오른, 좌 우, يسار يمين, बाएं दाएं, port starboard, uptrend downtrend, ↻ ↺,
            ← →, ⇐ ⇒, ↖ ↗, ↙ ↘, ( ), [ ], { }, < >, « », ◀ ▶, 👈 👉, / \\""",
        "flip_vertical": """upper lower, top bottom, north south, above below, upward downward, upside downside,
            ascending descending, rising falling, increasing decreasing, uptrend downtrend, oben unten, arriba abajo,
            верх низ, вверх вниз, 上 下, 위 아래, ↻ ↺, ↑ ↓, ⇑ ⇓, ↖ ↙, ↗ ↘, ▲ ▼, 👆 👇, 👍 👎, / \\""",
    }
)
# Exchanged where they are words of their own
_WORDS: Final[Mapping[Mirror, str]] = MappingProxyType(
    {
        "flip": """l r, e w, lh rh, lhs rhs, lhd rhd, lt rt, lr rl, ltr rtl, ne nw, se sw, od os, lcc rcc, lmlo rmlo,
            lparen rparen, lbracket rbracket, lbrace rbrace, izq der, esq dir, sol sağ, bal jobb""",
        "flip_vertical": "u d, n s, up down, ne se, nw sw, haut bas, cima baixo, su giù, sopra sotto",
    }
)
_DIRECTIONS: Final = frozenset("lrudnewscmfb")  # letters for left, up, north, center, middle, front ...
# Many ways to write what turns and what slants
_SPELLINGS: Final = (
    (re.compile(r"\b(?:(?:counter|anti|contra) ?clock ?wise|ccw|acw)\b"), "↺"),
    (re.compile(r"\b(?:clock ?wise|cw)\b"), "↻"),
    (re.compile(r"\bback ?slash(?:es)?\b"), r"\\"),
    (re.compile(r"\b(?:(?:forward|fwd) ?)?slash(?:es)?\b"), "/"),
    (re.compile(r"\bopen(?:ing)? (?=paren|bracket|brace|quot)"), "("),
    (re.compile(r"\bclos(?:e|ing) (?=paren|bracket|brace|quot)"), ")"),
    (re.compile(r"\bless than\b"), "<"),
    (re.compile(r"\bgreater than\b"), ">"),
    (re.compile(r"\b(upp|low)er ?case\b"), r"\1case"),  # of letters, and no place
    (re.compile(r"dextr"), "destr"),
    (re.compile(r"høyre"), "højre"),
)
_BORDERS: Final = re.compile(  # of words: TurnLeft, LEFTTurn, left2
    r"(?<=[^\W\d_])(?=\d)|(?<=\d)(?=[^\W\d_])|(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])"
)


def mirrored_names(names: Sequence[str], mirror: Mirror = "flip") -> tuple[tuple[int, int], ...]:
    """Pairs of positions in `names` whose classes this mirror exchanges, the lower position first, in order."""
    steps: tuple[Mirror, ...] = ("flip", "flip_vertical") if mirror == "rotate" else (mirror,)
    signs = frozenset(word for step in steps for word in _both_ways(_ANYWHERE[step]) if not word.isalpha())
    plain = [_plain(unescaped(name), signs) for name in names]
    others = plain
    for step in steps:
        others = _mirrored(others, step)
    places: dict[str, list[int]] = defaultdict(list)
    for at, name in enumerate(plain):
        places[name].append(at)
    pairs = {
        (min(at, to), max(at, to))
        for at, other in enumerate(others)
        for to in places.get(other, ())
        if other != plain[at] and not _one_of_many_letters(plain[at], other, plain)
    }
    return tuple(sorted(pairs))


def _mirrored(names: Sequence[str], mirror: Mirror) -> list[str]:
    """The names with all words of direction exchanged."""
    exchanged = {**_both_ways(_ANYWHERE[mirror]), **_both_ways(_WORDS[mirror])}
    pattern = _pattern(_both_ways(_ANYWHERE[mirror]), _both_ways(_WORDS[mirror]))
    return [pattern.sub(lambda found: exchanged[found[0]], name) for name in names]


def _both_ways(pairs: str) -> dict[str, str]:
    words = [pair.split() for pair in pairs.split(",")]
    return {a: b for one, other in words for a, b in ((one, other), (other, one))}


def _pattern(anywhere: Mapping[str, str], words: Mapping[str, str]) -> re.Pattern[str]:
    """The longest first, or "upward" would be read as "up"."""
    alone, inside = (
        "|".join(re.escape(word) for word in sorted(some, key=len, reverse=True)) for some in (words, anywhere)
    )
    return re.compile(rf"(?<!\w)(?:{alone})(?!\w)|{inside}")


def _plain(name: str, signs: frozenset[str]) -> str:
    """Lower case, one space between words; whatever is no letter, digit or sign of direction separates words."""
    name = _BORDERS.sub(" ", unicodedata.normalize("NFKC", name)).lower()
    text = "".join(one if one.isalnum() or unicodedata.combining(one) or one in signs else " " for one in name)
    text = " ".join(text.split())
    for spelling, sign in _SPELLINGS:
        text = spelling.sub(sign, text)
    return text


def _one_of_many_letters(name: str, other: str, names: Sequence[str]) -> bool:
    """Whether `name` and `other` differ by a letter alone, and other classes have letters there that are no directions.

    Of a, b, ..., l, ..., r nobody means left and right.
    """
    words = list(zip(name.split(), other.split(), strict=True))
    at = [i for i, (one, two) in enumerate(words) if one != two]
    if any(len(words[i][0]) > 1 or not words[i][0].isascii() or not words[i][0].isalpha() for i in at):
        return False
    fixed = [one for i, (one, _) in enumerate(words) if i not in at]
    for row in (one.split() for one in names):
        if len(row) == len(words) and [one for i, one in enumerate(row) if i not in at] == fixed:
            there = [row[i] for i in at]
            if any(len(one) == 1 and one not in _DIRECTIONS for one in there):
                return True
    return False
