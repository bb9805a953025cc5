"""The zoo: one file a paper, one row a network. A list needs no torch; a network imports its own file and no other.

`create_model("resnet18", classes=10, channels=1)` is a plain `nn.Module`; `list_models("*res*")` gives names.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from importlib import import_module
from inspect import signature
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, final

from striate.errors import SettingError, nearest

if TYPE_CHECKING:
    from striate.models.blocks import Network
    from striate.models.contract import ModelError, check_model

__all__ = ["NETWORKS", "Entry", "ModelError", "Network", "check_model", "create_model", "list_models"]


@final
@dataclass(frozen=True)
class Entry:
    """A row of the table: where a network is built, and what a list of networks says of it."""

    module: str  # the file in this folder; its function has the network's name
    year: int
    says: str
    paper: str
    channels: int  # of the pictures it was made for
    size: int  # their height and width, pixels
    classes: int
    parameters: int  # with these channels, size and classes


# name: file, year, what it is, paper, then channels, size and classes that it was made for and its parameters there
NETWORKS: Final[Mapping[str, Entry]] = MappingProxyType(
    {
        "lenet5": Entry(
            "lenet", 1998, "5x5 convolutions, tanh, averaging", "LeCun et al., Proc. IEEE", 1, 28, 10, 61_706
        ),
        "digit_cnn": Entry(
            "digit_cnn", 2012, "convolution, ReLU, max pooling", "after Krizhevsky et al., NeurIPS", 1, 28, 10, 110_474
        ),
        "digit_cnn_strided": Entry(
            "digit_cnn", 2014, "strides in place of pooling", "Springenberg et al., arXiv:1412.6806", 1, 28, 10, 159_626
        ),
        "cifar_cnn": Entry(
            "cifar_cnn", 2014, "3x3 pairs, batch norm, dropout", "after VGG, arXiv:1409.1556", 3, 32, 10, 3_249_098
        ),
        "bn_gap_cnn": Entry(
            "bn_gap_cnn", 2015, "averaged maps, no dense layer", "after NiN, arXiv:1312.4400", 3, 32, 10, 94_762
        ),
        "cosine_cnn_small": Entry(
            "cosine_cnn", 2019, "frozen cosine filters first", "after Ulicny, arXiv:1905.00135", 1, 28, 10, 29_402
        ),
        "cosine_cnn": Entry(
            "cosine_cnn", 2019, "frozen cosine filters first", "after Ulicny, arXiv:1905.00135", 1, 28, 10, 104_874
        ),
        "resnet18": Entry(
            "resnet", 2015, "residual blocks, 18 layers", "He et al., arXiv:1512.03385", 3, 224, 1000, 11_689_512
        ),
        "resnet34": Entry(
            "resnet", 2015, "residual blocks, 34 layers", "He et al., arXiv:1512.03385", 3, 224, 1000, 21_797_672
        ),
        "resnet50": Entry(
            "resnet", 2015, "residual bottlenecks, 50 layers", "He et al., arXiv:1512.03385", 3, 224, 1000, 25_557_032
        ),
    }
)


def list_models(pattern: str = "*") -> list[str]:
    """Names that match a shell pattern, in natural order: resnet34 before resnet101."""
    return sorted(
        (name for name in NETWORKS if fnmatchcase(name, pattern.lower())),
        key=lambda name: [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", name)],
    )


def create_model(name: str, *, classes: int, channels: int = 3, dropout: float | None = None) -> "Network":
    """A new network with random weights, drawn from torch's default generator.

    `dropout` left out is the network's own; a network that has none takes none. Raises SettingError.
    """
    if name not in NETWORKS:
        raise SettingError(f"there is no model {name!r}{nearest(name, NETWORKS)}")
    if classes < 1:
        raise SettingError(f"classes must be at least 1, not {classes}")
    if channels < 1:
        raise SettingError(f"channels must be at least 1, not {channels}")
    build = getattr(import_module(f"striate.models.{NETWORKS[name].module}"), name)
    if dropout is None:
        return build(classes=classes, channels=channels)
    if "dropout" not in signature(build).parameters:
        raise SettingError(f"{name} has no dropout to set to {dropout}: leave the setting out")
    if not 0 <= dropout < 1:
        raise SettingError(f"dropout must be at least 0 and below 1, not {dropout}")
    return build(classes=classes, channels=channels, dropout=dropout)


_LAZY = {"Network": "blocks", "ModelError": "contract", "check_model": "contract"}


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_LAZY[name]}"), name)
