"""Which samples must stay together when data are split: those of one group, and images that are identical."""

import re
from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from striate.data.images import LabeledImages
from striate.data.source import Source
from striate.errors import SettingError

__all__ = ["group_pattern", "groups_of", "kept_together"]

Groups = Mapping[str, str]  # id of a sample -> its group


def groups_of(source: Source, group: str) -> Groups:
    """The group of every sample: a column of the source, else what a regular expression with one group finds in the id.

    Raises SettingError where there is no such column and the expression does not give each id a group.
    """
    listings = source.splits.values()
    if all(group in listing.columns for listing in listings):
        return {id_: name for one in listings for id_, name in zip(one.ids, one.columns[group], strict=True)}
    known = sorted(set.intersection(*(set(listing.columns) for listing in listings)))
    pattern = group_pattern(group, known, source.location, next(iter(listings)).ids[0])
    found = {id_: match[1] for one in listings for id_ in one.ids if (match := pattern.search(id_)) and match[1]}
    missed = [id_ for one in listings for id_ in one.ids if id_ not in found]
    if missed:
        raise SettingError(
            f"group = {group!r}: finds no group in {len(missed)} of {len(missed) + len(found)} ids, such as {missed[0]}; "
            "correct the expression, or leave it out"
        )
    return found


def group_pattern(group: str, columns: Sequence[str], location: str, example: str) -> re.Pattern[str]:
    """The regular expression that `group`, which is no column, must be: its one group is what an id belongs to."""
    known = f"the columns are {', '.join(columns)}" if columns else f"{location} has no columns"
    try:
        pattern = re.compile(group)
    except re.error as error:
        raise SettingError(f"group = {group!r}: is no column ({known}) and no regular expression ({error})") from None
    if pattern.groups != 1:
        raise SettingError(
            f"group = {group!r}: is no column ({known}); a regular expression on the ids needs one group in "
            f"parentheses, such as '([^/]+)/' for {example}"
        )
    return pattern


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
