"""Boxes and masks: how many of each class, how large, and what is wrong with them."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from striate.audit.audit_finding import AuditFinding, audit_finding
from striate.audit.fingerprints import Fingerprints
from striate.data.instance_targets import InstanceTargets
from striate.data.skipped_files import Unreadable
from striate.data.source import Source
from striate.data.threads import in_threads

__all__ = ["annotation_faults", "box_faults", "describe_boxes", "describe_masks"]


def box_faults(prints: Fingerprints) -> list[tuple[str, str, str]]:
    """Boxes that hold nothing, or that pass the edge of their image by over a pixel: id, what is wrong, kind."""
    faults = []
    for i in range(len(prints)):
        targets = prints.listing(i).targets
        if not isinstance(targets, InstanceTargets):
            return []
        height, width = int(prints.heights[i]), int(prints.widths[i])
        for x1, y1, x2, y2 in targets.objects[prints.row[i]].boxes.tolist():
            shown = f"box {x1:g}, {y1:g}, {x2:g}, {y2:g} in {width} x {height}"
            if not (x2 > x1 and y2 > y1):
                faults.append((prints.id(i), shown, "box without area"))
            elif x2 <= 0 or y2 <= 0 or x1 >= width or y1 >= height:
                faults.append((prints.id(i), shown, "box outside"))
            elif x1 < -1 or y1 < -1 or x2 > width + 1 or y2 > height + 1:
                faults.append((prints.id(i), shown, "box over the edge"))
    return faults


def annotation_faults(faults: Sequence[tuple[str, str, str]]) -> list[AuditFinding]:
    """The finding for faults, each the image's id, what is wrong and its kind."""
    if not faults:
        return []
    kinds = Counter(kind for _, _, kind in faults)
    counts = ", ".join(f"{count} {kind}" for kind, count in kinds.most_common())
    return [
        audit_finding(
            "data-annotation-faults",
            "warning",
            f"{'1 annotation is' if len(faults) == 1 else f'{len(faults)} annotations are'} wrong: {counts}.",
            [(name,) for name in dict.fromkeys(name for name, _, _ in faults)],
            {"faults": [f"{name}: {description}" for name, description, _ in faults[:10]], "kinds": dict(kinds)},
            "fix the annotations of these images",
        )
    ]


def describe_boxes(prints: Fingerprints) -> dict[str, Any]:
    """Of each class: objects, images that have one, and the quartiles of their side as a share of the image's."""
    sides: dict[int, list[float]] = {}
    images: Counter[int] = Counter()
    for i in range(len(prints)):
        targets = prints.listing(i).targets
        if not isinstance(targets, InstanceTargets):
            return {}
        objects = targets.objects[prints.row[i]]
        area = float(prints.heights[i] * prints.widths[i])
        images.update(set(objects.labels.tolist()))
        for (x1, y1, x2, y2), label in zip(objects.boxes.tolist(), objects.labels.tolist(), strict=True):
            sides.setdefault(label, []).append((max(0.0, x2 - x1) * max(0.0, y2 - y1) / area) ** 0.5)
    return {
        prints.source.classes[label]: {
            "objects": len(shares),
            "images": images[label],
            "side": [round(float(q), 4) for q in np.quantile(shares, [0.25, 0.5, 0.75])],
        }
        for label, shares in sorted(sides.items())
    }


def describe_masks(prints: Fingerprints, threads: int) -> tuple[dict[str, Any], list[tuple[str, str, str]]]:
    """Of each class the share of all pixels and the images that have it; and the masks that cannot be read."""
    source: Source = prints.source
    counts = np.zeros((len(prints), len(source.classes)), np.int64)
    failed: dict[int, str] = {}

    def count(i: int) -> None:
        try:
            mask = np.asarray(prints.listing(i).targets.target(int(prints.row[i])))
        except Unreadable as failure:
            failed[i] = f"{failure.reason}: {failure.detail}"
            return
        known = mask[(mask >= 0) & (mask < len(source.classes))]
        counts[i] = np.bincount(known.ravel(), minlength=len(source.classes))

    in_threads(count, len(prints), threads)
    total = max(int(counts.sum()), 1)
    described = {
        name: {"share": round(int(counts[:, n].sum()) / total, 6), "images": int((counts[:, n] > 0).sum())}
        for n, name in enumerate(source.classes)
    }
    return described, [(prints.id(i), why, "mask unreadable") for i, why in sorted(failed.items())]
