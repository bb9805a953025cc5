"""Analysis: what a network is and how well it does. Evaluation with intervals, and the summary of an architecture."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from striate.analysis.evaluation import Predictions, evaluate, predict
    from striate.analysis.intervals import Interval, of_folds, wilson
    from striate.analysis.receptive_field import Sight, Spatial, UnknownSight, WholePicture
    from striate.analysis.shift import shift_findings
    from striate.analysis.summary import Summary, small_receptive_field, summarize

__all__ = [
    "Interval",
    "Predictions",
    "Sight",
    "Spatial",
    "Summary",
    "UnknownSight",
    "WholePicture",
    "evaluate",
    "of_folds",
    "predict",
    "shift_findings",
    "small_receptive_field",
    "summarize",
    "wilson",
]

_HOME = {
    "Interval": "intervals",
    "Predictions": "evaluation",
    "Sight": "receptive_field",
    "Spatial": "receptive_field",
    "Summary": "summary",
    "UnknownSight": "receptive_field",
    "WholePicture": "receptive_field",
    "evaluate": "evaluation",
    "of_folds": "intervals",
    "predict": "evaluation",
    "shift_findings": "shift",
    "small_receptive_field": "summary",
    "summarize": "summary",
    "wilson": "intervals",
}


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(f"striate.analysis.{_HOME[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
