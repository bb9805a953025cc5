"""Load pretrained weights into a network: find the file, map its keys, and adapt the first or last layer.

A file for another number of classes or channels, or with another head, is loaded except for its last or first layer. Into a
dense network a file of its trunk is loaded too, except for the head. A file that differs more is of another architecture: it is
refused, and the network is not changed.
"""

import logging
import re
from collections import Counter
from collections.abc import Iterable, Set
from dataclasses import replace
from pathlib import Path
from typing import Final

import torch
from torch import Tensor

from striate.errors import SettingError
from striate.models.blocks import Network
from striate.models.dense import TrunkNetwork
from striate.models.imagenet import imagenet_file
from striate.models.load_report import LoadReport, Mismatch, some
from striate.models.weight_files import read_weights
from striate.models.weight_pickles import printable

__all__ = ["LoadReport", "Mismatch", "adapt_channels", "converted", "find_weights", "load_weights", "read_weights"]

LOG: Final = logging.getLogger("striate")
AUXILIARY: Final = re.compile(r"^(aux|Aux)")  # auxiliary classifiers, used in training only
# Buffers that a network computes itself, which some files have and some do not, and what FLOP counters and averaging add
COMPUTED: Final = re.compile(
    r"(^|\.)(num_batches_tracked|relative_position_index|relative_coords_table|attn_mask|total_ops|total_params|n_averaged)$"
)
STATISTICS: Final = ("running_mean", "running_var")  # the buffers that are trained
BUNDLE_WEIGHTS: Final = "model.safetensors"
MAX_MISMATCHES: Final = 5  # in a message


def find_weights(name: str, weights: str | Path, *, download: bool = False) -> Path:
    """The file of `weights` for the network `name`: the published one, a file, or that of a run or bundle. Raises SettingError.

    Of a run's folder only this file is read. "imagenet" with `download` may download it, and logs that first.
    """
    if weights == "imagenet":
        return imagenet_file(name, download=download)
    path = Path(weights)
    if not path.is_dir():
        return path
    for file in (path / "bundle" / BUNDLE_WEIGHTS, path / BUNDLE_WEIGHTS):
        if file.exists():
            return file
    raise SettingError(
        f"{path}: has no {BUNDLE_WEIGHTS}, as a finished run and a bundle have; give one of these or a file of weights"
    )


def converted(network: Network, weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """Published weights under the network's names and in its shapes."""
    return network.convert_state_dict(_own_names(network, weights))


@torch.no_grad()
def load_weights(
    network: Network, weights: dict[str, Tensor], *, name: str = "", source: str = "the file"
) -> LoadReport:
    """Load weights into the network and report what was loaded.

    `name` and `source` name the network and the file in messages. Raises SettingError, and then the network is not changed.
    """
    name = name or type(network).__name__
    own = network.state_dict()
    if isinstance(network, TrunkNetwork) and _is_of_trunk(network, weights, source):
        return _load_trunk(network, weights, name=name, source=source)
    heads = _other_heads(network, weights, own)
    ours = set(_without(weights, heads)) == set(_without(own, heads))  # a file that striate wrote
    given, conversion_error = _converted(network, weights if ours else _unwrapped(network, weights, source))
    heads = _other_heads(network, given, own)
    given, own = ({key: tensors[key] for key in _without(tensors, heads)} for tensors in (given, own))
    layers = [layer for layer in network.classifier_layers if layer not in heads]
    other_classes = {layer: by for layer in layers if (by := _other_classes(layer, given, own))}
    other_patches = {layer: by for layer in network.input_layers if (by := _other_patches(layer, given, own))}
    input_adapted = {layer: by for layer in network.input_layers if (by := _other_channels(layer, given, own, network))}
    compared = {key: mine for key, mine in own.items() if _layer(key) not in {**other_classes, **other_patches}}
    fitting, wrong = _compare(given, compared, input_adapted.keys(), name)
    missing, unknown = wrong.keys() - given.keys(), given.keys() - own.keys()
    buffers = {key for key, _ in network.named_buffers() if not key.endswith(STATISTICS)}
    computed = missing & buffers | {key for key in unknown if COMPUTED.search(key)}
    absent = missing & _auxiliary(network) - computed if missing - computed and network.auxiliary_weight else set()
    removed = tuple(f"{layer}." for layer in network.removed_layers)
    unused = {key for key in unknown - computed if AUXILIARY.search(key) or key.startswith(removed)}
    problems = [problem for key, problem in wrong.items() if key not in absent | computed]
    problems += [
        f"{printable(key, 100)} is in the file and not in {name}" for key in sorted(unknown - computed - unused)
    ]
    if not problems and conversion_error:
        problems = [conversion_error]
    if problems:
        more = f"; and {len(problems) - MAX_MISMATCHES} more" if len(problems) > MAX_MISMATCHES else ""
        raise SettingError(
            f"{source}: these are not the weights of {name}: {'; '.join(problems[:MAX_MISMATCHES])}{more}"
        )
    for key, value in fitting.items():
        own[key].copy_(value)
    return LoadReport(
        loaded=tuple(fitting),
        other_classes=tuple(other_classes.values()),
        other_heads=tuple(heads),
        other_channels=tuple(input_adapted.values()),
        other_patches=tuple(other_patches.values()),
        missing=tuple(key for key in own if key in absent),
        unexpected=tuple(sorted(unused)),
        computed=tuple(sorted(computed)),
    )


def _is_of_trunk(network: TrunkNetwork, weights: dict[str, Tensor], source: str) -> bool:
    """Whether a file has nothing of what follows the trunk of a dense network."""
    return not _unwrapped(network, weights, source).keys() & set(_after_trunk(network))


def _after_trunk(network: TrunkNetwork) -> tuple[str, ...]:
    return tuple(key for key in network.state_dict() if not key.startswith("trunk."))


def _load_trunk(network: TrunkNetwork, weights: dict[str, Tensor], *, name: str, source: str) -> LoadReport:
    """Load weights of the network that a dense network has as its trunk; what follows the trunk keeps its values."""
    report = load_weights(network.trunk, weights, name=f"the trunk of {name}", source=source)
    loaded = tuple(f"trunk.{key}" for key in report.loaded)
    return replace(report, loaded=loaded, missing=_after_trunk(network))


def _converted(network: Network, weights: dict[str, Tensor]) -> tuple[dict[str, Tensor], str]:
    """The weights in the network's shapes, and what is wrong with them where they cannot be converted, else ""."""
    try:
        return network.convert_state_dict(dict(weights)), ""
    except (
        ArithmeticError,
        LookupError,
        RuntimeError,
        TypeError,
        ValueError,
    ) as error:  # convert_state_dict expects weights of this architecture
        return weights, f"they cannot be converted to its shapes ({printable(repr(error))})"


def _compare(
    given: dict[str, Tensor], own: dict[str, Tensor], adapted: Set[str], name: str
) -> tuple[dict[str, Tensor], dict[str, str]]:
    """The weights that fit, those of `adapted` layers for the network's channels; and of all others what is wrong."""
    fitting: dict[str, Tensor] = {}
    wrong: dict[str, str] = {}
    for key, mine in own.items():
        if key not in given:
            wrong[key] = f"{key} is not in the file"
        elif given[key].is_floating_point() != mine.is_floating_point() or given[key].is_complex():
            wrong[key] = f"{key} is {_kind(given[key])} in the file and {_kind(mine)} in {name}"
        elif _layer(key) in adapted and key.endswith(".weight"):
            fitting[key] = adapt_channels(given[key].to(mine), mine.shape[1])
        elif given[key].shape == mine.shape:
            fitting[key] = given[key]
        else:
            wrong[key] = f"{key} is {_by(given[key])} in the file and {_by(mine)} in {name}"
    return fitting, wrong


def _layer(key: str) -> str:
    return key.rpartition(".")[0]


def _own_names(network: Network, weights: dict[str, Tensor]) -> dict[str, Tensor]:
    own = {}
    for name, value in weights.items():
        for pattern, replacement in network.key_map:
            name = re.sub(pattern, replacement, name)
        own[name] = value
    return own


def _unwrapped(network: Network, weights: dict[str, Tensor], source: str) -> dict[str, Tensor]:
    """The weights under the network's names, without a prefix that training code adds, such as "module." or "model.encoder.".

    The prefix is the one without which most names are the network's. Other names outside of it belong to the training (its
    loss, its metrics) and are not used. Raises SettingError where two prefixes match equally well.
    """
    own = network.state_dict().keys()

    def without(prefix: str) -> dict[str, Tensor]:
        return _own_names(network, {key.removeprefix(prefix): value for key, value in weights.items()})

    fits = {prefix: len(own & without(prefix).keys()) for prefix in _prefixes(weights, len(own) // 2)}
    best = max(fits, key=lambda prefix: fits[prefix])
    if not best:
        return without("")
    others = [prefix for prefix, fit in fits.items() if 2 * fit > fits[best] and not best.startswith(prefix)]
    if others:
        names = " and ".join(sorted([best, *others]))
        raise SettingError(
            f"{source}: contains several networks, {printable(names, 100)}; save the state_dict() of one"
        )
    inside = _own_names(network, {key.removeprefix(best): weights[key] for key in weights if key.startswith(best)})
    beside = {key: value for key, value in without(best).items() if key not in inside}
    unused = [key for key in beside if key not in own and not COMPUTED.search(key)]
    LOG.info("%s: the prefix %s is removed from its names", source, printable(best))
    if unused:
        LOG.warning("%s: not in the network, and not used: %s", source, some(tuple(unused)))
    return {**{key: value for key, value in beside.items() if key in own}, **inside}


def _prefixes(weights: Iterable[str], least: int) -> list[str]:
    """The empty prefix, and prefixes that end in a dot of at least `least` names; the shortest first."""
    counts = Counter(key[: dot.end()] for key in weights for dot in re.finditer(r"\.", key))
    return ["", *sorted((prefix for prefix, count in counts.items() if count >= least), key=len)]


def adapt_channels(weight: Tensor, channels: int) -> Tensor:
    """A first layer's weight, O I h w, for another number of input channels, as in timm.

    For one channel the weights are summed, as a gray image has equal channels. For several channels they are repeated round
    robin and scaled, so that the outputs keep their scale.
    """
    if channels == 1:
        return weight.sum(1, keepdim=True)
    inputs = weight.shape[1]
    return weight[:, [i % inputs for i in range(channels)]] * (inputs / channels)


def _other_heads(network: Network, given: dict[str, Tensor], own: dict[str, Tensor]) -> list[str]:
    """Classifier layers that a file has a module of several layers in the place of."""
    return [
        layer
        for layer in network.classifier_layers
        if not any(key in given for key in own if _layer(key) == layer)
        and any(_layer(key).startswith(f"{layer}.") for key in given)
    ]


def _without(keys: Iterable[str], layers: list[str]) -> list[str]:
    return [key for key in keys if not key.startswith(tuple(f"{layer}." for layer in layers))]


def _other_classes(layer: str, given: dict[str, Tensor], own: dict[str, Tensor]) -> Mismatch | None:
    """A classifier layer whose shapes differ in the number of outputs only."""
    kinds = [key for key in own if key.rpartition(".")[0] == layer]
    if any(key not in given or given[key].ndim == 0 or given[key].shape[1:] != own[key].shape[1:] for key in kinds):
        return None
    counts = {len(given[key]) for key in kinds}
    here = len(own[f"{layer}.weight"])
    if len(counts) != 1 or counts == {here}:
        return None
    return Mismatch(layer, str(counts.pop()), str(here))


def _other_patches(layer: str, given: dict[str, Tensor], own: dict[str, Tensor]) -> Mismatch | None:
    """An input layer with as many outputs as in the file and another kernel size, as for small images."""
    theirs, mine = given.get(f"{layer}.weight"), own[f"{layer}.weight"]
    if theirs is None or theirs.ndim != 4 or mine.ndim != 4 or len(theirs) != len(mine):
        return None
    return Mismatch(layer, _by(theirs), _by(mine)) if theirs.shape[2:] != mine.shape[2:] else None


def _other_channels(layer: str, given: dict[str, Tensor], own: dict[str, Tensor], network: Network) -> Mismatch | None:
    """An input layer whose shape differs in the number of input channels only."""
    theirs, mine = given.get(f"{layer}.weight"), own[f"{layer}.weight"]
    if theirs is None or theirs.ndim != 4 or mine.ndim != 4 or theirs.numel() == 0:
        return None
    if theirs.shape[::2] != mine.shape[::2] or theirs.shape[3] != mine.shape[3] or theirs.shape[1] == mine.shape[1]:
        return None
    if (
        getattr(network.get_submodule(layer), "groups", 1) != 1
    ):  # the weight of a grouped convolution does not tell the number of channels
        return None
    return Mismatch(layer, str(theirs.shape[1]), str(mine.shape[1]))


def _auxiliary(network: Network) -> set[str]:
    """The weights that the logits do not depend on: those of the auxiliary classifiers."""
    modes = {module: module.training for module in network.modules()}
    named = {name: parameter for name, parameter in network.named_parameters() if parameter.requires_grad}
    first = network.get_parameter(f"{network.input_layers[0]}.weight")
    with torch.inference_mode(False), torch.enable_grad():
        network.eval()  # no statistics are updated and nothing is random
        image = first.new_zeros(1, first.shape[1], network.min_size, network.min_size)
        gradients = torch.autograd.grad(network(image).sum(), list(named.values()), allow_unused=True)
    for module, mode in modes.items():
        module.training = mode
    layers = {name.rpartition(".")[0] for name, got in zip(named, gradients, strict=True) if got is None}
    return {key for key in network.state_dict() if key.rpartition(".")[0] in layers}


def _by(tensor: Tensor) -> str:
    return "x".join(map(str, tensor.shape)) or "a single number"


def _kind(tensor: Tensor) -> str:
    return str(tensor.dtype).removeprefix("torch.")
