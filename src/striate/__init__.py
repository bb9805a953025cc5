"""striate: a workbench for convolutional networks on PyTorch.

    import striate as st
    run = st.train("mnist", model="lenet5", epochs=3)
    run.evaluate()
    run.predict("digit.png")

Nothing is loaded before it is used: `import striate` loads neither torch nor numpy.
"""

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from striate.data import ImageInput, ImagesInput, LabelsInput, TrainingData
    from striate.findings import Finding
    from striate.jobs import Prediction, Run, augment, check, load, resume, train, train_folds
    from striate.models import check_model, create_model, list_models

__version__ = "0.1.0"

# Threads that wait for each other spin for a while before they sleep. libgomp's default of milliseconds makes training ten
# times slower beside a busy neighbour; sleeping at once costs a third on an idle machine; this is short, and costs next to
# nothing. It is read once, when torch is loaded, and whoever chose something keeps it.
if "OMP_WAIT_POLICY" not in os.environ:
    os.environ.setdefault("GOMP_SPINCOUNT", "10000")

_HOME = {
    "Finding": "findings",
    "ImageInput": "data",
    "ImagesInput": "data",
    "LabelsInput": "data",
    "Prediction": "jobs",
    "Run": "jobs",
    "TrainingData": "data",
    "augment": "jobs",
    "check": "jobs",
    "check_model": "models",
    "create_model": "models",
    "list_models": "models",
    "load": "jobs",
    "resume": "jobs",
    "train": "jobs",
    "train_folds": "jobs",
}

__all__ = [
    "Finding",
    "ImageInput",
    "ImagesInput",
    "LabelsInput",
    "Prediction",
    "Run",
    "TrainingData",
    "augment",
    "check",
    "check_model",
    "create_model",
    "list_models",
    "load",
    "resume",
    "train",
    "train_folds",
]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(f"striate.{_HOME[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
