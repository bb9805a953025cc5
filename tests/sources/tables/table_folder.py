"""Tables of labels for tests: what is in them, and what was read."""

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from striate.data import (
    ClassTargets,
    MultiLabelTargets,
    RegressionTargets,
    Source,
)

TableFolder = Callable[..., Path]


def written(rows: Sequence[Sequence[object]], **how: Any) -> str:
    """What an independent writer makes of the rows."""
    text = io.StringIO(newline="")
    csv.writer(text, **how).writerows(rows)
    return text.getvalue()


def labels_by_id(source: Source, split: str = "all") -> Mapping[str, object]:
    """Path and label of each sample, labels as names or values."""
    listing = source.splits[split]
    targets = listing.targets
    if isinstance(targets, ClassTargets):
        return dict(zip(listing.ids, (source.classes[one] for one in targets.values), strict=True))
    if isinstance(targets, MultiLabelTargets):
        sets = [{name for name, is_in in zip(source.classes, row, strict=True) if is_in} for row in targets.values]
        return dict(zip(listing.ids, sets, strict=True))
    assert isinstance(targets, RegressionTargets)
    return dict(zip(listing.ids, (tuple(row) for row in targets.values.tolist()), strict=True))


ANIMALS = "path,label\na.png,dog\nb.png,cat\nc.png,dog\n"
