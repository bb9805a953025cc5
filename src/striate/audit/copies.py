"""Findings on clusters of equal images: copies within a split, across splits, or with two labels."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from striate.audit.audit_finding import AuditFinding, audit_finding
from striate.audit.duplicates import DuplicateClusters
from striate.audit.fingerprints import Fingerprints
from striate.audit.two_labels import label_content, two_labels_message, two_labels_of

__all__ = ["blanks", "exact_copies", "near_copies"]


def blanks(prints: Fingerprints, at: Sequence[int]) -> list[AuditFinding]:
    """Images of one color."""
    if not at:
        return []
    return [
        audit_finding(
            "data-blank",
            "warning",
            f"{'1 image has' if len(at) == 1 else f'{len(at)} images have'} only one color.",
            [(prints.id(i),) for i in at],
            {"luma": [round(float(prints.brightness[i])) for i in at[:10]]},
            "remove them: they show nothing",
        )
    ]


def exact_copies(prints: Fingerprints, clusters: DuplicateClusters) -> list[AuditFinding]:
    """data-duplicates-across-splits, data-two-labels and data-duplicates."""
    across, within = _by_split(prints, clusters)
    within = [cluster for cluster in within if len(_one_of_each_label(prints, cluster)) < 2]
    findings = _across(prints, across, "data-duplicates-across-splits", "stop", "pixel for pixel")
    findings += _two_labels(prints, clusters)
    if within:
        extra = sum(len(cluster) - 1 for cluster in within)
        findings.append(
            audit_finding(
                "data-duplicates",
                "warning",
                f"{'1 image is a copy' if extra == 1 else f'{extra} images are copies'} of another"
                f"{' in its split' if len(prints.source.splits) > 1 else ''}, pixel for pixel.",
                [prints.ids(cluster) for cluster in within],
                {"copies": extra},
                "remove the copies: they count several times, and random splits put them into both training and test",
            )
        )
    return findings


def _two_labels(prints: Fingerprints, clusters: DuplicateClusters) -> list[AuditFinding]:
    """data-two-labels"""
    files, labels = [], []
    for cluster in clusters:
        each = _one_of_each_label(prints, cluster)
        if len(each) > 1:
            targets = [(prints.listing(i).targets, int(prints.row[i])) for i in each]
            shown = [two_labels_of(targets[0], other, prints.source.classes) for other in targets[1:]]
            files.append(prints.ids(cluster))
            labels.append(sorted({label for two in shown for label in two}))
    if not files:
        return []
    return [
        audit_finding(
            "data-two-labels",
            "warning",
            two_labels_message(len(files), labels[0]),
            files,
            {"labels": labels[:10]},
            "keep the image with the right label, and remove the copy",
        )
    ]


def near_copies(prints: Fingerprints, clusters: DuplicateClusters) -> list[AuditFinding]:
    """data-near-duplicates-across-splits and data-near-duplicates."""
    across, within = _by_split(prints, clusters)
    findings = _across(
        prints, across, "data-near-duplicates-across-splits", "warning", "resized, recompressed or cropped"
    )
    if within:
        differ = sum(len(_labels(prints, cluster)) > 1 for cluster in within)
        findings.append(
            audit_finding(
                "data-near-duplicates",
                "note",
                f"{'1 cluster' if len(within) == 1 else f'{len(within)} clusters'} of images in one split "
                f"{'is' if len(within) == 1 else 'are'} nearly the "
                "same: resized, recompressed, brighter or a little cropped.",
                [prints.ids(cluster) for cluster in within],
                {"images": sum(map(len, within)), "clusters_with_two_labels": differ},
                "keep one of each, or keep them in one split: pass their common origin as --group to train",
            )
        )
    return findings


def _labels(prints: Fingerprints, cluster: Sequence[int]) -> set[str]:
    """The different labels of the images of a cluster; empty where they have masks or boxes."""
    return {label for i in cluster if (label := prints.label(i)) is not None}


def _one_of_each_label(prints: Fingerprints, cluster: Sequence[int]) -> list[int]:
    """The first image of a cluster with each of its different labels; none where labels are boxes."""
    first: dict[bytes, int] = {}
    for i in cluster:
        content = label_content(prints.listing(i).targets, int(prints.row[i]))
        if content is not None:
            first.setdefault(content, i)
    return list(first.values())


def _by_split(prints: Fingerprints, clusters: DuplicateClusters) -> tuple[DuplicateClusters, DuplicateClusters]:
    """The clusters that are in several splits, and members that are in one split twice or more."""
    across = [cluster for cluster in clusters if len(set(prints.split[list(cluster)].tolist())) > 1]
    within = []
    for cluster in clusters:
        for split in sorted(set(prints.split[list(cluster)].tolist())):
            members = tuple(i for i in cluster if prints.split[i] == split)
            if len(members) > 1:
                within.append(members)
    return across, within


def _across(
    prints: Fingerprints, clusters: DuplicateClusters, name: str, severity: str, how: str
) -> list[AuditFinding]:
    if not clusters:
        return []
    splits: npt.NDArray[np.int64] = np.unique(np.concatenate([prints.split[list(cluster)] for cluster in clusters]))
    named = [prints.splits[split] for split in splits]
    return [
        audit_finding(
            name,
            "stop" if severity == "stop" else "warning",
            f"{'1 image is' if len(clusters) == 1 else f'{len(clusters)} images are'} in {' and '.join(named)}, {how}.",
            [prints.ids(cluster) for cluster in clusters],
            {
                "in": {
                    split: sum(prints.splits[prints.split[i]] == split for cluster in clusters for i in cluster)
                    for split in named
                }
            },
            "remove them from one of the splits: metrics on images that were trained on are too good",
        )
    ]
