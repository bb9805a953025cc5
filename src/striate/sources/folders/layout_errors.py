"""Errors of class folders that cannot be read, or that can be read in two ways: what is there, and the way out."""

from collections.abc import Sequence
from pathlib import Path

from striate.data.names import listed, natural_key, printable
from striate.errors import AmbiguousDataError, DataError
from striate.sources.files.tree import Folder, list_folder
from striate.sources.folders.inner_folders import InnerSplits

__all__ = ["refuse_few", "some", "splits_in_groups", "splits_in_names", "two_levels"]


def two_levels(where: Path, names: Sequence[str], inside: Sequence[str]) -> AmbiguousDataError:
    """Of folders that all hold the same ones."""
    splits = f"; if {some(names)} are splits, rename them train, val or test" if len(names) <= 3 else ""
    return AmbiguousDataError(
        f"{printable(where)} can be read in two ways: {some(names)} are the classes (--class-level 1), or "
        f"{some(sorted(inside, key=natural_key))} in each of them are (--class-level 2){splits}"
    )


def splits_in_names(where: Path, name: str, rest: str) -> AmbiguousDataError:
    """Of folders of which each is one class of one split."""
    return AmbiguousDataError(
        f"the folders in {printable(where)} have names of a split and something else ({printable(name)}); if {printable(rest)} "
        f"is a class, move these images into train/{printable(rest)} and so on; if each folder is a class: --class-level 1"
    )


def splits_in_groups(where: Path, inner: InnerSplits) -> AmbiguousDataError:
    """Of splits that lie in groups, around the same classes in each."""
    here, (group, of) = printable(where), inner.example
    split = printable(next((name for name in of if of[name] == "train"), next(iter(of))))
    again = sorted(inner.again, key=natural_key)
    return AmbiguousDataError(
        f"{here}: {printable(group)}/{split} and others beside it contain the folders {some(again)}; if these are the "
        f"classes, give one folder of splits ({here}/{printable(group)}), or move all their images into {split}/"
        f"{printable(again[0])} and so on; if {some(list(inner.of))} are the classes: --class-level 1"
    )


def refuse_few(where: Path, folder: Folder, names: Sequence[str]) -> None:
    """DataError: there are no two classes."""
    here = printable(where)
    if names:
        inner = list_folder(str(where / names[0])).folders
        hint = f"; did you mean {here}/{printable(names[0])}?" if len(inner) > 1 else "; add a folder for another class"
        if names[0].lower() in ("images", "imgs", "image", "img"):
            hint += "; for segmentation put a folder masks beside it, with a mask for each image"
        raise DataError(f"{here} has only one class, {printable(names[0])}{hint}")
    if folder.files and not folder.folders:
        raise DataError(f"{here} has files but no folders; put the images of each class in a folder with its name")
    if folder.files or folder.others or folder.folders:
        raise DataError(
            f"{here} has no folders with images in them; put the images of each class in a folder with its name"
        )
    raise DataError(f"{here} is empty; put the images of each class in a folder with its name")


def some(names: Sequence[str]) -> str:
    return listed(list(map(printable, names)), 3)
