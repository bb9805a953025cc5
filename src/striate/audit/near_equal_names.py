"""Names of classes that a person would not tell apart: most often one class that was typed in two ways."""

import re
import unicodedata
from collections.abc import Sequence
from typing import Final

from striate.data.names import natural_key, unescaped
from striate.findings import Finding

__all__ = ["near_equal_names"]

_EXAMPLES: Final = 10
_DASHES: Final = dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212", "-")
_NUMBER: Final = re.compile(r"[+-]?\d+(\.\d*)?", re.ASCII)


def near_equal_names(classes: Sequence[str]) -> list[Finding]:
    """Classes whose names differ in case, spaces, "_" and "-", Unicode form, leading zeros or as 1 and 1.0 alone.

    Numbers such as 1.1 and 1.10 may be versions. Accents tell classes apart, and so does the case where all classes are
    single characters, as letters are.
    """
    if all(len(name) == 1 for name in classes):
        return []
    alike: dict[tuple[str, ...], list[str]] = {}
    for name in classes:
        alike.setdefault(_plain(name), []).append(name)
    groups = [sorted(names, key=natural_key) for names in alike.values() if len(names) > 1]
    if not groups:
        return []
    first = " and ".join(map(repr, groups[0]))
    return [
        Finding(
            "data-near-equal-names",
            "warning",
            f"Class names differ only in case, spaces, zeros or Unicode form: {first}"
            f"{f', and {len(groups) - 1} more groups' if len(groups) > 2 else ', and 1 more group' if len(groups) == 2 else ''}.",
            {"count": len(groups), "groups": groups[:_EXAMPLES]},
            f"if they are one class, put the images of {first} into one folder, or give them one label in the table",
        )
    ]


def _as_read(name: str) -> str:
    """A printable name as a person reads it: what was escaped is itself again, and invisible characters are gone."""
    return "".join(
        _DASHES.get(character, character) for character in unescaped(name) if unicodedata.category(character) != "Cf"
    )


def _plain(name: str) -> tuple[str, ...]:
    """The name without all that does not tell classes apart, in runs of digits and of other characters."""
    text = unicodedata.normalize("NFKC", _as_read(name))
    text = unicodedata.normalize("NFKC", text.casefold()).strip().strip("_") or name
    if _NUMBER.fullmatch(text):
        whole, _, fraction = text.lstrip("+-").partition(".")
        return "-" if text[0] == "-" else "", whole.lstrip("0") or "0", fraction if fraction.strip("0") else ""
    text = re.sub(r"(?<=\w)[\s_-]+(?=\w)", " ", text)
    runs: list[str] = []
    for run in re.findall(r"\d+|\D+", text):
        if not run.isdecimal():
            runs.append(run if run == " " else run.replace(" ", ""))  # 1-1 is not 11, but a-1 is a1
        else:
            runs.append(run if runs and runs[-1].endswith(".") else run.lstrip("0") or "0")  # 1.01 is not 1.1
    return tuple(runs)
