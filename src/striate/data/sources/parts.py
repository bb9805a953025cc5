"""The splits that data come in, train, val and test, by whatever name; a train split alone is "all", and is split later."""

import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

from striate.data.names import printable
from striate.data.source import Listing, Source
from striate.errors import DataError

__all__ = ["PARTS", "arranged", "learnable", "origin", "split_of", "splits_of"]

# lower case, letters only; split_of takes many spellings of these
PARTS: Final[Mapping[str, str]] = MappingProxyType(
    {
        **dict.fromkeys(("train", "training", "trainval", "trn"), "train"),
        **dict.fromkeys(("val", "valid", "validate", "validating", "validation", "vali"), "val"),
        **dict.fromkeys(("dev", "devel", "development", "eval", "evaluate", "evaluation"), "val"),
        **dict.fromkeys(("test", "tests", "testing", "tst", "holdout", "heldout"), "test"),
    }
)
# words that mean a split only where all names beside them do
_PERHAPS: Final[Mapping[str, str]] = MappingProxyType(
    {
        **dict.fromkeys(("tr", "learn", "learning", "fit", "fitting"), "train"),
        **dict.fromkeys(("va", "vl"), "val"),
        **dict.fromkeys(("te", "ts", "unseen"), "test"),
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
            "public",
            "private",
        ),
        *("image", "images", "img", "imgs", "photo", "photos", "picture", "pictures", "pics", "class", "classes"),
    ),
    key=len,
    reverse=True,
)


def split_of(name: str) -> str | None:
    """The split that a folder, file or cell of this name is: "train", "val", "test", or None where the name says none.

    Case, spaces, "_", "-", digits and words such as set, data or images do not matter: Training Set, 1_train, val2017.
    """
    return _in(PARTS, name)


def splits_of(names: Sequence[str], *, perhaps: bool = True) -> dict[str, str]:
    """Name -> split, for those of the names that are one; where there is both val and eval, the latter is the test.

    Words that all names share say nothing: seg_train and seg_test are train and test. Where all names are splits, tr,
    learn, unseen and the like are too, if `perhaps`.
    """
    found = {name: split for name in names if (split := split_of(name))}
    if perhaps and len(found) < len(names):
        more = {name: split for name in names if (split := found.get(name) or _in(_PERHAPS, name))}
        if len(more) == len(names) and len(set(more.values())) > 1:
            found = more
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


def origin(what: str, names: Sequence[str]) -> str:
    """Where splits come from, for a person: "folders Training, Testing"; nothing where there is but one name."""
    return f"{what} {', '.join(map(printable, names))}" if len(names) > 1 else ""


def learnable(source: Source) -> Source:
    """The source, of whatever kind. DataError where nothing can be learned from it: no split train, or one class."""
    there = source.splits
    if "all" not in there and "train" not in there:
        raise DataError(f"{source.location} has {' and '.join(sorted(there))} but no split train to learn from; add it")
    if source.task in ("classify", "segment") and len(source.classes) < 2:
        raise DataError(f"{source.location} has the one class {', '.join(source.classes)}; add images of another")
    return source


def arranged(parts: Mapping[str, Listing]) -> Mapping[str, Listing]:
    """What is learned first, then val and test; a train alone is all."""
    if len(parts) == 1 and not parts.keys() & {"val", "test"}:
        return MappingProxyType({"all": next(iter(parts.values()))})
    return MappingProxyType({part: parts[part] for part in ("train", "val", "test") if part in parts})


def _in(table: Mapping[str, str], name: str) -> str | None:
    """What a table has under a name, without what does not matter."""
    word = re.sub(r"[\W\d_]+", "", name.lower())
    while word not in table:
        shorter = next((_without(word, beside) for beside in _BESIDE if _without(word, beside) != word), "")
        if not shorter:
            return None
        word = shorter
    return table[word]


def _without(word: str, beside: str) -> str:
    return word.removesuffix(beside) if word.endswith(beside) else word.removeprefix(beside)
