"""Frozen layers: from which epoch on a layer is trained, and in which mode it runs before."""

import math
from collections.abc import Mapping
from typing import final

from torch import nn

from striate.errors import SettingError
from striate.models import DenseNetwork, Network
from striate.training.layer_groups import module_depths
from striate.training.settings import TransferSettings

__all__ = ["FrozenLayers", "check_freeze", "first_epochs"]


def check_freeze(network: Network, settings: TransferSettings, name: str) -> None:
    """Raise SettingError where more stages are to stay frozen than the network `name` has."""
    count = len(network.stages())
    if isinstance(settings.freeze, int) and settings.freeze > count:
        raise SettingError(f"freeze = {settings.freeze}: {name} has {count} stages; give 0 to {count}, or all")


@final
class FrozenLayers:
    """The layers that are not trained, fewer and fewer of them with gradual unfreezing.

    A frozen layer has no gradients and is in eval mode, so that the statistics of its batch norm stay and nothing in it is
    dropped. With `freeze_batch_norm` the statistics of trained layers stay too, while their gain and shift are trained.
    """

    def __init__(self, network: Network, settings: TransferSettings) -> None:
        self.network = network
        self.first_epochs = first_epochs(network, settings)
        self.with_own_statistics = [
            module
            for module in network.modules()
            if settings.freeze_batch_norm and isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d)
        ]
        self.trainable = [parameter for parameter in network.parameters() if parameter.requires_grad]

    def start_epoch(self, epoch: int) -> None:
        """Put every layer in the mode that it has in this epoch, which counts from 0."""
        frozen = [module for module, first in self.first_epochs.items() if epoch < first]
        fixed = {parameter for module in frozen for parameter in module.parameters(recurse=False)}
        for parameter in self.trainable:
            parameter.requires_grad_(parameter not in fixed)
        self.network.train()
        for module in (*frozen, *self.with_own_statistics):
            module.training = False
        self.network.training = True


def first_epochs(network: Network, settings: TransferSettings) -> Mapping[nn.Module, float]:
    """Every module -> the epoch from which it is trained, counted from 0, or infinity.

    The stem goes with the first stage, the head but for the classifier with the last; the decoder of a dense network, which
    no weights of a trunk have, is always trained. `unfreeze_every` epochs unfreeze one more stage from the top: Howard and
    Ruder, ACL 2018, arXiv:1801.06146.
    """
    depths, stages = module_depths(network), len(network.stages())
    every = settings.unfreeze_every or math.inf
    frozen = stages if settings.freeze == "all" else settings.freeze if isinstance(settings.freeze, int) else 0
    steps = {module: max(0, frozen + 1 - max(1, depth)) for module, depth in depths.items()}
    if settings.freeze == "all" and not isinstance(network, DenseNetwork):
        steps |= dict.fromkeys(_before_classifier(network, depths), 1)
    return {module: count * every if count else 0 for module, count in steps.items()}


def _before_classifier(network: Network, depths: Mapping[nn.Module, int]) -> list[nn.Module]:
    """The modules of the head up to the last one with weights before the classifier, whose dropout thus stays on."""
    classifiers = {one for name in network.classifier_layers for one in network.get_submodule(name).modules()}
    found, reached = [], False
    for module in reversed([module for module, depth in depths.items() if depth > len(network.stages())]):
        if module in classifiers:
            reached = False
        elif [*module.parameters(recurse=False), *module.buffers(recurse=False)]:
            reached = True
        if reached:
            found.append(module)
    return found
