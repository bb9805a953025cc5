"""Settings of the loss."""

from dataclasses import dataclass
from typing import Annotated, final

from striate.settings import Setting

__all__ = ["LossSettings"]


@final
@dataclass(frozen=True, kw_only=True)
class LossSettings:
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
