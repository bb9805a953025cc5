"""Which of the readings of a folder is meant: one that fits, one that says more, or a question with both and the way out.

Class folders that hold images are no accident. Files beside them that hold images of their own (.npz, .tar, .parquet) are
not read, and told. Files that speak about the same images (a table, COCO, VOC, YOLO) are rivals where they really open: a
table that says of each image what its folder says is none, and one that has splits besides says more. Folders whose names
are plainly no classes (images_001, part_2) are none against a table that leads to their images.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from striate.data.names import listed, printable
from striate.data.source import Source
from striate.errors import AmbiguousDataError, DataError, SettingError
from striate.sources.disagreement import disagreement
from striate.sources.files.folder_names import is_no_class
from striate.sources.files.tree import list_folder
from striate.sources.folder_formats import FOLDER_FORMATS, FolderFormat
from striate.sources.folders.class_folder_source import open_folders
from striate.sources.folders.layout import class_folder_names
from striate.sources.folders.tables_beside import split_notes, split_tables, tells_labels
from striate.sources.labels.quantities import is_measure
from striate.sources.read_options import AUTO, BY_NAME, OF_TABLES, ReadOptions
from striate.sources.splits import trainable
from striate.sources.tables.columns import named_labels
from striate.sources.tables.table_source import TABLES, likely_table, open_table

__all__ = ["is_found", "open_folder"]

_FOLDERS: Final = "class folders"


def open_folder(folder: Path, how: ReadOptions) -> Source:
    """The source over a folder. Raises DataError, also where it can be read in two ways."""
    if how.source != AUTO:
        return _as_asked(folder, how)
    readings = [one for one in FOLDER_FORMATS if not how.columns.named or one.name in OF_TABLES]
    found, failed = _found(folder, readings, how)
    if how.columns.named:
        return _first(folder, found, failed, how) or _no_table(folder, how)
    if how.class_level is not None:
        return open_folders(folder, how.limits, how.class_level, for_training=how.for_training)
    if any(one.own_folder(what) for one, what in found.items()):
        source = _first(folder, found, failed, how)
        return (
            _apart(folder, source, how) if source else open_folders(folder, how.limits, for_training=how.for_training)
        )
    names = class_folder_names(folder, follow=how.limits.follow_links) if found or failed else ()
    classes = [name for name in names if not is_no_class(name)]
    stray = [one for one, what in found.items() if classes and one.is_stray(what)]
    found = {one: what for one, what in found.items() if one not in stray}
    if len(classes) > 1:
        return _with_notes(_beside_classes(folder, found, failed, how), _unread(folder, stray))
    may_be_folders = len(names) > 1 or (bool(classes) and not how.for_training)
    if may_be_folders and not any(_opened(folder, one, what, how) for one, what in found.items()):
        if how.for_training:
            _ask_what_fails(folder, found, how)
        return _with_notes(_class_folders(folder, how), _unread(folder, [*found, *failed, *stray]))
    return _first(folder, found, failed, how) or _with_notes(_class_folders(folder, how), _unread(folder, stray))


def is_found(path: Path, how: ReadOptions) -> bool:
    """Whether a folder or a file holds what `how` names: a reading, or a table for its columns, be it as it should or not."""
    if how.source == "folders":
        return path.is_dir() and bool(class_folder_names(path, follow=how.limits.follow_links))
    named = OF_TABLES if how.columns.named and how.source == AUTO else (how.source,)
    readings = [one for one in FOLDER_FORMATS if one.name in named]
    if path.is_dir():
        found, failed = _found(path, readings, replace(how, columns=BY_NAME))
        return bool(found or failed)
    name = path.name.lower()
    return any(name.endswith(TABLES if one.name == "table" else one.suffixes) for one in readings)


def _class_folders(folder: Path, how: ReadOptions) -> Source:
    """The class folders; where no folder is called as a class, and a table lies there, DataError says what is wrong with it."""
    try:
        return _with_notes(open_folders(folder, how.limits, for_training=how.for_training), list(split_notes(folder)))
    except AmbiguousDataError:
        raise
    except DataError:
        table = likely_table(folder)
        if table is None or not all(map(is_no_class, class_folder_names(folder, follow=how.limits.follow_links))):
            raise
        try:
            open_table(table, how.limits, how.columns, for_training=how.for_training)
        except (DataError, SettingError) as why:
            raise DataError(f"{why}; without a table, put the images of each class in a folder with its name") from None
        raise


def _as_asked(folder: Path, how: ReadOptions) -> Source:
    """The one reading that was named."""
    if how.source == "folders":
        return open_folders(folder, how.limits, how.class_level, for_training=how.for_training)
    reading = next(one for one in FOLDER_FORMATS if one.name == how.source)
    found = reading.find(folder, how)
    if not found:
        raise DataError(f"{printable(folder)} cannot be read as {reading.says}: it takes {reading.needs}")
    return _open(folder, reading, found, how)


def _found(
    folder: Path, readings: Sequence[FolderFormat], how: ReadOptions
) -> tuple[dict[FolderFormat, Any], dict[FolderFormat, DataError]]:
    """What each reading finds; what only half fits is kept from those that do."""
    found: dict[FolderFormat, Any] = {}
    failed: dict[FolderFormat, DataError] = {}
    for reading in readings:
        try:
            if what := reading.find(folder, how):
                found[reading] = what
        except DataError as error:
            failed[reading] = error
    return found, failed


def _first(
    folder: Path, found: Mapping[FolderFormat, Any], failed: Mapping[FolderFormat, DataError], how: ReadOptions
) -> Source | None:
    """The one that opens; None where nothing was found. Raises what the first one that fits in part says if none opens.

    DataError where two open, but for predictions and measurements beside labels.
    """
    errors = dict(failed)
    unread = list(failed)
    chosen: tuple[FolderFormat, Source] | None = None
    for reading, what in found.items():
        source = None
        try:
            if chosen is None or reading.holds == "pixels":
                source = _open(folder, reading, what, how)
            elif not reading.is_stray(what):
                source = _rival(folder, reading, what, how)
        except DataError as error:
            errors[reading] = error
        if source is None:
            unread.append(reading)
        elif chosen is not None:
            raise _two(folder, chosen, (reading, source), "")
        else:
            chosen = reading, source
    if chosen is not None:
        return _with_notes(chosen[1], _unread(folder, unread, beside=chosen[0]))
    first = next((one for one in FOLDER_FORMATS if one in errors), None)
    if first is not None:
        raise errors[first]
    return None


def _apart(folder: Path, source: Source, how: ReadOptions) -> Source:
    """What is read by files in a folder of their own, with a note where its images lie in folders that may be classes."""
    around = {file.partition("/")[0] for listing in source.splits.values() for file in listing.ids if "/" in file}
    names = [
        printable(name) for name in class_folder_names(folder, follow=how.limits.follow_links) if not is_no_class(name)
    ]
    classes = [name for name in names if name in around]
    if len(classes) < 2:
        return source
    return _with_notes(source, [f"the folders {listed(classes, 3)} are not read as classes (--source folders)"])


def _beside_classes(
    folder: Path, found: Mapping[FolderFormat, Any], failed: Mapping[FolderFormat, DataError], how: ReadOptions
) -> Source:
    """Class folders, or what beside them says more; DataError where the two say different things."""
    try:
        folders = open_folders(folder, how.limits, for_training=how.for_training)
    except DataError as error:
        for reading, what in found.items():
            rival = _rival(folder, reading, what, how)
            if rival is not None:
                return _with_notes(rival, [f"the folders are not read as classes: {error}"])
        raise
    unread = list(failed)
    notes: list[str] = []
    for reading, what in found.items():
        asks = reading.name != "table" or how.columns.task is not None or tells_labels(what, set(folders.classes))
        rival = _rival(folder, reading, what, how, asks=asks)
        differs = disagreement(folders, rival, _called(rival)) if rival is not None else None
        if rival is None or (differs is not None and not asks):
            unread.append(reading)
            continue
        if differs is not None:
            raise _two(folder, (None, folders), (reading, rival), differs)
        named, there = (sum(map(len, one.splits.values())) for one in (rival, folders))
        if len(rival.splits) > len(folders.splits) and named < there:
            raise _two(
                folder, (None, folders), (reading, rival), f"{_called(rival)} has splits, but of {named} images only"
            )
        if len(rival.splits) > len(folders.splits):
            says = f"{_called(rival)} says of each image what its folder says, and has splits besides, so it is read"
            return _with_notes(rival, [says])
        other = ", by other names" if set(rival.classes) - set(folders.classes) else ""
        of, whose = (
            ("each image", "its folder says")
            if named == there
            else (f"the {named:,} images that it names", "their folders say")
        )
        notes.append(f"{_called(rival)} says of {of} what {whose}{other}; the folders are read")
    return _with_notes(folders, [*notes, *_unread(folder, unread), *split_notes(folder)])


def _rival(folder: Path, reading: FolderFormat, what: Any, how: ReadOptions, *, asks: bool = True) -> Source | None:
    """What speaks about the images in class folders; None for what does not, such as a table of their sizes.

    A question that it asks is asked again only if it `asks`.
    """
    if reading.holds != "labels":
        return None
    numbers = _numbers(folder, reading, what, how)
    if numbers and all(map(is_measure, numbers)):
        return None
    try:
        rival = _opened(folder, reading, what, how)
    except AmbiguousDataError:
        if numbers or not asks:
            return None
        raise
    return None if numbers and rival is not None and rival.task == "regress" else rival


def _numbers(folder: Path, reading: FolderFormat, what: Any, how: ReadOptions) -> tuple[str, ...]:
    """The columns that a table may have for labels, where they hold numbers and are not called as labels; else none."""
    if reading.name != "table" or how.columns.task is not None:
        return ()
    try:
        source = _open(folder, reading, what, replace(how, columns=replace(how.columns, task="regress")))
    except (DataError, SettingError):
        return ()
    return () if named_labels(source.classes) else source.classes


def _open(folder: Path, reading: FolderFormat, what: Any, how: ReadOptions) -> Source:
    """The source; DataError where it is to be learned from and cannot be, as for what cannot be read."""
    source = reading.open(folder, what, how)
    return trainable(source) if how.for_training else source


def _opened(folder: Path, reading: FolderFormat, what: Any, how: ReadOptions) -> Source | None:
    """The source, None where what was found is a stray file that does not hold together. A question that it asks is asked."""
    try:
        return _open(folder, reading, what, how)
    except AmbiguousDataError as question:
        raise AmbiguousDataError(f"{question}, or read the folders as classes: --source folders") from None
    except (DataError, SettingError):
        return None


def _ask_what_fails(folder: Path, found: Mapping[FolderFormat, Any], how: ReadOptions) -> None:
    """DataError where folders are plainly no classes, and a table that leads to their images cannot be read: say why."""
    for reading, what in found.items():
        if reading.name == "table":
            try:
                _open(folder, reading, what, how)
            except DataError as error:
                raise DataError(f"{error}; if the folders are classes all the same: --source folders") from None


def _two(
    folder: Path, one: tuple[FolderFormat | None, Source], other: tuple[FolderFormat, Source], differs: str
) -> AmbiguousDataError:
    options = f"--source {one[0].name if one[0] else 'folders'} or --source {other[0].name}"
    return AmbiguousDataError(
        f"{printable(folder)} can be read in two ways: {_summary(one[1])}, or {_summary(other[1])}"
        f"{f' ({differs})' if differs else ''}; say which with {options}"
    )


def _summary(source: Source) -> str:
    count = sum(map(len, source.splits.values()))
    what = _FOLDERS if source.kind == _FOLDERS else f"{Path(source.location).name} ({source.kind})"
    return f"{what} with {count:,} images"


def _called(source: Source) -> str:
    """The name of its file, or of all of them where they are several."""
    tables = source.split_origin.removeprefix("tables ")
    return tables if tables != source.split_origin else Path(source.location).name


def _unread(folder: Path, readings: Sequence[FolderFormat], beside: FolderFormat | None = None) -> list[str]:
    """A sentence on each kind of file that lies there and was not read."""
    apart = split_tables(folder) if beside is None else ()  # split_notes speaks of them
    files = [name for name in list_folder(str(folder)).files if name not in apart]
    what = beside.says if beside is not None else "the " + _FOLDERS
    notes = []
    for reading in readings:
        names = [printable(name) for name in files if name.lower().endswith(reading.suffixes)]
        if names:
            lie, are = ("lies", "is") if len(names) == 1 else ("lie", "are")
            notes.append(f"{listed(names, 3)} {lie} beside {what} and {are} not read (--source {reading.name})")
    return notes


def _with_notes(source: Source, notes: Sequence[str]) -> Source:
    return replace(source, notes=(*source.notes, *notes)) if notes else source


def _no_table(folder: Path, how: ReadOptions) -> Source:
    """The error of columns that are named where no table fits: what is wrong with the likely one, if one lies there."""
    if table := likely_table(folder):
        return open_table(table, how.limits, how.columns, for_training=how.for_training)
    raise SettingError(f"only tables have columns, and {printable(folder)} holds no table; give the path of a CSV file")
