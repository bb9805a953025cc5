"""Whether a network is better than always predicting the largest class."""

from collections.abc import Sequence
from typing import Any, Final

from striate.findings import Finding

__all__ = ["no_better_than_largest_class"]

# findings that may explain why a network learns nothing
_CAUSES: Final = ("data-shift", "data-background", "data-cropped", "data-thin", "data-nearly-black")


def no_better_than_largest_class(
    metrics: dict[str, Any], split: str | None, others: Sequence[Finding]
) -> list[Finding]:
    """A finding if the accuracy's interval reaches down to the share of the largest class; `others` may explain it."""
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
                (one.fix for one in others if one.id in _CAUSES),
                "train longer (--epochs), try --lr ten times smaller or larger, or gather more images",
            ),
        )
    ]
