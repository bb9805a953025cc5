"""Settings of the network."""

from dataclasses import dataclass
from typing import Annotated, final

from striate.settings import Setting

__all__ = ["ModelSettings"]


@final
@dataclass(frozen=True, kw_only=True)
class ModelSettings:
    name: Annotated[str, Setting("network, a name from `striate models`")] = "resnet18"
    size: Annotated[int | None, Setting("height and width of the input images, pixels", 4, 4096)] = None
    channels: Annotated[int | None, Setting("input channels: 1 gray, 3 RGB, 4 RGBA, others of arrays", 1, 64)] = None
    dropout: Annotated[
        float | None, Setting("dropout rate, for networks with dropout", 0, 0.95, source="arXiv:1207.0580")
    ] = None
