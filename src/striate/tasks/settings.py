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
    """A loss: the tasks that it is for, and the settings that it takes, with its own defaults."""

    tasks: tuple[str, ...]
    takes: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))


# Of each task the first is its default.
LOSSES: Final[Mapping[str, LossRow]] = MappingProxyType(
    {
        "cross_entropy+dice": LossRow(("segment",), {"balance": "none"}),
        "cross_entropy": LossRow(("classify", "segment"), {"label_smoothing": 0.0, "balance": "none"}),
        "bce": LossRow(("multilabel",), {"balance": "none"}),
        "mse": LossRow(("regress",)),
        "mae": LossRow(("regress",)),
        "huber": LossRow(("regress",), {"huber_delta": 1.0}),
        "focal": LossRow(("multilabel", "segment"), {"balance": "none", "focal_gamma": 2.0}),
        "dice": LossRow(("segment",)),
        "tversky": LossRow(("segment",), {"tversky_alpha": 0.3, "tversky_beta": 0.7}),
        "lovasz": LossRow(("segment",)),
        "cross_entropy+lovasz": LossRow(("segment",), {"balance": "none"}),
        "focal+dice": LossRow(("segment",), {"balance": "none", "focal_gamma": 2.0}),
    }
)
LOSS_TAKES: Final[Mapping[str | None, Mapping[str, Any]]] = MappingProxyType(
    {None: LOSSES["cross_entropy"].takes, **{name: row.takes for name, row in LOSSES.items()}}
)


def losses_for(task: str) -> tuple[str, ...]:
    """The losses of a task, its default first."""
    return tuple(name for name, row in LOSSES.items() if task in row.tasks)


@final
@dataclass(frozen=True, kw_only=True)
class LossSettings:
    """None where the loss does not take the setting."""

    name: Annotated[
        str | None,
        Setting(
            "loss, of masks also these sums; if left out cross_entropy for classes, bce for several labels, mse for numbers, "
            "cross_entropy+dice for masks",
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
    tversky_alpha: Annotated[
        float | None, Setting("weight of wrongly predicted pixels in the Tversky loss", 0, 1, source="arXiv:1706.05721")
    ] = None
    tversky_beta: Annotated[
        float | None, Setting("weight of missed pixels in the Tversky loss", 0, 1, source="arXiv:1706.05721")
    ] = None
    huber_delta: Annotated[
        float | None, Setting("error from which on the Huber loss is linear, in standard deviations", 1e-6, 1e6)
    ] = None
