"""The parts that data come in, train, val and test, by whatever name; a train part alone is "all", and is split later."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from striate.data.source import Listing
from striate.errors import DataError

__all__ = ["PARTS", "arranged"]

# lower case
PARTS: Final[Mapping[str, str]] = MappingProxyType(
    {"train": "train", "val": "val", "valid": "val", "validation": "val", "test": "test"}
)


def arranged(parts: Mapping[str, Listing], where: str) -> Mapping[str, Listing]:
    """What is learned first, then val and test. DataError, naming `where`, when there is nothing to learn from."""
    if "all" not in parts and "train" not in parts:
        raise DataError(
            f"{where} has {' and '.join(sorted(parts)) or 'nothing'} but no part train to learn from; add it"
        )
    if len(parts) == 1:
        return MappingProxyType({"all": next(iter(parts.values()))})
    return MappingProxyType({part: parts[part] for part in ("train", "val", "test") if part in parts})
