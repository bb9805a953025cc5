"""The checks that need no more than what training has in its hands: decoded images on the canvas, and their splits."""

from collections import defaultdict
from collections.abc import Sequence
from itertools import combinations

import numpy as np
import numpy.typing as npt
import torch

from striate.audit.audit_finding import EXAMPLES, AuditFinding
from striate.audit.balance import imbalance, small_classes
from striate.audit.near_equal_names import near_equal_names
from striate.audit.scales import nearly_black
from striate.audit.two_labels import label_content, two_labels_message, two_labels_of
from striate.data.decoding.rendering import BACKGROUNDS
from striate.data.images import LabeledImages
from striate.data.settings import Background
from striate.data.skipped_files import SkippedFile, count_reasons
from striate.data.splits import Splits
from striate.findings import Finding

__all__ = ["check_splits", "files_lost"]


def check_splits(splits: Splits, hiding: Background | None = None) -> list[Finding]:
    """What is plainly wrong; healthy data gives no findings. An image in two splits is a finding of severity stop.

    hiding: a background that is known to hide images; those of which nothing else is left are no copies of each other.
    """
    samples_of = splits.by_name()
    hashes = {name: samples.pixels.measurements.content_hashes for name, samples in samples_of.items()}
    counts = {name: samples.counts() for name, samples in samples_of.items()}
    classes = splits.train.classes if counts["train"] else ()  # the names of numbers are no classes
    return [
        *files_skipped(samples_of),
        *small_classes(classes, counts),
        *imbalance(classes, counts),
        *near_equal_names(classes),
        *two_labels(samples_of, hashes, hiding),
        *duplicates_across_splits(samples_of, hashes, hiding),
        *(one.finding for one in _nearly_black(samples_of, classes)),
    ]


def _nearly_black(samples_of: dict[str, LabeledImages], classes: Sequence[str]) -> list[AuditFinding]:
    if any(
        samples.pixels.dtype != torch.uint8 for samples in samples_of.values()
    ):  # of more bits the survey knows the scale
        return []
    measured = np.concatenate([samples.pixels.measurements.statistics for samples in samples_of.values()])
    ends = np.cumsum([len(samples) for samples in samples_of.values()])
    at = dict(zip(samples_of, np.split(np.arange(len(measured)), ends[:-1]), strict=True))
    each = [found for samples in samples_of.values() if (found := samples.targets.single_classes()) is not None]
    labels = np.concatenate(each) if each else None
    return nearly_black(measured[:, 0], measured[:, 1], at, labels, classes)


def files_skipped(samples_of: dict[str, LabeledImages]) -> list[Finding]:
    """Files that could not be used, counted by reason."""
    skipped = [one for samples in samples_of.values() for one in samples.skipped]
    if not skipped:
        return []
    files = len(skipped) + sum(map(len, samples_of.values()))
    return [
        Finding(
            "data-files-skipped",
            "warning",
            f"{len(skipped)} of {files} files cannot be used: {count_reasons(skipped)}, such as {skipped[0].id}.",
            {
                "files": files,
                "skipped": len(skipped),
                "first": [f"{one.id}: {one.reason}: {one.detail}" for one in skipped[:EXAMPLES]],
            },
            f"fix or remove the files{_larger(skipped)}; --max-bad 0 stops a run when there are any",
        )
    ]


def files_lost(lost: Sequence[SkippedFile]) -> list[Finding]:
    """Files that were good at first and could not be read again while training."""
    if not lost:
        return []
    return [
        Finding(
            "data-files-skipped",
            "warning",
            f"{len(lost)} files became unreadable while training and were replaced by others: {count_reasons(lost)}.",
            {"lost": len(lost), "first": [f"{one.id}: {one.reason}: {one.detail}" for one in lost[:EXAMPLES]]},
            "bring the files back and train again; --cache disk reads each of them once",
        )
    ]


def _larger(skipped: Sequence[SkippedFile]) -> str:
    """The way in for images that are only larger than the limit."""
    return (
        ", or let in larger images with --max-pixels"
        if any(one.reason == "decompression bomb" for one in skipped)
        else ""
    )


def two_labels(
    samples_of: dict[str, LabeledImages], hashes: dict[str, npt.NDArray[np.uint64]], hiding: Background | None
) -> list[Finding]:
    """Images that are equal on the canvas, pixel for pixel, under two labels, wherever they are."""
    all_hashes = np.concatenate([hashes[name] for name in samples_of])
    where = [(samples, row) for samples in samples_of.values() for row in range(len(samples))]
    _, first, counts = np.unique(all_hashes, return_inverse=True, return_counts=True)
    same: dict[int, list[int]] = defaultdict(list)
    for i in np.flatnonzero(counts[first] > 1):
        same[int(first[i])].append(int(i))
    cases: list[list[str]] = []
    labels: list[list[str]] = []
    for group in same.values():
        samples, row = where[group[0]]
        first_of: dict[bytes | None, tuple[LabeledImages, int]] = {}  # the first image of each label
        for other, n in (where[i] for i in group if equal(samples, where[i][0], [(row, where[i][1])], hiding)):
            first_of.setdefault(label_content(other.targets, n), (other, n))
        if len(first_of) > 1:
            (one, n), (other, m), *_ = each = list(first_of.values())
            labels.append(two_labels_of((one.targets, n), (other.targets, m), one.classes))
            captions = sorted((one.targets.caption(n, one.classes), one.ids[n]) for one, n in each)
            cases.append([f"{name} ({caption})" for caption, name in captions])
    if not cases:
        return []
    return [
        Finding(
            "data-two-labels",
            "warning",
            two_labels_message(len(cases), labels[0]),
            {"count": len(cases), "first": cases[:EXAMPLES]},
            "keep the image with the right label, and remove the copy",
        )
    ]


def duplicates_across_splits(
    samples_of: dict[str, LabeledImages], hashes: dict[str, npt.NDArray[np.uint64]], hiding: Background | None
) -> list[Finding]:
    """Images that are equal on the canvas, pixel for pixel, in two splits."""
    findings = []
    for (one, samples), (other, others) in combinations(samples_of.items(), 2):
        order = np.argsort(hashes[one], kind="stable")
        nearest = np.minimum(np.searchsorted(hashes[one], hashes[other], sorter=order), len(order) - 1)
        pairs = [
            (int(order[nearest[second]]), int(second))
            for second in np.flatnonzero(hashes[one][order[nearest]] == hashes[other])
        ]
        pairs = equal(samples, others, pairs, hiding)
        if pairs:
            findings.append(
                Finding(
                    "data-duplicates-across-splits",
                    "stop",
                    f"{len(pairs)} of {len(others)} images of {other} are in {one} too, pixel for pixel.",
                    {
                        "count": len(pairs),
                        "pairs": [[samples.ids[a], others.ids[b]] for a, b in pairs[:EXAMPLES]],
                    },
                    f"remove them from {one} or from {other}: metrics on images that were trained on are too good",
                )
            )
    return findings


def equal(
    one: LabeledImages, other: LabeledImages, pairs: list[tuple[int, int]], hiding: Background | None
) -> list[tuple[int, int]]:
    """Those pairs of positions whose images are equal in full and show more than `hiding`, compared a few at a time."""
    same = []
    for first in range(0, len(pairs), 256):
        some = pairs[first : first + 256]
        a, b = (
            samples.pixels.gather(torch.tensor(at))
            for samples, at in zip((one, other), zip(*some, strict=True), strict=True)
        )
        alike = (a == b).flatten(1).all(1)
        if hiding is not None:
            behind = BACKGROUNDS[hiding] * (1 if a.dtype == torch.uint8 else 257)
            alike &= (a != behind).flatten(1).any(1)
        same += [pair for pair, is_same in zip(some, alike.tolist(), strict=True) if is_same]
    return same
