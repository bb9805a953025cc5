"""The splits of a source, train, val and test; a train split alone is "all", and is split later."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import TypeVar

from striate.data.names import printable
from striate.data.source import Listing, Source
from striate.errors import AmbiguousDataError, DataError

__all__ = ["by_split", "ordered_splits", "origin", "trainable"]

T = TypeVar("T")


def by_split(found: Iterable[tuple[str, T]], where: str, called: Callable[[T], str] = str) -> dict[str, T]:
    """What was found for each split. AmbiguousDataError, naming `where`, for two of one split: one of them would be lost."""
    one_of: dict[str, T] = {}
    for split, one in found:
        if split in one_of:
            both = f"{printable(called(one_of[split]))} and {printable(called(one))}"
            raise AmbiguousDataError(f"{where} has {both}, which are the same split; keep one of them")
        one_of[split] = one
    return one_of


def origin(what: str, names: Sequence[str]) -> str:
    """Where splits come from, for a person: "folders Training, Testing"; nothing where there is but one name."""
    return f"{what} {', '.join(map(printable, names))}" if len(names) > 1 else ""


def trainable(source: Source) -> Source:
    """The source, of whatever kind. DataError where nothing can be learned from it: no split train, or one class."""
    there = source.splits
    if "all" not in there and "train" not in there:
        raise DataError(
            f"{source.location} has {' and '.join(sorted(there))} but no split train, which training needs; add it"
        )
    if source.task in ("classify", "segment") and len(source.classes) < 2:
        missing = "masks that hold another class" if source.has_maps else "images of another class"
        raise DataError(f"{source.location} has only one class, {', '.join(source.classes)}; add {missing}")
    return source


def ordered_splits(listings: Mapping[str, Listing]) -> Mapping[str, Listing]:
    """What is learned first, then val and test; a train alone is all."""
    if len(listings) == 1 and not listings.keys() & {"val", "test"}:
        return MappingProxyType({"all": next(iter(listings.values()))})
    return MappingProxyType({split: listings[split] for split in ("train", "val", "test") if split in listings})
