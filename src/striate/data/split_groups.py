"""Which samples must stay together when data are split: those of one group, and images that are identical."""

import re
from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from striate.data.images import LabeledImages
from striate.data.source import Source
from striate.errors import SettingError

__all__ = ["groups_of", "kept_together"]

Groups = Mapping[str, str]  # id of a sample -> its group


def groups_of(source: Source, group: str) -> Groups:
    """The group of every sample: a column of the source, else what a regular expression with one group finds in the id.

    Raises SettingError where a sample has no group: where only some of the splits have the column, where a cell of it is
    empty, or where the expression finds nothing in an id.
    """
    having = [name for name, listing in source.splits.items() if group in listing.columns]
    found = _in_column(source, group, having) if having else _in_ids(source, group)
    missed = [id_ for id_, name in found.items() if not name]
    if missed:
        what, way_out = (
            ("is empty for", "fill the cells")
            if having
            else ("finds no group in", "correct the expression, or remove the files if they are no images to use")
        )
        samples = "samples" if having else "ids"
        raise SettingError(
            f"group = '{group}': {what} {len(missed)} of {len(found)} {samples}, such as {missed[0]}; "
            f"{way_out}, or leave out --group"
        )
    return found


def _in_column(source: Source, column: str, having: Sequence[str]) -> Groups:
    """The cell of each sample. `having` are the splits that have the column."""
    lacking = [name for name in source.splits if name not in having]
    if lacking:
        raise SettingError(
            f"group = '{column}': is a column of {' and '.join(having)} and not of {' and '.join(lacking)}; "
            "add it there, or leave out --group"
        )
    listings = source.splits.values()
    return {id_: name for one in listings for id_, name in zip(one.ids, one.columns[column], strict=True)}


def _in_ids(source: Source, group: str) -> Groups:
    """What the expression finds in each id, "" where it finds nothing."""
    ids = [id_ for listing in source.splits.values() for id_ in listing.ids]
    columns = sorted(set.intersection(*(set(listing.columns) for listing in source.splits.values())))
    known = f"the columns are {', '.join(columns)}" if columns else f"{source.location} has no columns"
    try:
        pattern = re.compile(group)
    except re.error as error:
        raise SettingError(f"group = '{group}': is no column ({known}) and no regular expression ({error})") from None
    if pattern.groups != 1:
        raise SettingError(
            f"group = '{group}': is no column ({known}); a regular expression on the ids needs one group in "
            f"parentheses, such as '([^/]+)/' for {ids[0]}"
        )
    return {id_: match[1] or "" if (match := pattern.search(id_)) else "" for id_ in ids}


def kept_together(samples: LabeledImages, groups: Groups | None) -> Tensor:
    """A number for each sample, N int64, equal for those of one group or with identical images, directly or through others."""
    _, same = np.unique(samples.pixels.measurements.content_hashes, return_inverse=True)
    if groups is None:
        return torch.from_numpy(same)
    _, group = np.unique([groups[id_] for id_ in samples.ids], return_inverse=True)
    label, before = np.arange(len(samples)), np.full(len(samples), -1)
    while (label != before).any():  # each sample takes the least number of its group, then of those it is identical to
        before = label
        for tie in (group, same):
            least = np.full(int(tie.max()) + 1, len(label))
            np.minimum.at(least, tie, label)
            label = least[tie]
    return torch.from_numpy(label)
