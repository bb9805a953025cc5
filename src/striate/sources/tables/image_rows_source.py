"""Images in the rows of a table: what Hugging Face's `save_to_disk` leaves, and Parquet with images inside.

    saved/            dataset_info.json, state.json, data-00000-of-00002.arrow ...    or with dataset_dict.json a folder
                      for each split
    data.parquet      or a folder of train-00000-of-00003.parquet ..., also in a folder data

A column of images is a struct of bytes and path. Names of classes are in the schema. Arrow files are mapped; of a
Parquet file the few groups of rows that were last wanted stay in memory. Read with pyarrow alone.
"""

import json
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from striate.data.names import named, printable
from striate.data.source import Listing, Source
from striate.data.store import ContentStore
from striate.errors import DataError
from striate.sources.data_path import DataPath
from striate.sources.labels.parsing import parse_labels
from striate.sources.source_splits import ordered_splits
from striate.sources.split_words import splits_of, splits_of_files
from striate.sources.tables.columns import label_columns, named_labels
from striate.sources.tables.image_rows import ImageRows, has_images, read_arrow, read_parquet_rows
from striate.sources.tables.split_columns import RowSplits, read_splits
from striate.sources.tables.table import Table

__all__ = ["find_rows", "open_rows"]


def find_rows(data: DataPath) -> Mapping[str, Sequence[Path]] | None:
    """The files of each split, None where the path holds no images in rows. Raises DataError."""
    path = data.path
    if path.is_file():
        holds = path.suffix.lower() == ".parquet" and has_images(path)
        return {"all": [path]} if holds or path.suffix.lower() == ".arrow" else None
    if (path / "dataset_dict.json").is_file():
        named = _json(path / "dataset_dict.json").get("splits")
        if (
            not isinstance(named, list)
            or not named
            or not all(isinstance(name, str) for name in named)
            or len(set(splits_of(named).values())) < len(named)
        ):
            raise DataError(
                f"{printable(path / 'dataset_dict.json')} has splits other than train, val and test; rename them"
            )
        return {split: _saved(path / name) for name, split in splits_of(named).items()}
    if (path / "state.json").is_file() and (path / "dataset_info.json").is_file():
        return {"all": _saved(path)}
    files = _parquet_files(data) or (_parquet_files(data, "data") if (path / "data").is_dir() else ())
    if not files or not has_images(files[0]):
        return None
    files_of: dict[str, list[Path]] = {}
    splits = splits_of_files([file.stem for file in files])
    for file in files:
        files_of.setdefault(splits.get(file.stem, "all"), []).append(file)
    if "all" in files_of and len(files_of) > 1:
        others = next(split for split in files_of if split != "all")
        raise DataError(
            f"{printable(path)} has {printable(files_of['all'][0].name)} beside {files_of[others][0].name}; keep one kind"
        )
    return files_of


def open_rows(data: DataPath, files_of: Mapping[str, Sequence[Path]]) -> Source:
    """The source over rows with images in them. Reads all columns but the images. Raises DataError, SettingError."""
    name, path, columns = data.name, data.path, data.options.columns
    for_training = data.options.for_training
    read = [(split, _read(file, columns.path)) for split, several in files_of.items() for file in several]
    first = read[0][1]
    for _, rows in read:
        if list(rows.cells) != list(first.cells):
            raise DataError(f"{rows.name} has other columns than {first.name}; get new copies of both")
    cells = {column: [cell for _, rows in read for cell in rows.cells[column]] for column in first.cells}
    counts = [rows.count for _, rows in read]
    starts = np.cumsum([0, *counts])
    files = tuple((int(start), rows.name) for start, (_, rows) in zip(starts, read, strict=False))
    table = Table(name, first.kind, cells, [i for count in counts for i in range(1, count + 1)], files=files)
    splits = RowSplits(np.repeat([split for split, _ in read], counts), origin="names of the files")
    if len(files_of) == 1 and "all" in files_of:
        label = columns.label or tuple(named_labels(list(cells))[:1])
        splits = read_splits(table, columns.split, label, label_is_known=bool(label))
    labels = label_columns(cells, splits.columns, columns, name, for_training=for_training)
    known = first.classes.get(labels[0], ()) if len(labels) == 1 else ()
    task = columns.task or ("multilabel" if labels[0] in first.lists else "classify" if known else None)
    learned = np.isin(splits.names, ("all", "train"))
    numeric = first.numeric.issuperset(labels)
    parsed = parse_labels(
        {column: cells[column] for column in labels},
        learned,
        table.place,
        task,
        known,
        numeric=numeric,
        for_training=for_training,
    )
    ids = [f"{_id(rows.path, path)}[{i}]" for _, rows in read for i in range(rows.count)]
    others = [column for column in cells if column not in (*labels, *splits.columns)]
    listings = {}
    for split in dict.fromkeys(splits.names.tolist()):
        where = np.flatnonzero(splits.names == split)
        listings[split] = Listing(
            tuple(ids[i] for i in where),
            parsed.targets(where),
            ContentStore(len(where), partial(_content, [rows for _, rows in read], starts, where), data.limits),
            columns=MappingProxyType({column: tuple(cells[column][i] for i in where) for column in others}),
        )
    return Source(
        *named(path),
        f"images in rows of {first.kind}, {parsed.description}",
        parsed.classes,
        ordered_splits(listings),
        limits=data.limits,
        split_origin=splits.origin if len(listings) > 1 else "",
        notes=(*splits.notes, *parsed.notes),
        has_class_columns=len(labels) > 1,
    )


def _id(file: Path, path: Path) -> str:
    return printable(file.relative_to(path).as_posix() if path.is_dir() else file.name)


def _content(files: Sequence[ImageRows], starts: npt.NDArray[np.int64], where: npt.NDArray[np.int64], i: int) -> bytes:
    """The content of the `i`-th of the rows `where`, which are counted over all files."""
    row = int(where[i])
    file = int(np.searchsorted(starts, row, "right")) - 1
    return files[file].image(row - int(starts[file]))


def _read(file: Path, image: str | None) -> ImageRows:
    return read_parquet_rows(file, image) if file.suffix.lower() == ".parquet" else read_arrow(file, image)


def _parquet_files(data: DataPath, below: str = ".") -> Sequence[Path]:
    return data.files(lambda name: name.lower().endswith(".parquet"), below)


def _saved(folder: Path) -> list[Path]:
    """The Arrow files that `save_to_disk` wrote into a folder, as it lists them. Raises DataError."""
    state = folder / "state.json"
    listed = _json(state).get("_data_files")
    names = [one.get("filename") for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
    if not names or not all(isinstance(name, str) and Path(name).name == name for name in names):
        raise DataError(f"{printable(state)} does not list the files of its rows; save the data set again")
    return [folder / str(name) for name in names]


def _json(path: Path) -> dict[str, object]:
    try:
        if path.stat().st_size > 2**24:
            raise ValueError("too large")
        value = json.loads(path.read_bytes())
    except OSError as error:
        raise DataError(f"cannot read {printable(path)}: {error.strerror}; save the data set again") from None
    except (ValueError, RecursionError):
        raise DataError(f"{printable(path)} is not JSON; save the data set again") from None
    return value if isinstance(value, dict) else {}
