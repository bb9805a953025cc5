"""Published weights in our networks: which file, whose names, and what to do where it does not quite fit.

A file for other classes or for images of other channels fits but for its last or first layer; a file that differs by
more is of another architecture and is refused, and then the network is as it was.
"""

import logging
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, final

import torch
from torch import Tensor

from striate.errors import SettingError
from striate.models.blocks import Network
from striate.models.imagenet import imagenet_file
from striate.models.weight_files import printable, read_weights

__all__ = ["LoadReport", "Mismatch", "converted", "find_weights", "load_weights", "other_channels", "read_weights"]

LOG: Final = logging.getLogger("striate")
AUXILIARY: Final = re.compile(r"^(aux|Aux)")  # heads that only help in training
# What a network computes itself, and some save and some do not; and what counters of operations and averages leave in a file
COMPUTED: Final = re.compile(
    r"(^|\.)(num_batches_tracked|relative_position_index|relative_coords_table|attn_mask|total_ops|total_params|n_averaged)$"
)
STATISTICS: Final = ("running_mean", "running_var")  # the buffers that are learned
REFUSED_WITH: Final = 5  # mismatches


@final
@dataclass(frozen=True)
class Mismatch:
    """A layer, and what there is of something in the file and in the network."""

    layer: str
    file: str
    here: str


@final
@dataclass(frozen=True)
class LoadReport:
    """What a file gave a network. Names are the network's."""

    loaded: tuple[str, ...]  # weights that are the file's
    swapped: tuple[Mismatch, ...]  # class layers left fresh, because the file has another number of classes
    adapted: tuple[Mismatch, ...]  # image layers made from the file's for another number of channels
    resized: tuple[Mismatch, ...]  # image layers left fresh, because the file's look at larger or smaller patches
    absent: tuple[str, ...]  # weights of auxiliary heads left fresh, because the file has none
    unused: tuple[str, ...]  # weights of auxiliary heads in the file that the network has not
    computed: tuple[str, ...]  # what a network computes itself, in only one of the two

    @property
    def whole(self) -> bool:
        """Whether every weight found its place."""
        return not (self.swapped or self.adapted or self.resized or self.absent or self.unused)

    def __str__(self) -> str:
        """One line."""
        return "; ".join(
            [
                f"{len(self.loaded)} weights loaded",
                *(f"{one.layer} stays fresh: {one.file} classes in the file, {one.here} here" for one in self.swapped),
                *(f"{one.layer} adapted from {one.file} channels to {one.here}" for one in self.adapted),
                *(f"{one.layer} stays fresh: {one.file} in the file, {one.here} here" for one in self.resized),
                *([f"not in the file and fresh: {_some(self.absent)}"] if self.absent else []),
                *([f"in the file and not used: {_some(self.unused)}"] if self.unused else []),
            ]
        )


def find_weights(name: str, weights: str | Path) -> Path:
    """The file that `weights` means for the network `name`; "imagenet" may download it, and says so first."""
    return imagenet_file(name) if weights == "imagenet" else Path(weights)


def converted(network: Network, weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """Published weights under the network's names and in its shapes."""
    return network.convert_state_dict(_own_names(network, weights))


@torch.no_grad()
def load_weights(
    network: Network, weights: dict[str, Tensor], *, name: str = "", source: str = "the file"
) -> LoadReport:
    """Give the network these weights and say what was made of them.

    `name` and `source` are those of the network and of the weights in what a refusal says. Raises SettingError, and
    then nothing of the network has changed.
    """
    name = name or type(network).__name__
    own = network.state_dict()
    ours = weights.keys() == own.keys()  # a file that striate wrote
    given = weights if ours else _unwrapped(network, weights, source)
    spoilt = ""
    try:
        given = network.convert_state_dict(dict(given))
    except (
        ArithmeticError,
        LookupError,
        RuntimeError,
        TypeError,
        ValueError,
    ) as error:  # convert_state_dict expects its own kind
        spoilt = f"they cannot be brought into its shapes ({printable(repr(error))})"
    swapped = {layer: by for layer in network.classifier_layers if (by := _other_classes(layer, given, own))}
    resized = {layer: by for layer in network.input_layers if (by := _other_patches(layer, given, own))}
    adapted = {layer: by for layer in network.input_layers if (by := _other_channels(layer, given, own, network))}
    fitting: dict[str, Tensor] = {}
    wrong: dict[str, str] = {}
    for key, mine in own.items():
        layer, _, kind = key.rpartition(".")
        if layer in swapped or layer in resized:
            continue
        if key not in given:
            wrong[key] = f"{key} is not in the file"
        elif given[key].is_floating_point() != mine.is_floating_point() or given[key].is_complex():
            wrong[key] = f"{key} is {_kind(given[key])} in the file and {_kind(mine)} in {name}"
        elif layer in adapted and kind == "weight":
            fitting[key] = other_channels(given[key].to(mine), mine.shape[1])
        elif given[key].shape == mine.shape:
            fitting[key] = given[key]
        else:
            wrong[key] = f"{key} is {_by(given[key])} in the file and {_by(mine)} in {name}"
    missing, unknown = wrong.keys() - given.keys(), given.keys() - own.keys()
    buffers = {key for key, _ in network.named_buffers() if not key.endswith(STATISTICS)}
    computed = missing & buffers | {key for key in unknown if COMPUTED.search(key)}
    absent = missing & _auxiliary(network) - computed if missing - computed and network.auxiliary_weight else set()
    unused = {key for key in unknown - computed if AUXILIARY.search(key)}
    excused = absent | computed
    said = [says for key, says in wrong.items() if key not in excused]
    said += [f"{printable(key, 100)} is in the file and not in {name}" for key in sorted(unknown - computed - unused)]
    if not said and spoilt:
        said = [spoilt]
    if said:
        more = f"; and {len(said) - REFUSED_WITH} more" if len(said) > REFUSED_WITH else ""
        raise SettingError(f"{source}: these are not the weights of {name}: {'; '.join(said[:REFUSED_WITH])}{more}")
    for key, value in fitting.items():
        own[key].copy_(value)
    return LoadReport(
        loaded=tuple(fitting),
        swapped=tuple(swapped.values()),
        adapted=tuple(adapted.values()),
        resized=tuple(resized.values()),
        absent=tuple(key for key in own if key in absent),
        unused=tuple(sorted(unused)),
        computed=tuple(sorted(computed)),
    )


def _own_names(network: Network, weights: dict[str, Tensor]) -> dict[str, Tensor]:
    own = {}
    for name, value in weights.items():
        for pattern, replacement in network.key_map:
            name = re.sub(pattern, replacement, name)
        own[name] = value
    return own


def _unwrapped(network: Network, weights: dict[str, Tensor], source: str) -> dict[str, Tensor]:
    """The weights under the network's names, without what training code wraps around them, "module." or "model.encoder.".

    That is the prefix without which most names are the network's. What lies outside of it, and is nothing of the network,
    belongs to the training: its loss, its metrics. Raises SettingError where two prefixes do as well.
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
        raise SettingError(f"{source}: holds several networks, {printable(names, 100)}; save the state_dict() of one")
    inside = _own_names(network, {key.removeprefix(best): weights[key] for key in weights if key.startswith(best)})
    beside = {key: value for key, value in without(best).items() if key not in inside}
    unused = [key for key in beside if key not in own and not COMPUTED.search(key)]
    LOG.info("%s: names are taken without %s", source, printable(best))
    if unused:
        LOG.warning("%s: not of the network and not used: %s", source, _some(tuple(unused)))
    return {**{key: value for key, value in beside.items() if key in own}, **inside}


def _prefixes(weights: Iterable[str], least: int) -> list[str]:
    """None, and what at least so many names begin with, up to a dot; the shortest first."""
    counts = Counter(key[: dot.end()] for key in weights for dot in re.finditer(r"\.", key))
    return ["", *sorted((prefix for prefix, count in counts.items() if count >= least), key=len)]


def other_channels(weight: Tensor, channels: int) -> Tensor:
    """A first layer's weight, O I h w, for images of another number of channels.

    A gray image is one whose channels are equal, so their weights add up. Of several channels nothing is known: they
    take the file's in turn, scaled so that the sum stays what the next layer is used to.
    """
    if channels == 1:
        return weight.sum(1, keepdim=True)
    inputs = weight.shape[1]
    return weight[:, [i % inputs for i in range(channels)]] * (inputs / channels)


def _other_classes(layer: str, given: dict[str, Tensor], own: dict[str, Tensor]) -> Mismatch | None:
    """A class layer whose shapes differ by the number of outputs and nothing else."""
    kinds = [key for key in own if key.rpartition(".")[0] == layer]
    if any(key not in given or given[key].ndim == 0 or given[key].shape[1:] != own[key].shape[1:] for key in kinds):
        return None
    counts = {len(given[key]) for key in kinds}
    here = len(own[f"{layer}.weight"])
    if len(counts) != 1 or counts == {here}:
        return None
    return Mismatch(layer, str(counts.pop()), str(here))


def _other_patches(layer: str, given: dict[str, Tensor], own: dict[str, Tensor]) -> Mismatch | None:
    """An image layer with the file's outputs and another kernel, as it is built for small images."""
    theirs, mine = given.get(f"{layer}.weight"), own[f"{layer}.weight"]
    if theirs is None or theirs.ndim != 4 or mine.ndim != 4 or len(theirs) != len(mine):
        return None
    return Mismatch(layer, _by(theirs), _by(mine)) if theirs.shape[2:] != mine.shape[2:] else None


def _other_channels(layer: str, given: dict[str, Tensor], own: dict[str, Tensor], network: Network) -> Mismatch | None:
    """An image layer that sees another number of channels and is the file's in all else."""
    theirs, mine = given.get(f"{layer}.weight"), own[f"{layer}.weight"]
    if theirs is None or theirs.ndim != 4 or mine.ndim != 4 or theirs.numel() == 0:
        return None
    if theirs.shape[::2] != mine.shape[::2] or theirs.shape[3] != mine.shape[3] or theirs.shape[1] == mine.shape[1]:
        return None
    if getattr(network.get_submodule(layer), "groups", 1) != 1:  # its weight does not show its channels
        return None
    return Mismatch(layer, str(theirs.shape[1]), str(mine.shape[1]))


def _auxiliary(network: Network) -> set[str]:
    """The names of what the logits do not depend on: with it, only the auxiliary heads compute."""
    modes = {module: module.training for module in network.modules()}
    named = {name: parameter for name, parameter in network.named_parameters() if parameter.requires_grad}
    first = network.get_parameter(f"{network.input_layers[0]}.weight")
    with torch.inference_mode(False), torch.enable_grad():
        network.eval()  # so that no statistics move and nothing is drawn
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


def _some(names: tuple[str, ...]) -> str:
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return printable(", ".join(names[:3])) + more
