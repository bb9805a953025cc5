"""Which split each row of a table is in, by the columns for it.

    split     train, val, test            also set, subset, partition, usage, phase ..., where the cells name splits
    is_valid  True, False                 also is_val, is_test, is_train, validation ..., where the cells are yes or no

A column counts by its cells: one called set that holds the numbers of sets is a column as any other. Several that count
are taken together: each leaves some splits open for a row (False in is_valid: train or test), and what all of them leave
open is the split, train before test and test before val where that is more than one. So is_valid by itself separates train and
val, is_test train and test, and is_train train and test. A row with no split left, or none given, is refused.
A column that is called as a split, or holds names of splits, and is not used is pointed out.
"""

import re
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Final, final

import numpy as np
import numpy.typing as npt

from striate.data.names import natural_key, printable
from striate.errors import DataError, SettingError, nearest
from striate.number_format import percent
from striate.sources.split_words import possible_split_of, split_of, splits_of
from striate.sources.tables.table import Table

__all__ = ["NONE", "RowSplits", "are_split_names", "read_splits", "snake_case", "splits_of_paths"]

NONE: Final = "none"  # the name for no column of splits
_USUAL: Final = re.compile(
    r"(\w+_)?(split|splits|set|subset|partition|usage|phase|mode|purpose|stage|role|fold|dataset|data_?set)(_(name|type|kind))?"
)
_CORE: Final = re.compile(r"(\w+_)?(split|splits|set|subset|partition|usage|dataset|data_?set)(_(name|type|kind))?")
_FLAG: Final = re.compile(
    r"(?P<sure>is_?|(is|in|for|use_for|used_for)_(the_)?)?"
    r"(?P<split>train|training|val|valid|validation|dev|eval|test|testing|holdout|hold_out|heldout|held_out)"
    r"(_(set|split|image|img|image|photo|sample|row|data|flag|example))?"
)
# names like those of splits, whatever the cells are: these, and those of one word for a split and words without meaning
_SPLIT_LIKE: Final = re.compile(
    r"(\w+_)?(split|splits|subset|partition|k_?folds?|folds?|cv|cv_?folds?|is_?oof|oof)(_\w+)?"
)
_FRAME: Final = frozenset((
    "is", "in", "on", "for", "from", "of", "the", "use", "used", "not", "non", "only", "exclude", "excluded", "include",
    "set", "split", "image", "sample", "row", "data", "flag", "idx", "index", "mask", "fold", "group",
))  # fmt: skip
# words for splits in many languages: Trainingsdaten, Validierung
_BEGINS: Final = re.compile(r"train|val|test|eval|dev")
# also as Excel writes them in German, French, Spanish and Italian
_YES: Final = frozenset(
    {"true", "t", "yes", "y", "1", "1.0", "x", "wahr", "ja", "vrai", "oui", "verdadero", "si", "s\u00ed", "vero"}
)
_NO: Final = frozenset({"false", "f", "no", "n", "0", "0.0", "falsch", "nein", "faux", "non", "falso"})
_TRAIN, _VAL, _TEST = 1, 2, 4  # sets of splits are sums of these
_BIT: Final = {"train": _TRAIN, "val": _VAL, "test": _TEST}
_ALL: Final = _TRAIN | _VAL | _TEST
# what is meant where several splits are left open
_CHOICE: Final = {1: "train", 2: "val", 4: "test", 3: "train", 5: "train", 6: "test"}
_FEW: Final = 20  # folds of a cross-validation


@final
@dataclass(frozen=True, eq=False)
class RowSplits:
    """The split of each row, N: "train", "val" and "test", or "all" for each; the columns it comes from; and a description."""

    names: npt.NDArray[np.str_]
    columns: tuple[str, ...] = ()
    origin: str = ""
    notes: tuple[str, ...] = ()


@final
@dataclass(frozen=True, eq=False)
class _Claim:
    """What one column leaves open for each row, as sums of bits; `how` is added to its name for a person."""

    column: str
    open: npt.NDArray[np.uint8]
    how: str = ""


def snake_case(name: str) -> str:
    """The name of a column in lower case with "_" for spaces, dashes and humps: isValid is is_valid."""
    parted = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name.strip(" \t?"))
    return re.sub(r"[\s\-./]+", "_", parted).lower()


def are_split_names(cells: Sequence[str]) -> bool:
    """Whether all cells are names of splits, of whatever name the column is."""
    distinct = {cell.strip() for cell in cells}
    return len(distinct) <= _FEW and len(_splits_of(distinct)) == len(distinct)


def read_splits(table: Table, wanted: str | None, taken: Sequence[str], *, label_is_known: bool) -> RowSplits:
    """The splits of the rows. Raises DataError for a row of none or of two, SettingError for a column that is not there.

    `wanted` is the column that was named, several separated by commas, "none" for no column. Columns that are `taken` are no
    splits. `label_is_known` is whether a column is the label by its name: else columns of 0 and 1 that are called train or
    test, without more, may be classes.
    """
    if wanted is not None:
        claims, notes = _named(table, wanted), list[str]()
    else:
        claims, notes = _found(table, [name for name in table.cells if name not in taken], label_is_known)
    if not claims:
        return RowSplits(np.full(len(table.rows), "all"), notes=tuple(notes))
    left = np.bitwise_and.reduce([claim.open for claim in claims])
    columns = tuple(claim.column for claim in claims)
    for message, wrong in (
        (f"the columns {', '.join(columns)} give two splits for this row; fix it", left == 0),
        ("the split is missing; write train, val or test, or remove the row", left == _ALL),
    ):
        if wrong.any():
            raise DataError(f"{table.place(int(np.flatnonzero(wrong)[0]), columns[0])}: {message}")
    origin = ("column " if len(claims) == 1 else "columns ") + ", ".join(one.column + one.how for one in claims)
    return RowSplits(np.array([_CHOICE.get(bits, "") for bits in range(8)])[left], columns, origin, tuple(notes))


def splits_of_paths(paths: Sequence[str], notes: tuple[str, ...]) -> RowSplits | None:
    """The splits of the rows by a folder in their paths, where all of them lie in folders that are called as splits.

    train/cat/1.jpg and test/cat/9.jpg: who sorted the files so does not want them mixed.
    """
    folders = [re.split(r"[/\\]", path)[:-1] for path in paths]
    for depth in range(min(map(len, folders), default=0)):
        names = dict.fromkeys(path[depth] for path in folders)
        of = splits_of(list(names)) if 2 <= len(names) <= _FEW else {}
        if len(of) == len(names) and len(set(of.values())) > 1 and "train" in of.values():
            origin = f"folders in the paths: {', '.join(map(printable, names))}"
            return RowSplits(np.array([of[path[depth]] for path in folders]), origin=origin, notes=notes)
    return None


def _named(table: Table, wanted: str) -> list[_Claim]:
    """The splits by the columns that a person named. Raises SettingError, DataError."""
    if wanted == NONE and NONE not in table.cells:
        return []
    names = [wanted] if wanted in table.cells else [name.strip() for name in wanted.split(",")]
    claims = []
    for name in names:
        if name not in table.cells:
            raise SettingError(f"{table.name} has no column {name!r}{nearest(name, list(table.cells))}")
        cells = [cell.strip() for cell in table.cells[name]]
        if claim := _of_flag(name, cells):
            claims.append(claim)
        else:
            claims.append(_of_names(table, name, cells))
    return claims


def _found(table: Table, names: Sequence[str], label_is_known: bool) -> tuple[list[_Claim], list[str]]:
    """The splits by the columns whose names and cells fit, and notes on the others."""
    claims: list[_Claim] = []
    notes: list[str] = []
    unusual: list[_Claim] = []
    for name in names:
        called = snake_case(name)
        cells = [cell.strip() for cell in table.cells[name]]
        distinct = set(cells) - {""}
        of = _splits_of(distinct) if len(distinct) <= _FEW else {}
        usual = _USUAL.fullmatch(called) is not None
        flag = _FLAG.fullmatch(called)
        all_are = 0 < len(distinct) == len(of)
        if all_are and (usual or flag or name == "split"):
            claims.append(_of_names(table, name, cells))
        elif all_are and {"train"} < set(of.values()) and "" not in cells:
            unusual.append(_of_names(table, name, cells))
        elif (
            "train" in of.values()
            and not all_are
            and (_CORE.fullmatch(called) or (usual and len(set(of.values())) > 1))
        ):
            claims.append(_of_names(table, name, cells))  # refuses the cell that is no split
        elif called == "split":
            raise _no_split(table, name, next(i for i, cell in enumerate(cells) if cell not in of))
        elif flag is not None and (flag["sure"] or label_is_known) and (claim := _of_flag(name, cells)):
            if _is_useful(claim):
                _check_flag(table, claim, flag)
                claims.append(claim)
        elif flag is not None and flag["sure"] and (odd := _odd_flag(cells)) is not None:
            raise DataError(
                f"{table.place(odd, name)}: '{printable(cells[odd])}' is neither yes nor no; write True or False, or keep it as a "
                f"column (--split-column {NONE})"
            )
        elif 1 < len(distinct) <= _FEW and (
            _is_split_like(called, distinct, label_is_known) or _are_splits(of, distinct)
        ):
            notes.append(_not_used(name, cells))
    if not claims and unusual:
        claims = [unusual.pop(0)]
        notes.append(
            f"the column {claims[0].column} holds {_held(table.cells[claims[0].column])} alone, so it is read as the split; "
            f"--split-column {NONE} keeps it as a column"
        )
    others = [one for one in unusual if not any(np.array_equal(one.open, used.open) for used in claims)]
    return claims, [*notes, *(_not_used(one.column, table.cells[one.column]) for one in others)]


def _not_used(name: str, cells: Sequence[str]) -> str:
    return (
        f"the column {name} holds {_held(cells)} and is not used; if it is the split, write train, val or test in each row "
        f"and give --split-column {name}"
    )


def _held(cells: Sequence[str]) -> str:
    return ", ".join(printable(cell) or "nothing" for cell in sorted({cell.strip() for cell in cells}, key=natural_key))


def _splits_of(cells: Set[str]) -> dict[str, str]:
    """Cell -> split, for those of the different cells that name one: in the words of folders, or short (tr, te), or as
    Kaggle has them (PublicTest).
    """
    plain = {cell: re.sub(r"public|private", "", cell.lower()) for cell in cells}
    of = splits_of(sorted(plain.values()))
    of = {cell: of.get(one) or possible_split_of(one) or "" for cell, one in plain.items()}
    return {cell: split for cell, split in of.items() if split}


def _of_names(table: Table, name: str, cells: Sequence[str]) -> _Claim:
    """The splits by a column of names of splits. DataError for a cell that is none."""
    distinct = set(cells) - {""}
    of = _splits_of(distinct)
    if len(of) < len(distinct):
        raise _no_split(table, name, next(i for i, cell in enumerate(cells) if cell and cell not in of))
    bits = {"": _ALL, **{cell: _BIT[split] for cell, split in of.items()}}
    return _Claim(name, np.array([bits[cell] for cell in cells], np.uint8))


def _of_flag(name: str, cells: Sequence[str]) -> _Claim | None:
    """The splits by a column of yes and no with the name of a split; None for another column."""
    flag = _FLAG.fullmatch(snake_case(name))
    low = [cell.lower() for cell in cells]
    distinct = set(low)
    if flag is None or not distinct & (_YES | _NO) or not distinct <= _YES | _NO | {""}:
        return None
    split = split_of(flag["split"]) or "test"
    yes = _BIT[split]
    no = set(distinct & _NO)
    if not no:  # a cross or nothing
        no = {""}
    elif "" in distinct:
        no -= {""}
    bits = {cell: yes if cell in _YES else (_ALL - yes if cell in no else _ALL) for cell in distinct}
    shown = next(cell for cell in [*cells, "yes"] if cell.lower() in _YES or cell == "yes")
    return _Claim(name, np.array([bits[cell] for cell in low], np.uint8), f" ({printable(shown)} is {split})")


def _is_useful(claim: _Claim) -> bool:
    """Whether it takes a row out of train, and not all to val: is_valid is true of all rows where all of them are good."""
    return bool(np.isin(claim.open, (_VAL, _TEST, _VAL | _TEST)).any()) and not bool((claim.open == _VAL).all())


def _check_flag(table: Table, claim: _Claim, flag: re.Match[str]) -> None:
    """DataError where is_valid is true of most rows: it may mean that they are usable."""
    if flag["split"] == "valid" and (share := float((claim.open == _VAL).mean())) > 0.5:
        raise DataError(
            f"{table.name}: the column {claim.column} is true in {percent(share, 0)} of the rows, so it may mean that they are "
            f"usable, or that they are for validation; choose --split-column {NONE}, or --split-column {claim.column}"
        )


def _odd_flag(cells: Sequence[str]) -> int | None:
    """Which cell is neither yes nor no, where most are."""
    is_odd = [cell.lower() not in _YES | _NO for cell in cells]
    return is_odd.index(True) if 0 < sum(is_odd) < len(cells) / 2 else None


def _is_split_like(called: str, distinct: Set[str], label_is_known: bool) -> bool:
    """Whether a column has the name of one of splits. One called test alone may hold results: pos, neg."""
    if split_of(called) is None or not re.fullmatch(r"[a-z]+", called):
        core = "".join(word for word in called.split("_") if word not in _FRAME).removeprefix("is")
        return _SPLIT_LIKE.fullmatch(called) is not None or core == "unseen" or split_of(core) is not None
    return label_is_known and all(re.fullmatch(r"-?\d{1,3}(\.0)?", cell) for cell in distinct)


def _are_splits(of: Mapping[str, str], distinct: Set[str]) -> bool:
    """Whether most of the cells are names of splits, or all begin as those do."""
    begins = {found[0] if (found := _BEGINS.match(cell.lower())) else "" for cell in distinct}
    return (len(set(of.values())) > 1 and 2 * len(of) > len(distinct)) or (len(begins) > 1 and "" not in begins)


def _no_split(table: Table, name: str, i: int) -> DataError:
    return DataError(
        f"{table.place(i, name)}: '{printable(table.cells[name][i].strip())}' is not a split; write train, val or test, "
        f"or keep it as a column (--split-column {NONE})"
    )
