"""What is plainly wrong with the data, found before any training. Healthy data gives no findings.

id                            when (all are warnings but the last, which is a reason to stop)
data-files-set-aside          files could not be used, yet fewer than stop a run
data-single-picture           a class has one picture in all: it is learned or tested, not both
data-few-pictures             a class has fewer than FEW pictures to learn from
data-imbalance                the largest class has more than IMBALANCE times the pictures of the smallest
data-duplicates-across-parts  pictures of one part are, pixel for pixel, in another: the results flatter

A single class, and more bad files than `--max-bad` allows, are errors and no findings: nothing can be learned then.
"""

from itertools import combinations

import numpy as np
import torch

from striate.data.pictures import Pictures
from striate.data.set_aside import count_reasons
from striate.data.splits import Splits
from striate.findings import Finding

__all__ = ["FEW", "IMBALANCE", "check_data", "duplicates", "files_set_aside", "imbalance", "small_classes"]

FEW = 10  # pictures to learn from; below it a class is learned by heart
IMBALANCE = 10.0  # largest class over smallest; beyond it accuracy is mostly that of the largest
_EXAMPLES = 10  # files that a finding names


def check_data(splits: Splits) -> list[Finding]:
    """All checks of this file."""
    return [*files_set_aside(splits), *small_classes(splits), *imbalance(splits), *duplicates(splits)]


def files_set_aside(splits: Splits) -> list[Finding]:
    """Files that could not be used, counted by reason."""
    parts = _parts(splits).values()
    set_aside = [one for part in parts for one in part.set_aside]
    if not set_aside:
        return []
    files = len(set_aside) + sum(map(len, parts))
    return [
        Finding(
            "data-files-set-aside",
            "warning",
            f"{len(set_aside)} of {files} files cannot be used: {count_reasons(set_aside)}.",
            {
                "files": files,
                "set_aside": len(set_aside),
                "first": [f"{one.id}: {one.reason}: {one.detail}" for one in set_aside[:_EXAMPLES]],
            },
            "mend or remove the files; --max-bad 0 stops a run when there are any",
        )
    ]


def small_classes(splits: Splits) -> list[Finding]:
    """Classes of one picture, and classes with fewer than FEW to learn from."""
    classes = splits.train.classes
    learned = splits.train.counts()
    everywhere = [sum(counts) for counts in zip(*(part.counts() for part in _parts(splits).values()), strict=True)]
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
                "data-single-picture",
                "warning",
                f"{_classes(len(single))} one picture only, so nothing can be said of how well it is told.",
                {"classes": single[:_EXAMPLES], "count": len(single)},
                "add pictures of it, or remove its folder",
            )
        )
    if few:
        findings.append(
            Finding(
                "data-few-pictures",
                "warning",
                f"{_classes(len(few))} fewer than {FEW} pictures to learn from.",
                {"pictures": dict(sorted(few.items(), key=lambda item: item[1])[:_EXAMPLES]), "count": len(few)},
                "add pictures, or join the class with one that is like it",
            )
        )
    return findings


def imbalance(splits: Splits) -> list[Finding]:
    """The largest class against the smallest, by the pictures to learn from."""
    counts = splits.train.counts()
    smallest, largest = int(np.argmin(counts)), int(np.argmax(counts))
    if counts[largest] <= IMBALANCE * max(counts[smallest], 1):
        return []
    names = splits.train.classes
    return [
        Finding(
            "data-imbalance",
            "warning",
            f"{names[largest]} has {counts[largest]} pictures to learn from, {names[smallest]} has {counts[smallest]}.",
            {"pictures": {names[largest]: counts[largest], names[smallest]: counts[smallest]}},
            f"add pictures of {names[smallest]}; judge the run by macro F1, which weighs all classes alike",
        )
    ]


def duplicates(splits: Splits) -> list[Finding]:
    """Pictures that are equal on the canvas, pixel for pixel, in two parts."""
    parts = _parts(splits)
    hashes = {name: part.pixels.fingerprints() for name, part in parts.items()}
    findings = []
    for (one, pictures), (other, others) in combinations(parts.items(), 2):
        order = np.argsort(hashes[one], kind="stable")
        nearest = np.minimum(np.searchsorted(hashes[one], hashes[other], sorter=order), len(order) - 1)
        pairs = [
            (int(order[nearest[second]]), int(second))
            for second in np.flatnonzero(hashes[one][order[nearest]] == hashes[other])
        ]
        pairs = _equal(pictures, others, pairs)
        if pairs:
            findings.append(
                Finding(
                    "data-duplicates-across-parts",
                    "stop",
                    f"{len(pairs)} of {len(others)} pictures of {other} are in {one} too, pixel for pixel.",
                    {
                        "count": len(pairs),
                        "pairs": [[pictures.ids[a], others.ids[b]] for a, b in pairs[:_EXAMPLES]],
                    },
                    f"remove them from {one} or from {other}, or its figures say how well they are remembered",
                )
            )
    return findings


def _parts(splits: Splits) -> dict[str, Pictures]:
    named = {"train": splits.train, "val": splits.val, "test": splits.test}
    return {name: part for name, part in named.items() if part is not None and len(part)}


def _equal(one: Pictures, other: Pictures, pairs: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Those pairs of positions whose pictures are equal in full, compared a few at a time."""
    equal = []
    for first in range(0, len(pairs), 256):
        some = pairs[first : first + 256]
        a, b = (
            part.pixels.gather(torch.tensor(at)) for part, at in zip((one, other), zip(*some, strict=True), strict=True)
        )
        equal += [pair for pair, same in zip(some, (a == b).flatten(1).all(1).tolist(), strict=True) if same]
    return equal


def _classes(count: int) -> str:
    return "1 class has" if count == 1 else f"{count} classes have"
