"""Names of splits: which words for train, val and test people give to folders, files, columns and cells, in any spelling."""

import re
import unicodedata
from collections.abc import Mapping, Sequence, Set
from types import MappingProxyType
from typing import Final

__all__ = ["SPLIT_WORDS", "possible_split_of", "split_of", "splits_of", "splits_of_files", "train_and_more"]

# lower case, letters only; split_of takes many spellings of these
SPLIT_WORDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        **dict.fromkeys(("train", "training", "trainval", "trn"), "train"),
        **dict.fromkeys(("val", "valid", "validate", "validating", "validation", "vali"), "val"),
        **dict.fromkeys(("dev", "devel", "development", "eval", "evaluate", "evaluation"), "val"),
        **dict.fromkeys(("test", "tests", "testing", "tst", "holdout", "heldout"), "test"),
    }
)
# words that mean a split only where all names beside them do; other languages without accents
_CONTEXT_WORDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        **dict.fromkeys(("tr", "learn", "learning", "fit", "fitting"), "train"),
        **dict.fromkeys(("va", "vl"), "val"),
        **dict.fromkeys(("te", "ts", "unseen"), "test"),
        **dict.fromkeys(
            ("trainings", "entrainement", "apprentissage", "entrenamiento", "treino", "treinamento"), "train"
        ),
        **dict.fromkeys(("addestramento", "обучение", "обучающая", "训练", "訓練", "学習"), "train"),
        **dict.fromkeys(("validierung", "validierungs", "validacion", "validacao", "convalida", "验证", "検証"), "val"),
        **dict.fromkeys(("prueba", "pruebas", "teste", "essai", "тест", "тестовая", "测试", "測試", "テスト"), "test"),
    }
)
# words without meaning beside a split: train_set, test images, the training data
_BESIDE: Final = sorted(
    (
        *(
            "set",
            "sets",
            "data",
            "daten",
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


_NUMBER: Final = re.compile(r"[-_.]?\d+(-of-\d+.*)?$")  # of one file of many


def split_of(name: str) -> str | None:
    """The split that a folder, file or cell of this name is: "train", "val", "test", or None where the name has none.

    Case, spaces, "_", "-", digits and words such as set, data or images do not matter: Training Set, 1_train, val2017.
    """
    return _in(SPLIT_WORDS, name)


def possible_split_of(name: str) -> str | None:
    """The same of words that mean a split only among others that do: tr, learn, unseen, entrainement."""
    return _in(_CONTEXT_WORDS, name)


def splits_of(names: Sequence[str], *, in_context: bool = True) -> dict[str, str]:
    """Name -> split, for those of the names that are one; where there is both val and eval, the latter is the test.

    Words that names share do not count: seg_train and seg_test are train and test, beside seg_pred or models too. Where all
    names are splits, tr, learn, unseen and the like are too, if `in_context`.
    """
    found = {name: split for name in names if (split := split_of(name))}
    if in_context and len(found) < len(names):
        more = {name: split for name in names if (split := found.get(name) or possible_split_of(name))}
        if len(more) == len(names) and len(set(more.values())) > 1:
            found = more
    found = found or _beside_shared_words(names)
    if "test" not in found.values():
        evaluated = [name for name in found if re.match(r"\W*eval", name.lower())]
        others = [name for name, split in found.items() if split == "val" and name not in evaluated]
        if len(evaluated) == 1 and others:
            found[evaluated[0]] = "test"
    return found


def splits_of_files(stems: Sequence[str]) -> dict[str, str]:
    """Stem of a file -> split, for those that are of one, whose files may be many: train-00000-of-00003, eval-001.

    By all of the stem but its number, or where that does not fit all of them by the first word: train_cats, val_dogs.
    """
    called = {stem: _NUMBER.sub("", stem) for stem in stems}
    splits = splits_of(list(dict.fromkeys(called.values())))
    if not all(name in splits for name in called.values()):
        first = {stem: re.split(r"[\W\d_]", stem)[0] for stem in stems}
        by_word = splits_of(list(dict.fromkeys(first.values())))
        if all(word in by_word for word in first.values()) and len(set(by_word.values())) > 1:
            called, splits = first, by_word
    return {stem: splits[name] for stem, name in called.items() if name in splits}


def train_and_more(names: Sequence[str]) -> tuple[str, str] | None:
    """A name of train and something else, with the latter, where the names are of a split and something else.

    train_cats, train_dogs, test_cats, test_dogs, catsTrain ...: two rests at least are in train and in another split.
    """
    made: dict[str, dict[str, tuple[str, str]]] = {}  # rest -> split -> name and rest, as they are written
    for name in names:
        words = [word for word in re.split(r"[\W_]+|(?<=[a-z])(?=[A-Z\d])", name) if word]
        ends = (
            {words[0]: name.partition(words[0])[2], words[-1]: name.rpartition(words[-1])[0]} if len(words) > 1 else {}
        )
        for word, left in ends.items():
            if split := split_of(word):
                rest = left.strip("_-. ")
                made.setdefault(rest.lower(), {})[split] = name, rest
    repeated = [of["train"] for of in made.values() if len(of) > 1 and "train" in of]
    return repeated[0] if len(repeated) > 1 else None


def _beside_shared_words(names: Sequence[str]) -> dict[str, str]:
    """Name -> split, for names that are one without the words that they share: all names, or several with train in them.

    Nothing where that separates two sets of splits (train_cat, test_cat, train_dog, test_dog): there a name holds a class too.
    """
    words = {name: set(re.split(r"[\W_]+", name.lower())) for name in names}
    sets: dict[tuple[str, ...], None] = {}
    for word in {word: None for of in words.values() for word in sorted(of)}:
        sets[tuple(name for name in names if word in words[name])] = None
    candidates = [
        found
        for sharing in sets
        if len(sharing) > 1 and (found := _without_shared(sharing, words)) and _are_enough(found, names)
    ]
    return candidates[0] if len(candidates) == 1 else {}


def _without_shared(names: Sequence[str], words: Mapping[str, Set[str]]) -> dict[str, str]:
    shared = frozenset.intersection(*(frozenset(words[name]) for name in names))
    own = {name: "".join(sorted(words[name] - shared)) for name in names}
    return {name: split for name, word in own.items() if (split := split_of(word))}


def _are_enough(found: Mapping[str, str], names: Sequence[str]) -> bool:
    return len(found) == len(names) or {"train"} < set(found.values())


def _in(table: Mapping[str, str], name: str) -> str | None:
    """What a table has under a name, without what does not matter."""
    word = re.sub(r"[\W\d_]+", "", unicodedata.normalize("NFKD", name.lower()))
    while word not in table:
        shorter = next((_without(word, beside) for beside in _BESIDE if _without(word, beside) != word), "")
        if not shorter:
            return None
        word = shorter
    return table[word]


def _without(word: str, beside: str) -> str:
    return word.removesuffix(beside) if word.endswith(beside) else word.removeprefix(beside)
