"""What the folds of a cross-validation amount to: the mean of the main figure, its standard deviation and its interval."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from striate.number_format import finite
from striate.tasks import SHARE, main_figure, of_folds

__all__ = ["summarize_folds"]


def summarize_folds(metrics: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The entries `metric`, that of its key, and `runs` of folds.json, from the metrics of each fold's test split."""
    figures = [main_figure(one) for one in metrics]
    main, values = figures[0], [one.value for one in figures]
    known = [one for one in values if math.isfinite(one)]  # it may not be defined on a fold of one image
    summary: dict[str, float | None] = dict.fromkeys(("mean", "std", "low", "high"))
    if known:
        summary["mean"] = sum(known) / len(known)
    if len(known) > 1:
        interval = of_folds(known, (0.0, 1.0) if main.unit == SHARE else (-math.inf, math.inf))
        variance = sum((one - interval.value) ** 2 for one in known) / (len(known) - 1)
        summary |= {"std": math.sqrt(variance), "low": interval.low, "high": interval.high}
    return {
        "metric": {"name": main.name, "unit": main.unit, "higher_is_better": main.higher_is_better},
        main.key: summary,
        "runs": [
            {"fold": number, "images": one["images"], main.key: finite(value)}
            for number, (one, value) in enumerate(zip(metrics, values, strict=True), start=1)
        ],
    }
