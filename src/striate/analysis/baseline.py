"""Whether a network is better than always predicting the largest class."""

from collections.abc import Sequence
from typing import Any, Final

from striate.findings import Finding

__all__ = ["no_better_than_largest_class", "trained_briefly"]

FEW_EPOCHS: Final = 5
# findings that may explain why a network learns nothing
_CAUSES: Final = ("data-shift", "data-background", "data-cropped", "data-thin", "data-nearly-black")


def no_better_than_largest_class(
    metrics: dict[str, Any], split: str | None, others: Sequence[Finding], *, epochs: int, trained_briefly: bool
) -> list[Finding]:
    """A finding if the accuracy's interval reaches down to the share of the largest class; `others` may explain it.

    After a few epochs it is explained by those; after none a head on frozen features is all.
    """
    if split is None:
        return []
    figures = metrics[split]
    if figures["accuracy"]["low"] > figures["baseline_accuracy"]:
        return []
    return [
        Finding(
            "no-better-than-largest-class",
            "warning",
            f"On the {split} images the network is not significantly better than always predicting the largest class.",
            {
                "accuracy": figures["accuracy"]["value"],
                "low": figures["accuracy"]["low"],
                "baseline_accuracy": figures["baseline_accuracy"],
                "images": figures["images"],
            },
            next(
                (one.fix for one in others if one.id in _CAUSES and not trained_briefly),
                "train longer (--epochs), try --lr ten times smaller or larger, or gather more images"
                if epochs
                else "gather more images, or fine-tune (--epochs 1 or more)",
            ),
        )
    ]


def trained_briefly(epochs: int, best_epoch: int, keep: str) -> bool:
    """Whether more epochs are the first thing to try: they were few, or the last of them was the best."""
    return 0 < epochs <= FEW_EPOCHS or (keep == "best" and 0 < epochs == best_epoch)
