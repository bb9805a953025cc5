"""A split that was saved, id by id, and is used again."""

import csv
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

import torch

from striate.data.labeled_images import LabeledImages
from striate.data.names import printable
from striate.data.splits import Splits, check_splits
from striate.errors import DataError

__all__ = ["apply_split", "read_split"]

NAMES: Final = ("train", "val", "test")


def read_split(path: Path) -> dict[str, str]:
    """Split by id, from a CSV with the columns id and split. Raises DataError, with the number of the line."""
    where = printable(path)
    split_of: dict[str, str] = {}
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.DictReader(file)
            if not {"id", "split"} <= set(rows.fieldnames or ()):
                raise DataError(
                    f"{where}: has no columns id and split in its first line; write them as a run's splits.csv"
                )
            for row in rows:
                id_, split = row["id"] or "", row["split"]
                if split not in NAMES:
                    raise DataError(
                        f"{where}: line {rows.line_num} has the split {split!r}; it must be train, val or test"
                    )
                if split_of.setdefault(id_, split) != split:
                    raise DataError(
                        f"{where}: line {rows.line_num} puts {id_} in {split}, a line before in {split_of[id_]}"
                    )
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{where}: cannot be read as a split ({error}); give a CSV, or the folder of a run") from None
    return split_of


def apply_split(samples: Mapping[str, LabeledImages], split_of: Mapping[str, str], origin: str) -> Splits:
    """The images that a source gave, divided by `split_of`; `origin` names the file for a person.

    Each image must be named, and each that is named must be there, if only skipped. Splits that the data have stay
    what they are, but for val, which may come out of train. Raises DataError.
    """
    check_splits(samples)
    written = {id_: there for one in samples.values() for id_, there in _as_written(one.ids, split_of).items()}
    skipped = _as_written(tuple(file.id for one in samples.values() for file in one.skipped), split_of)
    known = {*written.values(), *skipped.values()}
    _refuse([id_ for id_, there in written.items() if there not in split_of], "are not in", origin)
    _refuse([id_ for id_ in split_of if id_ not in known], "are not among the data but in", origin)
    found: dict[str, LabeledImages] = {}
    for own, one in samples.items():
        names = [split_of[written[id_]] for id_ in one.ids]
        into = NAMES if own == "all" else ("train", "val") if own == "train" and "val" not in samples else (own,)
        moved = [f"{id_} ({name})" for id_, name in zip(one.ids, names, strict=True) if name not in into]
        _refuse(moved, f"are in the split {own} of the data and elsewhere in", origin)
        for name in into:
            at = torch.tensor([i for i, said_name in enumerate(names) if said_name == name], dtype=torch.int64)
            if len(at):
                chosen = one if len(at) == len(one) else one.subset(at)
                found[name] = replace(chosen, skipped=one.skipped if name in ("train", own) else ())
    if "train" not in found:
        raise DataError(f"{origin} has no training images; a split needs some")
    return Splits(found["train"], found.get("val"), found.get("test"))


def _as_written(ids: tuple[str, ...], split_of: Mapping[str, str]) -> dict[str, str]:
    """Each id as the file has it: with an apostrophe in front where a spreadsheet would have taken it for a formula."""
    return {id_: id_ if id_ in split_of or f"'{id_}" not in split_of else f"'{id_}" for id_ in ids}


def _refuse(ids: list[str], what: str, origin: str) -> None:
    if ids:
        first = ", ".join(ids[:3]) + (" ..." if len(ids) > 3 else "")
        raise DataError(f"{len(ids)} images {what} {origin}: {first}; make both agree, or draw a split anew")
