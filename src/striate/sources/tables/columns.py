"""Which column of a table is which: the path of the image, and the label or labels. The split is in split_columns.py."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, final

from striate.data.names import listed
from striate.data.targets import TaskKind
from striate.errors import DataError, SettingError, nearest
from striate.sources.labels.parsing import is_binary
from striate.sources.labels.quantities import is_measure, is_number, quantities
from striate.sources.settings import READ_TASKS
from striate.sources.tables.split_columns import snake_case

__all__ = [
    "PATH_NAMES",
    "Columns",
    "is_label_name",
    "label_columns",
    "named_labels",
    "named_paths",
    "path_column",
    "split_names",
]

# in lower case with "_" for spaces and dashes; of several in one table the first that names files counts
PATH_NAMES: Final = (
    *("path", "file", "filename", "file_name", "filepath", "file_path", "image", "image_path", "image_file"),
    *("image_name", "img", "img_path", "img_name", "img_file", "picture", "photo", "images", "files", "paths"),
)
_WEAK_PATH_NAMES: Final = (
    "id",
    "image_id",
    "img_id",
    "file_id",
    "id_code",
    "name",
)  # a path only if there are such files
_LABEL_NAMES: Final = (
    "label",
    "labels",
    "class",
    "classes",
    "class_name",
    "category",
    "target",
    "targets",
    "tags",
    "y",
    "y_true",
    "ground_truth",
    "true_label",
    "true_class",
)
# words for labels in any name: lesion_diagnosis, class_id
_LABEL_WORDS: Final = frozenset(
    (
        *("label", "labels", "class", "classes", "category", "categories", "target", "targets", "tags", "truth"),
        *("diagnosis", "disease", "dx", "species", "breed", "grade"),
    )
)
_LOOKED_AT: Final = 50  # columns
_SOME_ROWS: Final = 4  # up to which cells of classes may all differ, or be the same, by chance


@final
@dataclass(frozen=True)
class Columns:
    """What to take from a table. What is None is detected by the names of the columns and by their cells.

    `label`: one column or several. `split`: of train, val and test; several separated by commas, or "none". `task`:
    "classify", "multilabel", "regress" or, which no table has, "segment".
    `folder`: where the paths begin, relative to the folder of the table. Raises SettingError for an unknown task.
    """

    path: str | None = None
    label: tuple[str, ...] | None = None
    split: str | None = None
    task: TaskKind | None = None
    folder: str | None = None

    def __post_init__(self) -> None:
        if self.task is not None and self.task not in READ_TASKS:
            raise SettingError(f"task = {self.task!r} is not a task for labels{nearest(self.task, READ_TASKS)}")
        if self.label == ():
            raise SettingError("label is empty; give one or several columns, or leave it out")

    @property
    def named(self) -> bool:
        """Whether any column is named, or the folder of its paths: then a table is meant."""
        return (self.path, self.label, self.split, self.folder) != (None, None, None, None)


def split_names(typed: str | None) -> tuple[str, ...] | None:
    """Names of columns as they are typed, separated by commas; None for nothing."""
    return tuple(name.strip() for name in typed.split(",")) if typed else None


def path_column(
    cells: Mapping[str, Sequence[str]], wanted: str | None, table: str, holds_files: Callable[[str], float]
) -> str:
    """The column of paths. `holds_files(name)` is the share of its cells that are files. Raises SettingError, DataError.

    By name, where it holds any; else the first all of whose cells are files, and no two the same.
    """
    names = list(cells)
    if wanted is not None:
        return _known(names, wanted, table)
    by_name = _by_name(names)
    candidates = [by_name[name] for name in PATH_NAMES if name in by_name]
    weak = [by_name[name] for name in _WEAK_PATH_NAMES if name in by_name]
    others = [name for name in names[:_LOOKED_AT] if name not in candidates + weak]
    found = (
        next((name for name in (*candidates, *weak) if holds_files(name)), None)
        or next((name for name in others if len(set(cells[name])) == len(cells[name]) and holds_files(name) == 1), None)
        or next(iter(candidates), None)
    )
    if found is None:
        raise DataError(
            f"{table} has no column of paths to existing images, only {listed(names, 8)}; "
            "name the column path, or choose it with --path-column NAME"
        )
    return found


def named_paths(names: Sequence[str]) -> list[str]:
    """The columns that are called as paths are, or may be."""
    by_name = _by_name(names)
    return [by_name[name] for name in (*PATH_NAMES, *_WEAK_PATH_NAMES) if name in by_name]


def named_labels(names: Sequence[str]) -> list[str]:
    """The columns that are called as labels are."""
    by_name = _by_name(names)
    return [by_name[name] for name in _LABEL_NAMES if name in by_name and not (name == "y" and "x" in by_name)]


def is_label_name(name: str) -> bool:
    """Whether a column has a name for labels."""
    return bool(named_labels([name])) or not _LABEL_WORDS.isdisjoint(snake_case(name).split("_"))


def label_columns(
    cells: Mapping[str, Sequence[str]], taken: Sequence[str], columns: Columns, table: str, *, for_training: bool = True
) -> tuple[str, ...]:
    """The column or columns of labels, among those that are not `taken` already. Raises SettingError, DataError.

    By name; else the only other column; else all others where each holds nothing but 0 and 1, or nothing but fractions;
    else the same of those that can be a label: neither ids nor empty nor, where it is `for_training` from, of one value.
    """
    if columns.label is not None:
        return tuple(dict.fromkeys(_known(list(cells), name, table) for name in columns.label))
    others = [name for name in cells if name not in taken]
    named = named_labels(others)
    if len(named) == 1 or len(others) == 1:
        return ((named or others)[0],)
    if len(named) > 1:
        raise DataError(
            f"{table} has {named[0]} and {named[1]}, and either may be the label; choose it with --label-column NAME"
        )
    if not others:
        raise DataError(f"{table} has no column of labels, only {listed(list(cells), 8)}; add a column label")
    candidates = [name for name in others if _may_be_label(name, cells[name], for_training=for_training)]
    for names in filter(None, (others, candidates)):
        if len(names) == 1 or any(all(kind(cells[name]) for name in names) for kind in (is_binary, _fractions)):
            return tuple(names)
    raise DataError(
        f"{table} has the columns {listed(others, 8)}, and any may be the label; choose it with --label-column NAME"
    )


def _may_be_label(name: str, cells: Sequence[str], *, for_training: bool) -> bool:
    """Whether a column of several can be the label: not empty, not of one value, and not of another in each row, as ids are.

    Numbers may all differ, where they do not count the rows.
    """
    distinct = {cell.strip() for cell in cells}
    if distinct == {""}:
        return False
    if len(cells) <= _SOME_ROWS:
        return True
    if len(distinct) < len(cells):
        return len(distinct) > 1 or not for_training
    found = quantities(distinct)
    if len(found.numbers) < len(distinct) or "id" in snake_case(name).split("_"):
        return False
    if is_measure(name) or not found.plain:
        return True
    numbers = list(map(float, found.numbers.values()))
    return max(numbers) - min(numbers) + 1 != len(numbers)


def _fractions(cells: Sequence[str]) -> bool:
    """Whether all are numbers, and some of them with a point: measured, not counted."""
    distinct = set(cells)
    return all(map(is_number, distinct)) and any("." in cell for cell in distinct)


def _by_name(names: Sequence[str]) -> dict[str, str]:
    """The columns by their names in lower case with "_"; of two that are then alike the first."""
    return {snake_case(name): name for name in reversed(names)}


def _known(names: Sequence[str], wanted: str, table: str) -> str:
    if wanted not in names:
        raise SettingError(f"{table} has no column {wanted!r}{nearest(wanted, names)}")
    return wanted
