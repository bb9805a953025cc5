"""What the groups of equal images mean: copies within a part, across parts, or under two labels."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from striate.audit.audit_finding import AuditFinding, found
from striate.audit.duplicates import Groups
from striate.audit.fingerprints import Fingerprints

__all__ = ["blanks", "exact_copies", "near_copies"]


def blanks(prints: Fingerprints, at: Sequence[int]) -> list[AuditFinding]:
    """Images of one color."""
    if not at:
        return []
    return [
        found(
            "data-blank",
            "warning",
            f"{'1 image has' if len(at) == 1 else f'{len(at)} images have'} one color from edge to edge.",
            [(prints.id(i),) for i in at],
            {"luma": [round(float(prints.brightness[i])) for i in at[:10]]},
            "remove them: they show nothing",
        )
    ]


def exact_copies(prints: Fingerprints, groups: Groups) -> list[AuditFinding]:
    """data-duplicates-across-splits, data-two-labels and data-duplicates."""
    across, within = _by_part(prints, groups)
    findings = _across(prints, across, "data-duplicates-across-splits", "stop", "pixel for pixel")
    two = [group for group in groups if len(_answers(prints, group)) > 1]
    if two:
        such = sorted(_answers(prints, two[0]))
        findings.append(
            found(
                "data-two-labels",
                "warning",
                f"{'1 image is' if len(two) == 1 else f'{len(two)} images are'} under two labels, pixel for pixel, "
                f"such as '{such[0]}' and '{such[1]}'.",
                [prints.ids(group) for group in two],
                {"labels": [sorted(_answers(prints, group)) for group in two[:10]]},
                "keep each under the label that is right, and remove the copy",
            )
        )
    if within:
        extra = sum(len(group) - 1 for group in within)
        findings.append(
            found(
                "data-duplicates",
                "warning",
                f"{'1 image is a copy' if extra == 1 else f'{extra} images are copies'} of another in its part, "
                "pixel for pixel.",
                [prints.ids(group) for group in within],
                {"copies": extra},
                "remove the copies, or they count several times, and a random split puts them on both sides",
            )
        )
    return findings


def near_copies(prints: Fingerprints, groups: Groups) -> list[AuditFinding]:
    """data-near-duplicates-across-splits and data-near-duplicates."""
    across, within = _by_part(prints, groups)
    findings = _across(
        prints, across, "data-near-duplicates-across-splits", "warning", "resized, recompressed or cropped"
    )
    if within:
        differ = sum(len(_answers(prints, group)) > 1 for group in within)
        findings.append(
            found(
                "data-near-duplicates",
                "note",
                f"{'1 group' if len(within) == 1 else f'{len(within)} groups'} of images in one part are nearly the "
                "same: resized, recompressed, brighter or a little cropped.",
                [prints.ids(group) for group in within],
                {"images": sum(map(len, within)), "groups_with_two_labels": differ},
                "keep one of each, or keep them in one part: give their common origin as a group when splitting",
            )
        )
    return findings


def _answers(prints: Fingerprints, group: Sequence[int]) -> set[str]:
    """What is said of the images of a group, each saying once; empty where they have masks or boxes."""
    return {said for i in group if (said := prints.said(i)) is not None}


def _by_part(prints: Fingerprints, groups: Groups) -> tuple[Groups, Groups]:
    """The groups that are in several parts, and the members of one part that are there twice or more."""
    across = [group for group in groups if len(set(prints.split[list(group)].tolist())) > 1]
    within = []
    for group in groups:
        for part in sorted(set(prints.split[list(group)].tolist())):
            members = tuple(i for i in group if prints.split[i] == part)
            if len(members) > 1:
                within.append(members)
    return across, within


def _across(prints: Fingerprints, groups: Groups, name: str, severity: str, how: str) -> list[AuditFinding]:
    if not groups:
        return []
    parts: npt.NDArray[np.int64] = np.unique(np.concatenate([prints.split[list(group)] for group in groups]))
    named = [prints.splits[part] for part in parts]
    return [
        found(
            name,
            "stop" if severity == "stop" else "warning",
            f"{'1 image is' if len(groups) == 1 else f'{len(groups)} images are'} in {' and '.join(named)} alike, {how}.",
            [prints.ids(group) for group in groups],
            {
                "in": {
                    part: sum(prints.splits[prints.split[i]] == part for group in groups for i in group)
                    for part in named
                }
            },
            "remove them from one of the parts, or the figures say how well they are remembered",
        )
    ]
