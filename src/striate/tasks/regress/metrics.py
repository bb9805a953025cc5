"""Metrics of predicted numbers, each with its 95 % interval by resampling images."""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from striate.tasks.figure import Figure
from striate.tasks.intervals import of_resamples, wilson

__all__ = ["COVERAGE", "conformal_quantile", "regression_metrics"]

Array = npt.NDArray[Any]
RESAMPLES: Final = 500
RESAMPLED_ENTRIES: Final = 20_000_000  # of all resamples together
COVERAGE: Final = 0.9  # of the prediction intervals
POINTS: Final = 1000  # of a scatter plot


def regression_metrics(
    predicted: Array, targets: Array, half_widths: Sequence[float] | None, names: Sequence[str], units: Sequence[str]
) -> dict[str, Any]:
    """The metrics of one split, as in metrics.json. predicted, targets: N D; half_widths: of the prediction intervals, D."""
    count = len(targets)
    resamples = max(20, min(RESAMPLES, RESAMPLED_ENTRIES // count))
    drawn = np.random.default_rng(0).multinomial(count, np.full(count, 1 / count), resamples)
    weights = np.concatenate([np.ones((1, count), np.int64), drawn])  # 1+R N, the images themselves first
    errors = predicted - targets
    absolute, squared = (weights @ one / count for one in (np.abs(errors), errors**2))  # 1+R D
    variance = weights @ targets**2 / count - (weights @ targets / count) ** 2
    r2 = 1 - np.divide(squared, variance, out=np.full(squared.shape, np.nan), where=variance > 1e-12)
    rows = []
    for d, (name, unit) in enumerate(zip(names, units, strict=True)):
        row: dict[str, Any] = {
            "class": name,
            "images": count,
            "r2": _figure("R2", r2[:, d], "", True),
            "mae": _figure("MAE", absolute[:, d], unit, False),
            "rmse": _figure("RMSE", np.sqrt(squared[:, d]), unit, False),
        }
        if half_widths is not None:
            inside = int((np.abs(errors[:, d]) <= half_widths[d]).sum())
            row["coverage"] = Figure.of("coverage", wilson(inside, count)).as_json()
            row["half_width"] = half_widths[d]
        rows.append(row)
    mean_r2 = _figure("R2", r2.mean(1), "", True)
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


def _figure(name: str, values: Array, unit: str, higher_is_better: bool) -> dict[str, Any]:
    """values: 1+R, that of the images themselves first."""
    if np.isnan(values[0]):
        return Figure(name, np.nan, None, None, unit, higher_is_better).as_json()
    return Figure.of(
        name, of_resamples(float(values[0]), values[1:]), unit, higher_is_better=higher_is_better
    ).as_json()
