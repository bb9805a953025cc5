"""What the folds of a cross-validation amount to: the mean accuracy, its standard deviation and its interval."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from striate.analysis.intervals import of_folds

__all__ = ["summarize_folds"]


def summarize_folds(figures: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The entries `accuracy` and `runs` of folds.json, from the metrics of each fold's test split."""
    accuracies = [one["accuracy"]["value"] for one in figures]
    interval = of_folds(accuracies)
    variance = sum((one - interval.value) ** 2 for one in accuracies) / (len(accuracies) - 1)
    return {
        "accuracy": {"mean": interval.value, "std": math.sqrt(variance), "low": interval.low, "high": interval.high},
        "runs": [
            {"fold": number, "images": one["images"], "accuracy": one["accuracy"]["value"]}
            for number, one in enumerate(figures, start=1)
        ],
    }
