"""How many images each class has: too few to learn from, and too unequal."""

from collections.abc import Collection, Mapping, Sequence
from typing import Final

import numpy as np

from striate.findings import Finding

__all__ = ["FEW", "IMBALANCE", "absent_classes", "imbalance", "small_classes"]

FEW: Final = 10  # training images; with fewer a class is memorized
IMBALANCE: Final = 10.0  # largest class over smallest; beyond it accuracy is mostly that of the largest
_EXAMPLES: Final = 10
_NAMED: Final = 3  # in a sentence

Counts = Mapping[str, Sequence[int]]  # split -> images of each class; training comes first


def small_classes(classes: Sequence[str], counts: Counts) -> list[Finding]:
    """Classes of one image, and classes with fewer than FEW training images."""
    learned = next(iter(counts.values()))
    everywhere = [sum(split) for split in zip(*counts.values(), strict=True)]
    single = [name for name, count in zip(classes, everywhere, strict=True) if count == 1]
    few = {
        name: count
        for name, count, every in zip(classes, learned, everywhere, strict=True)
        if count < FEW and every > 1
    }
    findings = []
    if single:
        findings.append(
            Finding(
                "data-single-image-class",
                "warning",
                f"{_classes(len(single))} only one image, which cannot be both trained on and tested: {_listed(single)}.",
                {"classes": single[:_EXAMPLES], "count": len(single)},
                "add images of it, or leave it out",
            )
        )
    if few:
        findings.append(
            Finding(
                "data-few-images",
                "warning",
                f"{_classes(len(few))} fewer than {FEW} training images.",
                {"images": dict(sorted(few.items(), key=lambda item: item[1])[:_EXAMPLES]), "count": len(few)},
                "add images, or merge the class with a similar one",
            )
        )
    return findings


def absent_classes(classes: Sequence[str], counts: Counts, random_splits: Collection[str]) -> list[Finding]:
    """Classes of two images or more that have none in one of the `random_splits`: nothing is measured of them there."""
    everywhere = [sum(split) for split in zip(*counts.values(), strict=True)]
    absent = {
        split: [name for name, n, every in zip(classes, counts[split], everywhere, strict=True) if n == 0 and every > 1]
        for split in random_splits
    }
    absent = {split: names for split, names in absent.items() if names}
    if not absent:
        return []
    message = " and ".join(
        f"{len(names)} of {len(classes)} classes {'has' if len(names) == 1 else 'have'} no image in {split}"
        for split, names in absent.items()
    )
    return [
        Finding(
            "data-absent-classes",
            "note",
            f"{message}, so they are not measured there.",
            {split: names[:_EXAMPLES] for split, names in absent.items()},
            "add images of these classes, or hold out more (--val, --test)",
        )
    ]


def imbalance(classes: Sequence[str], counts: Counts) -> list[Finding]:
    """The largest class against the smallest, by training images."""
    learned = next(iter(counts.values()))
    if not learned:
        return []
    smallest, largest = int(np.argmin(learned)), int(np.argmax(learned))
    if learned[largest] <= IMBALANCE * max(learned[smallest], 1):
        return []
    few, many = classes[smallest], classes[largest]
    return [
        Finding(
            "data-imbalance",
            "warning",
            f"{many} has {learned[largest]} training images, {few} has {learned[smallest]}.",
            {"images": {many: learned[largest], few: learned[smallest]}},
            f"add images of {few}; compare runs by a figure that weights all classes equally, or by those of each class",
        )
    ]


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(names[:_NAMED])
    return f"{shown} and {len(names) - _NAMED} more" if len(names) > _NAMED else shown


def _classes(count: int) -> str:
    return "1 class has" if count == 1 else f"{count} classes have"
