"""An array of labels: whole numbers, text, one-hot rows, truth values, or fractions.

N  or  N 1         whole numbers or text are classes, fractions are numbers, by the rules of labels/parsing.py
N K                0 and 1: classes where each row has one 1, else, or where it is bool, sets of classes; other values
                   are K numbers; a task that the user names comes first
N H W              masks: not read here
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, final

import numpy as np
import numpy.typing as npt

from striate.data.targets import Targets, TaskKind
from striate.errors import DataError
from striate.sources.arrays.array_files import StoredArray
from striate.sources.labels.parsing import FEW_SLIPS, ParsedLabels, Place, parse_labels
from striate.sources.settings import LABEL_TASKS

__all__ = ["ArrayLabels", "read_labels"]


@final
@dataclass(frozen=True, eq=False)
class ArrayLabels:
    """The labels of each split, and how they are read."""

    classes: tuple[str, ...]
    targets: Mapping[str, Targets]
    description: str
    notes: tuple[str, ...]
    has_columns: bool  # one for each class or number


def read_labels(
    arrays: Mapping[str, StoredArray],
    counts: Mapping[str, int],
    task: TaskKind | None = None,
    *,
    for_training: bool = True,
) -> ArrayLabels:
    """The labels of the splits, for as many images as each has; `task` answers what may be asked. Raises DataError."""
    values = {split: _values(array, counts[split]) for split, array in arrays.items()}
    columns = {split: one.shape[1:] for split, one in values.items()}
    learned = "train" if "train" in arrays else next(iter(arrays))
    for split, array in arrays.items():
        if columns[split] != columns[learned]:
            raise DataError(
                f"{array.where} and the labels of train have different numbers of columns; give them the same"
            )
    together = np.concatenate(list(values.values()))
    offsets = dict(zip(values, np.cumsum([0, *map(len, values.values())]), strict=False))
    is_learned = np.repeat([split == learned for split in values], [len(one) for one in values.values()])

    def place(i: int, _: str) -> str:
        split = max(offsets, key=lambda split: (offsets[split] <= i, offsets[split]))
        return f"{arrays[split].where}[{i - offsets[split]}]"

    if together.ndim == 1:
        cells = [str(value) for value in together.tolist()]
        numeric = together.dtype.kind in "iuf"
        parsed = parse_labels({"labels": cells}, is_learned, place, task, numeric=numeric, for_training=for_training)
    else:
        parsed = _rows(together, place, task if task in LABEL_TASKS else None)
    return ArrayLabels(
        parsed.classes,
        {split: parsed.targets(np.arange(offsets[split], offsets[split] + len(one))) for split, one in values.items()},
        parsed.description.removesuffix(" in the column labels"),
        parsed.notes,
        together.ndim > 1,
    )


def _values(array: StoredArray, count: int) -> npt.NDArray[Any]:
    """N, or N K with K of 2 or more."""
    shape = array.shape
    if len(shape) > 2 and shape[-1] != 1:
        raise DataError(
            f"{array.where} contains masks, {' x '.join(map(str, shape))}; give masks as a folder of images"
        )
    if not shape or len(shape) > 2 or shape[0] != count or 0 in shape:
        sizes = f"has {shape[0]} values" if len(shape) == 1 else f"is {' x '.join(map(str, shape))},"
        raise DataError(f"{array.where} {sizes} for {count} images; give one label for each image")
    values = array.read()
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        i = int(np.argwhere(~np.isfinite(values))[0][0])
        raise DataError(f"{array.where}[{i}] is NaN or infinite; fix it")
    return values[:, 0] if values.ndim == 2 and shape[1] == 1 else values


def _rows(values: npt.NDArray[Any], place: Place, task: TaskKind | None) -> ParsedLabels:
    """The labels in N K values, by the rules of labels/parsing.py for several columns."""
    names = tuple(map(str, range(values.shape[1])))
    if values.dtype.kind == "U":
        raise DataError(
            f"{place(0, '')}: it is a row of text; give one label for each image, or a column of 0 and 1 for each class"
        )
    is_odd = ~np.isin(values, (0, 1))
    other = np.flatnonzero(is_odd.any(1))
    if task is None and 0 < is_odd.sum() <= FEW_SLIPS * values.size:
        odd = values[other[0]][is_odd[other[0]]][0]
        raise DataError(
            f"{place(int(other[0]), '')}: {odd} among 0 and 1; fix it, or choose task = regress for numbers"
        )
    if task == "regress" or (task is None and len(other)):
        if not (np.abs(values) <= np.finfo(np.float32).max).all():
            raise DataError(f"{place(0, '')} or below: some values are too large for a float32; scale them")
        return ParsedLabels("regress", names, values.astype(np.float32), f"{len(names)} numbers an image")
    if len(other):
        raise DataError(f"{place(int(other[0]), '')}: not all values are 0 or 1, as in columns of classes; fix them")
    many = np.flatnonzero(values.astype(np.int64).sum(1) != 1)
    if task == "multilabel" or (task is None and (values.dtype.kind == "b" or len(many))):
        return ParsedLabels("multilabel", names, values.astype(np.bool_), f"sets of {len(names)} classes")
    if len(many):
        count = int(values[many[0]].sum())
        raise DataError(
            f"{place(int(many[0]), '')}: the row has {count} classes and not one; fix it, or choose --task multilabel"
        )
    return ParsedLabels("classify", names, values.argmax(1), f"{len(names)} classes, one-hot")
