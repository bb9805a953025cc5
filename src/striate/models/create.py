"""Create a network by its name, and list names by a pattern. Listing needs no torch; a network imports its own file only."""

import logging
import re
from fnmatch import fnmatchcase
from importlib import import_module
from inspect import signature
from pathlib import Path
from typing import TYPE_CHECKING, Any

from striate.errors import SettingError, nearest
from striate.models.architectures import NETWORKS
from striate.models.settings import ModelSettings
from striate.settings import declared_settings

if TYPE_CHECKING:
    from striate.models.blocks import Network

WITH_DROPOUT = "bn_gap_cnn, cifar_cnn, vgg16"  # some of them, for a message

__all__ = ["create_model", "find_models", "list_models"]


def list_models(pattern: str = "*") -> list[str]:
    """Names that match a shell pattern, in natural order: resnet34 before resnet101."""
    return sorted(
        (name for name in NETWORKS if fnmatchcase(name, pattern.lower())),
        key=lambda name: [int(piece) if piece.isdigit() else piece for piece in re.split(r"(\d+)", name)],
    )


def find_models(pattern: str) -> list[str]:
    """Names that match a pattern, or else that have it somewhere in them. Raises SettingError where there are none."""
    names = list_models(pattern) or list_models(f"*{pattern}*")
    if not names:
        raise SettingError(f"no network matches {pattern!r}{nearest(pattern, NETWORKS)}")
    return names


def create_model(
    name: str,
    *,
    classes: int,
    channels: int = 3,
    size: int | None = None,
    dropout: float | None = None,
    weights: str | Path | None = None,
    download: bool = False,
) -> "Network":
    """A new network with random weights, drawn from torch's default generator, or with pretrained weights.

    `size` is the height and width of its images in pixels, by default those that the network was made for. For images below 128
    pixels the first strides of a network that was made for large ones are reduced. `dropout` defaults to the network's own;
    for a network without dropout it is an error.

    `weights` is a `.safetensors` or `.pth` file, as torchvision, timm and striate write them; the folder of a run or bundle; or
    "imagenet": the published ones, from a package or from the folder `weights` (or $STRIATE_WEIGHTS). Only with `download` a
    file that is not there is downloaded, which is logged first.
    For other classes the last layer keeps its random initialization, for other channels the first layer is adapted; such
    differences are a warning of the logger "striate". Raises SettingError.
    """
    if name not in NETWORKS:
        raise SettingError(
            f"there is no model {name!r}{nearest(name, NETWORKS) or '; `striate models` or list_models() lists them'}"
        )
    for setting, value in (("classes", classes), ("channels", channels), ("size", size)):
        if value is not None and value < 1:
            raise SettingError(f"{setting} must be at least 1, not {value}")
    build = getattr(import_module(f"striate.models.{NETWORKS[name].module}"), name)
    takes = signature(build).parameters
    settings: dict[str, Any] = {"classes": classes, "channels": channels}
    if "size" in takes:
        settings["size"] = size or NETWORKS[name].size
    if dropout is not None:
        if "dropout" not in takes:
            raise SettingError(
                f"dropout = {dropout}: {name} has no dropout; leave it out, or choose a network with it, such as {WITH_DROPOUT}"
            )
        settings["dropout"] = declared_settings(ModelSettings)["dropout"].check(dropout)
    if weights is None:
        return build(**settings)

    from striate.models.weights import find_weights, load_weights, read_weights

    file = find_weights(name, weights, download=download)
    tensors = read_weights(file)  # before the network is built, which may take longer than to refuse them
    network: Network = build(**settings)
    report = load_weights(network, tensors, name=name, source=str(file))
    logging.getLogger("striate").log(
        logging.INFO if report.complete else logging.WARNING, "%s from %s: %s", name, file, report
    )
    return network
