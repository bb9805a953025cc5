"""striate: a workbench for convolutional networks on PyTorch.

    import striate as st
    run = st.train("mnist", model="lenet5", epochs=3)
    run.evaluate()
    run.predict("digit.png")

Nothing is loaded before it is used: `import striate` loads neither torch nor numpy.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from striate.findings import Finding
    from striate.jobs import Prediction, Run, load, resume, train
    from striate.models import check_model, create_model, list_models

__version__ = "0.1.0"

_HOME = {
    "Finding": "findings",
    "Prediction": "jobs",
    "Run": "jobs",
    "check_model": "models",
    "create_model": "models",
    "list_models": "models",
    "load": "jobs",
    "resume": "jobs",
    "train": "jobs",
}

__all__ = ["Finding", "Prediction", "Run", "check_model", "create_model", "list_models", "load", "resume", "train"]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(f"striate.{_HOME[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
