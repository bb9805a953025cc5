"""Leakage by group: images of one patient, camera or day that are in two splits."""

from collections import defaultdict

from striate.audit.audit_finding import AuditFinding, audit_finding
from striate.audit.fingerprints import Fingerprints
from striate.data.split_groups import group_pattern
from striate.errors import SettingError

__all__ = ["group_leaks", "sample_groups"]


def sample_groups(prints: Fingerprints, group: str) -> list[str | None]:
    """The group of each image: a column of the table, or what the first group of a regular expression finds in its id.

    SettingError for what is neither, or finds nothing at all.
    """
    listings = prints.source.splits.values()
    columns = sorted({name for listing in listings for name in listing.columns})
    if group in columns:
        return [
            prints.listing(i).columns[group][prints.row[i]] if group in prints.listing(i).columns else None
            for i in range(len(prints))
        ]
    pattern = group_pattern(group, columns, prints.source.location, prints.id(0) if len(prints) else "an id")
    found_groups = [match[1] if (match := pattern.search(prints.id(i))) else None for i in range(len(prints))]
    if len(prints) and not any(found_groups):
        raise SettingError(f"group = {group!r}: is not in any file name; the first is {prints.id(0)}")
    return found_groups


def group_leaks(prints: Fingerprints, group: str) -> list[AuditFinding]:
    """Groups that are in two splits or more, the largest first."""
    members: dict[str, list[int]] = defaultdict(list)
    for i, name in enumerate(sample_groups(prints, group)):
        if name:
            members[name].append(i)
    split = {name: at for name, at in members.items() if len(set(prints.split[at].tolist())) > 1}
    if not split:
        return []
    largest = sorted(split, key=lambda name: (-len(split[name]), name))
    return [
        audit_finding(
            "data-group-across-splits",
            "stop",
            f"{'1 group is' if len(split) == 1 else f'{len(split)} groups are'} in several splits, of {len(members)} "
            f"groups by {group}.",
            [prints.ids(split[name]) for name in largest],
            {"groups": largest[:10], "images": sum(map(len, split.values()))},
            "move all images of a group into one split",
        )
    ]
