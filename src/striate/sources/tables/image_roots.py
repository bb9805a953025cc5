"""Which folder the paths of a table begin in, by which of them are there in each, and by what folder and table are called."""

import posixpath
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from striate.data.names import printable
from striate.errors import AmbiguousDataError
from striate.sources.split_words import split_of
from striate.sources.tables.split_columns import snake_case

__all__ = ["chosen_folders", "is_of_another_split", "table_stem"]

_USUAL: Final = ("images", "image", "imgs", "img", "photos", "pictures", "pics", "jpg", "jpeg", "png", "data", "files")
_WORDS: Final = re.compile(r"labels?$|^(metadata|meta|annotations?|list)$")


def chosen_folders(found: Mapping[str, set[int]], table: str) -> tuple[str, ...]:
    """The folder that the paths of a table begin in, by what was found in each; several where each holds others of them.

    The folder of the table before those in it; then those that are called as the table is, or in one that is, train for
    train.csv; then the one with most. DataError where two hold the same, and none of them is called images or the like, where
    two that are both needed hold some of the same, or where one is of a split that the table does not name.
    """
    if not found:
        return ()
    most = max(map(len, found.values()))
    if len(found.get("", ())) == most:
        return ("",)
    called = {base: which for base, which in found.items() if _is_called(base, table)}
    if called and 2 * len(set.union(*called.values())) > most:
        found, most = called, max(map(len, called.values()))
    full = [base for base, which in found.items() if len(which) == most]
    usual = [base for base in full if posixpath.basename(base).lower() in _USUAL]
    same = [base for base in full if found[base] == found[full[0]]]
    chosen = [(usual or full)[0]]
    covered = set(found[chosen[0]])
    if is_of_another_split(chosen[0], table):
        same = [chosen[0], *(base for base in found if base != chosen[0] and found[base] & covered)]
        usual = []
    if len(same) > 1 and not usual:
        raise _two(table, same[0], same[1])
    for base in sorted(found, key=lambda base: -len(found[base])):
        if found[base] <= covered:
            continue
        if found[base] & covered:
            raise _two(table, next(other for other in chosen if found[other] & found[base]), base)
        chosen.append(base)
        covered |= found[base]
    return tuple(chosen)


def _two(table: str, one: str, other: str) -> AmbiguousDataError:
    return AmbiguousDataError(
        f"the images of {printable(table)} may be those in {printable(one)} or in {printable(other)}; "
        "choose with --image-root FOLDER"
    )


def table_stem(table: str) -> str:
    """What a table is called, without the words for what it is: train for trainLabels.csv and train_metadata.csv."""
    words = (_WORDS.sub("", word) for word in snake_case(Path(table).stem).split("_"))
    return "_".join(word for word in words if word)


def _is_called(base: str, table: str) -> bool:
    """Whether a folder, or one around it, is called as a table is: train/ or train_images/ for train.csv, trainLabels.csv."""
    stem = table_stem(table)
    split = split_of(stem)
    names = base.split("/") if base else []
    return any(snake_case(name) == stem or (split is not None and split_of(name) == split) for name in names)


def is_of_another_split(base: str, table: str) -> bool:
    """Whether a folder, or one around it, is called as a split, and the table is not."""
    return any(map(split_of, base.split("/"))) and not _is_called(base, table)
