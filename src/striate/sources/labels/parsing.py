"""Label parsing: cells of text become classes, sets of classes, or numbers, with a description of the decision.

    one column    fractions                      numbers (regress)
                  whole numbers                  classes; numbers where more than 100 differ and hardly any comes twice;
                                                 asked where they may be either, such as ages (quantities.py)
                  12 kg, 30%, 0,5                asked, by the same rules
                  measurements but for some      asked: NA among fractions is no class
                  text with | or ; in some cell  sets of classes (multilabel); an empty cell is an empty set; lists too
                  text that looks like sets      asked, such as "clear primary" beside "clear road" (word_sets.py)
                  other text                     classes
    several       all 0 and 1, one 1 in each row classes, called as the columns are
                  all 0 and 1                    sets of classes
                  0 and 1, and few others        asked: a slip, or numbers
                  all numbers                    numbers

A task that the user names comes before these rules, and answers what is asked; sets may then be parted by commas, spaces
and other marks too. Empty, NaN and infinite cells are refused. Classes are what is learned from has, in natural order: 2
before 10.

Text stays text: in a text file "7" and "007" are two classes, and so are "1" and "1.0"; where classes are the same number
written in two ways, `notes` point it out. What a file holds as numbers, such as a column of Parquet or an array, has one class
for each number, called by it without a point.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Final, final

import numpy as np
import numpy.typing as npt

from striate.data.names import natural_key, printable
from striate.data.targets import ClassTargets, MultiLabelTargets, RegressionTargets, Targets, TaskKind
from striate.errors import DataError, nearest
from striate.sources.labels.kinds import MISSING, is_measurement, kind_of_labels, marked_lists, refuse_measurements
from striate.sources.labels.quantities import decimal_mark, is_number, quantities
from striate.sources.labels.word_sets import LIST, MARKS, separated, word_sets
from striate.sources.settings import LABEL_TASKS

__all__ = ["FEW_SLIPS", "ParsedLabels", "Place", "is_binary", "parse_labels"]

Place = Callable[[int, str], str]  # where the cell of a sample and a column is, for a person
Learned = npt.NDArray[np.bool_]  # N: which of the samples are learned from

_MISSING_WORDS: Final = ("na", "n/a", "#n/a", "<na>", "none", "null", "nil", "?", "-", "--")
_TRUTH: Final = {"0": False, "1": True, "0.0": False, "1.0": True, "false": False, "true": True}
_LARGEST: Final = float(np.finfo(np.float32).max)
_MAX_SETS: Final = 2**31  # N x K
FEW_SLIPS: Final = 0.05  # of the cells: so few others among 0 and 1 are slips


@final
@dataclass(frozen=True, eq=False)
class ParsedLabels:
    """The labels of N samples, and how they are read; `classes` are the names of the numbers in a regression."""

    task: TaskKind
    classes: tuple[str, ...]
    values: npt.NDArray[np.int64] | npt.NDArray[np.bool_] | npt.NDArray[np.float32]  # N, N K or N D
    description: str
    notes: tuple[str, ...] = ()

    def targets(self, rows: npt.NDArray[np.int64]) -> Targets:
        """The labels of some of the samples."""
        chosen = self.values[rows]
        if self.task == "classify":
            return ClassTargets(chosen.astype(np.int64))
        return (
            MultiLabelTargets(chosen.astype(np.bool_))
            if self.task == "multilabel"
            else RegressionTargets(chosen.astype(np.float32))
        )


def parse_labels(
    columns: Mapping[str, Sequence[str]],
    learned: Learned,
    place: Place,
    task: TaskKind | None = None,
    known: Sequence[str] = (),
    *,
    numeric: bool = False,
    for_training: bool = True,
) -> ParsedLabels:
    """The labels in the columns, by the rules above. Raises DataError, which names the cell.

    `known` are classes in their order, where the file has them. `numeric`: the file holds numbers and no text.
    Where nothing is `for_training`, classes are what any of the samples has, and one is enough.
    """
    cells: dict[str, Sequence[str]] = {
        name: [cell.strip(" \t\r\n") for cell in column] for name, column in columns.items()
    }
    for name, column in cells.items():
        _check_text(name, column, place)
    task = task if task in LABEL_TASKS else None  # any other is refused once it is known what there is
    if not for_training:
        learned = np.ones_like(learned)
    if not learned.any():
        raise DataError(f"{place(0, next(iter(cells)))}: all rows are in val or test; put some of them in train")
    if len(cells) == 1:
        name, column = next(iter(cells.items()))
        if task != "classify":
            column = marked_lists(column)
        kind, notes = (task, ()) if task else kind_of_labels(name, column, partial(_first, name, column, place))
        if task == "multilabel" and is_binary(column):
            return _indicators(cells, place, task)
        if task == "multilabel":
            refuse_measurements(column, partial(_first, name, column, place))
        if kind == "classify":
            parsed = _classes(name, column, learned, place, known, numeric=numeric, for_training=for_training)
            return replace(parsed, notes=(*notes, *parsed.notes))
        return _sets(name, column, learned, place, task, known) if kind == "multilabel" else _numbers(cells, place)
    if task != "regress" and all(map(is_binary, cells.values())):
        return _indicators(cells, place, task)
    odd = [(i, name) for name, column in cells.items() for i, cell in enumerate(column) if not is_binary([cell])]
    if task is None and len(odd) <= FEW_SLIPS * len(cells) * len(learned) and cells[odd[0][1]][odd[0][0]]:
        i, name = odd[0]
        raise DataError(
            f"{place(i, name)}: {cells[name][i]!r} among columns of 0 and 1; fix it, or choose --task regress for numbers"
        )
    if task in (None, "regress"):
        return _numbers(cells, place)
    i, name = odd[0]
    raise DataError(f"{place(i, name)}: {cells[name][i]!r} is not 0 or 1, as in several columns of classes; fix it")


def is_binary(cells: Sequence[str]) -> bool:
    """Whether all are yes or no: 0, 1, false, true."""
    return all(cell.strip().lower() in _TRUTH for cell in set(cells))


def _classes(
    name: str,
    cells: Sequence[str],
    learned: Learned,
    place: Place,
    known: Sequence[str],
    *,
    numeric: bool,
    for_training: bool,
) -> ParsedLabels:
    _refuse_missing(name, cells, place)
    distinct = set(cells)
    whole = numeric and not known and all(float(cell).is_integer() for cell in distinct)
    called = {cell: _whole(cell) if whole else printable(cell) for cell in distinct}
    used = {called[cell] for cell, is_learned in zip(cells, learned.tolist(), strict=True) if is_learned}
    classes = _sorted(used, known)
    if len(classes) < 2 and for_training:
        only = ", ".join(classes)
        if is_measurement(only):
            raise DataError(f"{place(0, name)}: all training rows have the number {only}; choose another column")
        raise DataError(f"{place(0, name)}: all training rows have one class, {only}; add another class")
    if for_training and len(classes) > 20 and len(classes) == int(learned.sum()):
        raise DataError(
            f"{place(0, name)}: each row has a class of its own; choose another column with --label-column NAME"
            + (", or read the labels as measurements with --task regress" if all(map(is_number, classes)) else "")
        )
    position = {one: i for i, one in enumerate(classes)}
    code = {cell: position.get(one, -1) for cell, one in called.items()}
    values = np.array([code[cell] for cell in cells], np.int64)
    if len(unknown := np.flatnonzero(values < 0)):
        i = int(unknown[0])
        raise _unknown(place(i, name), called[cells[i]], classes)
    return ParsedLabels(
        "classify",
        classes,
        values,
        f"{len(classes)} class{'' if len(classes) == 1 else 'es'} in the column {name}",
        (
            *_alike(name, classes),
            *_notes_on_missing(name, dict(zip(classes, np.bincount(values).tolist(), strict=True))),
        ),
    )


def _alike(name: str, classes: Sequence[str]) -> tuple[str, ...]:
    """A note where two classes are one number, written in two ways."""
    if not all(map(is_number, classes)):
        return ()
    first: dict[float, str] = {}
    for one in classes:
        if (other := first.setdefault(float(one), one)) != one:
            return (
                f"the column {name} has the classes {other} and {one}, one number written in two ways; they are two classes",
            )
    return ()


def _sets(
    name: str, cells: Sequence[str], learned: Learned, place: Place, task: TaskKind | None, known: Sequence[str]
) -> ParsedLabels:
    mark, description = _separator(name, cells, MARKS if task else ())
    labels = {cell: list(map(printable, separated(cell, mark))) if cell.lower() != "nan" else [] for cell in set(cells)}
    used = {cell for cell, is_learned in zip(cells, learned.tolist(), strict=True) if is_learned}
    classes = _sorted({one for cell in used for one in labels[cell]}, known)
    if len(classes) < 2 or len(classes) * len(cells) > _MAX_SETS:
        raise DataError(
            f"{place(0, name)}: {len(cells)} rows have {len(classes)} classes, {description}; "
            "these are not sets of classes; choose another column with --label-column NAME"
        )
    if task is None and all(map(is_number, classes)) and not all(float(one).is_integer() for one in classes):
        raise DataError(
            f"{place(0, name)}: the cell has several fractions, {description}, which are not classes; give each number a column, "
            "or read them as classes: --task multilabel"
        )
    position = {one: k for k, one in enumerate(classes)}
    values = np.zeros((len(cells), len(classes)), np.bool_)
    for i, cell in enumerate(cells):
        for one in labels[cell]:
            if one not in position:
                raise _unknown(place(i, name), one, classes)
            values[i, position[one]] = True
    notes = _notes_on_missing(name, dict(zip(classes, values.sum(0).tolist(), strict=True)))
    return ParsedLabels(
        "multilabel", classes, values, f"sets of {len(classes)} classes in the column {name}, {description}", notes
    )


def _separator(name: str, cells: Sequence[str], marks: Sequence[str]) -> tuple[str, str]:
    """What separates the labels of a cell, in words too; `marks` are what may do so under --task multilabel."""
    distinct = set(cells)
    for mark, description in ((LIST, "lists"), ("|", "separated by |"), (";", "separated by ;")):
        if any(mark in cell for cell in distinct):
            return mark, description
    found = word_sets(name, cells) if marks else None
    mark = found.mark if found else next((one for one in marks if any(one in cell for cell in distinct)), "|")
    return mark, {" ": "separated by spaces", " and ": "separated by the word and"}.get(mark, f"separated by {mark}")


def _indicators(cells: Mapping[str, Sequence[str]], place: Place, task: TaskKind | None) -> ParsedLabels:
    values = np.stack([[_TRUTH[cell.lower()] for cell in column] for column in cells.values()], axis=1)  # N K
    names = tuple(cells)
    single = values.sum(1) == 1
    if task == "multilabel" or (task is None and not single.all()):
        return ParsedLabels("multilabel", names, values, f"sets of {len(names)} classes, a column of 0 and 1 for each")
    if not single.all():
        i = int(np.flatnonzero(~single)[0])
        raise DataError(
            f"{place(i, names[0])}: the row has {values[i].sum()} classes and not one; fix it, or choose --task multilabel"
        )
    return ParsedLabels("classify", names, values.argmax(1), f"{len(names)} classes, one 1 in a row of their columns")


def _numbers(cells: Mapping[str, Sequence[str]], place: Place) -> ParsedLabels:
    values = np.empty((len(next(iter(cells.values()))), len(cells)), np.float32)
    notes: list[str] = []
    units: list[str] = []
    for d, (name, column) in enumerate(cells.items()):
        _refuse_missing(name, column, place)
        where = partial(_first, name, column, place)
        found = quantities(dict.fromkeys(column))
        for cell in dict.fromkeys(column):
            if cell not in found.numbers:
                unit = f" in {found.unit}, as others are" if found.unit else ""
                raise DataError(
                    f"{where(cell)}: '{printable(cell)}' is not a number{unit}; fix it, or choose another column with "
                    "--label-column NAME"
                )
        exact = found.values(decimal_mark(found, where))
        for cell, number in exact.items():
            if not abs(number) <= _LARGEST:
                raise DataError(f"{where(cell)}: {cell[:40]} is infinite, or too large for a float32; fix it")
        values[:, d] = [exact[cell] for cell in column]
        units.append(f"{name} ({printable(found.unit)})" if found.unit else name)
        if comma := next((cell for cell, number in found.numbers.items() if "," in number), None):
            notes.append(f"in the column {name} {comma} is read as {exact[comma]:.12g}")
    what = "numbers in the column" if len(cells) == 1 else f"{len(cells)} numbers in the columns"
    return ParsedLabels(
        "regress",
        tuple(cells),
        values,
        f"{what} {', '.join(units[:5])}{' ...' if len(units) > 5 else ''}",
        tuple(notes),
    )


def _refuse_missing(name: str, cells: Sequence[str], place: Place) -> None:
    if any(cell.lower() in MISSING for cell in set(cells)):
        i = next(i for i, cell in enumerate(cells) if cell.lower() in MISSING)
        raise DataError(f"{place(i, name)}: the label is missing ({cells[i] or 'empty'}); add it, or remove the row")


def _check_text(name: str, cells: Sequence[str], place: Place) -> None:
    for cell in set(cells):
        if not cell.isascii() and any("\ud800" <= character <= "\udfff" for character in cell):
            raise DataError(
                f"{place(cells.index(cell), name)}: '{printable(cell)}' has bytes that are not UTF-8; "
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


def _first(name: str, cells: Sequence[str], place: Place, cell: str) -> str:
    """Where a text is first, for a person."""
    return place(cells.index(cell), name)


def _notes_on_missing(name: str, counts: Mapping[str, int]) -> tuple[str, ...]:
    """A note on classes that are called as what is missing often is; `counts` are the rows of each class.

    Marks such as - and ? are classes as any other beside + and !.
    """
    has_marks = sum(not any(map(str.isalnum, one)) for one in counts) > 1
    odd = [one for one in counts if one.lower() in _MISSING_WORDS and (not has_marks or any(map(str.isalnum, one)))]
    return tuple(
        f"the class {one} of the column {name} has {counts[one]:,} row{'' if counts[one] == 1 else 's'}; remove "
        f"{'it' if counts[one] == 1 else 'them'} if that means that the label is missing"
        for one in odd
    )


def _unknown(where: str, name: str, classes: Sequence[str]) -> DataError:
    return DataError(
        f"{where}: no training row has the class {name}{nearest(name, classes)}; fix it, or add training rows"
    )
