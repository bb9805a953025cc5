"""Whether a network is better than the same prediction for every image, such as the largest class."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

from striate.findings import Finding
from striate.number_format import finite
from striate.tasks import main_figure

__all__ = ["no_better_than_baseline", "trained_briefly"]

FEW_EPOCHS: Final = 5
# findings that may explain why a network learns nothing
_CAUSES: Final = ("data-shift", "data-background", "data-cropped", "data-thin", "data-nearly-black")


def no_better_than_baseline(
    metrics: dict[str, Any], split: str | None, others: Sequence[Finding], *, epochs: int, trained_briefly: bool
) -> list[Finding]:
    """A finding if the interval of the main metric reaches that of the baseline; `others` may explain it.

    After a few epochs it is explained by those; after none a head on frozen features is all.
    """
    if split is None:
        return []
    main, baseline, images = main_figure(metrics[split]), metrics[split]["baseline"], metrics[split]["images"]
    low, high, of_baseline = finite(main.low), finite(main.high), finite(baseline["value"])
    worst = low if main.higher_is_better else high
    if (
        worst is not None
        and of_baseline is not None
        and replace(main, value=worst).merit > replace(main, value=of_baseline).merit
    ):
        return []
    return [
        Finding(
            "no-better-than-baseline",
            "warning",
            f"On the {split} images the network is not significantly better than the same prediction for all images "
            f"({baseline['prediction']}).",
            {
                main.key: finite(main.value),
                "low": low,
                "high": high,
                "baseline": of_baseline,
                "images": images,
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
