"""What the folds of a cross-validation amount to: the mean of the main figure, its standard deviation and its interval."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from striate.tasks import SHARE, main_figure, of_folds

__all__ = ["summarize_folds"]


def summarize_folds(metrics: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The entries `metric`, that of its key, and `runs` of folds.json, from the metrics of each fold's test split."""
    figures = [main_figure(one) for one in metrics]
    main, values = figures[0], [one.value for one in figures]
    interval = of_folds(values, (0.0, 1.0) if main.unit == SHARE else (-math.inf, math.inf))
    variance = sum((one - interval.value) ** 2 for one in values) / (len(values) - 1)
    return {
        "metric": {"name": main.name, "unit": main.unit, "higher_is_better": main.higher_is_better},
        main.key: {"mean": interval.value, "std": math.sqrt(variance), "low": interval.low, "high": interval.high},
        "runs": [
            {"fold": number, "images": one["images"], main.key: value}
            for number, (one, value) in enumerate(zip(metrics, values, strict=True), start=1)
        ],
    }
