"""Whether equal images have equal labels, and how they differ: in classes, in numbers, or in the pixels of their masks."""

from collections.abc import Sequence

import numpy as np

from striate.data.skipped_files import Unreadable
from striate.data.targets import Targets
from striate.number_format import percent

__all__ = ["label_content", "two_labels_message", "two_labels_of"]


def label_content(targets: Targets, i: int) -> bytes | None:
    """What two equal images have in common just where their labels are the same; None of boxes, and of what cannot be read."""
    if targets.form == "boxes":
        return None
    try:
        return np.ascontiguousarray(np.asarray(targets.target(i))).tobytes()
    except Unreadable:
        return None


def two_labels_of(one: tuple[Targets, int], other: tuple[Targets, int], classes: Sequence[str]) -> list[str]:
    """The labels of two equal images, in words; of masks by how much of the image they differ; none that no words tell."""
    if one[0].form == "masks":
        first, second = (np.asarray(targets.target(i)) for targets, i in (one, other))
        return [f"masks that differ in {percent((first != second).mean())} of the pixels"]
    return sorted(filter(None, (targets.caption(i, classes) for targets, i in (one, other))))


def two_labels_message(count: int, labels: Sequence[str]) -> str:
    """That so many images have two labels, and those of the first, where there are words for them."""
    images = "1 image has" if count == 1 else f"{count} images have"
    shown = [f"'{one}'" for one in labels] if len(labels) > 1 else labels
    such = f", such as {' and '.join(shown)}" if labels else ""
    return f"{images} two labels, pixel for pixel{such}."
