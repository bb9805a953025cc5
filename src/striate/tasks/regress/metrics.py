"""Metrics of predicted numbers, each with its 95 % interval by resampling images."""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from striate.tasks.figure import Figure
from striate.tasks.intervals import wilson
from striate.tasks.resampling import figure_of_resamples, resample_weights

__all__ = ["COVERAGE", "conformal_quantile", "regression_metrics"]

Array = npt.NDArray[Any]
COVERAGE: Final = 0.9  # of the prediction intervals
POINTS: Final = 1000  # of a scatter plot


def regression_metrics(
    predicted: Array, targets: Array, half_widths: Sequence[float] | None, names: Sequence[str], units: Sequence[str]
) -> dict[str, Any]:
    """The metrics of one split, as in metrics.json. predicted, targets: N D; half_widths: of the prediction intervals, D."""
    count = len(targets)
    weights = resample_weights(count)  # 1+R N, the images themselves first
    errors, centered = (
        predicted - targets,
        targets - targets.mean(0),
    )  # large numbers with a small spread keep their digits
    absolute, squared = (weights @ one / count for one in (np.abs(errors), errors**2))  # 1+R D
    variance = weights @ centered**2 / count - (weights @ centered / count) ** 2
    varies = variance > 1e-9 * np.square(centered).max(0)
    r2 = 1 - np.divide(squared, variance, out=np.full(squared.shape, np.nan), where=varies)
    rows = []
    for d, (name, unit) in enumerate(zip(names, units, strict=True)):
        row: dict[str, Any] = {
            "class": name,
            "images": count,
            "r2": _figure("R2", r2[:, d], count),
            "mae": _figure("MAE", absolute[:, d], count, unit),
            "rmse": _figure("RMSE", np.sqrt(squared[:, d]), count, unit),
        }
        if half_widths is not None:
            inside = int((np.abs(errors[:, d]) <= half_widths[d]).sum())
            row["coverage"] = Figure.of("coverage", wilson(inside, count)).as_json()
            row["half_width"] = half_widths[d]
        rows.append(row)
    mean_r2 = _figure("R2", r2.mean(1), count)
    of_one = ("mae", "rmse", "coverage") if len(names) == 1 else ()
    only: dict[str, Any] = {key: rows[0][key] for key in of_one if key in rows[0]}
    step = -(-count // POINTS)
    return {
        "images": count,
        "r2": mean_r2,
        **only,
        "baseline": {"value": 0.0, "prediction": "always the mean"},
        "per_class": rows,
        "points": [[row.tolist() for row in pair] for pair in zip(targets[::step], predicted[::step], strict=True)],
    }


def conformal_quantile(errors: Array, coverage: float = COVERAGE) -> float | None:
    """Half the width of a prediction interval: N absolute errors on images that were not trained on -> that which covers a new one.

    Split conformal prediction: the ceil((N + 1) * coverage)-th smallest error covers with at least this probability whatever the
    distribution, for new images like these. None of too few images for it. Lei et al., "Distribution-free predictive
    inference for regression", JASA 113, 2018, arXiv:1604.04173, algorithm 2.
    """
    rank = int(np.ceil((len(errors) + 1) * coverage - 1e-9))
    return float(np.sort(errors)[rank - 1]) if rank <= len(errors) else None


def _figure(name: str, values: Array, images: int, unit: str = "") -> dict[str, Any]:
    """values: 1+R, that of the images themselves first; of errors less is better."""
    return figure_of_resamples(name, values, images, unit, higher_is_better=name == "R2").as_json()
