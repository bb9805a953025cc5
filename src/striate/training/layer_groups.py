"""How deep each layer stands: 0 is the stem, i is stage i, and the head comes last, one after the stages.

Freezing from the input on and layer-wise learning rates count in this way.
"""

from collections.abc import Mapping
from typing import TypeVar

from torch import nn

from striate.models import Network

Number = TypeVar("Number", int, float)

__all__ = ["by_parameter", "layer_depths", "learning_rate_scales", "module_depths"]


def module_depths(network: Network) -> Mapping[nn.Module, int]:
    """Every module -> its depth, in the order in which the network holds them, which is that from the image to the logits.

    Auxiliary heads are as deep as the head.
    """
    stages = network.stages()
    in_stages = {module: depth for depth, stage in enumerate(stages, 1) for module in stage.modules()}
    depths, outside = {}, 0
    for module in network.modules():
        if module in in_stages:
            outside = len(stages) + 1  # what stands outside of the stages from here on is the head
        depths[module] = in_stages.get(module, outside)
    return depths


def layer_depths(network: Network) -> Mapping[str, int]:
    """Every parameter's name -> the depth of its layer."""
    return by_parameter(network, module_depths(network))


def by_parameter(network: Network, of_modules: Mapping[nn.Module, Number]) -> Mapping[str, Number]:
    """Every parameter's name -> what its own module has."""
    return {name: of_modules[network.get_submodule(name.rpartition(".")[0])] for name, _ in network.named_parameters()}


def learning_rate_scales(network: Network, layer_decay: float) -> Mapping[str, float]:
    """Every parameter's name -> the factor on its learning rate, `layer_decay` for each step from the head to the input.

    Bao, Dong, Piao, Wei, "BEiT", ICLR 2022, arXiv:2106.08254.
    """
    last = len(network.stages()) + 1
    return {name: layer_decay ** (last - depth) for name, depth in layer_depths(network).items()}
