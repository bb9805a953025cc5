"""Settings of the loss, and which loss is for which task."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Annotated, Any, Final, final

from striate.settings import Setting

__all__ = ["LOSSES", "LOSS_TAKES", "LossRow", "LossSettings", "losses_for"]


@final
@dataclass(frozen=True)
class LossRow:
    """A loss: the task that it is for, and the settings that it takes, with its own defaults."""

    task: str
    takes: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))


# Of each task the first is its default.
LOSSES: Final[Mapping[str, LossRow]] = MappingProxyType(
    {
        "cross_entropy": LossRow("classify", {"label_smoothing": 0.0, "balance": "none"}),
        "bce": LossRow("multilabel", {"balance": "none"}),
        "focal": LossRow("multilabel", {"balance": "none", "focal_gamma": 2.0}),
        "mse": LossRow("regress"),
        "mae": LossRow("regress"),
        "huber": LossRow("regress", {"huber_delta": 1.0}),
    }
)
LOSS_TAKES: Final[Mapping[str | None, Mapping[str, Any]]] = MappingProxyType(
    {None: LOSSES["cross_entropy"].takes, **{name: row.takes for name, row in LOSSES.items()}}
)


def losses_for(task: str) -> tuple[str, ...]:
    """The losses of a task, its default first."""
    return tuple(name for name, row in LOSSES.items() if row.task == task)


@final
@dataclass(frozen=True, kw_only=True)
class LossSettings:
    """None where the loss does not take the setting."""

    name: Annotated[
        str | None,
        Setting(
            "loss; if left out, that of the task: cross_entropy of classes, bce of several labels, mse of numbers",
            choices=tuple(LOSSES),
        ),
    ] = None
    label_smoothing: Annotated[
        float, Setting("label smoothing, probability spread evenly over all classes", 0, 0.9, source="arXiv:1512.00567")
    ] = 0.0
    balance: Annotated[
        str,
        Setting(
            "class balancing: rare classes weigh more in the loss (weights), or are oversampled (sampler)",
            choices=("none", "weights", "sampler"),
        ),
    ] = "none"
    focal_gamma: Annotated[
        float | None, Setting("focusing parameter of the focal loss", 0, 10, source="arXiv:1708.02002")
    ] = None
    huber_delta: Annotated[
        float | None, Setting("error from which on the Huber loss is linear, in standard deviations", 1e-6, 1e6)
    ] = None
