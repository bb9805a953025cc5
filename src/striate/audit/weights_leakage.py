"""Whether a run is measured on images that its initial weights were trained on."""

from collections.abc import Iterable
from typing import Final

from striate.data import Splits
from striate.findings import Finding
from striate.runs.weights_splits import KnownToWeights

__all__ = ["weights_leakage"]

FULL_NAMES: Final = {"test": "test", "val": "validation"}


def weights_leakage(known: Iterable[KnownToWeights], splits: Splits) -> list[Finding]:
    """A finding for each run before this one that was trained on images which are now held out."""
    sizes = {name: len(samples) for name, samples in splits.by_name().items()}
    return [_leakage(one, sizes) if one.counts else _unknown(one) for one in known]


def _leakage(known: KnownToWeights, sizes: dict[str, int]) -> Finding:
    return Finding(
        "initial-weights-leakage",
        "warning",
        f"{_counted(known, sizes)} of {known.run}, whose weights the run starts from: the accuracy "
        "there is not one of unseen images.",
        {"run": known.run, "images": {name: sizes[name] for name in known.counts}, "known": dict(known.counts)},
        f"give --split {known.run} and no other setting on splits"
        if known.same_data
        else "leave these images out of the data, or start from other weights",
    )


def _unknown(known: KnownToWeights) -> Finding:
    return Finding(
        "initial-weights-split-unknown",
        "warning",
        f"The weights of {known.run} were trained on the same data, and its split is not at hand: held-out images may have "
        "been training images, and the accuracy there is then not one of unseen images.",
        {"run": known.run},
        "give the run itself as weights, with its splits.csv, in place of its bundle; or give its split with --split",
    )


def _counted(known: KnownToWeights, sizes: dict[str, int]) -> str:
    phrases = [
        f"{known.counts[name]:,} of the {sizes[name]:,} {full} images"
        for name, full in FULL_NAMES.items()
        if name in known.counts
    ]
    return f"{' and '.join(phrases)} {'was a training image' if sum(known.counts.values()) == 1 else 'were training images'}"
