"""Which kind one column of labels is: classes, sets of classes or numbers; where it may be two of them, the question.

The rules are those in parsing.py. A question names a cell, and the task that answers it.
"""

from collections.abc import Callable, Sequence
from typing import Final

from striate.data.names import printable
from striate.data.targets import TaskKind
from striate.errors import AmbiguousDataError, DataError
from striate.sources.labels.quantities import Quantities, is_number, measured, quantities
from striate.sources.labels.word_sets import LIST, as_list, word_sets

__all__ = ["MISSING", "is_measurement", "kind_of_labels", "marked_lists", "refuse_measurements"]

Where = Callable[[str], str]  # where a text is first in the column, for a person

MISSING: Final = ("", "nan")


def kind_of_labels(name: str, cells: Sequence[str], where: Where) -> tuple[TaskKind, tuple[str, ...]]:
    """What the one column of labels holds, and notes. DataError where it may be two things, with the setting that chooses."""
    present = [cell for cell in cells if cell.lower() not in MISSING]
    distinct = dict.fromkeys(present)
    found = quantities(distinct)
    others = [cell for cell in distinct if cell not in found.numbers]
    if any(mark in cell for mark in f"{LIST}|;" for cell in others):
        return "multilabel", ()
    if 0 < len(found.numbers) >= len(others) and (kind := _of_numbers(name, present, found, others, where)):
        return kind, ()
    if (sets := word_sets(name, present)) is None:
        return "classify", ()
    if sets.sure:
        message = f"'{printable(sets.cell)}' may be several labels or the name of one class"
        raise _either(f"{where(sets.cell)}: {message}", "multilabel")
    message = f"'{printable(sets.cell)}' and similar are read as names of classes; --task multilabel reads them as several labels"
    return "classify", (message,)


def _of_numbers(
    name: str, present: Sequence[str], found: Quantities, others: Sequence[str], where: Where
) -> TaskKind | None:
    """What cells mean that are numbers, but for some others; None where those are classes as any text is."""
    numbers = [found.numbers[cell] for cell in present if cell in found.numbers]
    example = next((cell for cell, number in found.numbers.items() if not is_number(number)), None)
    are_measured = measured(name, numbers) if example is None else None
    if are_measured is False:
        return None if others or found.unit else "classify"
    if others:
        raise AmbiguousDataError(
            f"{where(others[0])}: '{printable(others[0])}' is not a number, and most labels are; write a number or remove the "
            "row, or read all labels as names of classes: --task classify"
        )
    if found.unit:
        cell = next(iter(found.numbers))
        raise _either(f"{where(cell)}: '{printable(cell)}' may be a measurement or the name of a class", "regress")
    if example is not None:
        message = f"'{example}' may be a number with a comma, two labels, or the name of a class"
        raise _either(f"{where(example)}: {message}", "regress", "multilabel")
    if are_measured is None:
        low, high = min(numbers, key=float), max(numbers, key=float)
        message = (
            f"the {len(found.numbers)} different numbers from {low} to {high} may be measurements or ids of classes"
        )
        raise _either(f"{where(present[0])}: {message}", "regress")
    return "regress"


def _either(message: str, *others: TaskKind) -> AmbiguousDataError:
    """The question whether labels are classes or something else."""
    tasks = " or ".join(f"--task {task}" for task in others)
    return AmbiguousDataError(f"{message}; choose --task classify, or {tasks}")


def marked_lists(cells: Sequence[str]) -> Sequence[str]:
    """Cells that are all lists as Python writes them, ['a', 'b'], with their items ended by LIST; else as they are."""
    items = {cell: as_list(cell) for cell in set(cells) if cell.lower() not in MISSING}
    if any(of is None for of in items.values()) or not any("," in cell or "'" in cell or '"' in cell for cell in items):
        return cells
    return ["".join(item + LIST for item in items.get(cell) or ()) for cell in cells]


def is_measurement(cell: str) -> bool:
    """Whether it is a number that is written with decimals or an exponent, as no class is called."""
    return is_number(cell) and not cell.lstrip("-").isdigit()


def refuse_measurements(cells: Sequence[str], where: Where) -> None:
    """DataError for numbers that are to be read as sets of classes."""
    cell = next(filter(is_measurement, cells), None)
    if cell is not None and all(map(is_number, cells)):
        raise DataError(
            f"{where(cell)}: {cell!r} is a number, and no set of classes such as a|b; choose --task regress"
        )
