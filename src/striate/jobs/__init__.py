"""Jobs: what a verb does from start to finish. The Python API and the command line call these."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from striate.jobs.augmentation import Augmented, augment
    from striate.jobs.checking import Checked, check
    from striate.jobs.describe import summarize_model, summarize_run, verdict
    from striate.jobs.evaluation import Evaluated, evaluate
    from striate.jobs.folds import Folds, resume_folds, train_folds
    from striate.jobs.prediction import Prediction, predict, require_some
    from striate.jobs.run import Run, load
    from striate.jobs.training_run import resume, train

_HOME = {
    "Augmented": "augmentation",
    "Checked": "checking",
    "Evaluated": "evaluation",
    "Folds": "folds",
    "Prediction": "prediction",
    "Run": "run",
    "augment": "augmentation",
    "check": "checking",
    "evaluate": "evaluation",
    "load": "run",
    "predict": "prediction",
    "require_some": "prediction",
    "resume": "training_run",
    "resume_folds": "folds",
    "summarize_model": "describe",
    "summarize_run": "describe",
    "train": "training_run",
    "train_folds": "folds",
    "verdict": "describe",
}

__all__ = [
    "Augmented",
    "Checked",
    "Evaluated",
    "Folds",
    "Prediction",
    "Run",
    "augment",
    "check",
    "evaluate",
    "load",
    "predict",
    "require_some",
    "resume",
    "resume_folds",
    "summarize_model",
    "summarize_run",
    "train",
    "train_folds",
    "verdict",
]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(f"striate.jobs.{_HOME[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
