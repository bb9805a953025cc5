"""The splits that data come in, train, val and test, by whatever name; a train split alone is "all", and is split later."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Final, TypeVar

from striate.data.names import printable
from striate.data.source import Listing
from striate.errors import AmbiguousDataError, DataError

__all__ = ["PARTS", "arranged", "by_split", "origin", "split_of", "splits_of", "splits_of_files"]

T = TypeVar("T")

# lower case, letters only; split_of takes many spellings of these
PARTS: Final[Mapping[str, str]] = MappingProxyType(
    {
        **dict.fromkeys(("train", "training", "trainval", "trn"), "train"),
        **dict.fromkeys(("val", "valid", "validate", "validating", "validation", "vali"), "val"),
        **dict.fromkeys(("dev", "devel", "development", "eval", "evaluate", "evaluation"), "val"),
        **dict.fromkeys(("test", "tests", "testing", "tst", "holdout", "heldout"), "test"),
    }
)
# words that say nothing more: train_set, test images, the training data
_BESIDE: Final = sorted(
    (
        *(
            "set",
            "sets",
            "data",
            "dataset",
            "split",
            "part",
            "folder",
            "dir",
            "sample",
            "samples",
            "files",
            "the",
            "my",
        ),
        *("image", "images", "img", "imgs", "photo", "photos", "picture", "pictures", "pics", "class", "classes"),
    ),
    key=len,
    reverse=True,
)


_NUMBER: Final = re.compile(r"[-_.]?\d+(-of-\d+.*)?$")  # of one file of many


def split_of(name: str) -> str | None:
    """The split that a folder, file or cell of this name is: "train", "val", "test", or None where the name says none.

    Case, spaces, "_", "-", digits and words such as set, data or images do not matter: Training Set, 1_train, val2017.
    """
    word = re.sub(r"[\W\d_]+", "", name.lower())
    while word not in PARTS:
        shorter = next((_without(word, beside) for beside in _BESIDE if _without(word, beside) != word), "")
        if not shorter:
            return None
        word = shorter
    return PARTS[word]


def splits_of(names: Sequence[str]) -> dict[str, str]:
    """Name -> split, for those of the names that are one; where there is both val and eval, the latter is the test.

    Words that all names share say nothing: seg_train and seg_test are train and test.
    """
    found = {name: split for name in names if (split := split_of(name))}
    if len(names) > 1 and not found:
        words = [set(re.split(r"[\W_]+", name.lower())) for name in names]
        shared = set.intersection(*words)
        rest = ["".join(sorted(of - shared)) for of in words]
        found = {name: split for name, own in zip(names, rest, strict=True) if (split := split_of(own))}
        found = found if len(found) == len(names) else {}
    if "test" not in found.values():
        evaluated = [name for name in found if re.match(r"\W*eval", name.lower())]
        others = [name for name, split in found.items() if split == "val" and name not in evaluated]
        if len(evaluated) == 1 and others:
            found[evaluated[0]] = "test"
    return found


def splits_of_files(stems: Sequence[str]) -> dict[str, str]:
    """Stem of a file -> split, for those that are of one, whose files may be many: train-00000-of-00003, eval-001.

    Where not all are told by all of the stem but its number, by the first words if those tell all: train_cats, val_dogs.
    """
    called = {stem: _NUMBER.sub("", stem) for stem in stems}
    splits = splits_of(list(dict.fromkeys(called.values())))
    if not all(name in splits for name in called.values()):
        first = {stem: re.split(r"[\W\d_]", stem)[0] for stem in stems}
        by_word = splits_of(list(dict.fromkeys(first.values())))
        if all(word in by_word for word in first.values()) and len(set(by_word.values())) > 1:
            called, splits = first, by_word
    return {stem: splits[name] for stem, name in called.items() if name in splits}


def by_split(found: Iterable[tuple[str, T]], where: str, called: Callable[[T], str] = str) -> dict[str, T]:
    """What was found for each split. AmbiguousDataError, naming `where`, for two of one split: one of them would be lost."""
    one_of: dict[str, T] = {}
    for split, one in found:
        if split in one_of:
            both = f"{printable(called(one_of[split]))} and {printable(called(one))}"
            raise AmbiguousDataError(f"{where} has {both}, which mean the same split; keep one of them")
        one_of[split] = one
    return one_of


def origin(what: str, names: Sequence[str]) -> str:
    """Where splits come from, for a person: "folders Training, Testing"; nothing where there is but one name."""
    return f"{what} {', '.join(map(printable, names))}" if len(names) > 1 else ""


def arranged(parts: Mapping[str, Listing], where: str, *, to_learn: bool = True) -> Mapping[str, Listing]:
    """What is learned first, then val and test. DataError, naming `where`, when there is nothing to learn from.

    Without `to_learn` one of val and test is enough.
    """
    if "all" not in parts and "train" not in parts and (to_learn or not parts):
        raise DataError(
            f"{where} has {' and '.join(sorted(parts)) or 'nothing'} but no split train to learn from; add it"
        )
    if len(parts) == 1 and not parts.keys() & {"val", "test"}:
        return MappingProxyType({"all": next(iter(parts.values()))})
    return MappingProxyType({part: parts[part] for part in ("train", "val", "test") if part in parts})


def _without(word: str, beside: str) -> str:
    return word.removesuffix(beside) if word.endswith(beside) else word.removeprefix(beside)
