"""Which format a folder is in: the only one that fits, the one that holds more, or a question with the settings that answer it.

Class folders with images in them are there on purpose. Files beside them with images of their own (.npz, .tar, .parquet) are
not read, and a note tells it. Annotations of the same images (a table, COCO, VOC, YOLO) compete with the folders where they
can be opened: a table that has the same label for each image as its folder does not, and one that has splits besides is read
instead. Folders whose names cannot be those of classes (images_001, part_2) do not count beside a table that leads to their
images.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, final

from striate.data.names import listed, printable
from striate.data.source import Source
from striate.errors import AmbiguousDataError, DataError, SettingError
from striate.sources.data_path import DataPath
from striate.sources.disagreement import disagreement
from striate.sources.files.folder_names import is_no_class
from striate.sources.folder_formats import FOLDER_FORMATS, FolderFormat
from striate.sources.folders.class_folder_source import open_folders
from striate.sources.folders.layout import class_folder_names
from striate.sources.folders.tables_beside_folders import has_labels, split_notes, split_tables
from striate.sources.labels.quantities import is_measure
from striate.sources.read_options import BY_NAME, OF_TABLES, ReadOptions
from striate.sources.settings import AUTO
from striate.sources.source_splits import trainable
from striate.sources.tables.columns import named_labels
from striate.sources.tables.table_source import TABLES, best_named_table, open_table_file

__all__ = ["is_found", "open_folder"]

_FOLDERS: Final = "class folders"


@final
class _Candidate:
    """A format that fits a folder, with what its finder found. The source is opened once, however often it is asked for."""

    def __init__(self, folder: DataPath, form: FolderFormat, found: Any) -> None:
        self.form, self.found = form, found
        self._folder = folder
        self._source: Source | DataError | SettingError | None = None

    def open(self) -> Source:
        """The source. Raises DataError, also where it has nothing to train on, though it must, and SettingError."""
        if self._source is None:
            try:
                self._source = self.open_with(self._folder.options)
            except (DataError, SettingError) as error:
                self._source = error
        if isinstance(self._source, Source):
            return self._source
        raise self._source

    def open_with(self, options: ReadOptions) -> Source:
        """The source by other options."""
        source = self.form.open(replace(self._folder, options=options), self.found)
        return trainable(source) if options.for_training else source

    def open_if_whole(self) -> Source | None:
        """The source; None for a stray file that cannot be opened. AmbiguousDataError where it can be read in two ways."""
        try:
            return self.open()
        except AmbiguousDataError as question:
            raise AmbiguousDataError(f"{question}, or read the folders as classes: --source folders") from None
        except (DataError, SettingError):
            return None

    def open_as_rival(self, *, asks: bool = True) -> Source | None:
        """The source, where it labels the images in class folders; None where it does not, as a table of their sizes.

        AmbiguousDataError where it can be read in two ways, if it `asks`.
        """
        if self.form.holds != "labels":
            return None
        numbers = self._columns_of_numbers()
        if numbers and all(map(is_measure, numbers)):
            return None
        try:
            source = self.open_if_whole()
        except AmbiguousDataError:
            if numbers or not asks:
                return None
            raise
        return None if numbers and source is not None and source.task == "regress" else source

    def _columns_of_numbers(self) -> tuple[str, ...]:
        """The columns of a table that may be its labels, where they hold numbers and are not named as labels; else none."""
        options = self._folder.options
        if self.form.name != "table" or options.columns.task is not None:
            return ()
        try:
            source = self.open_with(replace(options, columns=replace(options.columns, task="regress")))
        except (DataError, SettingError):
            return ()
        return () if named_labels(source.classes) else source.classes


_Failures = dict[FolderFormat, DataError]


def open_folder(folder: DataPath) -> Source:
    """The source over a folder. Raises DataError, also where it can be read in two ways."""
    options = folder.options
    if options.source != AUTO:
        return _open_named(folder)
    found, failures = _find(
        folder, [one for one in FOLDER_FORMATS if not options.columns.named or one.name in OF_TABLES]
    )
    if options.columns.task == "segment":  # the boxes that VOC has beside its masks do not compete with them
        found = [one for one in found if one.form.draws] or found
    if options.columns.named:
        return _first(folder, found, failures) or _refuse_columns(folder)
    if options.class_level is not None:
        return open_folders(folder)
    if any(one.form.has_own_folders(one.found) for one in found):
        source = _first(folder, found, failures)
        return _with_note_on_folders(folder, source) if source else open_folders(folder)
    names = class_folder_names(folder) if found or failures else ()
    classes = [name for name in names if not is_no_class(name)]
    predictions = [one for one in found if classes and one.form.is_prediction(one.found)]
    found = [one for one in found if one not in predictions]
    not_read = _forms(predictions)
    if len(classes) > 1:
        return _with_notes(_beside_classes(folder, found, failures), _not_read(folder, not_read))
    may_be_classes = len(names) > 1 or (bool(classes) and not options.for_training)
    if may_be_classes and not any(one.open_if_whole() for one in found):
        if options.for_training:
            _refuse_broken_table(found)
        return _with_notes(_open_class_folders(folder), _not_read(folder, [*_forms(found), *failures, *not_read]))
    return _first(folder, found, failures) or _with_notes(_open_class_folders(folder), _not_read(folder, not_read))


def is_found(path: Path, options: ReadOptions) -> bool:
    """Whether a folder or a file holds what `options` name, a format or a table for its columns, be it whole or damaged."""
    folder = DataPath(path, options)
    if options.source == "folders":
        return path.is_dir() and bool(class_folder_names(folder))
    named = OF_TABLES if options.columns.named and options.source == AUTO else (options.source,)
    forms = [one for one in FOLDER_FORMATS if one.name in named]
    if path.is_dir():
        found, failures = _find(replace(folder, options=replace(options, columns=BY_NAME)), forms)
        return bool(found or failures)
    name = path.name.lower()
    return any(name.endswith(TABLES if one.name == "table" else one.suffixes) for one in forms)


def _find(folder: DataPath, forms: Iterable[FolderFormat]) -> tuple[list[_Candidate], _Failures]:
    """The formats that fit, and the errors of those that fit in part."""
    found: list[_Candidate] = []
    failures: _Failures = {}
    for form in forms:
        try:
            if what := form.find(folder):
                found.append(_Candidate(folder, form, what))
        except DataError as error:
            failures[form] = error
    return found, failures


def _forms(candidates: Iterable[_Candidate]) -> list[FolderFormat]:
    return [one.form for one in candidates]


def _open_named(folder: DataPath) -> Source:
    """The source in the one format that was named."""
    if folder.options.source == "folders":
        return open_folders(folder)
    form = next(one for one in FOLDER_FORMATS if one.name == folder.options.source)
    found = form.find(folder)
    if not found:
        raise DataError(f"{folder.name} cannot be read as {form.title}; that takes {form.needs}")
    return _Candidate(folder, form, found).open()


def _open_class_folders(folder: DataPath) -> Source:
    """The class folders. Where no folder has the name of a class, and a table lies there, DataError with what is wrong with it."""
    try:
        return _with_notes(open_folders(folder), list(split_notes(folder)))
    except AmbiguousDataError:
        raise
    except DataError:
        table = best_named_table(folder)
        if table is None or not all(map(is_no_class, class_folder_names(folder))):
            raise
        try:
            open_table_file(folder, table)
        except (DataError, SettingError) as why:
            raise DataError(f"{why}; without a table, put the images of each class in a folder with its name") from None
        raise


def _first(folder: DataPath, found: Sequence[_Candidate], failures: _Failures) -> Source | None:
    """The candidate that opens; None where nothing was found. Raises the error of the most specific one if none opens.

    DataError where two open, but for predictions and measurements beside labels.
    """
    errors: dict[FolderFormat, DataError] = dict(failures)
    not_read = list(failures)
    chosen: tuple[FolderFormat, Source] | None = None
    for one in found:
        source = None
        try:
            if chosen is None or one.form.holds == "pixels":
                source = one.open()
            elif not one.form.is_prediction(one.found):
                source = one.open_as_rival()
        except DataError as error:
            errors[one.form] = error
        if source is None:
            not_read.append(one.form)
        elif chosen is not None:
            raise _two_ways(folder, chosen, (one.form, source), "")
        else:
            chosen = one.form, source
    if chosen is not None:
        return _with_notes(chosen[1], _not_read(folder, not_read, beside=chosen[0]))
    first = next((form for form in FOLDER_FORMATS if form in errors), None)
    if first is not None:
        raise errors[first]
    return None


def _with_note_on_folders(folder: DataPath, source: Source) -> Source:
    """A source by files in folders of their own, with a note where its images lie in folders that may be classes."""
    around = {file.partition("/")[0] for listing in source.splits.values() for file in listing.ids if "/" in file}
    names = [printable(name) for name in class_folder_names(folder) if not is_no_class(name)]
    classes = [name for name in names if name in around]
    if len(classes) < 2:
        return source
    return _with_notes(source, [f"the folders {listed(classes, 3)} are not read as classes (--source folders)"])


def _beside_classes(folder: DataPath, found: Sequence[_Candidate], failures: _Failures) -> Source:
    """Class folders, or what lies beside them and holds more; DataError where the labels of the two differ."""
    try:
        folders = open_folders(folder)
    except DataError as error:
        for one in found:
            if (rival := one.open_as_rival()) is not None:
                return _with_notes(rival, [f"the folders are not read as classes: {error}"])
        raise
    not_read = list(failures)
    notes: list[str] = []
    for one in found:
        asks = (
            one.form.name != "table"
            or folder.options.columns.task is not None
            or has_labels(one.found, set(folders.classes))
        )
        rival = one.open_as_rival(asks=asks)
        differs = disagreement(folders, rival, _file_names(rival)) if rival is not None else None
        if rival is None or (differs is not None and not asks):
            not_read.append(one.form)
            continue
        if differs is not None:
            raise _two_ways(folder, (None, folders), (one.form, rival), differs)
        named, there = (sum(map(len, source.splits.values())) for source in (rival, folders))
        if len(rival.splits) > len(folders.splits) and named < there:
            of_some = f"{_file_names(rival)} has splits, but only for {named} images"
            raise _two_ways(folder, (None, folders), (one.form, rival), of_some)
        if len(rival.splits) > len(folders.splits):
            note = f"{_file_names(rival)} has the labels of the folders, and splits as well, so it is read"
            return _with_notes(rival, [note])
        which = "each image" if named == there else f"the {named:,} images that it names"
        names = " under other names" if set(rival.classes) - set(folders.classes) else ""
        notes.append(f"{_file_names(rival)} has the labels of the folders for {which}{names}; the folders are read")
    return _with_notes(folders, [*notes, *_not_read(folder, not_read), *split_notes(folder)])


def _refuse_broken_table(found: Iterable[_Candidate]) -> None:
    """DataError with what is wrong with a table that leads to the images, where the folders cannot be classes."""
    for one in found:
        if one.form.name == "table":
            try:
                one.open()
            except DataError as error:
                raise DataError(f"{error}; if the folders are classes nevertheless: --source folders") from None


def _refuse_columns(folder: DataPath) -> Source:
    """The error of columns that are named where no table fits: what is wrong with the table, if one lies there."""
    if table := best_named_table(folder):
        return open_table_file(folder, table)
    raise SettingError(f"only tables have columns, and {folder.name} holds no table; give the path of a CSV file")


def _two_ways(
    folder: DataPath, one: tuple[FolderFormat | None, Source], other: tuple[FolderFormat, Source], differs: str
) -> AmbiguousDataError:
    options = f"--source {one[0].name if one[0] else 'folders'} or --source {other[0].name}"
    return AmbiguousDataError(
        f"{folder.name} can be read in two ways: {_summary(one[1])}, or {_summary(other[1])}"
        f"{f' ({differs})' if differs else ''}; choose with {options}"
    )


def _summary(source: Source) -> str:
    count = sum(map(len, source.splits.values()))
    what = _FOLDERS if source.kind == _FOLDERS else f"{Path(source.location).name} ({source.kind})"
    return f"{what} with {count:,} images"


def _file_names(source: Source) -> str:
    """The name of its file, or of all of them where they are several."""
    return ", ".join(source.label_files) or Path(source.location).name


def _not_read(folder: DataPath, forms: Sequence[FolderFormat], beside: FolderFormat | None = None) -> list[str]:
    """A note on each kind of file that lies there and is not read."""
    split_only = split_tables(folder) if beside is None else ()  # split_notes names them
    files = [name for name in folder.list().files if name not in split_only]
    title = beside.title if beside is not None else f"the {_FOLDERS}"
    notes = []
    for form in forms:
        names = [printable(name) for name in files if name.lower().endswith(form.suffixes)]
        if names:
            lie, are = ("lies", "is") if len(names) == 1 else ("lie", "are")
            notes.append(f"{listed(names, 3)} {lie} beside {title} and {are} not read (--source {form.name})")
    return notes


def _with_notes(source: Source, notes: Sequence[str]) -> Source:
    return replace(source, notes=(*source.notes, *notes)) if notes else source
