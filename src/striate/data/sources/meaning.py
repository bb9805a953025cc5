"""What cells mean: text becomes classes, sets of classes, or numbers, and what was decided is said in words.

    one column    fractions                      numbers (regress)
                  whole numbers                  classes; numbers where more than 100 differ and hardly any comes twice;
                                                 asked where they may be either, such as ages (doubts.py)
                  text with | or ; in some cell  sets of classes (multilabel); an empty cell is an empty set; lists too
                  text that looks like sets      asked, such as "clear primary" beside "clear" (doubts.py)
                  other text                     classes
    several       all 0 and 1, one 1 in each row classes, called as the columns are
                  all 0 and 1                    sets of classes
                  all numbers                    numbers

A task that the user names comes before these rules, and answers what is asked; sets may then be parted by commas, spaces
and other marks too. Empty, NaN and infinite cells are refused. Classes are what is learned from has, in natural order: 2
before 10.

Text stays text: in a text file "7" and "007" are two classes, and so are "1" and "1.0"; where classes are the same number
written in two ways, `notes` point it out. What a file holds as numbers, such as a column of Parquet or an array, has one class
for each number, called by it without a point.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, final

import numpy as np
import numpy.typing as npt

from striate.data.names import natural_key, printable
from striate.data.sources.doubts import MARKS, as_list, measured, set_of_words
from striate.data.targets import Labels, LabelSets, Numbers, Targets, TaskKind
from striate.errors import AmbiguousDataError, DataError, nearest

__all__ = ["LIST", "Meaning", "Place", "is_binary", "is_number", "read_meaning"]

Place = Callable[[int, str], str]  # where the cell of a sample and a column is, for a person
Learned = npt.NDArray[np.bool_]  # N: which of the samples are learned from

LIST: Final = "\x1f"  # ends each part of a cell that was a list in the file: the unit separator of ASCII
_NUMBER: Final = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|[+-]?(inf|infinity)", re.ASCII | re.IGNORECASE)
_DECIMAL_COMMA: Final = re.compile(r"[+-]?\d+,\d+", re.ASCII)
_MISSING: Final = ("", "nan")
_TRUTH: Final = {"0": False, "1": True, "0.0": False, "1.0": True, "false": False, "true": True}
_MAX_SETS: Final = 2**31  # N x K


@final
@dataclass(frozen=True, eq=False)
class Meaning:
    """The labels of N samples, and how they were understood; `classes` are the names of the numbers in a regression."""

    task: TaskKind
    classes: tuple[str, ...]
    values: npt.NDArray[np.int64] | npt.NDArray[np.bool_] | npt.NDArray[np.float32]  # N, N K or N D
    says: str
    notes: tuple[str, ...] = ()

    def targets(self, rows: npt.NDArray[np.int64]) -> Targets:
        """The labels of some of the samples."""
        chosen = self.values[rows]
        if self.task == "classify":
            return Labels(chosen.astype(np.int64))
        return LabelSets(chosen.astype(np.bool_)) if self.task == "multilabel" else Numbers(chosen.astype(np.float32))


def read_meaning(
    columns: Mapping[str, Sequence[str]],
    learned: Learned,
    place: Place,
    task: TaskKind | None = None,
    known: Sequence[str] = (),
    *,
    numeric: bool = False,
    to_learn: bool = True,
) -> Meaning:
    """What the columns of labels say, see above. Raises DataError, which names the place.

    `known` are classes in their order, where the file says them. `numeric`: the file holds numbers and no text.
    Where nothing is `to_learn`, classes are what any of the samples has, and one is enough.
    """
    cells: dict[str, Sequence[str]] = {
        name: [cell.strip(" \t\r\n") for cell in column] for name, column in columns.items()
    }
    for name, column in cells.items():
        _check_text(name, column, place)
    if not to_learn:
        learned = np.ones_like(learned)
    if not learned.any():
        raise DataError(
            f"{place(0, next(iter(cells)))}: it and all others are of val or test; name some train to learn from"
        )
    if len(cells) == 1:
        name, column = next(iter(cells.items()))
        if task != "classify":
            column = _listed(column)
        kind = task or _kind(name, column, place)
        if kind == "classify":
            return _classes(name, column, learned, place, known, numeric=numeric, to_learn=to_learn)
        return _sets(name, column, learned, place, task, known) if kind == "multilabel" else _numbers(cells, place)
    if task != "regress" and all(map(is_binary, cells.values())):
        return _indicators(cells, place, task)
    if task in (None, "regress"):
        return _numbers(cells, place)
    name, i = next(
        (name, i) for name, column in cells.items() for i, cell in enumerate(column) if not is_binary([cell])
    )
    raise DataError(
        f"{place(i, name)}: {cells[name][i]!r} is not 0 or 1, as several columns of classes must be; mend it"
    )


def is_number(cell: str) -> bool:
    """Whether it is written as a number, infinity among them."""
    return _NUMBER.fullmatch(cell.strip()) is not None


def is_binary(cells: Sequence[str]) -> bool:
    """Whether all say yes or no: 0, 1, false, true."""
    return all(cell.strip().lower() in _TRUTH for cell in set(cells))


def _kind(name: str, cells: Sequence[str], place: Place) -> TaskKind:
    """What the one column of labels holds. DataError where it may be two things, with the setting that says which."""
    present = [cell for cell in cells if cell.lower() not in _MISSING]
    distinct = set(present)
    if distinct and all(map(is_number, distinct)):
        if not all(float(cell).is_integer() for cell in distinct):
            return "regress"
        if (are_measured := measured(name, present)) is None:
            low, high = (min(distinct, key=float), max(distinct, key=float))
            raise AmbiguousDataError(
                f"{place(cells.index(present[0]), name)}: the {len(distinct)} different numbers from {low} to {high} may be "
                "measurements or ids of classes; say which: --task regress or --task classify"
            )
        return "regress" if are_measured else "classify"
    if any(mark in cell for mark in f"{LIST}|;" for cell in distinct):
        return "multilabel"
    if all(is_number(cell) or _DECIMAL_COMMA.fullmatch(cell) for cell in distinct) and distinct:
        decimal = next(cell for cell in present if "," in cell)
        raise AmbiguousDataError(
            f"{place(cells.index(decimal), name)}: '{decimal}' may be a number with a decimal comma, two labels, or the name of a "
            "class; say which: --task regress, --task multilabel or --task classify"
        )
    if cell := set_of_words(name, present):
        raise AmbiguousDataError(
            f"{place(cells.index(cell), name)}: '{printable(cell)}' may be several labels or the name of one class; "
            "say which: --task multilabel or --task classify"
        )
    return "classify"


def _listed(cells: Sequence[str]) -> Sequence[str]:
    """Cells that are all lists as Python writes them, ['a', 'b'], with their items ended by LIST; else as they are."""
    items = {cell: as_list(cell) for cell in set(cells) if cell.lower() not in _MISSING}
    if any(of is None for of in items.values()) or not any("," in cell or "'" in cell or '"' in cell for cell in items):
        return cells
    return ["".join(item + LIST for item in items.get(cell) or ()) for cell in cells]


def _classes(
    name: str,
    cells: Sequence[str],
    learned: Learned,
    place: Place,
    known: Sequence[str],
    *,
    numeric: bool,
    to_learn: bool,
) -> Meaning:
    _refuse_missing(name, cells, place)
    distinct = set(cells)
    whole = numeric and not known and all(float(cell).is_integer() for cell in distinct)
    called = {cell: _whole(cell) if whole else printable(cell) for cell in distinct}
    used = {called[cell] for cell, is_learned in zip(cells, learned.tolist(), strict=True) if is_learned}
    classes = _sorted(used, known)
    if len(classes) < 2 and to_learn:
        raise DataError(
            f"{place(0, name)}: all rows to learn from have the one class {', '.join(classes)}; add another"
        )
    if to_learn and len(classes) > 20 and len(classes) == int(learned.sum()):
        raise DataError(
            f"{place(0, name)}: each row has a class of its own; say which column is the label (--label-column NAME)"
        )
    position = {one: i for i, one in enumerate(classes)}
    code = {cell: position.get(one, -1) for cell, one in called.items()}
    values = np.array([code[cell] for cell in cells], np.int64)
    if len(unknown := np.flatnonzero(values < 0)):
        i = int(unknown[0])
        raise _unknown(place(i, name), called[cells[i]], classes)
    return Meaning(
        "classify",
        classes,
        values,
        f"{len(classes)} class{'' if len(classes) == 1 else 'es'} in the column {name}",
        _alike(name, classes),
    )


def _alike(name: str, classes: Sequence[str]) -> tuple[str, ...]:
    """A note where two classes are one number, written in two ways."""
    if not all(map(is_number, classes)):
        return ()
    first: dict[float, str] = {}
    for one in classes:
        if (other := first.setdefault(float(one), one)) != one:
            return (
                f"the column {name} has the classes {other} and {one}, the same number written in two ways; both are kept",
            )
    return ()


def _sets(
    name: str, cells: Sequence[str], learned: Learned, place: Place, task: TaskKind | None, known: Sequence[str]
) -> Meaning:
    marks = f"{LIST}|;{MARKS}" if task else f"{LIST}|;"
    mark = next((mark for mark in marks if any(mark in cell for cell in set(cells))), "|")
    parted = {
        cell: [printable(part.strip()) for part in cell.split(mark) if part.strip()] if cell.lower() != "nan" else []
        for cell in set(cells)
    }
    used = {cell for cell, is_learned in zip(cells, learned.tolist(), strict=True) if is_learned}
    classes = _sorted({one for cell in used for one in parted[cell]}, known)
    if len(classes) < 2 or len(classes) * len(cells) > _MAX_SETS:
        raise DataError(
            f"{place(0, name)}: {len(cells)} rows have {len(classes)} classes, parted by {mark!r}; "
            "those are no sets of classes, say which column holds them (--label-column NAME)"
        )
    position = {one: k for k, one in enumerate(classes)}
    values = np.zeros((len(cells), len(classes)), np.bool_)
    for i, cell in enumerate(cells):
        for one in parted[cell]:
            if one not in position:
                raise _unknown(place(i, name), one, classes)
            values[i, position[one]] = True
    parting = {LIST: "lists", " ": "parted by spaces"}.get(mark, f"parted by {mark}")
    says = f"sets of {len(classes)} classes in the column {name}, {parting}"
    return Meaning("multilabel", classes, values, says)


def _indicators(cells: Mapping[str, Sequence[str]], place: Place, task: TaskKind | None) -> Meaning:
    values = np.stack([[_TRUTH[cell.lower()] for cell in column] for column in cells.values()], axis=1)  # N K
    names = tuple(cells)
    single = values.sum(1) == 1
    if task == "multilabel" or (task is None and not single.all()):
        return Meaning("multilabel", names, values, f"sets of {len(names)} classes, a column of 0 and 1 for each")
    if not single.all():
        i = int(np.flatnonzero(~single)[0])
        raise DataError(
            f"{place(i, names[0])}: the row has {values[i].sum()} classes and not one; mend it, or ask for multilabel"
        )
    return Meaning("classify", names, values.argmax(1), f"{len(names)} classes, one 1 in a row of their columns")


def _numbers(cells: Mapping[str, Sequence[str]], place: Place) -> Meaning:
    values = np.empty((len(next(iter(cells.values()))), len(cells)), np.float32)
    for d, (name, column) in enumerate(cells.items()):
        _refuse_missing(name, column, place)
        column = [cell.replace(",", ".") if _DECIMAL_COMMA.fullmatch(cell) else cell for cell in column]
        if not all(map(is_number, column)):
            i = next(i for i, cell in enumerate(column) if not is_number(cell))
            raise DataError(
                f"{place(i, name)}: '{printable(column[i])}' is no number; mend it, or say which column is the label "
                "(--label-column NAME)"
            )
        exact = np.array([float(cell) for cell in column])
        large = ~(np.abs(exact) <= np.finfo(np.float32).max)
        if large.any():
            i = int(np.flatnonzero(large)[0])
            raise DataError(f"{place(i, name)}: {column[i][:40]} is infinite, or too large for a float32; mend it")
        values[:, d] = exact
    what = "numbers in the column" if len(cells) == 1 else f"{len(cells)} numbers in the columns"
    says = f"{what} {', '.join(list(cells)[:5])}{' ...' if len(cells) > 5 else ''}"
    return Meaning("regress", tuple(cells), values, says)


def _refuse_missing(name: str, cells: Sequence[str], place: Place) -> None:
    if any(cell.lower() in _MISSING for cell in set(cells)):
        i = next(i for i, cell in enumerate(cells) if cell.lower() in _MISSING)
        raise DataError(f"{place(i, name)}: there is no label ({cells[i] or 'empty'}); add it, or remove the row")


def _check_text(name: str, cells: Sequence[str], place: Place) -> None:
    for cell in set(cells):
        if not cell.isascii() and any("\ud800" <= character <= "\udfff" for character in cell):
            raise DataError(
                f"{place(cells.index(cell), name)}: '{printable(cell)}' holds bytes that are no UTF-8; "
                "save the table as UTF-8"
            )


def _whole(cell: str) -> str:
    return str(
        int(cell) if cell.isdecimal() else int(float(cell))
    )  # not all by way of float, which joins 2**53 and its next


def _sorted(names: set[str], known: Sequence[str]) -> tuple[str, ...]:
    if names <= set(known):
        return tuple(name for name in known if name in names)
    if all(map(is_number, names)):
        return tuple(sorted(names, key=lambda name: (float(name), natural_key(name))))
    return tuple(sorted(names, key=natural_key))


def _unknown(where: str, name: str, classes: Sequence[str]) -> DataError:
    return DataError(
        f"{where}: nothing to learn from has the class {name}{nearest(name, classes)}; mend it or add some"
    )
