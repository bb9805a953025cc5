"""Leakage by group: images of one patient, camera or day that are in two splits."""

from collections import defaultdict

from striate.audit.audit_finding import AuditFinding, audit_finding
from striate.audit.fingerprints import Fingerprints
from striate.data.split_groups import groups_of

__all__ = ["group_leaks"]


def group_leaks(prints: Fingerprints, group: str) -> list[AuditFinding]:
    """Groups that are in two splits or more, the largest first. Raises SettingError where a sample has no group."""
    groups = groups_of(prints.source, group)
    members: dict[str, list[int]] = defaultdict(list)
    for i in range(len(prints)):
        members[groups[prints.id(i)]].append(i)
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
